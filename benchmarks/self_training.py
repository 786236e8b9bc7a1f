"""What self-training is worth to the paper's classifier, the linear SVM: `train` with and without it, on the same labels.

    python benchmarks/self_training.py run --data DATA --work WORK     # hours on two cores; a killed run goes on
    python benchmarks/self_training.py table                           # benchmarks/self_training.md from the results

DATA, WORK, pools and test sets are those of `cells.py`. Labels are chosen by `auto` and at random; the classifier is
`svm` with everything else by default, so that the folds decide whether pseudo-labels stay.
"""

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from cells import SETS, Rows, command_line, commits, embed_all, interval, keys_of, part_of, run_cells

BUDGETS = (100, 200, 500, 1000, 2000)
ACQUISITIONS = (("auto", "auto"), ("random", None))
KEY = ("set", "seed", "acquisition", "budget")


def main() -> None:
    command_line(__file__, __doc__, run, table, _options)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work)
    done = keys_of(results, KEY)
    # Seed by seed, so that a run that is cut short has something of every set.
    cells = [
        (name, seed, acquisition, balancing, budget)
        for seed, budget, (acquisition, balancing), name in itertools.product(
            options.seeds, options.budgets, ACQUISITIONS, SETS
        )
        if (name, seed, acquisition, budget) not in done and (name, budget) != ("elpv", 2000)  # it has 1,574 images
    ]
    run_cells(cells, _cell, options, results)


def _cell(data: Path, work: Path, name: str, seed: int, acquisition: str, balancing: str | None, budget: int) -> Rows:
    from evenpick import macro_accuracy, simulate, train

    pool, labels, test, true = part_of(data, work, name, seed)
    result = simulate(pool, labels, budget, acquisition=acquisition, balancing=balancing, audit=0, random_state=seed)
    row = dict(zip(KEY, (name, seed, acquisition, budget), strict=True))
    for key, unlabelled in (("without", ()), ("with", None)):
        start = time.process_time()
        model = train(pool, result.indices, result.labels, "svm", random_state=seed, unlabelled=unlabelled)
        row |= {
            key: round(100 * macro_accuracy(true, model.predict(test)), 3),
            f"{key}_seconds": round(time.process_time() - start, 1),
        }
    folds = {strategy: round(100 * found.corrected_accuracy, 3) for strategy, found in model.cross_validations.items()}
    return [row | {"kept": model.strategy.endswith("+self_training"), "folds": folds}]


def table(rows: Rows) -> str:
    lines = [
        "# Self-training of the linear SVM",
        "",
        "Test macro accuracy in percent over all classes of the linear SVM, without and with self-training, which stays if",
        "the folds over the labels say that it helps ([training.md](training.md) has the default classifier); paired over seeds, half width of the 95 % t interval. Labels chosen",
        "by `auto` (with its balancing) and at random. Pools and test sets as in [choosing.md](choosing.md).",
        "",
        "Command: `python benchmarks/self_training.py run --data DATA --work WORK --budgets "
        f"{' '.join(map(str, sorted({row['budget'] for row in rows})))}`, source `efficientnet_lite0`, stopped where the seeds say so,",
        f"commit {commits(rows)}, one core a cell.",
        "",
        "| set | labels | chosen by | without | with | difference | kept | CPU s without | with | seeds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, budget, (acquisition, _) in itertools.product(SETS, BUDGETS, ACQUISITIONS):
        here = [row for row in rows if (row["set"], row["budget"], row["acquisition"]) == (name, budget, acquisition)]
        if not here:
            continue
        mean = {
            key: np.mean([row[key] for row in here]) for key in ("without", "with", "without_seconds", "with_seconds")
        }
        added = interval([row["with"] - row["without"] for row in here], "+")
        lines.append(
            f"| {name} | {budget} | {acquisition} | {mean['without']:.1f} | {mean['with']:.1f} | {added} | "
            f"{sum(row['kept'] for row in here)} of {len(here)} | {mean['without_seconds']:.0f} | "
            f"{mean['with_seconds']:.0f} | {len(here)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
