"""Which images to label first: every way of choosing, on four labelled image sets, one classifier for all.

    python benchmarks/choosing.py run --data DATA --work WORK     # hours on two cores; a killed run goes on
    python benchmarks/choosing.py table                           # benchmarks/choosing.md from the results

DATA holds `NAME/pool/*.jpg`, `NAME/test/*.jpg` and `NAME/labels.csv` (split,file,label) for caltech, places and food;
elpv comes with the package `elpv-dataset`. A seed draws 90 % of the pool (for elpv: 60 %, by class; the rest is the
test set), the same for every method, so that intervals cover the luck of the pool. The classifier is the same for all:
logistic regression on features of length 1, C = 30, probabilities divided by the class frequencies of the labels.
"""

import argparse
import csv
import json
import os
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import numpy as np
from rich.progress import track

RESULTS = Path(__file__).with_suffix(".jsonl")
TABLE = Path(__file__).with_suffix(".md")
BUDGETS = (100, 200, 500, 1000, 2000)
SETS = ("elpv", "caltech", "places", "food")
OURS = ("auto", "auto")
PLAN_FOR_THE_BUDGET = ("k_means", "typiclust", "prob_cover")
METHODS = [
    *((name, None) for name in ("random", "ent", "ms", "lc", "ent_inv", "ms_inv", "lc_inv", "ent_div", "ms_div", "lc_div")),
    *((name, None) for name in ("ent_inv_div", "ms_inv_div", "lc_inv_div", "core_set")),
    *((name, "ratio_max") for name in ("random", "ent_inv_div", "lc_inv_div", "core_set")),
    *((name, None) for name in ("badge", "max_herding", "uncertainty_herding", *PLAN_FOR_THE_BUDGET)),
    ("random", "auto"),
    OURS,
]  # fmt: skip
KEY = ("set", "seed", "acquisition", "balancing", "budget")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    run_parser = commands.add_parser("run")
    run_parser.add_argument("--data", type=Path, required=True)
    run_parser.add_argument("--work", type=Path, required=True, help="where features are kept")
    run_parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    names = [*dict.fromkeys(name for name, _ in METHODS)]
    run_parser.add_argument("--acquisitions", nargs="+", choices=names, default=names)
    run_parser.add_argument("--seeds", type=int, default=5)
    run_parser.add_argument("--most", type=int, default=max(BUDGETS), help="the largest budget")
    run_parser.add_argument("--processes", type=int, default=os.cpu_count())
    commands.add_parser("table")
    options = parser.parse_args()
    if options.command == "run":
        run(options)
    TABLE.write_text(table([json.loads(line) for line in RESULTS.open()]))


def run(options: argparse.Namespace) -> None:
    embed_all(options.data, options.work)
    done = {tuple(json.loads(line)[k] for k in KEY) for line in RESULTS.open()} if RESULTS.exists() else set()
    cells = []
    for name in options.sets:
        for seed in range(options.seeds):
            for method in (m for m in METHODS if m[0] in options.acquisitions):
                wanted = [b for b in BUDGETS if b <= options.most and (name, b) != ("elpv", 2000)]
                if missing := [b for b in wanted if (name, seed, *method, b) not in done]:
                    cells.append((name, seed, *method, missing))
    commit = _commit()
    with ProcessPoolExecutor(options.processes, initializer=_one_core) as pool, RESULTS.open("a") as results:
        futures = [pool.submit(_cell, options.data, options.work, cell) for cell in cells]
        for future in track(as_completed(futures), total=len(futures)):
            for row in future.result():
                results.write(json.dumps(row | {"commit": commit}) + "\n")
            results.flush()


def embed_all(data: Path, work: Path) -> None:
    from evenpick import SourceModel, embed
    from evenpick.demo import _photographs

    source = SourceModel.load()
    for name in SETS[1:]:
        for split in ("pool", "test"):
            embed(data / name / split, work / f"{name}-{split}", source)
    embed(_photographs()[0], work / "elpv", source)


def _one_core() -> None:
    import scipy.linalg  # noqa: F401 (only libraries that are loaded can be limited)
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _cell(data: Path, work: Path, cell: tuple) -> list[dict]:
    from evenpick import imbalance_ratio, simulate
    from evenpick.metrics import class_counts, classes_found

    name, seed, acquisition, balancing, budgets = cell
    pool, labels, test, true = _split(data, work, name, seed)
    rows, result, seconds = [], None, 0.0
    for budget in sorted(budgets, reverse=True):
        # Without the printed switch, and but for clusterings, the labels of a smaller budget come first.
        if result is None or balancing == "ratio_max" or acquisition in PLAN_FOR_THE_BUDGET:
            start = time.process_time()
            result = simulate(pool, labels, budget, acquisition=acquisition, balancing=balancing, random_state=seed)
            seconds = time.process_time() - start
        chosen, given = result.indices[:budget], result.labels[:budget]
        rows.append(
            dict(zip(KEY, (name, seed, acquisition, balancing, budget), strict=True))
            | {
                "accuracy": round(100 * _accuracy(pool, chosen, given, test, true), 3),
                "classes_found": classes_found(given),
                "imbalance_ratio": round(imbalance_ratio(class_counts(given, sorted(set(labels)))), 4),
                "select_seconds": round(seconds, 2),
            }
        )
    return rows


def _accuracy(pool, chosen: np.ndarray, given: list[str], test: np.ndarray, true: np.ndarray) -> float:
    from evenpick import macro_accuracy
    from evenpick.herding import unit_features
    from evenpick.probe import fit_probe

    classes, numbers = np.unique(given, return_inverse=True)
    if len(classes) == 1:
        return macro_accuracy(true, np.full(len(true), classes[0]))
    probe = fit_probe(unit_features(pool, chosen), numbers)
    return macro_accuracy(true, classes[probe.probabilities(test).argmax(axis=1)])


