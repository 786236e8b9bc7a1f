"""How often the labels that come first as doubtful are wrong, where the wrong ones are known because they were made so.

    python benchmarks/sources.py features --data DATA --work WORK --source efficientnet_lite0    # the images, once
    python benchmarks/doubtful.py run --work WORK     # ten minutes on two cores; a killed run goes on
    python benchmarks/doubtful.py table               # benchmarks/doubtful.md from the results

Labels are those of images that `auto` asked for. A share of them becomes another class: a random one, or the one that a
classifier on the true labels confuses most with theirs. It needs cleanlab (pip install cleanlab).
"""

import argparse
import itertools
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cells import SETS, Rows, command_line, commits, interval, keys_of, run_in_processes
from sources import split

if TYPE_CHECKING:
    from evenpick import Pool

SOURCE = "efficientnet_lite0"
LABELS = (200, 500)
NOISE = tuple(itertools.product((0.05, 0.1), ("uniform", "confused")))
SEEDS = range(5)
FIRST = 10  # images; `status` names five, a person looks at ten
KEY = ("set", "seed", "labels", "share", "to")
RULES = {
    "evenpick": "evenpick",
    "same": "cleanlab, these probabilities, by self-confidence",
    "same_margin": "cleanlab, these probabilities, by margin",
    "usual": "cleanlab as its users call it",
}


def main() -> None:
    command_line(__file__, __doc__, run, table, folders=("work",))


def run(options: argparse.Namespace, results: Path) -> None:
    done = keys_of(results, KEY)
    wanted = [(name, seed, n) for seed in SEEDS for name in SETS for n in LABELS]
    cells = [cell for cell in wanted if any((*cell, *noise) not in done for noise in NOISE)]
    run_in_processes(cells, partial(_cell, options.work), options, results)


def _cell(work: Path, name: str, seed: int, n_labels: int) -> Rows:
    from evenpick import simulate

    pool, labels, _, _ = split(work, name, SOURCE, seed)
    asked = simulate(pool, labels, n_labels, audit=0, random_state=seed)
    rows, true = np.asarray(asked.indices), np.array([str(label) for label in asked.labels])
    confused = _most_confused(pool, rows, true)
    found = []
    for share, to in NOISE:
        rng = np.random.default_rng([seed, n_labels, round(100 * share), to == "uniform"])
        at = rng.choice(n_labels, round(share * n_labels), replace=False)
        given = true.copy()
        for place in at:
            others = np.setdiff1d(true, true[place])
            given[place] = rng.choice(others) if to == "uniform" else confused[true[place]]
        wrong = {*rows[at].tolist()}
        precisions = {rule: _precisions(order, wrong) for rule, order in _orders(pool, rows, given).items()}
        found.append(dict(zip(KEY, (name, seed, n_labels, share, to), strict=True)) | precisions)
    return found


def _precisions(order: list[int], wrong: set[int]) -> list[float]:
    """Shares of wrong labels among the first ten, and among as many as are wrong; a place that is not filled is a miss."""
    return [round(100 * len(wrong & {*order[:k]}) / k, 3) for k in (FIRST, len(wrong))]


def _orders(pool: "Pool", rows: np.ndarray, given: np.ndarray) -> dict[str, list[int]]:
    """The rows that each rule lists, worst first."""
    from cleanlab.filter import find_label_issues
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    from evenpick.classifiers import in_own_basis
    from evenpick.estimates import doubtful_labels
    from evenpick.estimates.doubtful import out_of_fold

    first = list(dict.fromkeys(given.tolist()))
    numbers = np.array([first.index(name) for name in given])
    probabilities = out_of_fold(pool, rows, numbers, None, np.random.default_rng(0))
    judged = np.flatnonzero(~np.isnan(probabilities[:, 0]))
    kept, compact = np.unique(numbers[judged], return_inverse=True)
    ours = probabilities[np.ix_(judged, kept)]
    ours /= ours.sum(axis=1, keepdims=True)
    listed = {
        rule: find_label_issues(compact, ours, return_indices_ranked_by=by, n_jobs=1)
        for rule, by in (("same", "self_confidence"), ("same_margin", "normalized_margin"))
    }
    # Features as they are, for that is what people have; in their own basis the classifier is the same, and sooner found.
    features = in_own_basis(np.asarray(pool.features)[rows[judged]])[0]
    predicted = cross_val_predict(LogisticRegression(max_iter=200), features, compact, cv=5, method="predict_proba")
    listed["usual"] = find_label_issues(compact, predicted, return_indices_ranked_by="self_confidence", n_jobs=1)
    orders = {rule: rows[judged[places]].tolist() for rule, places in listed.items()}
    return {"evenpick": [one.row for one in doubtful_labels(pool, rows, given.tolist())], **orders}


