"""`auto` beside published ways of choosing that retrain in every round, judged by two classifiers.

    python benchmarks/rivals.py run --work WORK                            # an hour on one core; a killed run goes on
    python benchmarks/rivals.py run --work WORK --classifier default       # several hours: `train`'s default is judged too
    python benchmarks/rivals.py table                                      # benchmarks/rivals.md from the results

WORK holds the features that `sources.py features` makes; the part of a pool that a seed draws, its test set and the
long tails are those of `training.py`. The rules are those of `iterative.py` and `iterative_graphs.py`, all in the rounds of `auto`.
"""

import argparse
import itertools
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from cells import Rows, commits, interval, keys_of, rows_of, run_in_processes, this_commit
from choosing import judged
from retrained import METHODS, ORACLE, OURS, RANDOM, TITLES, chosen_by
from training import MOST_LABELLED, SOURCE, images

# Sets, and classes of a long tail; 0: the whole set.
PLACES = (("elpv", 0), ("caltech", 0), ("places", 0), ("food", 0), ("places", 20), ("food", 20))
BUDGETS = {"plain": (50, 100, 200, 500), "default": (100, 200, 500)}
SEEDS = range(5)
ENOUGH = 3  # seeds, for an interval of a column
KEY = ("set", "n_classes", "seed", "method", "classifier")
Column: TypeAlias = tuple[str, int, int]  # set, classes of a long tail, labels
Drawn: TypeAlias = tuple[str, int, int]  # set, classes of a long tail, seed
Found: TypeAlias = dict[str, dict[Drawn, dict[int, float]]]  # by method and pool: accuracy by labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    runs = commands.add_parser("run")
    runs.add_argument("--work", type=Path, required=True)
    runs.add_argument("--processes", type=int, default=1)
    runs.add_argument("--classifier", choices=BUDGETS, default="plain")
    runs.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    places = [f"{name}-{k}" for name, k in PLACES]
    runs.add_argument("--places", nargs="+", choices=places, default=places)
    runs.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    commands.add_parser("table")
    given, results = parser.parse_args(), Path(__file__).with_suffix(".jsonl")
    if given.command == "run":
        run(given, results)
    Path(__file__).with_suffix(".md").write_text(page(rows_of(results)))


def run(options: argparse.Namespace, results: Path) -> None:
    """Seed by seed, so that a run that is cut short has something of everything."""
    options.commit = this_commit()
    done = keys_of(results, KEY)
    cells = [
        (*place, seed, method, options.classifier)
        for seed, place, method in itertools.product(options.seeds, PLACES, options.methods)
        if f"{place[0]}-{place[1]}" in options.places
    ]
    run_in_processes([cell for cell in cells if cell not in done], partial(_cell, options.work), options, results)


def _cell(work: Path, name: str, k: int, seed: int, method: str, classifier: str) -> Rows:
    pool, labels, test, true = images(work, name, k, seed)
    budgets = [b for b in BUDGETS[classifier] if b <= MOST_LABELLED * len(pool)]
    begin = time.process_time()
    chosen, rounds = chosen_by(method, pool, labels, max(budgets), seed)
    seconds = time.process_time() - begin
    facts = {"n_images": len(pool), "seconds_a_round": round(seconds / rounds, 3)}
    labelled = {b: (chosen[:b], labels[chosen[:b]]) for b in budgets}
    accuracies = {str(b): judged(classifier, pool, labelled[b], (test, true), seed) for b in budgets}
    found = {str(b): len(np.unique(labels[chosen[:b]])) for b in budgets}
    row = dict(zip(KEY, (name, k, seed, method, classifier), strict=True))
    return [row | facts | {"classes_found": found, "accuracy": accuracies}]


# --- the page ---------------------------------------------------------------------------------------


def page(rows: Rows) -> str:
    lines = [
        "# `auto` beside methods that retrain in every round",
        "",
        "Test macro accuracy in percent over all classes, undiscovered ones counting 0. Every method chooses in the rounds of `auto`",
        "(40 labels, then 1.3 times as many), from the same features, and asks the same quick classifier where its paper asks a network:",
        "logistic regression on features of length 1, C = 30. None sees the number of classes. A rival knows every label before its round,",
        "`auto` all but the last twentieth. All but DropQuery and TypiClust, which have a start of their own, begin with the first round of `auto`.",
        "",
        "* *UHerding* (Bae et al., 2025): coverage weighted by 1 - margin; temperature by the calibration error on 30 % of the labels, kernel width the smallest distance between two labels.",
        "* *DropQuery* (Gupta et al., 2024): k-means of images whose class changes in two of three dropouts of 75 % of the features.",
        "* *BADGE* (Ash et al., 2020), *margin*: with the probabilities of the fitted classifier. *TypiClust* (Hacohen et al., 2022): clusters anew each round.",
        "* *PWLL-tau* (Miller & Calder, 2023): the smallest norm of Poisson-weighted Laplace learning whose tau decays, neighbours left out within a round.",
        "* *GALAXY* (Zhang et al., 2022): bisection of each class's order, label by label. *BAIT* (Ash et al., 2021): Fisher information, one block for all classes.",
        "* *oracle*: drawn equally from every class by the true labels. It cheats: it is the ceiling of balancing, not a method, and a rule may pass it. Not counted as a rival.",
        "",
        "Pools and test sets are those of [training.md](training.md) (2,200 images of a set at most, of which a seed draws 90 %; of elpv 60 %);",
        "*20 classes* are long tails of that page, the rarest class a tenth of the most common. A number of labels is run where it is at most 65 % of the pool.",
        "*Way* is the share of the way from random to oracle. Means and differences are those of pools, each its mean over the numbers of labels, paired,",
        "with the half width of the 95 % t interval over pools; a pool is a set and a seed. Pools of one set share images and a test set, so that intervals are somewhat narrow.",
        "A method that was run on fewer pools has the mean and the seconds of those: compare differences. In the second table of each pair they are over",
        "the seeds; of fewer than three there is no interval, and the number of seeds stands behind. *Columns below / above 0* counts the rows of that table in",
        "which `auto` is behind, or ahead, by more than the interval.",
        "",
        f"Command: `python benchmarks/rivals.py run --work WORK`, source `{SOURCE}`, one core, commit {commits(rows)}.",
    ]
    for classifier, title in (
        ("plain", "Judged by plain logistic regression (C = 30, tau = 1)"),
        ("default", "Judged by `train`'s default classifier"),
    ):
        some = [row for row in rows if row["classifier"] == classifier]
        if some:
            lines += ["", f"## {title}", "", *_section(some)]
    return "\n".join(lines) + "\n"


