"""Which images to label first: every way of choosing, on four labelled image sets, judged by one classifier or the other.

    python benchmarks/choosing.py run --data DATA --work WORK     # hours on two cores; a killed run goes on
    python benchmarks/choosing.py run --data DATA --work WORK --classifiers plain default    # the short list by what `train` trains, too
    python benchmarks/choosing.py table                           # benchmarks/choosing.md from the results

DATA, WORK, the part of the pool that a seed draws and its test set are those of `cells.py`, the same for every method.
"plain" is logistic regression on features of length 1, C = 30, probabilities divided by the class frequencies of the
labels. Of the ways that retrain, those of `retrained.py`, the best of `rivals.md` are here.
"""

import argparse
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cells import SETS, Labelled, Rows, command_line, commits, embed_all, interval, keys_of, part_of, run_cells
from retrained import TITLES, chosen_by

if TYPE_CHECKING:
    from evenpick import Pool

BUDGETS = (100, 200, 500, 1000, 2000)
SEEDS = range(5)
OURS = ("auto", "auto")
PLAN_FOR_THE_BUDGET = ("k_means", "typiclust", "prob_cover")
# scikit-activeml's rule with the kernel of ours, on the images that ours covers: each pick takes it time that grows with
# the square of their number.
THEIRS = "max_herding of scikit-activeml"
RETRAINED = "retrained"  # in place of a balancing: a rule of `retrained.py`
THEIR_BUDGETS = {"elpv": (100, 200, 500), "caltech": (100, 200), "places": (100, 200), "food": (100,)}
METHODS = [
    *((name, None) for name in ("random", "ent", "ms", "lc", "ent_inv", "ms_inv", "lc_inv", "ent_div", "ms_div", "lc_div")),
    *((name, None) for name in ("ent_inv_div", "ms_inv_div", "lc_inv_div", "core_set")),
    *((name, "ratio_max") for name in ("random", "ent_inv_div", "lc_inv_div", "core_set")),
    *((name, None) for name in ("badge", "max_herding", THEIRS, "uncertainty_herding", *PLAN_FOR_THE_BUDGET)),
    ("random", "auto"),
    *((name, RETRAINED) for name in ("uherding", "margin", "oracle")),
    OURS,
]  # fmt: skip
CLASSIFIERS = ("plain", "default")
SHORT_LIST = [
    ("random", None),
    ("max_herding", None),
    ("k_means", None),
    *((name, RETRAINED) for name in ("uherding", "margin", "oracle")),
    OURS,
]  # that the default judges too: it takes its time
KEY = ("set", "seed", "acquisition", "balancing", "budget", "classifier")


def main() -> None:
    command_line(__file__, __doc__, run, table, _options)


def _options(parser: argparse.ArgumentParser) -> None:
    names = [*dict.fromkeys(name for name, _ in METHODS)]
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--acquisitions", nargs="+", choices=names, default=names)
    parser.add_argument("--classifiers", nargs="+", choices=CLASSIFIERS, default=CLASSIFIERS[:1])
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work, options.sets)
    done, cells = keys_of(results, KEY), []
    for seed in options.seeds:
        for name in options.sets:
            for method in (m for m in METHODS if m[0] in options.acquisitions):
                known = THEIR_BUDGETS.get(name, ()) if method[0] == THEIRS else BUDGETS
                budgets = {*options.budgets} & {*known} - ({2000} if name == "elpv" else set())  # it has 1,574 images
                judges = [c for c in options.classifiers if c == "plain" or method in SHORT_LIST]
                wanted = itertools.product(sorted(budgets), judges)
                if missing := [of for of in wanted if (name, seed, *method, *of) not in done]:
                    cells.append((name, seed, *method, missing))
    run_cells(cells, _cell, options, results)


def _cell(
    data: Path,
    work: Path,
    name: str,
    seed: int,
    acquisition: str,
    balancing: str | None,
    wanted: list[tuple[int, str]],
) -> Rows:
    """For each budget and classifier of `wanted`."""
    from evenpick import imbalance_ratio
    from evenpick.metrics import class_counts, classes_found

    pool, labels, test, true = part_of(data, work, name, seed)
    function = _their_max_herding if acquisition == THEIRS else acquisition
    budgets = [*{budget: None for budget, _ in wanted}]
    labelled = labels_by_budget(pool, labels, budgets, function, balancing, seed)
    rows = []
    for budget, classifier in wanted:
        chosen, given = labelled[budget]
        accuracies = {c: judged(c, pool, labelled[budget], (test, true), seed) for c in {classifier, "plain"}}
        facts = {
            "accuracy": accuracies[classifier],
            "classes_found": classes_found(given),
            "imbalance_ratio": round(imbalance_ratio(class_counts(given, sorted(set(labels)))), 4),
            "picks": _digest(chosen),
        }
        if classifier != "plain":
            facts["plain_accuracy"] = accuracies["plain"]  # on the same labels
        rows.append(dict(zip(KEY, (name, seed, acquisition, balancing, budget, classifier), strict=True)) | facts)
    return rows


