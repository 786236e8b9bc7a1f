"""What `evenpick diagnose` says of image sets, beside what functions on source predictions do on them.

    python benchmarks/transferability.py run --data DATA --work WORK     # a quarter of an hour; a killed run goes on
    python benchmarks/transferability.py table                           # transferability.md from the results

DATA, WORK and the part of the pool that a seed draws are those of `cells.py`, the classifier is that of `choosing.py`.
Besides the four sets themselves there are parts of them, some of the classes each, to have more than four. The effect
is the mean test accuracy with labels of `ent_inv_div`, `ms_inv_div` and `lc_inv_div` less that with random labels,
the mean of several draws.
"""

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from cells import SETS, Rows, command_line, commits, embed_all, interval, keys_of, part_of, run_cells
from choosing import accuracy_of
from scipy.stats import spearmanr

FUNCTIONS = ("ent_inv_div", "ms_inv_div", "lc_inv_div")
MEASURED_ON = 200  # random labels
WHOLE = 0  # the number of the part that is the set itself
BUDGETS = {"set": (100, 200, 500, 1000), "part": (100, 200)}
SEEDS = {"set": range(5), "part": range(2)}
DRAWS = {"set": 10, "part": 4}
PARTS = range(1, 7)
CLASSES_OF_A_PART = {"elpv": 0.6}  # it has eight
SHARE = 0.4
KEY = ("set", "part", "seed")
BEFORE = ("information", "effective_classes", "confidence")
AFTER = ("agreement", "neighbour_accuracy", "log_me")
NAMES = ("resolved by a prediction", "classes in effect", "confidence", "agreement", "nearest label", "LogME")


def main() -> None:
    command_line(__file__, __doc__, run, page)


def run(options: argparse.Namespace, results: Path) -> None:
    embed_all(options.data, options.work)
    done = keys_of(results, KEY)
    wanted = [(name, part, seed) for part in (WHOLE, *PARTS) for name in SETS for seed in SEEDS[_kind(part)]]
    run_cells([cell for cell in wanted if cell not in done], _cell, options, results)


def _kind(part: int) -> str:
    return "set" if part == WHOLE else "part"


def _cell(data: Path, work: Path, name: str, part: int, seed: int) -> Rows:
    from evenpick import simulate
    from evenpick.estimates import measured_transfer, source_knowledge

    pool, labels, test, true = part_of(data, work, name, seed)
    if part != WHOLE:
        classes = np.unique(labels)
        n_classes = int(CLASSES_OF_A_PART.get(name, SHARE) * len(classes))
        kept = np.random.default_rng([part, 5]).permutation(classes)[:n_classes]
        rows, test_rows = (np.flatnonzero(np.isin(given, kept)) for given in (labels, true))
        pool, labels, test, true = pool.take(rows), labels[rows], test.take(test_rows), true[test_rows]
    budgets = BUDGETS[_kind(part)]

    def labelled_by(function: str, random_state: int) -> Any:
        return simulate(
            pool, labels, max(budgets), acquisition=function, balancing=None, audit=0, random_state=random_state
        )

    def accuracies(results: list) -> list[float]:
        return [
            float(np.mean([accuracy_of(pool, r.indices[:b], r.labels[:b], test, true) for r in results]))
            for b in budgets
        ]

    chosen = [labelled_by(function, seed) for function in FUNCTIONS]
    drawn = [labelled_by("random", 100 * seed + draw) for draw in range(DRAWS[_kind(part)])]
    knowledge = source_knowledge(pool)
    measured = [measured_transfer(pool, r.indices[:MEASURED_ON], r.labels[:MEASURED_ON]) for r in drawn]
    effects = 100 * np.subtract(accuracies(chosen), accuracies(drawn))
    return [
        dict(zip(KEY, (name, part, seed), strict=True))
        | {measure: round(getattr(knowledge, measure), 4) for measure in BEFORE}
        | {measure: round(float(np.mean([getattr(m, measure) for m in measured])), 4) for measure in AFTER}
        | {
            "effects": dict(zip(map(str, budgets), np.round(effects, 3).tolist(), strict=True)),
        }
    ]