@cache
def _whole(data: Path, work: Path, name: str):
    from evenpick import Pool
    from evenpick.demo import _photographs

    pool = Pool.open(work / (name if name == "elpv" else f"{name}-pool"))
    if name == "elpv":
        label_of = _photographs()[1]
        return pool.take(np.arange(len(pool))), np.array([label_of[i] for i in pool.image_ids]), None, None
    given = {(row["split"], row["file"]): row["label"] for row in csv.DictReader((data / name / "labels.csv").open())}
    test = Pool.open(work / f"{name}-test")
    true = np.array([given["test", i] for i in test.image_ids])
    labels = np.array([given["pool", i] for i in pool.image_ids])
    return pool.take(np.arange(len(pool))), labels, _unit(test), true


@cache
def _split(data: Path, work: Path, name: str, seed: int):
    from sklearn.model_selection import train_test_split

    pool, labels, test, true = _whole(data, work, name)
    if name == "elpv":
        rows, test_rows = train_test_split(np.arange(len(pool)), test_size=0.4, random_state=seed, stratify=labels)
        test, true = _unit(pool.take(test_rows)), labels[test_rows]
    else:
        rows = np.sort(np.random.default_rng([seed, 77]).permutation(len(pool))[: int(0.9 * len(pool))])
    return pool.take(rows), labels[rows], test, true


def _unit(pool) -> np.ndarray:
    from evenpick.herding import unit_features

    return unit_features(pool, np.arange(len(pool)))


def _commit() -> str:
    here = Path(__file__).parent
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, check=True
    ).stdout.strip()


def table(rows: list[dict]) -> str:
    cells = {tuple(row[k] for k in KEY): row["accuracy"] for row in rows}
    columns = [(name, b) for name in SETS for b in BUDGETS if any(key[0] == name and key[4] == b for key in cells)]
    seeds = sorted({row["seed"] for row in rows})
    lines = [
        "# Which images to label first",
        "",
        "Macro accuracy in percent over all classes of the test set, undiscovered ones counting 0, of one",
        "classifier for all: logistic regression on features of length 1 (C = 30) with prior correction. Mean over the",
        f"seeds ({len(seeds)}; fewer where a cell says so); a seed draws 90 % of the pool (elpv: 60 % by class, tested on the rest).",
        "`auto` is acquisition `auto` with balancing `auto`; the label count is the budget. In the second table each",
        "method is paired with `auto` on the same seeds: `auto` less the method, with the half width of the 95 % t interval.",
        "",
        "Made by `python benchmarks/choosing.py run --data DATA --work WORK --most 1000`, for places and food with",
        "`--seeds 3` and some of the acquisitions from the second seed on; source `efficientnet_lite0`, two cores,",
        f"commit {', '.join(sorted({row['commit'] for row in rows}))}.",
        "The last column is the mean over all columns, for methods that have every one of them.",
        "",
        *_means(cells, columns, seeds),
        "",
        "## `auto` less each method",
        "",
        *_differences(cells, columns, seeds),
    ]
    return "\n".join(lines) + "\n"


def _head(columns: list, last: str) -> list[str]:
    return [
        "| acquisition + balancing | " + " | ".join(f"{name} {b}" for name, b in columns) + f" | {last} |",
        "|---|" + "---|" * (len(columns) + 1),
    ]


def _of(cells: dict, method: tuple, column: tuple, seeds: list) -> dict[int, float]:
    keys = {seed: (column[0], seed, *method, column[1]) for seed in seeds}
    return {seed: cells[key] for seed, key in keys.items() if key in cells}


def _means(cells: dict, columns: list, seeds: list) -> list[str]:
    means = {
        m: [np.mean([*_of(cells, m, c, seeds).values()]) if _of(cells, m, c, seeds) else np.nan for c in columns]
        for m in METHODS
    }
    best = np.nanmax([*means.values()], axis=0)
    full = [m for m in METHODS if not np.isnan(means[m]).any()]
    lines = _head(columns, "mean")
    for method in sorted(METHODS, key=lambda m: (m not in full, -np.nanmean(means[m]))):
        shown = []
        for value, top, column in zip(means[method], best, columns, strict=True):
            n = len(_of(cells, method, column, seeds))
            text = "" if np.isnan(value) else f"**{value:.1f}**" if value == top else f"{value:.1f}"
            shown.append(text + (f" ({n})" if 0 < n < len(seeds) else ""))
        mean = f"{np.mean(means[method]):.1f}" if method in full else ""
        lines.append(f"| {_name(method)} | " + " | ".join(shown) + f" | {mean} |")
    return lines


def _differences(cells: dict, columns: list, seeds: list) -> list[str]:
    from evenpick.metrics import mean_interval

    lines = _head(columns, "rows below / above 0")
    for method in METHODS:
        if method == OURS:
            continue
        shown, below, above = [], 0, 0
        for column in columns:
            ours, theirs = _of(cells, OURS, column, seeds), _of(cells, method, column, seeds)
            both = sorted(ours.keys() & theirs.keys())
            if len(both) < 2:
                shown.append("")
                continue
            mean, half = mean_interval([ours[s] - theirs[s] for s in both])
            below, above = below + (mean + half < 0), above + (mean - half > 0)
            shown.append(f"{mean:+.1f} ± {half:.1f}")
        lines.append(f"| {_name(method)} | " + " | ".join(shown) + f" | {below} / {above} |")
    return lines


def _name(method: tuple) -> str:
    return f"`{method[0]}`" if method[1] is None else f"`{method[0]}` + `{method[1]}`"


if __name__ == "__main__":
    main()
