"""What each constant of the audit's estimates would be without each set, and how often the intervals then hold on that set.

    python benchmarks/audit_constants.py run --work WORK     # 10 minutes of CPU time; a killed run goes on
    python benchmarks/audit.py table                         # the section is part of benchmarks/audit.md

WORK holds the samples that `audit.py sample` makes. Each constant is tried at the values below, the others as they are, on the
first draw on each path. Without a set those values come into question with which the figure and set of the other five that is
held least often is held within a point of the best; of these the one is taken that has the least interval score (Gneiting & Raftery,
2007: the width, and 20 times what an interval of 90 % misses by), each figure and set in relation to the constants as they are. With all values that are taken so all audits of the set that was left out are judged once more.
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from audit_samples import DRAWS, PATHS, SETS, sample_file, samples_of, truths
from cells import Rows, by_key, commits, rows_of, run_in_processes, state_of

RESULTS = Path(__file__).with_suffix(".jsonl")
CLOSE = 1.0  # points
TRIED = 1  # draws on each path, by which values are chosen; how often intervals hold is told by all of them
CONSTANTS: dict[str, tuple[float, ...]] = {  # and the values that are tried
    "OWN": (1, 2, 4), "MISSED": (2, 4, 8), "HALF": (0.25, 0.5, 1), "WIDE": (0.05, 0.1, 0.2), "LEAST": (0.005, 0.01, 0.02),
    "RARE": (0.15, 0.3, 0.6), "BEYOND": (0.01, 0.02, 0.04), "BEYOND_OPEN": (0, 0.02, 0.04), "_SMALLER": (0.4, 0.6, 0.8),
    "_LESS": (0, 0.5, 1),
}  # fmt: skip
WHAT = {
    "OWN": "draws that a probability is worth", "MISSED": "the same, of what is missed", "HALF": "failures at least",
    "WIDE": "classes missed far more often", "LEAST": "other classes at least", "RARE": "of no class found, before the draws",
    "BEYOND": "error beside the replicates", "BEYOND_OPEN": "the same, of the rest", "_SMALLER": "smallest class not found",
    "_LESS": "gain by one more label",
}  # fmt: skip
FIGURES = {"macro": "accuracy", "macro_open": "of the rest", "recalls": "recalls", "missing": "classes missing"}
KEY = ("left_out", "constants", "set", "path", "draw")
JUDGED = "src/evenpick/estimates"  # rows of another state of this folder are not taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    runs = parser.add_subparsers(required=True, dest="command").add_parser("run")
    runs.add_argument("--work", type=Path, required=True)
    runs.add_argument("--processes", type=int, default=os.cpu_count())
    run(parser.parse_args(), RESULTS)


def run(options: argparse.Namespace, results: Path) -> None:
    state = state_of(JUDGED)
    one_by_one = [{name: value} for name, values in CONSTANTS.items() for value in values if value != now(name)]
    cells = [("", constants, name, draw) for draw in range(TRIED) for constants in one_by_one for name in SETS]
    _judge([("", {}, name, draw) for draw in range(DRAWS) for name in SETS] + cells, state, options, results)
    chosen = {name: chosen_without(name, of_state(rows_of(results), state)) for name in SETS}
    _judge([(name, chosen[name], name, draw) for draw in range(DRAWS) for name in SETS], state, options, results)


def of_state(rows: Rows, state: str) -> Rows:
    return [row for row in rows if row.get("state") == state]


def _judge(
    cells: list[tuple[str, dict[str, float], str, int]], state: str, options: argparse.Namespace, results: Path
) -> None:
    done = {*by_key(of_state(rows_of(results), state), KEY)}
    wanted = [(*cell[:3], path, cell[3]) for cell in cells for path in range(PATHS)]
    wanted = [cell for cell in wanted if (cell[0], written(cell[1]), *cell[2:]) not in done]
    wanted = [cell for cell in wanted if sample_file(options.work, *cell[2:]).exists()]
    run_in_processes(wanted, partial(judged, options.work, state), options, results)


def written(constants: dict[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in constants.items())


def now(name: str) -> float:
    """The value as it is."""
    return float(getattr(home_of(name), name))


def home_of(name: str) -> Any:
    from evenpick.estimates import audit, audit_sample, recall_posterior

    return next(module for module in (recall_posterior, audit, audit_sample) if hasattr(module, name))


@contextmanager
def set_to(constants: dict[str, float]) -> Iterator[None]:
    before = {name: getattr(home_of(name), name) for name in constants}
    try:
        for name, value in constants.items():
            setattr(home_of(name), name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(home_of(name), name, value)


def judged(work: Path, state: str, left_out: str, constants: dict[str, float], name: str, path: int, draw: int) -> Rows:
    """Of each figure how many intervals there are, how many hold, and the sum of their scores."""
    from evenpick.estimates.audit import estimate_of

    gain = constants.get("_LESS", now("_LESS")) / now("_LESS")
    rows = []
    with set_to(constants):
        for _, sample, still in samples_of(sample_file(work, name, path, draw)):
            changed = replace(sample, gains=np.minimum(gain * sample.gains, 1))
            rows.append(truths(changed, still, estimate_of(changed, np.random.default_rng(0))))
    told = {
        figure: scored(np.array([row[figure] for row in rows]), figure) for figure in FIGURES if figure != "recalls"
    }
    told["recalls"] = scored(np.array([one for row in rows for one in row["recalls"]]).reshape(-1, 4), "recalls")
    return [dict(zip(KEY, (left_out, written(constants), name, path, draw), strict=True)) | told | {"state": state}]


def scored(values: Any, figure: str) -> list[float]:
    close = 0.5 if figure == "missing" else 1e-4  # intervals are of whole classes
    true, _, low, high = values.T
    misses = np.maximum(low - close - true, 0) + np.maximum(true - high - close, 0)
    return [len(true), int((misses == 0).sum()), round(float((high - low + 20 * misses).sum()), 4)]


# --- the choice, and the section --------------------------------------------------------------------


def totals(rows: Rows, left_out: str, constants: str, name: str, figure: str, draws: int = DRAWS) -> Any:
    """Intervals, those that hold, and the sum of the scores, of the first draws on each path."""
    key = left_out, constants, name
    of_it = [row for row in rows if (row["left_out"], row["constants"], row["set"]) == key and row["draw"] < draws]
    return np.sum([row[figure] for row in of_it], axis=0)


def chosen_without(left_out: str, rows: Rows) -> dict[str, float]:
    """Each constant by itself: of the values whose worst set and figure is held within a point of the best, that of the least score."""
    return {name: _chosen(rows, left_out, name) for name in CONSTANTS}


def _chosen(rows: Rows, left_out: str, name: str) -> float:
    least = {value: least_held(rows, left_out, name, value) for value in CONSTANTS[name]}
    good = [value for value, held in least.items() if held >= max(least.values()) - CLOSE]
    return min(good, key=partial(relative_score, rows, left_out, name))


def least_held(rows: Rows, left_out: str, name: str, value: float) -> float:
    """In percent, of the figures of the other sets."""
    constants = "" if value == now(name) else written({name: value})
    counts = [totals(rows, "", constants, one, figure, TRIED) for one in SETS if one != left_out for figure in FIGURES]
    return float(min(100 * held / n for n, held, _ in counts))


def relative_score(rows: Rows, left_out: str, name: str, value: float) -> float:
    constants = "" if value == now(name) else written({name: value})
    others = [one for one in SETS if one != left_out]
    ratios = [
        totals(rows, "", constants, one, figure, TRIED)[2] / totals(rows, "", "", one, figure, TRIED)[2]
        for one in others
        for figure in FIGURES
    ]
    return float(np.mean(ratios))


def section(rows: Rows) -> str:
    rows = of_state(rows, rows[-1]["state"])
    audits = int(sum(totals(rows, "", "", name, "macro", TRIED)[0] for name in SETS))
    lines = [
        "## The constants, without each set",
        "",
        "What each constant would be without a set, the other constants as they are: of the values that hold the worst of the other",
        f"five about as often as any, that of the least interval score, in {audits} audits, the first draw on each path.",
        "*As it is* is what evenpick takes. Then how often the intervals hold, in percent, in all audits: with the constants as they are,",
        "and on each set with all those that were chosen without it.",
        "Not tried so, and set by hand as well: the shape of the factor of classes that are missed far more often, the temperatures and",
        "frequencies, the most that a draw weighs, the degrees of freedom of what is recognised, and how much of a draw's chance goes by class.",
        f"Command: `python benchmarks/audit_constants.py run --work WORK`, commit {commits(rows)}.",
        "",
        "| constant | what | tried | as it is | " + " | ".join(f"without {name}" for name in SETS) + " | by all |",
        "|---|---|---|---|" + "---|" * (len(SETS) + 1),
    ]
    chosen = {name: chosen_without(name, rows) for name in (*SETS, "")}
    for name, values in CONSTANTS.items():
        cells = [f"{chosen[one][name]:g}" for one in (*SETS, "")]
        lines.append(
            f"| `{name}` | {WHAT[name]} | {', '.join(f'{v:g}' for v in values)} | {now(name):g} | {' | '.join(cells)} |"
        )
    lines += ["", "| set | " + " | ".join(f"{what}: as is | left out" for what in FIGURES.values()) + " |"]
    lines.append("|---|" + "---|" * (2 * len(FIGURES)))
    for name in SETS:
        cells = []
        for figure in FIGURES:
            for left_out, constants in (("", ""), (name, written(chosen[name]))):
                n, held, _ = totals(rows, left_out, constants, name, figure)
                cells.append(f"{100 * held / n:.0f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
