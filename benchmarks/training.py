"""Training strategies: what the default is worth beside others, with and without self-training, on the same labels.

    python benchmarks/training.py run --work WORK     # hours on two cores; a killed run goes on
    python benchmarks/training.py table               # benchmarks/training.md from the results

WORK holds the features that `sources.py features` makes; the part of a pool that a seed draws and its test set are
those of `sources.py`, the long tails are drawn as in `long_tails.py`. Labels are chosen by `auto` and at random, once
for all strategies; "plain" is one logistic regression (C = 30, tau = 1) with nothing chosen, as in `choosing.py`.
"""

import argparse
import itertools
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from cells import SETS, Rows, commits, interval, rows_of, run_in_processes, this_commit
from choosing import accuracy_of, labels_by_budget
from long_tails import rows_of_tail
from sources import split

if TYPE_CHECKING:
    from evenpick import Pool

SOURCE = "efficientnet_lite0"
TAILS = (0, 5, 10, 20)  # classes of a long tail; 0: the whole set
BUDGETS = (50, 100, 200, 500, 1000)
MOST_LABELLED = 0.65  # of a pool: beyond that nothing is left to choose
SEEDS = range(5)
ACQUISITIONS = (("auto", "auto"), ("random", None))
KEY = ("set", "n_classes", "seed", "acquisition", "budget", "strategy", "self_training")
RATIO = 10  # of the most common class of a long tail to its rarest
WITHIN = 0.5  # points
Trained: TypeAlias = tuple[str, bool]  # strategy, and whether self-trained
Accuracies: TypeAlias = dict[tuple, dict[Trained, dict[int, dict[str, Any]]]]  # by place and seed
PLAIN = ("plain", False)
OURS = ("logistic_regression", True)
RIVALS = (
    PLAIN,
    ("logistic_regression", False),
    ("svm", False),
    ("svm", True),
    ("nearest_mean", False),
    ("nearest_mean", True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    runs = commands.add_parser("run")
    runs.add_argument("--work", type=Path, required=True)
    runs.add_argument("--processes", type=int, default=2)
    runs.add_argument("--strategies", nargs="+", default=[*dict.fromkeys(name for name, _ in (*RIVALS, OURS))])
    runs.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    runs.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    runs.add_argument("--tails", type=int, nargs="+", default=TAILS)
    commands.add_parser("table")
    given, results = parser.parse_args(), Path(__file__).with_suffix(".jsonl")
    if given.command == "run":
        run(given, results)
    Path(__file__).with_suffix(".md").write_text(table(rows_of(results)))


def run(options: argparse.Namespace, results: Path) -> None:
    """Seed by seed, so that a run that is cut short has something of every set."""
    done: dict[tuple, set[tuple]] = {}
    for row in rows_of(results):
        done.setdefault(tuple(row[k] for k in KEY[:4]), set()).add(tuple(row[k] for k in KEY[4:]))
    options.commit = this_commit()
    cells = [
        (
            name,
            k,
            seed,
            *how,
            tuple(options.budgets),
            tuple(options.strategies),
            done.get((name, k, seed, how[0]), set()),
        )
        for seed, k, how, name in itertools.product(options.seeds, options.tails, ACQUISITIONS, SETS)
        if name != "elpv" or not k  # it has eight classes, and is a long tail itself
    ]
    run_in_processes(cells, partial(_cell, options.work), options, results)


def _cell(
    work: Path, name: str, k: int, seed: int, acquisition: str, balancing: str | None,
    budgets: tuple[int, ...], strategies: tuple[str, ...], done: set[tuple],
) -> Rows:  # fmt: skip
    pool, labels, test, true = images(work, name, k, seed)
    budgets = tuple(b for b in budgets if b <= MOST_LABELLED * len(pool))
    todo = [(b, s) for b in budgets for s in strategies if not any(key[:2] == (b, s) for key in done)]
    if not todo:
        return []
    # The labels of a smaller budget come first.
    chosen, given = labels_by_budget(pool, labels, [max(budgets)], acquisition, balancing, seed)[max(budgets)]
    rows: Rows = []
    for budget, strategy in todo:
        if len({*given[:budget]}) < 2:
            continue
        for self_training, facts in measured(pool, chosen[:budget], given[:budget], test, true, strategy, seed).items():
            cell = (name, k, seed, acquisition, budget, strategy, self_training)
            rows.append(dict(zip(KEY, cell, strict=True)) | {"n_images": len(pool), **facts})
    return rows


def images(work: Path, name: str, k: int, seed: int) -> "tuple[Pool, np.ndarray, Pool, np.ndarray]":
    """Pool and test set of a seed; of k > 0 a long tail of so many classes, drawn among the larger half."""
    pool, labels, test, true = split(work, name, SOURCE, seed)
    if not k:
        return pool, labels, test, true
    rng = np.random.default_rng([seed, k, 77])
    names, sizes = np.unique(labels, return_counts=True)
    large = names[np.argsort(-sizes, kind="stable")[: len(names) // 2]]
    classes = rng.permutation(np.intersect1d(large, true))[:k]
    common = max((labels == c).sum() for c in classes)
    rows, tested = rows_of_tail(labels, classes, common, RATIO, rng), np.flatnonzero(np.isin(true, classes))
    return pool.take(rows), labels[rows], test.take(tested), true[tested]


def measured(
    pool: "Pool", chosen: np.ndarray, given: list, test: "Pool", true: np.ndarray, strategy: str, seed: int
) -> dict[bool, dict[str, Any]]:
    """Test accuracy and CPU seconds without and with self-training, which stays if the folds do not speak against it."""
    from evenpick import macro_accuracy, train

    if strategy == PLAIN[0]:
        return {False: {"accuracy": round(100 * accuracy_of(pool, chosen, given, test, true), 3)}}
    found = {}
    for self_training, unlabelled in ((False, ()), (True, None)):
        start = time.process_time()
        model = train(pool, chosen, given, strategy, random_state=seed, unlabelled=unlabelled)
        seconds = time.process_time() - start
        folds = model.cross_validation
        found[self_training] = {
            "accuracy": round(100 * macro_accuracy(true, model.predict(test)), 3),
            "kept": model.strategy != strategy,
            "nested": round(100 * folds.corrected_accuracy, 3) if folds else None,
            "calibration_error": round(folds.calibration_error, 4) if folds else None,
            "cpu_seconds": round(seconds, 2),
        }
    return found


# --- the page ---------------------------------------------------------------------------------------


def table(rows: Rows) -> str:
    found: Accuracies = {}
    for row in rows:
        place = (row["set"], row["n_classes"], row["acquisition"], row["budget"])
        found.setdefault(place, {}).setdefault((row["strategy"], row["self_training"]), {})[row["seed"]] = row
    lines = [
        "# Training strategies",
        "",
        "Test macro accuracy in percent over all classes, undiscovered ones counting 0, on the same labels, chosen by `auto` or",
        "at random. The default is `logistic_regression` with self-training, on centred powers of features. *Plain* is logistic",
        "regression on features of length 1 with C = 30 and the printed prior correction (tau = 1), nothing chosen. `svm` is the paper's, its C, temperature and tau chosen on folds.",
        "Differences are the default less the other, paired over the seeds, with the half width of the 95 % t interval.",
        "A row of one seed has no interval: single differences of a point or two are the luck of a test set. The last row is over pools,",
        "each its mean over the numbers of labels and both ways of choosing; a pool is a set, a number of classes and a seed. Pools of one set",
        "share images, so that its intervals are somewhat narrow.",
        "",
        "Pools and test sets are those of [sources.md](sources.md) (2,200 images of a set at most, of which a seed draws 90 %; of",
        f"elpv 60 %); *k classes* are long tails: k of the larger half of classes, the rarest a {RATIO}th of the most common.",
        "With 2,000 labels, of the whole sets, the default is held against *plain* in the last table of [choosing.md](choosing.md).",
        f"Command: `python benchmarks/training.py run --work WORK`, source `{SOURCE}`, commit {commits(rows)}.",
        "",
        "## The default beside the others",
        "",
        *_table_of(found, RIVALS),
        "",
        "## What self-training is worth, and what training costs",
        "",
        *_self_training(found),
    ]
    return "\n".join(lines) + "\n"


def _table_of(found: "Accuracies", rivals: Sequence[Trained]) -> list[str]:
    lines = [
        f"| set | labels | chosen by | default | {' | '.join(map(_title, rivals))} | seeds |",
        "|---|---|---|---|" + "---|" * (len(rivals) + 1),
    ]
    ahead: dict[Trained, dict[tuple, list[float]]] = {rival: {} for rival in rivals}  # by pool
    behind_best = []
    for place in sorted(found, key=_order):
        own = found[place].get(OURS)
        if not own:
            continue
        cells, means = [], []
        for rival in rivals:
            of = found[place].get(rival, {})
            differences = {seed: own[seed]["accuracy"] - of[seed]["accuracy"] for seed in of if seed in own}
            cells.append(interval(list(differences.values()), "+") if differences else "")
            if differences:
                means.append(float(np.mean(list(differences.values()))))
            for seed, difference in differences.items():
                ahead[rival].setdefault((*place[:2], seed), []).append(difference)
        if means:
            behind_best.append((min(means), place))
        accuracy = np.mean([row["accuracy"] for row in own.values()])
        lines.append(f"| {_named(place)} | {accuracy:.1f} | {' | '.join(cells)} | {len(own)} |")
    over_pools = [[float(np.mean(of)) for of in ahead[rival].values()] for rival in rivals]
    mean = " | ".join(f"**{interval(of, '+')}** ({len(of)})" if of else "" for of in over_pools)
    lines.append(f"| mean (of so many pools) | | | | {mean} | |")
    if not behind_best:
        return lines
    within = sum(value >= -WITHIN for value, _ in behind_best)
    worst = min(behind_best)
    return [
        *lines, "",
        f"The default is within {WITHIN} points of the best other of its row, or ahead, in {within} of {len(behind_best)} rows;",
        f"furthest behind: {worst[0]:+.1f} ({' '.join(_named(worst[1]).split(' | '))}).",
    ]  # fmt: skip


def _self_training(found: "Accuracies") -> list[str]:
    lines = [
        "Means over all rows that have both. *Kept*: how often the folds let self-training stay.",
        "",
        "| strategy | labels | without | with | difference | kept | CPU s without | with | cells |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for strategy, budget in itertools.product(("logistic_regression", "svm", "nearest_mean"), BUDGETS):
        pairs = [
            (of[strategy, False][seed], of[strategy, True][seed])
            for place, of in found.items()
            if place[3] == budget and (strategy, True) in of
            for seed in of[strategy, True].keys() & of[strategy, False].keys()
        ]
        if pairs:
            without, with_ = (np.mean([pair[i]["accuracy"] for pair in pairs]) for i in (0, 1))
            seconds = [np.mean([pair[i]["cpu_seconds"] for pair in pairs]) for i in (0, 1)]
            kept = sum(pair[1]["kept"] for pair in pairs)
            lines.append(
                f"| `{strategy}` | {budget} | {without:.1f} | {with_:.1f} | {with_ - without:+.1f} | {kept} of {len(pairs)} "
                f"| {seconds[0]:.1f} | {seconds[1]:.1f} | {len(pairs)} |"
            )
    return lines


def _order(place: tuple) -> tuple:
    return (SETS.index(place[0]), place[1], place[3], place[2])


def _named(place: tuple) -> str:
    name, k, acquisition, budget = place
    return f"{name}{f', {k} classes' if k else ''} | {budget} | {acquisition}"


def _title(trained: Trained) -> str:
    name = "plain" if trained == PLAIN else f"`{trained[0]}`"
    return name + (" + self-training" if trained[1] else "")


if __name__ == "__main__":
    main()
