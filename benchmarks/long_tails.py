"""Few classes, some rare: every seed draws its own long-tailed pool from a labelled image set.

    python benchmarks/long_tails.py run --data DATA --work WORK     # five minutes on two cores; a killed run goes on
    python benchmarks/long_tails.py run --data DATA --work WORK --classifier default     # an hour: the short list, by what `train` trains
    python benchmarks/long_tails.py table                           # benchmarks/long_tails.md from the results

DATA and WORK are those of `cells.py`, the classifiers are those of `choosing.py`. A pool has 5, 10 or 20 random classes of
caltech, places or food; of the most common one as many images as a middle class of them has, at most 300, of the rarest
a fiftieth of that (three at least), of the others between, in equal ratios.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from cells import Rows, command_line, commits, embed_all, interval, keys_of, part_of, run_cells
from choosing import CLASSIFIERS, OURS, RETRAINED, SHORT_LIST, judged, labels_by_budget, title

SETS = ("caltech", "places", "food")
CLASSES = (5, 10, 20)
BUDGETS = (25, 50, 100, 200, 400)
SEEDS = range(10)
MOST_IMAGES, RATIO, FEWEST = 300, 50, 3  # of the most common class; to the rarest class; of any
MOST_LABELLED = 0.6  # of a pool: beyond that nothing is left to choose
ENOUGH_POOLS = 5  # for a column of the table
METHODS = [
    *((name, None) for name in ("random", "max_herding", "k_means", "typiclust", "prob_cover", "badge", "core_set")),
    ("ent_inv_div", None),
    ("ent_inv_div", "ratio_max"),
    ("lc_inv_div", "diff_min"),
    ("random", "auto"),
    *((name, RETRAINED) for name in ("uherding", "margin", "drop_query", "galaxy", "oracle")),
    OURS,
]
KEY = ("set", "n_classes", "seed", "acquisition", "balancing", "classifier")


def main() -> None:
    command_line(__file__, __doc__, run, table, _options)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--classifier", choices=CLASSIFIERS, default=CLASSIFIERS[0])


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work, SETS)
    done = keys_of(results, KEY)
    methods = METHODS if options.classifier == CLASSIFIERS[0] else SHORT_LIST
    cells = (
        (name, k, seed, *method, options.classifier)
        for seed, name, k, method in itertools.product(SEEDS, SETS, CLASSES, methods)
    )
    run_cells([cell for cell in cells if cell not in done], _cell, options, results)


def _cell(
    data: Path,
    work: Path,
    name: str,
    n_classes: int,
    seed: int,
    acquisition: str,
    balancing: str | None,
    classifier: str,
) -> Rows:
    from evenpick.estimates import source_knowledge

    pool, labels, test, true = part_of(data, work, name, seed)
    rng = np.random.default_rng([seed, n_classes, 77])
    classes = rng.permutation(np.unique(true))[:n_classes]
    common = min(MOST_IMAGES, int(np.median([(labels == number).sum() for number in classes])))
    rows, tested = rows_of_tail(labels, classes, common, RATIO, rng), np.flatnonzero(np.isin(true, classes))
    pool, labels, test, true = pool.take(rows), labels[rows], test.take(tested), true[tested]

    budgets = [budget for budget in BUDGETS if budget <= MOST_LABELLED * len(pool)]
    labelled = labels_by_budget(pool, labels, budgets, acquisition, balancing, seed)
    accuracies = {str(b): judged(classifier, pool, labelled[b], (test, true), seed) for b in budgets}
    row = dict(zip(KEY, (name, n_classes, seed, acquisition, balancing, classifier), strict=True))
    information = round(source_knowledge(pool).information, 4)
    return [row | {"n_images": len(pool), "information": information, "accuracy": accuracies}]


def rows_of_tail(
    labels: np.ndarray, classes: np.ndarray, common: int, ratio: float, rng: np.random.Generator
) -> np.ndarray:
    """Random rows: `common` of the first class, `common / ratio` of the last, of the others between, in equal ratios."""
    sizes = np.maximum(FEWEST, np.round(common * ratio ** -np.linspace(0, 1, len(classes))).astype(int))
    drawn = [rng.permutation(np.flatnonzero(labels == c))[:size] for c, size in zip(classes, sizes, strict=True)]
    return np.sort(np.concatenate(drawn))


def table(rows: Rows) -> str:
    by_classifier = {
        c: {tuple(row[k] for k in KEY[:-1]): row["accuracy"] for row in rows if row["classifier"] == c}
        for c in CLASSIFIERS
    }
    sizes = {k: sorted(row["n_images"] for row in rows if row["n_classes"] == k) for k in CLASSES}
    lines = [
        "# Few classes, some rare",
        "",
        "Macro accuracy in percent over all classes of the test set, undiscovered ones counting 0; classifiers and methods as in [choosing.md](choosing.md).",
        f"Every seed ({len(SEEDS)}) draws pools of {', '.join(map(str, CLASSES))} random classes of {', '.join(SETS)}, the rarest a fiftieth of the most common one:",
        f"{', '.join(f'{k} classes have {s[0]} to {s[-1]:,} images' for k, s in sizes.items())}. Nothing in evenpick was set on these pools,",
        "but it was on the sets that they are drawn from. UHerding, margin, DropQuery and GALAXY retrain in every round ([rivals.md](rivals.md)); the oracle",
        "draws equally from every class by the true labels, and so cheats. A number of labels is run where it is at most "
        f"{MOST_LABELLED:.0%} of the pool, and shown where {ENOUGH_POOLS} pools or more have it; `all` is of all that is shown.",
        f"Command: `python benchmarks/long_tails.py run --data DATA --work WORK`, source `efficientnet_lite0`, commit {commits(rows)}.",
        "",
        "`auto` (with its balancing), and how far it is ahead of each other method, paired over seed and set, with the half width of the 95 % t interval:",
        "",
        *_differences(by_classifier["plain"]),
    ]
    if by_classifier["default"]:
        lines += ["", "## Judged by `train`'s default classifier", "", *_differences(by_classifier["default"])]
    plain = [row for row in rows if row["classifier"] == "plain"]
    return "\n".join([*lines, *_by_knowledge(plain, by_classifier["plain"])]) + "\n"


def _differences(found: dict) -> list[str]:
    columns = [c for c in itertools.product(CLASSES, BUDGETS) if len(_pairs(found, OURS, c)) >= ENOUGH_POOLS]
    lines = [
        "| acquisition + balancing | " + " | ".join(f"{k} classes, {budget}" for k, budget in columns) + " | all |",
        "|---|" + "---|" * (len(columns) + 1),
        "| pools | " + " | ".join(str(len(_pairs(found, OURS, c))) for c in columns) + " | |",
        "| **`auto`** | " + " | ".join(f"{np.mean([*_pairs(found, OURS, c).values()]):.1f}" for c in columns) + " | |",
    ]
    run = {key[3:5] for key in found}
    for method in (m for m in METHODS if m != OURS and m in run):
        ahead = [_ahead(found, method, column) for column in columns]
        # One value a seed: pools of a seed share classes and images.
        seeds = [seed for seed in SEEDS if any(key[1] == seed for values in ahead for key in values)]
        by_seed = [
            float(np.mean([v for values in ahead for key, v in values.items() if key[1] == seed])) for seed in seeds
        ]
        cells = [interval([*values.values()], "+") if values else "" for values in ahead]
        lines.append(f"| {title(method)} | " + " | ".join(cells) + f" | {interval(by_seed, '+')} |")
    return lines


def _by_knowledge(rows: Rows, found: dict) -> list[str]:
    """What `evenpick diagnose` says before labels, beside what the functions on source predictions then do."""
    lines = [
        "",
        "## Does the source know the images?",
        "",
        "The part of the diversity that a prediction resolves, of `evenpick diagnose` ([transferability.md](transferability.md)), and how far",
        "`ent_inv_div` is ahead of `random` (one draw a pool):",
        "",
        f"| classes of | resolved | {' | '.join(f'{budget} labels' for budget in BUDGETS)} |",
        "|---|---|" + "---|" * len(BUDGETS),
    ]
    for name, k in itertools.product(SETS, CLASSES):
        resolved = np.mean([row["information"] for row in rows if (row["set"], row["n_classes"]) == (name, k)])
        cells = []
        for budget in BUDGETS:
            ours, random = (_pairs(found, (function, None), (k, budget)) for function in ("ent_inv_div", "random"))
            ahead = [ours[key] - random[key] for key in ours if key[0] == name]
            cells.append(interval(ahead, "+") if len(ahead) >= ENOUGH_POOLS else "")
        lines.append(f"| {name}, {k} classes | {resolved:.2f} | {' | '.join(cells)} |")
    return lines


def _pairs(found: dict, method: tuple, column: tuple) -> dict[tuple, float]:
    """Accuracy by set and seed."""
    k, budget = column
    return {
        (name, seed): found[(name, k, seed, *method)][str(budget)]
        for name in SETS
        for seed in SEEDS
        if str(budget) in found.get((name, k, seed, *method), {})
    }


def _ahead(found: dict, method: tuple, column: tuple) -> dict[tuple, float]:
    ours, theirs = _pairs(found, OURS, column), _pairs(found, method, column)
    return {key: ours[key] - theirs[key] for key in ours.keys() & theirs.keys()}


if __name__ == "__main__":
    main()
