"""evenpick from the choice to the classifier, against every combination of other libraries' parts.

    python benchmarks/end_to_end.py run --work WORK          # an hour and a half on one core; a killed run goes on
    python benchmarks/end_to_end.py run --work WORK --own    # evenpick's own rows again, where they are of another commit
    python benchmarks/end_to_end.py run --work WORK --own --classifiers train plain    # ... those of its classifiers alone
    python benchmarks/end_to_end.py table                    # benchmarks/end_to_end.md from the results

WORK holds the features that `sources.py features` makes; the part of a pool that a seed draws, its test set and the
long tails are those of `training.py`. The parts of others are those of `end_to_end_peers.py`.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from cells import Rows, by_key, commits, interval, rows_of, run_in_processes, this_commit
from choosing import accuracy_of
from end_to_end_peers import CHOICES, CLASSIFIERS, NOT_IN_A_LIBRARY, SLOW, SLOW_CLASSIFIERS
from iterative import choose
from retrained import OURS as AUTO
from retrained import TITLES, chosen_by
from training import MOST_LABELLED, SOURCE, images

if TYPE_CHECKING:
    from evenpick import Pool

# Sets, and classes of a long tail; 0: the whole set.
PLACES = (
    ("elpv", 0),
    *((name, k) for name in ("caltech", "places", "food") for k in (0, 10, 20)),
)
BUDGETS = (100, 200, 500)
SEEDS = range(3)
ENOUGH = 3  # pools, for an interval
TRAIN, PLAIN = "train", "plain"
OWN_CLASSIFIERS = (TRAIN, PLAIN)
TRAINED = ("max_herding", "margin", "uherding")  # choices of others that `train` gets too
SHORT_LIST = (AUTO, "random", "typiclust", "max_herding", "uherding")  # choices that slow classifiers get
OURS = (AUTO, TRAIN)
KEY = ("set", "n_classes", "seed", "choice", "classifier")
Combination: TypeAlias = tuple[str, str]  # choice, classifier
Drawn: TypeAlias = tuple[str, int, int]  # set, classes of a long tail, seed
Found: TypeAlias = dict[Combination, dict[Drawn, dict[int, float | None]]]  # accuracy by labels; None: it refused
_TITLES = TITLES | {
    "auto": "evenpick's `auto`",
    "k_means": "k-means",
    "prob_cover": "ProbCover",
    "core_set": "CoreSet",
    "max_herding": "MaxHerding",
    "falcun": "FALCUN",
    "clue": "CLUE",
}
CHOICE_TITLES = {choice: _TITLES[choice] for choice in (AUTO, *CHOICES)}
CLASSIFIER_TITLES = {
    "lr_scaled": "LR, scaled",
    "lr_scaled_balanced": "LR, scaled, balanced",
    "lr_c1": "LR, C = 1",
    "lr_c30": "LR, C = 30",
    "linear_svc": "linear SVC",
    "ridge": "ridge",
    "svc_c1": "SVC, C = 1",
    "svc_c10": "SVC, C = 10",
    "nn1": "1-NN",
    "nn5": "5-NN",
    "centroid": "nearest centroid",
    "self_training": "self-training",
    "label_spreading": "label spreading",
    "train": "evenpick's `train`",
    "plain": "evenpick's plain LR",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    runs = commands.add_parser("run")
    runs.add_argument("--work", type=Path, required=True)
    runs.add_argument("--processes", type=int, default=1)
    runs.add_argument("--own", action="store_true", help="only evenpick's own rows, again where the commit is another")
    choices = [AUTO, *CHOICES]
    runs.add_argument("--choices", nargs="+", choices=choices, default=[c for c in choices if c not in SLOW])
    classifiers = [*CLASSIFIERS, *OWN_CLASSIFIERS]
    runs.add_argument("--classifiers", nargs="+", choices=classifiers, default=classifiers)
    runs.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    commands.add_parser("table")
    given, results = parser.parse_args(), Path(__file__).with_suffix(".jsonl")
    if given.command == "run":
        run(given, results)
    Path(__file__).with_suffix(".md").write_text(page(rows_of(results)))


def run(options: argparse.Namespace, results: Path) -> None:
    """Seed by seed and set by set, so that a run that is cut short has some pools of which it has everything."""
    options.commit = this_commit()
    done = {
        key for key, row in by_key(rows_of(results), KEY).items() if not options.own or row["commit"] == options.commit
    }
    cells = []
    for seed, place, choice in itertools.product(options.seeds, PLACES, options.choices):
        wanted = [c for c in classifiers_of(choice) if c in options.classifiers]
        wanted = [c for c in wanted if not options.own or is_own(choice, c)]
        if missing := tuple(c for c in wanted if (*place, seed, choice, c) not in done):
            cells.append((*place, seed, choice, missing))
    run_in_processes(cells, partial(_cell, options.work), options, results)
    # A row made again takes the place of the older one.
    latest = by_key(rows_of(results), KEY).values()
    results.write_text("".join(json.dumps(row) + "\n" for row in latest))


def classifiers_of(choice: str) -> tuple[str, ...]:
    others = [c for c in CLASSIFIERS if c not in SLOW_CLASSIFIERS or choice in SHORT_LIST]
    return (*others, *(OWN_CLASSIFIERS if choice in (AUTO, *TRAINED) else ()))


def is_own(choice: str, classifier: str) -> bool:
    return choice == AUTO or classifier in OWN_CLASSIFIERS


def _cell(work: Path, name: str, k: int, seed: int, choice: str, classifiers: tuple[str, ...]) -> Rows:
    pool, labels, test, true = images(work, name, k, seed)
    budgets = [b for b in BUDGETS if b <= MOST_LABELLED * len(pool)]
    begin = time.process_time()
    chosen = rows_chosen(choice, pool, labels, max(budgets), seed)
    facts = {"n_images": len(pool), "seconds_of_choosing": round(time.process_time() - begin, 2)}
    rows: Rows = []
    for classifier in classifiers:
        judged = {str(b): accuracy_and_seconds(classifier, pool, labels, chosen[:b], test, true, seed) for b in budgets}
        of_budgets = {
            "accuracy": {b: accuracy for b, (accuracy, _) in judged.items()},
            "cpu_seconds": {b: seconds for b, (_, seconds) in judged.items()},
        }
        rows.append(dict(zip(KEY, (name, k, seed, choice, classifier), strict=True)) | facts | of_budgets)
    return rows


def rows_chosen(choice: str, pool: "Pool", labels: np.ndarray, budget: int, seed: int) -> np.ndarray:
    """In the order in which they are labelled; the first 100 of 500 are what 100 labels would be."""
    from evenpick.acquisition import unit_features

    if choice == AUTO:
        return chosen_by(AUTO, pool, labels, budget, seed)[0]
    numbers = np.unique(labels, return_inverse=True)[1]
    points = unit_features(pool, np.arange(len(pool)))
    return choose(points, numbers, budget, CHOICES[choice], None, np.random.default_rng([seed, 6]))[0]


def accuracy_and_seconds(
    classifier: str, pool: "Pool", labels: np.ndarray, chosen: np.ndarray, test: "Pool", true: np.ndarray, seed: int
) -> tuple[float | None, float]:
    """Test macro accuracy in percent, None where the classifier refuses, and CPU seconds of training and predicting."""
    from evenpick import macro_accuracy, train

    given, begin = labels[chosen], time.process_time()
    if classifier == PLAIN:
        accuracy = accuracy_of(pool, chosen, given, test, true)
    elif classifier == TRAIN:
        accuracy = macro_accuracy(true, train(pool, chosen, given, random_state=seed).predict(test))
    else:
        classes, numbers = np.unique(given, return_inverse=True)
        left = np.setdiff1d(np.arange(len(pool)), chosen)
        points = [np.asarray(some, np.float32) for some in (pool.features[chosen], pool.features[left], test.features)]
        try:
            predicted = CLASSIFIERS[classifier](points[0], numbers, points[1], points[2])
        except ValueError:
            return None, round(time.process_time() - begin, 2)
        accuracy = macro_accuracy(true, classes[predicted])
    return round(100 * accuracy, 3), round(time.process_time() - begin, 2)


# --- the page ---------------------------------------------------------------------------------------


def page(rows: Rows) -> str:
    rows = [*by_key(rows, KEY).values()]
    found = found_in(rows)
    pools = whole_pools(found)
    best, widest = best_of(found, pools, NOT_IN_A_LIBRARY), best_of(found, pools)
    return "\n".join([
        "# evenpick end to end",
        "",
        "Who has features of images and no labels can join a query strategy of [scikit-activeml](https://scikit-activeml.github.io) with a",
        "classifier of [scikit-learn](https://scikit-learn.org), or take evenpick as it comes. Here every choice meets every classifier,",
        "on the same images. evenpick chooses by `auto` and trains by `train`, with nothing set.",
        "Figures are test macro accuracy in percent over all classes; a class that no label found counts 0.",
        "",
        *_headline(found, pools, best, widest),
        "",
        *_rules(rows, pools),
        "",
        "## Every combination",
        "",
        *_grid(found, pools, best),
        "",
        "## evenpick less the best combination",
        "",
        *_by_place(found, pools, best, widest),
        "",
        "## Which half gives what",
        "",
        *_halves(found, pools, best, widest),
        "",
        "## CPU seconds",
        "",
        *_costs(rows),
    ]) + "\n"  # fmt: skip


def found_in(rows: Rows) -> Found:
    found: Found = {}
    for row in rows:
        accuracies = {int(budget): accuracy for budget, accuracy in row["accuracy"].items()}
        drawn = (row["set"], row["n_classes"], row["seed"])
        found.setdefault((row["choice"], row["classifier"]), {})[drawn] = accuracies
    return found


def whole_pools(found: Found) -> list[Drawn]:
    """The pools of which all combinations of others that are run by default are there, and evenpick."""
    others = [(choice, c) for choice in CHOICES if choice not in SLOW for c in classifiers_of(choice)]
    wanted = [*((AUTO, c) for c in classifiers_of(AUTO)), *(of for of in others if of[1] not in OWN_CLASSIFIERS)]
    there = set.intersection(*({*found.get(combination, {})} for combination in wanted))
    return sorted(there, key=lambda d: (PLACES.index(d[:2]), d[2]))


def by_pool(found: Found, combination: Combination, pools: Iterable[Drawn]) -> np.ndarray:
    """Accuracy on each pool, its mean over the numbers of labels; nan where one is lacking or was refused."""
    of = found.get(combination, {})
    return np.array([np.mean(np.array([*of.get(d, {0: None}).values()], float)) for d in pools])


def best_of(found: Found, pools: list[Drawn], left_out: Iterable[str] = ()) -> Combination:
    """The combination of others' parts with the highest mean over these pools, of those that have all of them."""
    combinations = [c for c in itertools.product(CHOICES, CLASSIFIERS) if c[0] not in left_out]
    means = [by_pool(found, combination, pools).mean() for combination in combinations]
    return combinations[int(np.nanargmax(means))]


