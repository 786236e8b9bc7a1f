"""Rare classes of pools too large to be covered whole: what a sample by weight finds of them, and one with even chances.

    python benchmarks/large_tails.py run --data DATA --work WORK     # a quarter of an hour on two cores; a killed run goes on
    python benchmarks/large_tails.py table                           # benchmarks/large_tails.md from the results

DATA and WORK are those of `cells.py`, the classifier is that of `choosing.py`. The pool of a seed is caltech, places and
food together; of a random half of all classes it has 3 to 30 images each. `auto` covers all of them, or a 5th or a 15th, as
it does of a pool 5 or 15 times as large as its sample of 20,000.
"""

import argparse
import itertools
from pathlib import Path
from unittest.mock import patch

import numpy as np
from cells import Rows, command_line, commits, embed_all, interval, keys_of, part_of, run_cells
from choosing import accuracy_of

SETS = ("caltech", "places", "food")
FEWEST, MOST = 3, 30  # images of a rare class
BUDGETS = (100, 200, 500, 1000)
SEEDS = range(5)
PARTS = (5, 15)
WHOLE, BY_WEIGHT, ANEW, ONCE = "whole", "by weight", "even chances, drawn anew", "even chances, drawn once"
METHODS = ((WHOLE, 1), *itertools.product((BY_WEIGHT, ANEW, ONCE), PARTS), ("random", 1))
KEY = ("seed", "drawn", "part")


def main() -> None:
    command_line(__file__, __doc__, run, table)


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work, SETS)
    done = keys_of(results, KEY)
    cells = [(seed, *method) for seed, method in itertools.product(SEEDS, METHODS)]
    run_cells([cell for cell in cells if cell not in done], _cell, options, results)


def _cell(data: Path, work: Path, seed: int, drawn: str, part: int) -> Rows:
    from evenpick import Pool, simulate
    from evenpick.acquisition import herding
    from evenpick.session import rounds, sample

    pools = [part_of(data, work, name, seed) for name in SETS]
    labels = np.concatenate([[f"{name} {label}" for label in some[1]] for name, some in zip(SETS, pools, strict=True)])
    true = np.concatenate([[f"{name} {label}" for label in some[3]] for name, some in zip(SETS, pools, strict=True)])
    rows, rare = rows_of_half(labels, np.random.default_rng([seed, 79]))
    pool, labels = Pool.from_arrays(np.concatenate([some[0].features for some in pools])[rows]), labels[rows]
    test = Pool.from_arrays(np.concatenate([some[2].features for some in pools]))
    n, acquisition = -(-len(pool) // part), "random" if drawn == "random" else "auto"
    with (
        patch.object(herding, "MOST_COVERED", n),
        patch.object(rounds, "MOST_COVERED", n),
        patch.object(sample, "MOST_COVERED", n),
        patch.object(sample, "BY_WEIGHT", sample.BY_WEIGHT if drawn == BY_WEIGHT else 0.0),
        patch.object(rounds, "sample_start", (lambda start: 0) if drawn == ONCE else rounds.sample_start),
    ):
        balancing = None if drawn == "random" else "auto"
        result = simulate(
            pool, labels, max(BUDGETS), acquisition=acquisition, balancing=balancing, audit=0, random_state=seed
        )
    row = dict(zip(KEY, (seed, drawn, part), strict=True)) | {"n_images": len(pool), "n_classes": len({*labels})}
    given = np.asarray(result.labels)
    accuracy = {str(b): round(100 * accuracy_of(pool, result.indices[:b], given[:b], test, true), 3) for b in BUDGETS}
    found = {str(b): len({*given[:b]}) for b in BUDGETS}
    return [row | {"accuracy": accuracy, "classes_found": found, "rare": len(rare)}]


def rows_of_half(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows, ascending, all but those that make half of the classes rare; and those classes."""
    names = np.unique(labels)
    rare = rng.permutation(names)[: len(names) // 2]
    sizes = np.round(np.geomspace(FEWEST, MOST, len(rare))).astype(int)
    kept = [np.flatnonzero(~np.isin(labels, rare))]
    kept += [rng.permutation(np.flatnonzero(labels == name))[:size] for name, size in zip(rare, sizes, strict=True)]
    return np.sort(np.concatenate(kept)), rare


def table(rows: Rows) -> str:
    found = {tuple(row[k] for k in KEY): row for row in rows}
    seeds = [seed for seed in SEEDS if all((seed, *method) in found for method in METHODS)]
    sizes, classes = ({row[what] for row in rows} for what in ("n_images", "n_classes"))
    lines = [
        "# Rare classes of large pools",
        "",
        "`auto` compares every image with every other one. It can do so for 20,000; of a larger pool it covers a sample. Here is what that costs,",
        f"and what it gives to draw the sample by weight. A pool has {min(sizes):,} to {max(sizes):,} images of {min(classes)} classes; a random half of the classes",
        f"have {FEWEST} to {MOST} images. A part of {' or '.join(f'1/{part}' for part in PARTS)} is covered, as of a pool of {' or '.join(f'{20_000 * part:,}' for part in PARTS)} images.",
        "Figures are test macro accuracy in percent over all classes, those that no label found counting 0; classifier as in [choosing.md](choosing.md).",
        f"Means of the seeds {seeds[0]} to {seeds[-1]}; differences are paired, with the half width of the 95 % t interval over the seeds.",
        "",
        f"Command: `python benchmarks/large_tails.py run --data DATA --work WORK`, source `efficientnet_lite0`, commit {commits(rows)}.",
    ]
    for part in PARTS:
        lines += ["", f"## A {part}th is covered", "", *_table(found, seeds, part)]
    return "\n".join(lines) + "\n"


def _table(found: dict, seeds: list[int], part: int) -> list[str]:
    def values(method: tuple[str, int], budget: int, what: str = "accuracy") -> np.ndarray:
        return np.array([found[(seed, *method)][what][str(budget)] for seed in seeds], dtype=float)

    lines = [f"| covered | {' | '.join(f'{b:,} labels' for b in BUDGETS)} |", "|---|" + "---|" * len(BUDGETS)]
    ours = (BY_WEIGHT, part)
    lines.append(f"| **a sample by weight** | {' | '.join(f'{values(ours, b).mean():.1f}' for b in BUDGETS)} |")
    names = (
        ("less a sample with even chances, drawn once", (ONCE, part)),
        ("less a sample with even chances, drawn anew as often", (ANEW, part)),
        ("less all images", (WHOLE, 1)),
        ("less random labels", ("random", 1)),
    )
    for name, other in names:
        cells = [interval(values(ours, b) - values(other, b), "+") for b in BUDGETS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for name, method in (("by weight", ours), *((name.removeprefix("less "), other) for name, other in names)):
        counts = [f"{values(method, b, 'classes_found').mean():.0f}" for b in BUDGETS]
        lines.append(f"| classes found: {name} | {' | '.join(counts)} |")
    return lines


if __name__ == "__main__":
    main()
