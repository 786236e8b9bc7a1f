"""What audit labels cost, and which chances draw them best.

    python benchmarks/audit_cost.py run --work WORK     # 20 CPU minutes; a killed run goes on
    python benchmarks/audit_cost.py table               # benchmarks/audit_cost.md from the results

WORK holds what `sources.py features` makes; the parts of the pools and the classifier are those of `sources.py`.
`long tail` are the 20 classes of places with the most images, in an order that the seed draws, from 90 images to 3 in
equal ratios.

Cost: `auto` with a share of its labels drawn at random, less `auto` without, on the same pool.
Chances: the labels of `auto` without audit, the classifier on all of them, and the images without a label; what the
standard error of its macro accuracy on these is after 100 draws, the exact one of the linearised ratio estimator, if
so much of the chance goes by the predicted class.
"""

import argparse
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cells import Rows, command_line, commits, interval, keys_of, run_in_processes
from choosing import accuracy_of
from long_tails import rows_of_tail
from sources import split

if TYPE_CHECKING:
    from evenpick import Pool

SETS = ("elpv", "caltech", "places", "food", "long tail")
SHARES = (0, 0.05, 0.1, 0.15, 0.2)
BUDGETS = (100, 200, 500)
SEEDS = range(8)
BY_CLASS = (0, 0.25, 0.5, 0.75, 0.9)
DRAWS = 100
KEY = ("set", "seed", "share")
USUAL_FROM = 200  # labels, from which on a tenth is drawn by default
MOST_LABELLED = 0.6  # of a pool: beyond that nothing is left to choose


def main() -> None:
    command_line(__file__, __doc__, run, table, _options, folders=("work",))


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)


def run(options: argparse.Namespace, results: Path) -> None:
    done = keys_of(results, KEY)
    cells = [(name, seed, share) for seed in options.seeds for name in options.sets for share in SHARES]
    run_in_processes((cell for cell in cells if cell not in done), partial(_cell, options.work), options, results)


def _cell(work: Path, name: str, seed: int, share: float) -> Rows:
    from evenpick import simulate

    pool, labels, test, true = part_of(work, name, seed)
    budgets = [budget for budget in BUDGETS if budget <= MOST_LABELLED * len(pool)]
    result = simulate(pool, labels, budgets[-1], audit=share, random_state=seed)
    row: dict = dict(zip(KEY, (name, seed, share), strict=True)) | {"n_images": len(pool)}
    row["accuracy"] = {
        str(b): round(100 * accuracy_of(pool, result.indices[:b], result.labels[:b], test, true), 3) for b in budgets
    }
    row["audited"] = {str(b): sum(chance is not None for chance in result.chances[:b]) for b in budgets}
    row["classes"] = {str(b): len({*result.labels[:b]}) for b in budgets}
    if not share:
        row["errors"] = {str(b): standard_errors(pool, labels, result.indices[:b]) for b in budgets}
    return [row]


@cache
def part_of(work: Path, name: str, seed: int) -> "tuple[Pool, np.ndarray, Pool, np.ndarray]":
    if name != "long tail":
        return split(work, name, "efficientnet_lite0", seed)
    pool, labels, test, true = split(work, "places", "efficientnet_lite0", seed)
    rng = np.random.default_rng([seed, 77])
    names, counts = np.unique(labels, return_counts=True)
    classes = rng.permutation(names[np.argsort(-counts)[:20]])
    rows, tested = rows_of_tail(labels, classes, 90, 30, rng), np.flatnonzero(np.isin(true, classes))
    return pool.take(rows), labels[rows], test.take(tested), true[tested]