def ahead(found: Found, pools: list[Drawn], ours: Combination, other: Combination) -> np.ndarray:
    """By how much one is ahead of the other, on each pool."""
    return by_pool(found, ours, pools) - by_pool(found, other, pools)


def named(combination: Combination) -> str:
    return f"{CHOICE_TITLES[combination[0]]} + {CLASSIFIER_TITLES[combination[1]]}"


def _headline(found: Found, pools: list[Drawn], best: Combination, widest: Combination) -> list[str]:
    gain = interval(ahead(found, pools, OURS, best), "+")
    lines = [
        f"On average over {len(pools)} pools evenpick is ahead by **{gain} points** of the best combination, *{named(best)}*: the one",
        "with the highest mean over all these pools, so that it is known only afterwards.",
    ]
    if widest != best:
        lines += [
            f"With UHerding counted, which scikit-activeml lacks, the best is *{named(widest)}*; evenpick is ahead of it by",
            f"{interval(ahead(found, pools, OURS, widest), '+')}.",
        ]
    return lines


def _rules(rows: Rows, pools: list[Drawn]) -> list[str]:
    own, others = ([r for r in rows if is_own(r["choice"], r["classifier"]) == whose] for whose in (True, False))
    refused = sum(accuracy is None for row in rows for accuracy in row["accuracy"].values())
    slow = [CHOICE_TITLES[choice] for choice in SLOW]
    return [
        "* All choose in the rounds of `auto`: 40 labels, then 1.3 times as many. The first round is the strategy's own; margin,",
        "  DropQuery, FALCUN and CLUE need a classifier, and begin with that of TypiClust. The classifier that they ask is logistic regression, C = 30.",
        "* Choices get features of length 1. MaxHerding has the kernel width of its paper (1); else the settings are those that come.",
        "  *k-means* is scikit-learn's, anew in each round on what has no label; *UHerding*, which scikit-activeml lacks, is as its paper has it, as in [rivals.md](rivals.md).",
        "* *LR* is logistic regression, balanced by class unless it says *scaled* alone. Classifiers get features of length 1, those that say *scaled*",
        "  and SVC scaled ones. SVC has the RBF kernel; *ridge* is `RidgeClassifier`, balanced; *self-training* wraps LR, C = 30, and",
        "  *label spreading* has the kNN kernel: both are given the images without a label too. *Plain LR* is that of [training.md](training.md).",
        "* Nothing sees the number of classes, and nothing was set on the test images. All labels are chosen, without an audit (`--audit 0`).",
        "  100 and 200 labels are the first of 500, which may end within a round.",
        f"* Left out for their time: {', '.join(slow)} (112 CPU seconds to choose 500 of 1,980 images), `LogisticRegressionCV`, linear discriminant analysis and",
        "  `LinearSVC` on scaled features. Self-training, the slowest of the others, was run with five choices.",
        f"* Combinations that refused a set of labels: {refused or 'none'}.",
        "",
        "Pools and test sets are those of [training.md](training.md): caltech, places and food (2,200 images at most, of which a seed draws 90 %), elpv",
        "(60 %), and of the first three long tails of 10 and 20 classes, the rarest a tenth of the most common. A number of labels is run where it",
        f"is at most {MOST_LABELLED:.0%} of the pool. A pool is a set, a number of classes and a seed; its value is the mean over its numbers of labels.",
        "± is the half width of the 95 % t interval. Pools of one set share images and a test set, so that intervals over pools are somewhat narrow.",
        f"Of fewer than {ENOUGH} pools there is none.",
        f"Seeds: {', '.join(str(seed) for seed in sorted({d[2] for d in pools}))}; a set that was run with fewer says so. Command: `python benchmarks/end_to_end.py run --work WORK`, source `{SOURCE}`, one core;",
        f"evenpick's rows are of commit {commits(own)}, the others of {commits(others)}.",
    ]