def labels_by_budget(
    pool: "Pool", labels: np.ndarray, budgets: list, acquisition: Any, balancing: str | None, seed: int
) -> dict[int, tuple[np.ndarray, list]]:
    """The images chosen with each budget, the largest first, and their labels."""
    from evenpick import simulate

    if balancing == RETRAINED:
        rows, _ = chosen_by(acquisition, pool, labels, max(budgets), seed)
        return {budget: (rows[:budget], labels[rows[:budget]].tolist()) for budget in budgets}
    found, result = {}, None
    for budget in sorted(budgets, reverse=True):
        # Without the paper's switch, and but for clusterings, the labels of a smaller budget come first.
        if result is None or balancing in ("ratio_max", "diff_min") or acquisition in PLAN_FOR_THE_BUDGET:
            result = simulate(
                pool, labels, budget, acquisition=acquisition, balancing=balancing, audit=0, random_state=seed
            )
        found[budget] = result.indices[:budget], result.labels[:budget]
    return found


def _their_max_herding(pool: "Pool", budget: int, rng: np.random.Generator) -> np.ndarray:
    from skactiveml.pool import MaxHerding

    from evenpick.acquisition import kernel_width, rows_to_cover, unit_features
    from evenpick.skactiveml_bridge import from_skactiveml

    rows = rows_to_cover(pool, budget, rng)
    points = unit_features(pool, rows)
    theirs = MaxHerding(metric_dict={"gamma": 1 / kernel_width(points, rng) ** 2})
    return rows[from_skactiveml(theirs)(pool.take(rows), budget, rng)]


def accuracy_of(pool: "Pool", chosen: np.ndarray, given: Sequence, test: "Pool", true: np.ndarray) -> float:
    from evenpick import macro_accuracy
    from evenpick.acquisition import unit_features
    from evenpick.classifiers import fit_probe

    classes, numbers = np.unique(given, return_inverse=True)
    if len(classes) == 1:
        return macro_accuracy(true, np.full(len(true), classes[0]))
    probe = fit_probe(unit_features(pool, chosen), numbers)
    return macro_accuracy(true, classes[probe.probabilities(unit_features(test, np.arange(len(test)))).argmax(axis=1)])


def judged(classifier: str, pool: "Pool", labelled: tuple[np.ndarray, Sequence], tested: Labelled, seed: int) -> float:
    """Test macro accuracy in percent, of the images chosen and their labels."""
    from evenpick import macro_accuracy, train

    (chosen, given), (test, true) = labelled, tested
    if classifier == "plain" or len({*given}) == 1:
        return round(100 * accuracy_of(pool, chosen, given, test, true), 3)
    model = train(pool, chosen, given, random_state=seed)
    return round(100 * macro_accuracy(true, model.predict(test)), 3)


def _digest(chosen: np.ndarray) -> str:
    """Of the set of images, to tell whether two methods chose the same ones."""
    return hashlib.sha256(np.sort(chosen).astype(np.int64).tobytes()).hexdigest()[:12]


def table(rows: Rows) -> str:
    retrained = any(row["balancing"] == RETRAINED for row in rows)
    by_default = any(row["classifier"] == "default" for row in rows)
    lines = [
        "# Which images to label first",
        "",
        "Macro accuracy in percent over all classes of the test set, undiscovered ones counting 0. Every method is judged by one classifier:",
        "logistic regression on features of length 1 (C = 30) with prior correction."
        + " A few are judged by `train`'s default too, below." * by_default,
        f"Mean over the seeds 0 to {SEEDS[-1]} (fewer where a cell says so); a seed draws 90 % of the pool (elpv: 60 % by class, tested on the rest).",
        "`auto` is acquisition `auto` with balancing `auto`; the label count is the budget."
        + " UHerding and margin retrain in every round ([rivals.md](rivals.md))." * retrained,
        "The oracle draws equally from every class by the true labels, and so cheats. " * retrained
        + "In the second table each method is paired with `auto` on the same seeds: `auto` less the method, with the half width of the 95 % t interval, over",
        f"all the seeds that both were run with, {len(SEEDS)} where a cell does not say so.",
        "",
        f"Made by `python benchmarks/choosing.py run --data DATA --work WORK{' --classifiers plain default' * by_default}`, source `efficientnet_lite0`, two cores,",
        f"commit {commits(rows)}; a cell that is empty was not run.",
        f"scikit-activeml's MaxHerding has the kernel of ours; {_alike(rows)}. Ours takes gains closer than a millionth of the",
        "first one for a tie, and after the first tie that is broken the other way the lists go on differently. The last column is the mean over all columns, for methods that have every one of them.",
        "",
        *_tables_of(rows, "plain"),
    ]
    if by_default:
        lines += ["", "## Judged by `train`'s default classifier", "", *_tables_of(rows, "default")]
        lines += ["", "### The default less logistic regression, on the same labels", "", *_by_the_classifier(rows)]
    return "\n".join(lines) + "\n"


