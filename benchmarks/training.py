"""Training strategies on labels chosen by `ent_inv_div`: test accuracy without and with prior correction.

    python benchmarks/training.py run --data DATA --work WORK     # hours on two cores; a killed run goes on
    python benchmarks/training.py table                           # benchmarks/training.md from the results

DATA and WORK are those of `cells.py`. A cell is one set, budget and seed with every strategy on the same labels and
folds; a seed draws 90 % of the pool, so that intervals cover the luck of the pool.
"""

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from cells import Rows, command_line, commits, embed_all, interval, keys_of, labelled, run_cells

SETS = ("caltech", "food", "places")
BUDGETS = (500, 1000, 2000)
SEEDS = range(5)
KEY = ("set", "budget", "seed")


def main() -> None:
    command_line(
        __file__, __doc__, run, table, lambda p: p.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    )


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work, SETS)
    cells = [(name, budget, seed) for budget, seed, name in itertools.product(options.budgets, SEEDS, SETS)]
    done = keys_of(results, KEY)
    run_cells([cell for cell in cells if cell not in done], _cell, options, results)


def _cell(data: Path, work: Path, name: str, budget: int, seed: int) -> Rows:
    from evenpick import macro_accuracy, select, train
    from evenpick.classifiers import SHALLOW_HEADS

    pool, labels = labelled(data, work, name)
    test, true = labelled(data, work, name, "test")
    drawn = np.random.default_rng(seed).permutation(len(pool))[: int(0.9 * len(pool))]
    chosen = drawn[select(pool.take(drawn), budget, "ent_inv_div", seed)]
    rows = []
    for strategy in SHALLOW_HEADS:
        start = time.process_time()
        model = train(pool, chosen, labels[chosen], strategy, "tuned", seed, unlabelled=())
        seconds = time.process_time() - start
        folds = model.cross_validation
        assert folds is not None
        accuracies = {
            key: round(100 * macro_accuracy(true, model.with_tau(tau).predict(test)), 3)
            for key, tau in (("accuracy", 0.0), ("corrected_accuracy", 1.0), ("tuned_accuracy", model.choice.tau))
        }
        rows.append(
            dict(zip(KEY, (name, budget, seed), strict=True))
            | {"strategy": strategy, **accuracies, "c": model.choice.c, "tau": model.choice.tau}
            | {
                "cross_validated": round(100 * folds.corrected_accuracy, 3),
                "calibration_error_before": round(folds.calibration_error_before, 4),
                "calibration_error": round(folds.calibration_error, 4),
                "cpu_seconds": round(seconds, 1),
            }
        )
    return rows


def table(rows: Rows) -> str:
    lines = [
        "# Training strategies",
        "",
        "Macro accuracy in percent over all classes of the test set (undiscovered ones count 0), labels chosen by",
        "`ent_inv_div` without balancing; C, temperature and tau from ten folds over the labels. Mean over seeds, each with",
        "90 % of the pool, and half width of the 95 % t interval; differences are paired. ECE: expected calibration error",
        "on held-out folds, before and after the temperature.",
        "",
        "Command: `python benchmarks/training.py run --data DATA --work WORK`, source `efficientnet_lite0`,",
        f"commit {commits(rows)}, one core a cell.",
    ]
    for name, budget in itertools.product(SETS, BUDGETS):
        here = [row for row in rows if (row["set"], row["budget"]) == (name, budget)]
        if here:
            lines += ["", f"## {name}, {budget} labels", "", *_table_of(here)]
    return "\n".join([*lines, "", "## What the folds picked", "", *_picks(rows)]) + "\n"


def _table_of(rows: Rows) -> list[str]:
    lines = [
        "| strategy | without correction | tau = 1 | what tau = 1 adds | tau from the folds | tau | ECE | CPU s | seeds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for strategy in dict.fromkeys(row["strategy"] for row in rows):
        own = [row for row in rows if row["strategy"] == strategy]
        plain, corrected = ([row[k] for row in own] for k in ("accuracy", "corrected_accuracy"))
        mean = {k: np.mean([row[k] for row in own]) for k in own[0] if isinstance(own[0][k], float)}
        lines.append(
            f"| `{strategy}` | {interval(plain)} | {interval(corrected)} "
            f"| {interval(np.subtract(corrected, plain), '+')} | {interval([row['tuned_accuracy'] for row in own])} "
            f"| {mean['tau']:.2f} | {mean['calibration_error_before']:.2f} → {mean['calibration_error']:.2f} "
            f"| {mean['cpu_seconds']:.0f} | {len(own)} |"
        )
    return lines


def _picks(rows: Rows) -> list[str]:
    """Per set and budget: what the nested accuracy picked, and what that costs against the best on the test set."""
    lines = [
        "| set | labels | picked, times | best on the test set | given away by the pick |",
        "|---|---|---|---|---|",
    ]
    for name, budget in itertools.product(SETS, BUDGETS):
        cells: dict[int, list[dict]] = {}
        for row in rows:
            if (row["set"], row["budget"]) == (name, budget):
                cells.setdefault(row["seed"], []).append(row)
        if not cells:
            continue
        picked = [max(cell, key=lambda row: row["cross_validated"]) for cell in cells.values()]
        best = [max(cell, key=lambda row: row["tuned_accuracy"]) for cell in cells.values()]
        lost = [b["tuned_accuracy"] - p["tuned_accuracy"] for b, p in zip(best, picked, strict=True)]
        counted = (_counted([row["strategy"] for row in rows]) for rows in (picked, best))
        lines.append(f"| {name} | {budget} | {' | '.join(counted)} | {interval(lost)} |")
    return lines


def _counted(names: list[str]) -> str:
    return ", ".join(f"`{name}` {names.count(name)}" for name in dict.fromkeys(names))


if __name__ == "__main__":
    main()
