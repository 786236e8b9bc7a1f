"""Rare classes of large pools: what a sample by weight finds of them, one with even chances, and all images.

    python benchmarks/large_tails.py run --data DATA --work WORK     # an hour on one core; a killed run goes on
    python benchmarks/large_tails.py table                           # benchmarks/large_tails.md from the results

DATA and WORK are those of `cells.py`, the classifier is that of `choosing.py`. A pool of many classes is caltech, places and
food together; of a random half of all classes it has 3 to 30 images each. In one of two common classes all of places is one
class and all of food another, and 40 classes of caltech have 3 to 30 images each; or of those two 8,000 images are drawn.
`auto` chooses as it does (part 1), and as it would of pools in which 20,000 images are a 5th or a 15th: all its sizes are scaled down.
"""

import argparse
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
BUDGETS = {
    "many": (100, 200, 500, 1000),
    "two": (50, 100, 200, 500),
    "two, smaller": (50, 100, 200, 500),
}  # by kind of pool
RARE = 40  # classes beside two common ones
SMALLER = 8_000  # images of the two together
SEEDS = range(5)
PARTS = (5, 15)
OURS, WHOLE, AS_MANY = "by weight", "whole", "by weight, as many for any classes"
ANEW, ONCE = "even chances, drawn anew", "even chances, drawn once"
EVERYWHERE = ((OURS, 1), (WHOLE, 1), ("random", 1))
METHODS = {
    "many": (*EVERYWHERE, *itertools.product((OURS, AS_MANY, ANEW, ONCE), PARTS)),
    "two": (*EVERYWHERE, (AS_MANY, 1), *itertools.product((OURS, AS_MANY, ANEW, ONCE), PARTS)),
    "two, smaller": EVERYWHERE,
}
TITLES = {
    AS_MANY: "as many for any number of classes",
    ONCE: "with even chances, drawn once",
    ANEW: "with even chances, drawn anew as often",
    WHOLE: "all images",
    "random": "random labels",
}
KEY = ("kind", "seed", "drawn", "part")


def main() -> None:
    command_line(__file__, __doc__, run, table)


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work, SETS)
    done = keys_of(results, KEY)
    cells = [(kind, seed, *method) for seed in SEEDS for kind, methods in METHODS.items() for method in methods]
    run_cells([cell for cell in cells if cell not in done], _cell, options, results)


def _cell(data: Path, work: Path, kind: str, seed: int, drawn: str, part: int) -> Rows:
    from evenpick import simulate

    pool, labels, test, true = images(data, work, kind, seed)
    budgets = BUDGETS[kind]
    acquisition, balancing = ("random", None) if drawn == "random" else ("auto", "auto")
    with sizes(len(pool), drawn, part):
        result = simulate(
            pool, labels, max(budgets), acquisition=acquisition, balancing=balancing, audit=0, random_state=seed
        )
    rows, given = result.indices, np.asarray(result.labels)
    facts = {"n_images": len(pool), "classes": len({*labels})}
    accuracy = {str(b): round(100 * accuracy_of(pool, rows[:b], given[:b], test, true), 3) for b in budgets}
    found = {"accuracy": accuracy, "classes_found": {str(b): len({*given[:b]}) for b in budgets}}
    return [dict(zip(KEY, (kind, seed, drawn, part), strict=True)) | facts | found]