def standard_errors(pool: "Pool", labels: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
    """In points of macro accuracy, after `DRAWS` draws, by how much of the chance goes by the predicted class."""
    from evenpick.acquisition import unit_features
    from evenpick.classifiers import fit_probe

    rest = np.setdiff1d(np.arange(len(pool)), chosen)
    classes, numbers = np.unique(labels[chosen], return_inverse=True)
    predicted = fit_probe(unit_features(pool, chosen), numbers).probabilities(unit_features(pool, rest)).argmax(axis=1)
    names, true, sizes = np.unique(labels[rest], return_inverse=True, return_counts=True)
    right = classes[predicted] == labels[rest]
    recalls = np.bincount(true, right) / sizes
    effect = (right - recalls[true]) / sizes[true] / len(names)
    seen, of, counts = np.unique(predicted, return_inverse=True, return_counts=True)
    by_class = 1 / (len(seen) * counts[of])
    found = {}
    for part in BY_CLASS:
        chances = (1 - part) / len(rest) + part * by_class
        found[str(part)] = round(float(100 * np.sqrt((effect**2 / chances).sum() / DRAWS)), 3)
    return found


def table(rows: Rows) -> str:
    plain = [row for row in rows if row["share"] == 0]
    columns = [
        (name, b)
        for name in SETS
        for b in BUDGETS
        if any(row["set"] == name and str(b) in row["accuracy"] for row in plain)
    ]
    return "\n".join([*_costs(rows, columns), "", *_chances(plain, columns)]) + "\n"


def _costs(rows: Rows, columns: list[tuple[str, int]]) -> list[str]:
    less = {share: {(name, b): _less(rows, name, share, b) for name, b in columns} for share in SHARES[1:]}
    lines = [
        "# What audit labels cost, and with which chances they are drawn",
        "",
        "## Cost",
        "",
        "Macro accuracy on test images, in points: `auto` with a share of its labels drawn at random less `auto` without, paired over",
        f"{len({row['seed'] for row in rows})} seeds, with the half width of the 95 % t interval. In the last rows a seed counts once. The classifier is that of",
        "[choosing.md](choosing.md), the pools are those of [sources.md](sources.md); `long tail` are 20 classes of places with 90 images to 3.",
        f"Command: `python benchmarks/audit_cost.py run --work WORK`, source `efficientnet_lite0`, commit {commits(rows)}.",
        "",
        "| set, labels | none | " + " | ".join(f"{share:.0%}" for share in SHARES[1:]) + " |",
        "|---|---|" + "---|" * len(less),
    ]
    for name, b in columns:
        none = np.mean([row["accuracy"][str(b)] for row in rows if (row["set"], row["share"]) == (name, 0)])
        cells = [interval([*of_share[name, b].values()], "+") for of_share in less.values()]
        lines.append(f"| {name}, {b} | {none:.1f} | {' | '.join(cells)} |")
    for what, fewest in (("mean", 0), (f"mean, {USUAL_FROM} and more", USUAL_FROM)):
        counted = [{key: v for key, v in of_share.items() if key[1] >= fewest} for of_share in less.values()]
        lines.append(f"| {what} | | {' | '.join(interval(_by_seed(of_share), '+') for of_share in counted)} |")
    return lines


def _less(rows: Rows, name: str, share: float, budget: int) -> dict[int, float]:
    """By seed: the accuracy with this share less the one without."""
    found = {(row["seed"], row["share"]): row["accuracy"][str(budget)] for row in rows if row["set"] == name}
    return {seed: value - found[seed, 0] for (seed, s), value in found.items() if s == share and (seed, 0) in found}


def _by_seed(less: dict[tuple[str, int], dict[int, float]]) -> list[float]:
    seeds = sorted(set.intersection(*({*values} for values in less.values())))
    return [float(np.mean([values[seed] for values in less.values()])) for seed in seeds]


def _chances(plain: Rows, columns: list[tuple[str, int]]) -> list[str]:
    lines = [
        "## Chances",
        "",
        f"The standard error, in points, of the macro accuracy on the images without a label after {DRAWS} draws, by how much of the",
        "chance goes by the predicted class; the rest is even. Means over the same seeds. It is the exact one of the linearised ratio",
        "estimator, which takes no account of how few draws a rare class has. evenpick draws with 50 %.",
        "",
        "| set, labels | " + " | ".join(f"{part:.0%}" for part in BY_CLASS) + " |",
        "|---|" + "---|" * len(BY_CLASS),
    ]
    errors = np.array(
        [
            [np.mean([row["errors"][str(b)][str(part)] for row in plain if row["set"] == name]) for part in BY_CLASS]
            for name, b in columns
        ]
    )
    for (name, b), values in zip(columns, errors, strict=True):
        lines.append(f"| {name}, {b} | {' | '.join(f'{value:.1f}' for value in values)} |")
    ratios = (errors / errors[:, :1]).mean(axis=0)
    return [*lines, f"| mean, even = 1 | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |"]


if __name__ == "__main__":
    main()