def _tables_of(rows: Rows, classifier: str) -> list[str]:
    cells = _judged_by(rows, classifier)
    columns = _columns(cells)
    return [*_means(cells, columns), "", "### `auto` less each method", "", *_differences(cells, columns)]


def _judged_by(rows: Rows, classifier: str) -> dict[tuple, float]:
    return {tuple(row[k] for k in KEY[:-1]): row["accuracy"] for row in rows if row["classifier"] == classifier}


def _columns(cells: dict) -> list[tuple[str, int]]:
    return [(name, b) for name in SETS for b in BUDGETS if any(key[0] == name and key[4] == b for key in cells)]


def _by_the_classifier(rows: Rows) -> list[str]:
    default = _judged_by(rows, "default")
    plain = {tuple(row[k] for k in KEY[:-1]): row["plain_accuracy"] for row in rows if "plain_accuracy" in row}
    columns = _columns(default)
    lines = _head(columns, "mean")
    for method in SHORT_LIST:
        pairs = [_paired(_of(default, method, column), _of(plain, method, column)) for column in columns]
        mean = f"{np.mean([np.mean(ahead) for ahead in pairs]):+.1f}" if all(pairs) else ""
        lines.append(f"| {title(method)} | " + " | ".join(map(_shown, pairs)) + f" | {mean} |")
    return lines


def _paired(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    """Ours less theirs, of each seed that both have."""
    return [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]


def _shown(differences: list[float]) -> str:
    """Nothing of less than two seeds."""
    if len(differences) < 2:
        return ""
    return interval(differences, "+") + f" ({len(differences)})" * (len(differences) != len(SEEDS))


def _alike(rows: Rows) -> str:
    picks = {tuple(row[k] for k in KEY[:-1]): row.get("picks") for row in rows if row["classifier"] == "plain"}
    pairs = [(picks[key], picks[(*key[:2], "max_herding", *key[3:])]) for key in picks if key[2] == THEIRS]
    return f"in {sum(ours == theirs for ours, theirs in pairs)} of {len(pairs)} runs both choose the same images"


def _head(columns: list, last: str) -> list[str]:
    return [
        "| acquisition + balancing | " + " | ".join(f"{name} {b}" for name, b in columns) + f" | {last} |",
        "|---|" + "---|" * (len(columns) + 1),
    ]


def _of(cells: dict, method: tuple, column: tuple) -> dict[int, float]:
    """By seed."""
    return {
        key[1]: accuracy for key, accuracy in cells.items() if (key[0], *key[2:]) == (column[0], *method, column[1])
    }


def _means(cells: dict, columns: list) -> list[str]:
    cells = {key: accuracy for key, accuracy in cells.items() if key[1] in SEEDS}
    run = {key[2:4] for key in cells}
    means = {
        m: np.array([np.mean([*_of(cells, m, c).values()]) if _of(cells, m, c) else np.nan for c in columns])
        for m in METHODS
        if m in run
    }
    best = np.nanmax([*means.values()], axis=0)
    full = [m for m in means if not np.isnan(means[m]).any()]
    lines = _head(columns, "mean")
    for method in sorted(means, key=lambda m: (m not in full, -np.nanmean(means[m]))):
        shown = []
        for value, top, column in zip(means[method], best, columns, strict=True):
            n = len(_of(cells, method, column))
            text = "" if np.isnan(value) else f"**{value:.1f}**" if value == top else f"{value:.1f}"
            shown.append(text + (f" ({n})" if 0 < n < len(SEEDS) else ""))
        mean = f"{np.mean(means[method]):.1f}" if method in full else ""
        lines.append(f"| {title(method)} | " + " | ".join(shown) + f" | {mean} |")
    return lines


def _differences(cells: dict, columns: list) -> list[str]:
    from evenpick.metrics import mean_interval

    lines, n_all, n_below = _head(columns, "cells below / above 0"), 0, 0
    for method in {key[2:4]: None for key in cells if key[2:4] != OURS}:
        shown, below, above = [], 0, 0
        for column in columns:
            ahead = _paired(_of(cells, OURS, column), _of(cells, method, column))
            shown.append(_shown(ahead))
            if shown[-1]:
                mean, half = mean_interval(ahead)
                below, above = below + (mean + half < 0), above + (mean - half > 0)
        n_all, n_below = n_all + sum(map(bool, shown)), n_below + below
        lines.append(f"| {title(method)} | " + " | ".join(shown) + f" | {below} / {above} |")
    return [
        *lines,
        "",
        f"Of {n_all} differences {n_below} {'lies' if n_below == 1 else 'lie'} below 0 by more than the interval.",
    ]


def title(method: tuple) -> str:
    if method[1] == RETRAINED:
        return TITLES[method[0]]
    return f"`{method[0]}`" if method[1] is None else f"`{method[0]}` + `{method[1]}`"


if __name__ == "__main__":
    main()