def _grid(found: Found, pools: list[Drawn], best: Combination) -> list[str]:
    columns = (*CLASSIFIERS, *OWN_CLASSIFIERS)
    means = {combination: float(by_pool(found, combination, pools).mean()) for combination in found}
    shown = {combination: mean for combination, mean in means.items() if not np.isnan(mean)}
    lines = [
        f"Means over {len(pools)} pools. Bold: the best combination of what the libraries have (UHerding is in none), and evenpick. Empty: not run.",
        "",
        f"| choice | {' | '.join(CLASSIFIER_TITLES[c] for c in columns)} |",
        "|---|" + "---|" * len(columns),
    ]
    for choice in sorted((AUTO, *CHOICES), key=lambda c: (c == AUTO, -_highest(shown, c))):
        cells = [f"{shown[choice, c]:.1f}" if (choice, c) in shown else "" for c in columns]
        bold = [f"**{cell}**" if (choice, c) in (best, OURS) else cell for c, cell in zip(columns, cells, strict=True)]
        if any(cells):
            lines.append(f"| {CHOICE_TITLES[choice]} | {' | '.join(bold)} |")
    return lines


def _highest(shown: dict[Combination, float], choice: str) -> float:
    return max((mean for of, mean in shown.items() if of[0] == choice), default=-np.inf)


