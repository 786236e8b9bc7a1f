"""What self-training is worth: `train` with and without it, on the same labels.

    python benchmarks/self_training.py run --data DATA --work WORK     # an hour or two on two cores; a killed run goes on
    python benchmarks/self_training.py table                           # benchmarks/self_training.md from the results

Data, pools and test sets are those of `choosing.py`. Labels are chosen by `auto` and at random; the classifier is the
linear SVM with everything by default, so that the folds decide whether pseudo-labels stay.
"""

import argparse
import itertools
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from choosing import SETS, _commit, _one_core, _split, embed_all
from rich.progress import track

RESULTS = Path(__file__).with_suffix(".jsonl")
TABLE = Path(__file__).with_suffix(".md")
BUDGETS = (200, 500, 1000)
ACQUISITIONS = (("auto", "auto"), ("random", None))
KEY = ("set", "seed", "acquisition", "budget")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    run_parser = commands.add_parser("run")
    run_parser.add_argument("--data", type=Path, required=True)
    run_parser.add_argument("--work", type=Path, required=True, help="where features are kept")
    run_parser.add_argument("--seeds", type=int, default=5)
    run_parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    run_parser.add_argument("--processes", type=int, default=os.cpu_count())
    commands.add_parser("table")
    options = parser.parse_args()
    if options.command == "run":
        run(options)
    TABLE.write_text(table([json.loads(line) for line in RESULTS.open()]))


def run(options: argparse.Namespace) -> None:
    embed_all(options.data, options.work)
    done = {tuple(json.loads(line)[k] for k in KEY) for line in RESULTS.open()} if RESULTS.exists() else set()
    # Seed by seed, so that a run that is cut short has something of every set.
    cells = [
        (name, seed, acquisition, balancing, budget)
        for seed, budget, (acquisition, balancing), name in itertools.product(
            range(options.seeds), options.budgets, ACQUISITIONS, SETS
        )
        if (name, seed, acquisition, budget) not in done
    ]
    commit = _commit()
    with ProcessPoolExecutor(options.processes, initializer=_one_core) as pool, RESULTS.open("a") as results:
        futures = [pool.submit(_cell, options.data, options.work, cell) for cell in cells]
        for future in track(as_completed(futures), total=len(futures)):
            results.write(json.dumps(future.result() | {"commit": commit}) + "\n")
            results.flush()


def _cell(data: Path, work: Path, cell: tuple) -> dict:
    from evenpick import macro_accuracy, simulate, train

    name, seed, acquisition, balancing, budget = cell
    pool, labels, test, true = _split(data, work, name, seed)
    result = simulate(pool, labels, budget, acquisition=acquisition, balancing=balancing, random_state=seed)
    row = dict(zip(KEY, (name, seed, acquisition, budget), strict=True))
    for key, unlabelled in (("without", ()), ("with", None)):
        start = time.process_time()
        model = train(pool, result.indices, result.labels, random_state=seed, unlabelled=unlabelled)
        row |= {
            key: round(100 * macro_accuracy(true, model.predict(test)), 3),
            f"{key}_seconds": round(time.process_time() - start, 1),
        }
    folds = {strategy: round(100 * found.corrected_accuracy, 3) for strategy, found in model.cross_validations.items()}
    return row | {"kept": model.strategy.endswith("+self_training"), "folds": folds}


def table(rows: list[dict]) -> str:
    from evenpick.metrics import mean_interval

    lines = [
        "# Self-training",
        "",
        "Test macro accuracy in percent over all classes of the linear SVM, without and with self-training, which stays if",
        "the folds over the labels say that it helps; paired over seeds, half width of the 95 % t interval. Labels chosen",
        "by `auto` (with its balancing) and at random. Pools and test sets as in [choosing.md](choosing.md).",
        "",
        "Command: `python benchmarks/self_training.py run --data DATA --work WORK --budgets "
        f"{' '.join(map(str, sorted({row['budget'] for row in rows})))}`, source `efficientnet_lite0`, stopped where the seeds say so,",
        f"commit {', '.join(sorted({row['commit'] for row in rows}))}, one core a cell.",
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
        added, half = mean_interval([row["with"] - row["without"] for row in here])
        lines.append(
            f"| {name} | {budget} | {acquisition} | {mean['without']:.1f} | {mean['with']:.1f} | {added:+.1f}{f' ± {half:.1f}' if len(here) > 1 else ''} | "
            f"{sum(row['kept'] for row in here)} of {len(here)} | {mean['without_seconds']:.0f} | "
            f"{mean['with_seconds']:.0f} | {len(here)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