def _most_confused(pool: object, rows: np.ndarray, true: np.ndarray) -> dict[str, str]:
    """For each class the one that images of it get the highest probability for, on the true labels."""
    from evenpick.estimates.doubtful import out_of_fold

    classes = np.unique(true)
    first = list(dict.fromkeys(true.tolist()))
    probabilities = out_of_fold(
        pool, rows, np.array([first.index(name) for name in true]), None, np.random.default_rng(1)
    )
    found = {}
    for name in classes:
        sums = np.nansum(probabilities[true == name], axis=0)
        sums[first.index(name)] = -1
        found[str(name)] = first[int(sums.argmax())]
    return found


# --- the page ---------------------------------------------------------------------------------------


def table(rows: Rows) -> str:
    whole = len(SETS) * len(LABELS) * len(NOISE)
    seeds = [seed for seed in SEEDS if sum(row["seed"] == seed for row in rows) == whole]
    rows = [row for row in rows if row["seed"] in seeds]
    lines = [
        "# Labels that may be wrong",
        "",
        f"Of the labels that come first, how many percent are wrong: among the first {FIRST}, and among as many as are wrong (5 % or 10 % of",
        f"the labels, changed to a random class or to the one most confused with theirs). Labels by `auto`; mean of {len(seeds)} seeds, both shares",
        "and both kinds; of another rule how far it is ahead of evenpick (-: behind) on the same labels, with the half width of",
        "the 95 % t interval over the seeds, not corrected for their number. *These probabilities* are evenpick's own, out of fold and with prior correction, given to",
        "`cleanlab.filter.find_label_issues`; *as its users call it*: those of scikit-learn's `LogisticRegression` by `cross_val_predict` on the",
        "features. A rule that lists fewer images than are asked for misses the rest.",
        f"Command: `python benchmarks/doubtful.py run --work WORK`, source `{SOURCE}` as in [sources.md](sources.md), commit {commits(rows)}.",
    ]  # fmt: skip
    for place, title in enumerate((f"Among the first {FIRST}", "Among as many as are wrong")):
        lines += ["", f"## {title}", "", "| set | labels | evenpick | " + " | ".join([*RULES.values()][1:]) + " |"]
        lines.append("|---|---|" + "---|" * len(RULES))
        for name, n in [*itertools.product(SETS, LABELS), ("all", 0)]:
            here = [row for row in rows if (row["set"], row["labels"]) == (name, n) or name == "all"]
            if here:
                lines.append(f"| {name} | {n or ''} | {' | '.join(_cells(here, place))} |")
    lines += ["", "## By share and kind", "", "| wrong | evenpick | " + " | ".join([*RULES.values()][1:]) + " |"]
    lines.append("|---|" + "---|" * len(RULES))
    for share, to in NOISE:
        here = [row for row in rows if (row["share"], row["to"]) == (share, to)]
        if here:
            kind = "a random class" if to == "uniform" else "the class most confused with theirs"
            lines.append(f"| {100 * share:.0f} %, {kind} | {' | '.join(_cells(here, 1))} |")
    return "\n".join(lines) + "\n"


def _cells(rows: Rows, place: int) -> list[str]:
    """Evenpick's mean, and what the others differ by; seeds are what intervals are over."""
    cells, seeds = [f"{np.mean([row['evenpick'][place] for row in rows]):.1f}"], sorted({row["seed"] for row in rows})
    for rule in [*RULES][1:]:
        by_seed = [[row[rule][place] - row["evenpick"][place] for row in rows if row["seed"] == seed] for seed in seeds]
        cells.append(interval([float(np.mean(values)) for values in by_seed], "+"))
    return cells


if __name__ == "__main__":
    main()
