"""Rare classes of pools too large to be covered whole: what a sample by weight finds of them, and one with even chances.

    python benchmarks/large_tails.py run --data DATA --work WORK     # an hour on one core; a killed run goes on
    python benchmarks/large_tails.py table                           # benchmarks/large_tails.md from the results

DATA and WORK are those of `cells.py`, the classifier is that of `choosing.py`. A pool of many classes is caltech, places and
food together; of a random half of all classes it has 3 to 30 images each. In one of two common classes all of places is one
class and all of food another, and 40 classes of caltech have 3 to 30 images each. `auto` covers all of them, or a 5th or a 15th, as it does of a pool 5 or 15 times as large as its sample of 20,000.
"""

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from cells import Rows, command_line, commits, embed_all, interval, keys_of, part_of, run_cells
from choosing import accuracy_of

if TYPE_CHECKING:
    from evenpick import Pool

SETS = ("caltech", "places", "food")
FEWEST, MOST = 3, 30  # images of a rare class
BUDGETS = {"many": (100, 200, 500, 1000), "two": (50, 100, 200, 500)}  # by kind of pool
RARE = 40  # classes beside two common ones
SEEDS = range(5)
PARTS = (5, 15)
WHOLE, BY_WEIGHT, ANEW, ONCE = "whole", "by weight", "even chances, drawn anew", "even chances, drawn once"
METHODS = ((WHOLE, 1), *itertools.product((BY_WEIGHT, ANEW, ONCE), PARTS), ("random", 1))
KEY = ("kind", "seed", "drawn", "part")


def main() -> None:
    command_line(__file__, __doc__, run, table)


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work, SETS)
    done = keys_of(results, KEY)
    cells = [(kind, seed, *method) for seed, kind, method in itertools.product(SEEDS, BUDGETS, METHODS)]
    run_cells([cell for cell in cells if cell not in done], _cell, options, results)


