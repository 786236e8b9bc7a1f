"""One class of most images: every seed draws pools of ten classes, one of which has half or nine tenths of the images.

    python benchmarks/common_class.py run --data DATA --work WORK     # minutes on two cores; a killed run goes on
    python benchmarks/common_class.py table                           # benchmarks/common_class.md from the results

DATA and WORK are those of `cells.py`, the classifier is that of `choosing.py`. The common class is one of caltech, places or
food with 300 images; nine random others share what is left, in the proportions 3 : 3 : 3 : 4 : 4 : 4 : 5 : 5 : 6.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from cells import Rows, command_line, commits, embed_all, interval, keys_of, part_of, run_cells
from choosing import OURS, accuracy_of, labels_by_budget, title

SETS = ("caltech", "places", "food")
SHARES = (0.5, 0.9)  # of the common class in the pool
COMMON = 300  # its images
PROPORTIONS = np.array((3, 3, 3, 4, 4, 4, 5, 5, 6))  # of the other classes
BUDGETS = (25, 50, 100)
SEEDS = range(10)
METHODS = [
    OURS,
    *((name, None) for name in ("random", "max_herding", "k_means", "typiclust", "core_set", "ent_inv_div")),
]
KEY = ("set", "share", "seed", "acquisition", "balancing")


def main() -> None:
    command_line(__file__, __doc__, run, table)


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work, SETS)
    done = keys_of(results, KEY)
    cells = [(name, share, seed, *how) for seed, name, share, how in itertools.product(SEEDS, SETS, SHARES, METHODS)]
    run_cells([cell for cell in cells if cell not in done], _cell, options, results)


def _cell(data: Path, work: Path, name: str, share: float, seed: int, acquisition: str, balancing: str | None) -> Rows:
    from evenpick.metrics import classes_found

    pool, labels, test, true = part_of(data, work, name, seed)
    rows, classes = drawn(labels, true, share, np.random.default_rng([seed, round(100 * share), 78]))
    tested = np.flatnonzero(np.isin(true, classes))
    pool, labels, test, true = pool.take(rows), labels[rows], test.take(tested), true[tested]
    labelled = labels_by_budget(pool, labels, list(BUDGETS), acquisition, balancing, seed)
    row = dict(zip(KEY, (name, share, seed, acquisition, balancing), strict=True)) | {"n_images": len(pool)}
    accuracies = {str(b): round(100 * accuracy_of(pool, *labelled[b], test, true), 3) for b in BUDGETS}
    return [row | {"accuracy": accuracies, "classes_found": {str(b): classes_found(labelled[b][1]) for b in BUDGETS}}]


def drawn(
    labels: np.ndarray, true: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a pool, and its classes, the common one first."""
    names, sizes = np.unique(labels, return_counts=True)
    tested = np.isin(names, true)
    common = rng.choice(names[tested & (sizes >= COMMON)])
    others = rng.choice(names[tested & (names != common)], len(PROPORTIONS), replace=False)
    of_others = COMMON * (1 - share) / share * PROPORTIONS / PROPORTIONS.sum()
    wanted = zip((common, *others), (COMMON, *np.maximum(1, np.round(of_others)).astype(int)), strict=True)
    rows = [rng.permutation(np.flatnonzero(labels == of_class))[:size] for of_class, size in wanted]
    return np.sort(np.concatenate(rows)), np.array([common, *others])


def table(rows: Rows) -> str:
    found = {tuple(row[k] for k in KEY): row for row in rows}
    sizes = {share: sorted({row["n_images"] for row in rows if row["share"] == share}) for share in SHARES}
    lines = [
        "# One class of most images",
        "",
        "A camera trap sees grass, a belt carries good parts: one class has most of the images. Here pools have ten classes, of which one has",
        f"half or nine tenths ({COMMON} images; {', '.join(f'{share:.0%}: {_range(of)} in all' for share, of in sizes.items())}). Accuracies are test macro accuracy in",
        "percent over all ten, classes that no label found counting 0; classifier as in [choosing.md](choosing.md). Each seed "
        f"({len(SEEDS)}) draws a pool of each of {', '.join(SETS)}.",
        f"Command: `python benchmarks/common_class.py run --data DATA --work WORK`, source `efficientnet_lite0`, commit {commits(rows)}.",
        "",
        "`auto` (with its balancing), and how far it is ahead of each other method, paired, with the half width of the 95 % t interval over the",
        "seeds, of the means over the three sets. Nothing was set on these pools, but `auto` was on the sets that they are drawn from.",
        "",
    ]
    columns = list(itertools.product(SHARES, BUDGETS))
    head = [
        "| acquisition + balancing | "
        + " | ".join(f"{share:.0%}, {budget} labels" for share, budget in columns)
        + " |",
        "|---|" + "---|" * len(columns),
    ]
    lines += [
        *head,
        f"| **{title(OURS)}** | "
        + " | ".join(f"{np.mean(_by_seed(found, OURS, c, 'accuracy')):.1f}" for c in columns)
        + " |",
    ]
    for method in METHODS[1:]:
        ahead = [
            np.subtract(_by_seed(found, OURS, c, "accuracy"), _by_seed(found, method, c, "accuracy")) for c in columns
        ]
        lines.append(f"| {title(method)} | " + " | ".join(interval([*values], "+") for values in ahead) + " |")
    lines += ["", "Classes found, of ten, on average:", "", *head]
    for method in METHODS:
        means = [np.mean(_by_seed(found, method, c, "classes_found")) for c in columns]
        lines.append(f"| {title(method)} | " + " | ".join(f"{mean:.1f}" for mean in means) + " |")
    return "\n".join(lines) + "\n"


def _by_seed(found: dict, method: tuple, column: tuple[float, int], what: str) -> list[float]:
    """One value a seed, the mean over the sets; seeds that have all of them with every method."""
    share, budget = column
    whole = [seed for seed in SEEDS if all((name, share, seed, *m) in found for name in SETS for m in METHODS)]
    return [float(np.mean([found[(name, share, seed, *method)][what][str(budget)] for name in SETS])) for seed in whole]


def _range(sizes: list[int]) -> str:
    return f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"


if __name__ == "__main__":
    main()
