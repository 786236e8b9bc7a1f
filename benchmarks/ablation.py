"""What each part of `auto` gives: labels chosen with one part changed, on four labelled image sets.

    python benchmarks/ablation.py run --data DATA --work WORK     # an hour on two cores; a killed run goes on
    python benchmarks/ablation.py table                           # benchmarks/ablation.md from the results

Pools, test sets, seeds and the classifier are those of `choosing.py`, whose rows of `auto` these are compared with.
"""

import argparse
from pathlib import Path
from unittest.mock import patch

import numpy as np
from cells import SETS, Rows, command_line, commits, embed_all, interval, keys_of, part_of, plain_rows, run_cells
from choosing import OURS, accuracy_of

from evenpick import macro_accuracy, simulate
from evenpick.classifiers import Probe, fit_probe
from evenpick.probabilities import margins
from evenpick.session import coverage_weights, weighted_coverage  # the inside: what is changed here

BUDGETS = (100, 200, 500)
KEY = ("set", "seed", "changed", "budget")
RESULTS_OF_AUTO = Path(__file__).with_name("choosing.jsonl")


def nothing(points: np.ndarray, labelled: np.ndarray, numbers: np.ndarray) -> tuple[None, None]:
    return None, None


def doubted(points: np.ndarray, labelled: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray | None, None]:
    """(1 - r^2) + r^2 weight / mean weight, r the macro accuracy on labels held out in three folds, 0 for singletons."""
    weights, _ = coverage_weights.coverage_weights(points, labelled, numbers)
    if weights is None:
        return None, None
    folds = np.empty(len(numbers), np.intp)
    folds[np.argsort(numbers, kind="stable")] = np.arange(len(numbers)) % 3
    predicted = np.full(len(numbers), -1)
    for fold in range(3):
        held = folds == fold
        classes, of = np.unique(numbers[~held], return_inverse=True)
        if len(classes) > 1 and held.any():
            predicted[held] = classes[fit_probe(labelled[~held], of).probabilities(labelled[held]).argmax(axis=1)]
    trust = macro_accuracy(numbers, predicted) ** 2
    return 1 - trust + trust * weights / weights.mean(), None


def uncertainty_alone(probe: Probe, points: np.ndarray, shares: np.ndarray) -> np.ndarray:
    return 1 - margins(probe.probabilities(points))


def rarity_alone(probe: Probe, points: np.ndarray, shares: np.ndarray) -> np.ndarray:
    return probe.probabilities(points) @ (1 / np.sqrt(shares))


def uncorrected(probe: Probe, points: np.ndarray, shares: np.ndarray) -> np.ndarray:
    probabilities = probe.probabilities(points, corrected=False)
    return (1 - margins(probabilities)) * (probabilities @ (1 / np.sqrt(shares)))


# What is changed, and what is replaced where by what.
ABLATIONS = {
    "without the probe: every image weighs the same": (weighted_coverage, "coverage_weights", nothing),
    "without rarity: 1 - margin": (coverage_weights, "balanced_uncertainty", uncertainty_alone),
    "without uncertainty: the sum over classes": (coverage_weights, "balanced_uncertainty", rarity_alone),
    "without the probe's prior correction": (coverage_weights, "balanced_uncertainty", uncorrected),
    "weights mixed with even ones by the probe's reliability": (weighted_coverage, "coverage_weights", doubted),
}
FIRST_ROUND = "without coverage in the first round: 40 random labels"  # `random` + `auto` of choosing.py


def main() -> None:
    command_line(__file__, __doc__, run, table, _options)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work, options.sets)
    done = keys_of(results, KEY)
    cells = [(name, seed, part) for seed in options.seeds for part in ABLATIONS for name in options.sets]
    run_cells([cell for cell in cells if (*cell, max(BUDGETS)) not in done], _cell, options, results)


def _cell(data: Path, work: Path, name: str, seed: int, changed: str) -> Rows:
    pool, labels, test, true = part_of(data, work, name, seed)
    with patch.object(*ABLATIONS[changed]):
        result = simulate(pool, labels, max(BUDGETS), audit=0, random_state=seed)
    rows = []
    for budget in BUDGETS:
        accuracy = accuracy_of(pool, result.indices[:budget], result.labels[:budget], test, true)
        rows.append(dict(zip(KEY, (name, seed, changed, budget), strict=True)) | {"accuracy": round(100 * accuracy, 3)})
    return rows


def table(rows: Rows) -> str:
    """`auto` with one part changed less `auto` as it is, paired over the seeds."""
    without = {(row["set"], row["seed"], row["changed"], row["budget"]): row["accuracy"] for row in rows}
    whole = {}
    for row in plain_rows(RESULTS_OF_AUTO):
        cell = row["set"], row["seed"], row["budget"]
        if (row["acquisition"], row["balancing"]) == OURS:
            whole[cell] = row["accuracy"]
        elif (row["acquisition"], row["balancing"]) == ("random", "auto"):
            without[row["set"], row["seed"], FIRST_ROUND, row["budget"]] = row["accuracy"]
    columns = [(name, budget) for name in SETS for budget in BUDGETS]
    lines = [
        "# What each part of `auto` gives",
        "",
        "Macro accuracy in points of `auto` with one part changed, less that of `auto` as it is: mean over the seeds with the",
        "half width of the 95 % t interval, as in [choosing.md](choosing.md), where `auto` comes from. Below 0: `auto` is better as it is.",
        "The reliability of the last row is r², r being the macro accuracy on labels held out in three folds.",
        "The mean is over all cells; its interval is over the seeds, of the means of each.",
        "",
        f"Made by `python benchmarks/ablation.py run --data DATA --work WORK`, commit {commits(rows)}.",
        "",
        "| changed | " + " | ".join(f"{name} {budget}" for name, budget in columns) + " | mean |",
        "|---|" + "---|" * (len(columns) + 1),
    ]
    for part in [FIRST_ROUND, *ABLATIONS]:
        seeds = sorted({key[1] for key in without if key[2] == part})
        differences = {
            seed: [without[name, seed, part, budget] - whole[name, seed, budget] for name, budget in columns]
            for seed in seeds
            if all((name, seed, part, budget) in without for name, budget in columns)
        }
        if differences:
            by_cell = zip(*differences.values(), strict=True)
            means = [float(np.mean(of_seed)) for of_seed in differences.values()]
            shown = [interval(values, "+") for values in [*by_cell, means]]
            lines.append(f"| {part} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