def _by_place(found: Found, pools: list[Drawn], best: Combination, widest: Combination) -> list[str]:
    """A number of labels a row; then the sets, and all."""
    rivals = [best] if widest == best else [best, widest]
    own_best = {place: best_of(found, [d for d in pools if d[:2] == place]) for place in {d[:2] for d in pools}}
    lines = [
        "*Its own best* is the combination with the highest mean on that set or long tail alone, chosen afterwards, UHerding among them: nobody can know it before.",
        "On long tails of caltech nearly every combination is near 100, which leaves no room for a difference.",
        "",
        f"| set | labels | evenpick | {' | '.join(f'less {named(c)}' for c in rivals)} | less its own best | its own best | seeds |",
        "|---|---|---|" + "---|" * (len(rivals) + 3),
    ]
    for place in (place for place in PLACES if place in own_best):
        drawn = [d for d in pools if d[:2] == place]
        for budget in BUDGETS:
            some = [d for d in drawn if budget in found[OURS][d]]
            if some:
                at = _at(found, budget)
                lines.append(_row_of(at, some, [*rivals, own_best[place]], f"{_place(place)} | {budget}", len(some)))
    groups = {f"{name}, all | ": [d for d in pools if d[0] == name] for name in dict.fromkeys(d[0] for d in pools)}
    groups["whole sets | "] = [d for d in pools if not d[1]]
    groups["long tails | "] = [d for d in pools if d[1]]
    for title, some in groups.items():
        if some:
            lines.append(_row_of(found, some, rivals, title, len({d[2] for d in some}), own_best))
    for budget in BUDGETS:
        some = [d for d in pools if budget in found[OURS][d]]
        if some:
            title = f"all | {budget}"
            lines.append(_row_of(_at(found, budget), some, rivals, title, len({d[2] for d in some}), own_best))
    return [*lines, _row_of(found, pools, rivals, "**all** | ", len({d[2] for d in pools}), own_best)]