def _cell(data: Path, work: Path, kind: str, seed: int, drawn: str, part: int) -> Rows:
    from evenpick import simulate
    from evenpick.acquisition import herding
    from evenpick.session import rounds, sample

    pool, labels, test, true = images(data, work, kind, seed)
    budgets, n = BUDGETS[kind], -(-len(pool) // part)
    weighed = n * sample.MOST_WEIGHED // herding.MOST_COVERED
    acquisition, balancing = ("random", None) if drawn == "random" else ("auto", "auto")
    with (
        patch.object(herding, "MOST_COVERED", n),
        patch.object(rounds, "MOST_COVERED", n),
        patch.object(sample, "MOST_COVERED", n),
        patch.object(sample, "MOST_WEIGHED", weighed),
        patch.object(sample, "BY_WEIGHT", sample.BY_WEIGHT if drawn == BY_WEIGHT else 0.0),
        patch.object(rounds, "sample_start", (lambda start: 0) if drawn == ONCE else rounds.sample_start),
    ):
        result = simulate(
            pool, labels, max(budgets), acquisition=acquisition, balancing=balancing, audit=0, random_state=seed
        )
    rows, given = result.indices, np.asarray(result.labels)
    facts = {"n_images": len(pool), "classes": len({*labels})}
    accuracy = {str(b): round(100 * accuracy_of(pool, rows[:b], given[:b], test, true), 3) for b in budgets}
    found = {"accuracy": accuracy, "classes_found": {str(b): len({*given[:b]}) for b in budgets}}
    return [dict(zip(KEY, (kind, seed, drawn, part), strict=True)) | facts | found]


def images(data: Path, work: Path, kind: str, seed: int) -> "tuple[Pool, np.ndarray, Pool, np.ndarray]":
    """Pool and test set of a seed."""
    from evenpick import Pool

    pools = [part_of(data, work, name, seed) for name in SETS]
    labels, true = (
        np.concatenate([[f"{name} {label}" for label in some[i]] for name, some in zip(SETS, pools, strict=True)])
        for i in (1, 3)
    )
    rng = np.random.default_rng([seed, 79])
    if kind == "two":
        labels, true = (
            np.array([name if name.startswith("caltech") else name.split()[0] for name in names])
            for names in (labels, true)
        )
        objects = rng.permutation(np.unique(labels[np.char.startswith(labels, "caltech")]))
        rare, left_out = objects[:RARE], objects[RARE:]
    else:
        names = np.unique(labels)
        rare, left_out = rng.permutation(names)[: len(names) // 2], names[:0]
    rows, tested = rows_with(labels, rare, left_out, rng), np.flatnonzero(~np.isin(true, left_out))
    features, of_tests = (np.concatenate([some[i].features for some in pools]) for i in (0, 2))
    return Pool.from_arrays(features[rows]), labels[rows], Pool.from_arrays(of_tests[tested]), true[tested]


def rows_with(labels: np.ndarray, rare: np.ndarray, left_out: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows, ascending: a few of each rare class, none of those left out, all of the others."""
    sizes = np.round(np.geomspace(FEWEST, MOST, len(rare))).astype(int)
    kept = [np.flatnonzero(~np.isin(labels, [*rare, *left_out]))]
    kept += [rng.permutation(np.flatnonzero(labels == name))[:size] for name, size in zip(rare, sizes, strict=True)]
    return np.sort(np.concatenate(kept))


def table(rows: Rows) -> str:
    found = {tuple(row[k] for k in KEY): row for row in rows}
    many, two = ([row for row in rows if row["kind"] == kind] for kind in BUDGETS)
    lines = [
        "# Rare classes of large pools",
        "",
        "`auto` compares every image with every other one. It can do so for 20,000; of a larger pool it covers a sample. Here is what that costs,",
        "and what it gives to draw the sample by weight, anew whenever the labels have doubled. Pools have",
        f"{_range(many)} images of {many[0]['classes']} classes, a random half of which have {FEWEST} to {MOST} images, or {_range(two)} images of",
        f"two common classes and {RARE} that have {FEWEST} to {MOST} images. A part of "
        f"{' or '.join(f'1/{part}' for part in PARTS)} is covered, as of a pool of {' or '.join(f'{20_000 * part:,}' for part in PARTS)} images",
        "(there 20,000 are covered, here fewer: with many labels little of the smaller part is left).",
        "Figures are test macro accuracy in percent over all classes, those that no label found counting 0; classifier as in [choosing.md](choosing.md).",
        f"Differences are paired, with the half width of the 95 % t interval over the seeds ({len(SEEDS)}).",
        "",
        f"Command: `python benchmarks/large_tails.py run --data DATA --work WORK`, source `efficientnet_lite0`, commit {commits(rows)}.",
    ]
    for title, kind in (("Many classes", "many"), ("Two common classes", "two")):
        seeds = [seed for seed in SEEDS if all((kind, seed, *method) in found for method in METHODS)]
        lines += ["", f"## {title}", "", *_table(found, kind, seeds)]
    return "\n".join(lines) + "\n"


def _range(rows: Rows) -> str:
    sizes = [row["n_images"] for row in rows]
    return f"{min(sizes):,} to {max(sizes):,}"


def _table(found: dict, kind: str, seeds: list[int]) -> list[str]:
    def values(method: tuple[str, int], budget: int, what: str = "accuracy") -> np.ndarray:
        return np.array([found[(kind, seed, *method)][what][str(budget)] for seed in seeds], dtype=float)

    columns = list(itertools.product(PARTS, BUDGETS[kind]))
    lines = [
        f"| | {' | '.join(f'1/{part}, {b:,} labels' for part, b in columns)} |",
        "|---|" + "---|" * len(columns),
        f"| **a sample by weight** | {' | '.join(f'{values((BY_WEIGHT, part), b).mean():.1f}' for part, b in columns)} |",
    ]
    others = (
        ("a sample with even chances, drawn once", ONCE),
        ("a sample with even chances, drawn anew as often", ANEW),
        ("all images", WHOLE),
        ("random labels", "random"),
    )
    for name, other in others:
        cells = [
            interval(values((BY_WEIGHT, part), b) - values((other, part if other in (ONCE, ANEW) else 1), b), "+")
            for part, b in columns
        ]
        lines.append(f"| less {name} | {' | '.join(cells)} |")
    for name, method in (("a sample by weight", BY_WEIGHT), *others):
        counts = [
            values((method, part if method in (BY_WEIGHT, ONCE, ANEW) else 1), b, "classes_found").mean()
            for part, b in columns
        ]
        lines.append(f"| classes found: {name} | {' | '.join(f'{count:.1f}' for count in counts)} |")
    return lines


if __name__ == "__main__":
    main()