@contextmanager
def sizes(n_images: int, drawn: str, part: int) -> Iterator[None]:
    """The sizes that `auto` samples by, as a way of drawing has them, scaled down to a part of the pool."""
    from evenpick.acquisition import herding
    from evenpick.session import rounds, sample

    most = n_images if drawn == WHOLE else herding.MOST_COVERED if part == 1 else -(-n_images // part)
    scale = most / herding.MOST_COVERED
    with ExitStack() as patches:
        for module in (herding, rounds, sample):
            patches.enter_context(patch.object(module, "MOST_COVERED", most))
        of_sample: dict[str, float] = {
            "MOST_WEIGHED": round(scale * sample.MOST_WEIGHED),
            "OF_A_CLASS": scale * sample.OF_A_CLASS if drawn == OURS else n_images,
            "OF_AN_ANSWER": scale * sample.OF_AN_ANSWER,
            "BY_WEIGHT": sample.BY_WEIGHT if drawn in (OURS, AS_MANY) else 0.0,
        }
        for name, value in of_sample.items():
            patches.enter_context(patch.object(sample, name, value))
        if drawn == ONCE:
            patches.enter_context(patch.object(rounds, "sample_start", lambda start: 0))
        yield


def images(data: Path, work: Path, kind: str, seed: int) -> "tuple[Pool, np.ndarray, Pool, np.ndarray]":
    """Pool and test set of a seed."""
    from evenpick import Pool

    pools = [part_of(data, work, name, seed) for name in SETS]
    labels, true = (
        np.concatenate([[f"{name} {label}" for label in some[i]] for name, some in zip(SETS, pools, strict=True)])
        for i in (1, 3)
    )
    rng = np.random.default_rng([seed, 79])
    if kind != "many":
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
    if kind == "two, smaller":
        is_rare = np.isin(labels[rows], rare)
        rows = np.sort(np.concatenate([rows[is_rare], rng.permutation(rows[~is_rare])[:SMALLER]]))
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
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind in BUDGETS}
    lines = [
        "# Rare classes of large pools",
        "",
        "`auto` compares every image with every other one. It can do so for 20,000; of a larger pool it covers a sample, drawn by weight, anew whenever",
        "the labels have doubled. Once labels tell how few classes share a pool, the sample is smaller, also of a pool of less than 20,000: 2,000 images for each",
        "class, were all equally common, or a tenth of the pool, or ten an answer, whichever is most.",
        f"Here is what that gives. Pools have {_range(by_kind['many'])} images of {by_kind['many'][0]['classes']} classes, a random half",
        f"of which have {FEWEST} to {MOST} images; or {_range(by_kind['two'])} images of two common classes and {RARE} that have {FEWEST} to {MOST} images; or, of the same",
        f"classes, {_range(by_kind['two, smaller'])} images. Where a part of {' or '.join(f'1/{part}' for part in PARTS)} is covered at most, it is as of a pool of "
        f"{' or '.join(f'{20_000 * part:,}' for part in PARTS)} images, but with all sizes",
        "scaled down, so that with many labels little of the smaller part is left.",
        "Figures are test macro accuracy in percent over all classes, those that no label found counting 0; classifier as in [choosing.md](choosing.md).",
        f"Differences are paired, with the half width of the 95 % t interval over the seeds ({len(SEEDS)}).",
        "",
        f"Command: `python benchmarks/large_tails.py run --data DATA --work WORK`, source `efficientnet_lite0`, commit {commits(rows)}.",
    ]
    titles = ("Many classes", "Two common classes", "Two common classes, fewer images")
    for title, kind in zip(titles, BUDGETS, strict=True):
        lines += ["", f"## {title}", "", *_table(found, kind)]
    return "\n".join(lines) + "\n"


def _range(rows: Rows) -> str:
    sizes = [row["n_images"] for row in rows]
    return f"{min(sizes):,} to {max(sizes):,}"


def _table(found: dict, kind: str) -> list[str]:
    def values(drawn: str, part: int, budget: int, what: str = "accuracy") -> np.ndarray:
        part = 1 if drawn in (WHOLE, "random") else part
        if (drawn, part) not in METHODS[kind]:
            return np.empty(0)
        return np.array([found[(kind, seed, drawn, part)][what][str(budget)] for seed in SEEDS], dtype=float)

    parts = [part for drawn, part in METHODS[kind] if drawn == OURS]
    columns = list(itertools.product(parts, BUDGETS[kind]))
    names = [f"{'' if part == 1 else f'1/{part}, '}{budget:,} labels" for part, budget in columns]
    lines = [
        f"| | {' | '.join(names)} |",
        "|---|" + "---|" * len(columns),
        f"| **`auto`** | {' | '.join(f'{values(OURS, *column).mean():.1f}' for column in columns)} |",
    ]
    others = [drawn for drawn in TITLES if drawn in dict(METHODS[kind])]
    for drawn in others:
        pairs = [(values(OURS, *column), values(drawn, *column)) for column in columns]
        cells = [interval(ours - theirs, "+") if len(theirs) else "" for ours, theirs in pairs]
        lines.append(f"| less {TITLES[drawn]} | {' | '.join(cells)} |")
    for drawn, title in ((OURS, "`auto`"), *((drawn, TITLES[drawn]) for drawn in others)):
        counts = [values(drawn, *column, "classes_found") for column in columns]
        cells = [f"{count.mean():.1f}" if len(count) else "" for count in counts]
        lines.append(f"| classes found: {title} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