def _at(found: Found, budget: int) -> Found:
    return {c: {d: {budget: a[budget]} for d, a in of.items() if budget in a} for c, of in found.items()}


def _row_of(
    found: Found, pools: list[Drawn], rivals: list[Combination], title: str, n_seeds: int,
    own_best: dict[tuple[str, int], Combination] | None = None,
) -> str:  # fmt: skip
    """Of `rivals` the last is the set's own best, unless `own_best` says which that is of each set."""
    gains = [ahead(found, pools, OURS, rival) for rival in rivals]
    last = named(rivals[-1])
    if own_best is not None:
        gains.append(np.array([ahead(found, [d], OURS, own_best[d[:2]])[0] for d in pools]))
        last = ""
    cells = [interval(of, "+") if len(of) >= ENOUGH else f"{of.mean():+.1f}" for of in gains]
    return f"| {title} | {by_pool(found, OURS, pools).mean():.1f} | {' | '.join(cells)} | {last} | {n_seeds} |"


def _place(place: tuple[str, int]) -> str:
    return f"{place[0]}{f', {place[1]} classes' if place[1] else ''}"


def _halves(found: Found, pools: list[Drawn], best: Combination, widest: Combination) -> list[str]:
    combinations = [
        OURS, (AUTO, PLAIN), (AUTO, best[1]), *((choice, TRAIN) for choice in TRAINED), best, widest
    ]  # fmt: skip
    lines = [
        "evenpick's choice with others' classifiers, and others' choice with evenpick's.",
        "",
        "| choice | classifier | mean | evenpick is ahead by | pools below / above 0 |",
        "|---|---|---|---|---|",
    ]
    for choice, classifier in dict.fromkeys(combinations):
        values = by_pool(found, (choice, classifier), pools)
        if np.isnan(values).any():
            continue
        less, title = "", ""
        if (choice, classifier) != OURS:
            gains = ahead(found, pools, OURS, (choice, classifier))
            less, title = interval(gains, "+"), f"{(gains < 0).sum()} / {(gains > 0).sum()} of {len(gains)}"
        lines.append(
            f"| {CHOICE_TITLES[choice]} | {CLASSIFIER_TITLES[classifier]} | {values.mean():.1f} | {less} | {title} |"
        )
    return lines


def _costs(rows: Rows) -> list[str]:
    whole = [row for row in rows if not row["n_classes"]]
    lines = [
        "Means over the whole sets. Training includes predicting the test images; choosing is all rounds up to the most labels.",
        "",
        "| classifier | " + " | ".join(f"{budget} labels" for budget in BUDGETS) + " |",
        "|---|" + "---|" * len(BUDGETS),
    ]
    for classifier in (*CLASSIFIERS, *OWN_CLASSIFIERS):
        some = [row["cpu_seconds"] for row in whole if row["classifier"] == classifier]
        by_budget = [[of[str(b)] for of in some if str(b) in of] for b in BUDGETS]
        cells = [f"{np.mean(of):.2f}" if of else "" for of in by_budget]
        lines.append(f"| {CLASSIFIER_TITLES[classifier]} | {' | '.join(cells)} |")
    lines += ["", "| choice | CPU seconds |", "|---|---|"]
    for choice in (AUTO, *CHOICES):
        spent: dict[Any, float] = {
            (row["set"], row["seed"]): row["seconds_of_choosing"] for row in whole if row["choice"] == choice
        }
        if spent:
            lines.append(f"| {CHOICE_TITLES[choice]} | {np.mean([*spent.values()]):.1f} |")
    return lines


if __name__ == "__main__":
    main()