def _section(rows: Rows) -> list[str]:
    found: Found = {}
    for row in rows:
        accuracies = {int(budget): accuracy for budget, accuracy in row["accuracy"].items()}
        found.setdefault(row["method"], {})[row["set"], row["n_classes"], row["seed"]] = accuracies
    seconds = {(row["method"], row["set"], row["n_classes"], row["seed"]): row["seconds_a_round"] for row in rows}
    lines = []
    for title, tails in (("Whole sets", False), ("Long tails of 20 classes", True)):
        some = {method: {d: of for d, of in own.items() if (d[1] > 0) == tails} for method, own in found.items()}
        some = {method: some[method] for method in METHODS if some.get(method)}
        if OURS in some:
            lines += [f"### {title}", "", *_summary(some, seconds), "", *_by_column(some), ""]
    return lines[:-1]


def _summary(found: Found, seconds: dict[tuple, float]) -> list[str]:
    """A method a row, the best one first: over the pools that it shares with `auto`, random and the oracle."""
    lines = [
        "| method | mean | way | `auto` is ahead by | worst column for `auto` | columns below / above 0 | CPU s a round | pools |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method in sorted(found, key=lambda m: float(np.mean([*_ahead(found, m).values()] or [np.inf]))):
        pools = [d for d in found[method] if all(d in found.get(m, {}) for m in (OURS, RANDOM, ORACLE))]
        if not pools:
            continue
        mean, bottom, top = (
            np.mean([np.mean([*found[m][d].values()]) for d in pools]) for m in (method, RANDOM, ORACLE)
        )
        cells = ["", "", ""]
        if method != OURS:
            columns = {column: _differences(found, method, column) for column in _columns(found)}
            columns = {column: values for column, values in columns.items() if values}
            worst = min(columns, key=lambda c: np.mean(columns[c]))
            bounds = [_bounds(values) for values in columns.values() if len(values) >= ENOUGH]
            cells = [
                interval([*_ahead(found, method).values()], "+"),
                f"{_named(worst)}: {_shown(columns[worst])}",
                f"{sum(high < 0 for _, high in bounds)} / {sum(low > 0 for low, _ in bounds)} of {len(bounds)}",
            ]
        spent = np.mean([seconds[(method, *d)] for d in pools])
        shown = "" if method in (RANDOM, ORACLE, "max_herding") else f"{spent:.2f}"
        way = f"{100 * (mean - bottom) / (top - bottom):.0f} %"
        lines.append(f"| {TITLES[method]} | {mean:.1f} | {way} | {' | '.join(cells)} | {shown} | {len(pools)} |")
    return lines


def _ahead(found: Found, method: str) -> dict[Drawn, float]:
    """By how much `auto` is ahead on each pool, on the mean over its numbers of labels."""
    both = found[method].keys() & found[OURS].keys()
    return {d: float(np.mean([found[OURS][d][b] - of for b, of in found[method][d].items()])) for d in sorted(both)}


def _columns(found: Found) -> list[Column]:
    columns = {(*d[:2], budget) for own in found.values() for d, of in own.items() for budget in of}
    return sorted(columns, key=lambda c: (PLACES.index(c[:2]), c[2]))


def _differences(found: Found, method: str, column: Column) -> list[float]:
    """`auto` less the method, over the seeds that both have."""
    name, k, budget = column
    theirs, ours = found[method], found[OURS]
    both = [d for d in sorted(theirs.keys() & ours.keys()) if d[:2] == (name, k) and budget in theirs[d]]
    return [ours[d][budget] - theirs[d][budget] for d in both]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    from evenpick.metrics import mean_interval

    mean, half = mean_interval(values)
    return mean - half, mean + half


def _shown(values: Sequence[float]) -> str:
    return interval(values, "+") if len(values) >= ENOUGH else f"{np.mean(values):+.1f} ({len(values)})"


def _by_column(found: Found) -> list[str]:
    """A number of labels a row: `auto`, and by how much it is ahead of each other method."""
    others = [method for method in found if method != OURS]
    lines = [
        f"| set | labels | `auto` | {' | '.join('less ' + TITLES[m] for m in others)} |",
        "|---|---|---|" + "---|" * len(others),
    ]
    for column in _columns(found):
        own = [of[column[2]] for d, of in found[OURS].items() if d[:2] == column[:2] and column[2] in of]
        some = [_differences(found, method, column) for method in others]
        cells = [_shown(values) if values else "" for values in some]
        mean = f"{np.mean(own):.1f}" if own else ""
        lines.append(f"| {_named(column).rpartition(' ')[0]} | {column[2]} | {mean} | {' | '.join(cells)} |")
    return lines


def _named(column: Column) -> str:
    name, k, budget = column
    return f"{name}{f', {k} classes' if k else ''} {budget}"


if __name__ == "__main__":
    main()