def page(rows: Rows) -> str:
    from evenpick.estimates.transferability import AGREEING, INFORMATIVE

    sets = sorted({row["set"] for row in rows}, key=lambda name: -_mean(_of(rows, name, WHOLE), "information"))
    n_sets, n_parts = len(SEEDS["set"]), len(SEEDS["part"])
    lines = [
        "# Does the source know the images?",
        "",
        f"`evenpick diagnose` before labels, and measured on {MEASURED_ON} random labels; source `efficientnet_lite0`. Beside them, in",
        "points of macro accuracy, the *effect*: how far labels of the functions on source predictions (mean of",
        f"{', '.join(f'`{name}`' for name in FUNCTIONS)}) are ahead of random ones ({DRAWS['set']} draws a seed), at",
        f"{', '.join(map(str, BUDGETS['set']))} labels; classifier, pools and seeds ({n_sets}) as in [choosing.md](choosing.md), 95 % t interval.",
        f"Command: `python benchmarks/transferability.py run --data DATA --work WORK`, commit {commits(rows)}.",
        "",
        f"| set | {' | '.join(NAMES)} | advice | effect |",
        f"|---|{'---|' * len(NAMES)}---|---|",
    ]
    for name in sets:
        some = _of(rows, name, WHOLE)
        lines.append(
            f"| {name} | {_shown(some)} | {_advice(some, 'information', INFORMATIVE)} "
            f"| {', '.join(interval(_effects(some, b), '+') for b in BUDGETS['set'])} |"
        )
    lines += [
        "",
        "The sets stand in the order of the first column. How far the effect on each is above that on the next:",
        "",
    ]
    for better, worse in pairwise(sets):
        ours, theirs = _of(rows, better, WHOLE), _of(rows, worse, WHOLE)
        apart = [np.subtract(_effects(ours, b), _effects(theirs, b)) for b in BUDGETS["set"]]
        overall = np.mean(apart, axis=0)
        lines.append(
            f"* {better} above {worse}: {', '.join(interval(values, '+') for values in apart)}; mean {interval(overall, '+')}"
        )
    parts = sorted({(row["set"], row["part"]) for row in rows if row["part"] != WHOLE})
    everything = [(name, WHOLE) for name in sets] + parts
    at = BUDGETS["part"]
    effects = [np.mean([_effects(_of(rows, *one), b) for b in at]) for one in everything]
    lines += [
        "",
        "## Parts of the sets",
        "",
        f"{len(parts)} parts, each a random {SHARE:.0%} of the classes of its set (elpv: {CLASSES_OF_A_PART['elpv']:.0%}), {n_parts} seeds, {DRAWS['part']} random draws a seed; the effect",
        f"is the mean at {' and '.join(map(str, at))} labels. Rank correlation (Spearman) of each measure with the effect, over all {len(everything)}, and over the",
        "parts of one set alone; measures of the second three need labels. The advice is that of `evenpick diagnose`: worth it from",
        f"{INFORMATIVE} resolved on before labels, and from an agreement of {AGREEING} on after. Both cuts were set on these sets and parts.",
        "",
        f"| | {' | '.join(NAMES)} |",
        f"|---|{'---|' * len(NAMES)}",
    ]
    for title, members in (("all", everything), *((name, [p for p in everything if p[0] == name]) for name in sets)):
        own = [effects[everything.index(one)] for one in members]
        ranks = [spearmanr([_mean(_of(rows, *one), m) for one in members], own).statistic for m in (*BEFORE, *AFTER)]
        lines.append(f"| {title} | {' | '.join(f'{rank:+.2f}' for rank in ranks)} |")
    lines += [
        "",
        "| part | resolved | agreement | effect | advice before labels | advice after |",
        "|---|---|---|---|---|---|",
    ]
    for (name, part), effect in sorted(zip(everything, effects, strict=True), key=lambda pair: -pair[1]):
        some = _of(rows, name, part)
        words = [_advice(some, "information", INFORMATIVE), _advice(some, "agreement", AGREEING)]
        title = name if part == WHOLE else f"{name}, part {part}"
        lines.append(
            f"| {title} | {_mean(some, 'information'):.2f} | {_mean(some, 'agreement'):.2f} | {effect:+.1f} | {words[0]} | {words[1]} |"
        )
    return "\n".join(lines) + "\n"


def _of(rows: Rows, name: str, part: int) -> Rows:
    return sorted((row for row in rows if (row["set"], row["part"]) == (name, part)), key=lambda row: row["seed"])


def _mean(rows: Rows, measure: str) -> float:
    return float(np.mean([row[measure] for row in rows]))


def _effects(rows: Rows, budget: int) -> list[float]:
    """By seed."""
    return [row["effects"][str(budget)] for row in rows]


def _advice(rows: Rows, measure: str, cut: float) -> str:
    return "worth it" if _mean(rows, measure) >= cut else "not to be counted on"


def _shown(rows: Rows) -> str:
    digits = {"effective_classes": 0}
    return " | ".join(f"{_mean(rows, m):.{digits.get(m, 2)}f}" for m in (*BEFORE, *AFTER))


if __name__ == "__main__":
    main()
