"""How often the intervals of `evenpick status` hold what then happens: test accuracy now and at twice the labels.

    python benchmarks/expectation.py run --data DATA --work WORK     # 20 minutes on one core; a killed run goes on
    python benchmarks/expectation.py refresh --data DATA --work WORK # the estimates anew, the truths as recorded
    python benchmarks/expectation.py table                           # benchmarks/expectation.md from the results

DATA holds `NAME/labels.csv` (split,file,label), WORK the workspaces that `benchmarks/selection.py` embeds, and
`elpv`, the workspace of `evenpick demo` (no test set: 40 % of it is one). Every seed takes another 60 % of a pool.
The truth is the macro accuracy of `train` with prior correction over all classes of the test set.
"""

import argparse
import csv
import itertools
import json
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import numpy as np
from rich.progress import track

RESULTS = Path(__file__).with_suffix(".jsonl")
TABLE = Path(__file__).with_suffix(".md")
SETS = ("caltech", "places", "food", "elpv")
SELECTIONS = ("random", "lc_inv_div", "max_herding")
PLAN = [((0, 1), (100, 200, 500)), ((0,), (1000,)), ((2,), (100, 200, 500)), ((1,), (1000,))]  # seeds, budgets
KEY = ("set", "selection", "budget", "seed")
SHARE = 0.6
Held: TypeAlias = list[tuple[bool, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    for command in ("run", "refresh"):
        command_parser = commands.add_parser(command)
        command_parser.add_argument("--data", type=Path, required=True)
        command_parser.add_argument("--work", type=Path, required=True)
    commands.add_parser("table")
    options = parser.parse_args()
    if options.command == "run":
        run(options.data, options.work)
    if options.command == "refresh":
        rows = [json.loads(line) for line in RESULTS.open()]
        fresh = [row | _estimate(options.data, options.work, tuple(row[k] for k in KEY)) for row in track(rows)]
        RESULTS.write_text("".join(json.dumps(row) + "\n" for row in fresh))
    TABLE.write_text(table([json.loads(line) for line in RESULTS.open()]))


def run(data: Path, work: Path) -> None:
    done = {tuple(json.loads(line)[k] for k in KEY) for line in RESULTS.open()} if RESULTS.exists() else set()
    cells = [
        (name, selection, budget, seed)
        for seeds, budgets in PLAN
        for seed, name, selection, budget in itertools.product(seeds, SETS, SELECTIONS, budgets)
    ]
    with RESULTS.open("a") as results:
        for cell in track([cell for cell in cells if cell not in done]):
            results.write(json.dumps(_cell(data, work, cell)) + "\n")
            results.flush()


def _cell(data: Path, work: Path, cell: tuple) -> dict:
    from evenpick import macro_accuracy, train

    name, selection, budget, seed = cell
    pool, labels, test, true = split_of(data, work, name, seed)
    rows = _order(data, work, name, selection, seed)[:budget]
    model = train(pool, rows, labels[rows].tolist(), random_state=seed, unlabelled=())
    truth = {"accuracy": macro_accuracy(true, model.predict(test)), "classes": len(set(true.tolist()))}
    return dict(zip(KEY, cell, strict=True)) | truth | _estimate(data, work, cell)


def _estimate(data: Path, work: Path, cell: tuple) -> dict:
    from evenpick.expectation import expected_accuracy
    from evenpick.unseen_classes import unseen_classes

    name, selection, budget, seed = cell
    pool, labels, _, _ = split_of(data, work, name, seed)
    rows = _order(data, work, name, selection, seed)[:budget]
    start = time.perf_counter()
    expectation = expected_accuracy(pool, rows, labels[rows].tolist(), seed)
    seconds = round(time.perf_counter() - start, 2)
    unseen = unseen_classes(labels[rows].tolist())
    return {"expectation": _plain(expectation), "unseen": _plain(unseen), "seconds": seconds}


def _plain(value) -> dict:
    from dataclasses import asdict

    return json.loads(json.dumps(asdict(value)), parse_float=lambda text: round(float(text), 5))


@cache
def split_of(data: Path, work: Path, name: str, seed: int):
    """A pool and a test pool, each with its labels."""
    from evenpick import Pool

    if name == "elpv":
        pool = Pool.open(work / name)
        labels = np.array([_solar_cells()[image_id] for image_id in pool.image_ids])
        order = np.random.default_rng(seed).permutation(len(pool))
        rows, tested = np.split(order, [int(SHARE * len(pool))])
        return pool.take(rows), labels[rows], pool.take(tested), labels[tested]
    label_of = {(r["split"], r["file"]): r["label"] for r in csv.DictReader((data / name / "labels.csv").open())}
    pool, test = (Pool.open(work / f"{name}-{split}") for split in ("pool", "test"))
    labels, true = (
        np.array([label_of[split, image_id] for image_id in part.image_ids])
        for split, part in (("pool", pool), ("test", test))
    )
    rows = np.random.default_rng(seed).permutation(len(pool))[: int(SHARE * len(pool))]
    return pool.take(rows), labels[rows], test, true


@cache
def _order(data: Path, work: Path, name: str, selection: str, seed: int):
    from evenpick.acquisition import ACQUISITIONS

    pool = split_of(data, work, name, seed)[0]
    return ACQUISITIONS[selection](
        pool, max(budget for _, budgets in PLAN for budget in budgets), np.random.default_rng(seed)
    )


@cache
def _solar_cells() -> dict[str, str]:
    file = Path(find_spec("elpv_dataset").origin).parent / "data" / "labels.csv"
    rows = csv.reader(file.open(), delimiter=" ", skipinitialspace=True)
    return {Path(path).name: f"{kind} {probability}" for path, probability, kind in rows}


# --- the table --------------------------------------------------------------------------------------


def table(rows: list[dict]) -> str:
    now, doubled = _held(rows, "now"), _held(rows, "doubled")
    lines = [
        "# How often the expected accuracy holds",
        "",
        "`evenpick status` gives 90 % intervals of the macro accuracy over all classes (undiscovered ones 0) of the",
        "classifier trained on the labels so far, and on twice as many. Here the truth is known: shares of runs whose",
        "interval covers it, in percent, and mean widths in points. Each cell is `random`, `lc_inv_div` and kernel",
        "coverage (max-herding, in these rows a dense version of the same rule), with up to three parts of the pool; twice the labels is checked where that run is",
        "here too. Command: `python benchmarks/expectation.py run --data DATA --work WORK`, source",
        "`efficientnet_lite0`.",
        "",
        f"**Now: {_percent(now)} % of {len(now)} runs are covered, mean width {_points(now)}. "
        f"Twice the labels: {_percent(doubled)} % of {len(doubled)}, mean width {_points(doubled)}.**",
        "",
        "| set | labels | runs | now covered | width | estimate - truth | doubled covered | width | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, budget in itertools.product(SETS, (100, 200, 500, 1000)):
        here = [row for row in rows if (row["set"], row["budget"]) == (name, budget)]
        if here:
            off = 100 * np.mean([row["expectation"]["now"]["value"] - row["accuracy"] for row in here])
            a, b = _held(rows, "now", here), _held(rows, "doubled", here)
            lines.append(
                f"| {name} | {budget} | {len(here)} | {_percent(a)} | {_points(a)} | {off:+.1f} | {_percent(b)} "
                f"| {_points(b)} | {np.mean([row['seconds'] for row in here]):.1f} |"
            )
    return "\n".join([*lines, *_by_selection(rows), *_constant(rows), *_unseen(rows)]) + "\n"


def _held(rows: list[dict], which: str, of: list[dict] | None = None, bias: float | None = None) -> Held:
    """Whether each interval covers the truth, and its width, where the truth is known."""
    known = {tuple(row[k] for k in KEY): row["accuracy"] for row in rows}
    held = []
    for row in rows if of is None else of:
        budget = row["budget"] * (2 if which == "doubled" else 1)
        truth = known.get((row["set"], row["selection"], budget, row["seed"]))
        if truth is not None:
            estimate = row["expectation"][which] if bias is None else _with_bias(row, bias)[which]
            held.append((estimate["low"] <= truth <= estimate["high"], estimate["high"] - estimate["low"]))
    return held


def _with_bias(row: dict, bias: float) -> dict:
    from evenpick.expectation import Curve, expectation_of
    from evenpick.unseen_classes import UnseenClasses

    curve = row["expectation"]["curve"]
    return _plain(
        expectation_of(Curve(**curve | {"points": tuple(curve["points"])}), UnseenClasses(**row["unseen"]), bias)
    )


def _by_selection(rows: list[dict]) -> list[str]:
    lines = ["", "| labels chosen by | now covered | width | doubled covered | width |", "|---|---|---|---|---|"]
    for selection in SELECTIONS:
        here = [row for row in rows if row["selection"] == selection]
        a, b = _held(rows, "now", here), _held(rows, "doubled", here)
        lines.append(f"| {selection} | {_percent(a)} | {_points(a)} | {_percent(b)} | {_points(b)} |")
    return lines


def _constant(rows: list[dict]) -> list[str]:
    """The one measured constant, each set's from the other three, and what its intervals then cover."""
    from evenpick import expectation

    lines = [
        "",
        "One constant is measured on these sets: how far the accuracy over the classes found is off beyond its standard",
        f"error, because labels are chosen. BIAS = {expectation.BIAS} is the root mean square over the sets. Each set with",
        "that of the *other three* instead:",
        "",
        "| set | off beyond its error | the other three | now covered with that | width | doubled covered | width |",
        "|---|---|---|---|---|---|---|",
    ]
    off = {name: _beyond_error([row for row in rows if row["set"] == name]) for name in SETS}
    overall: Held = []
    for name in SETS:
        bias = float(np.sqrt(np.mean([value**2 for other, value in off.items() if other != name])))
        own = [row for row in rows if row["set"] == name]
        now, doubled = _held(rows, "now", own, bias), _held(rows, "doubled", own, bias)
        overall += now
        lines.append(
            f"| {name} | {off[name]:.3f} | {bias:.3f} | {_percent(now)} | {_points(now)} | {_percent(doubled)} "
            f"| {_points(doubled)} |"
        )
    together = float(np.sqrt(np.mean([value**2 for value in off.values()])))
    return [
        *lines,
        "",
        f"All four: {together:.3f}. Left out one at a time, {_percent(overall)} % of all runs are covered.",
    ]


def _beyond_error(rows: list[dict]) -> float:
    excess = [_residual(row) ** 2 - row["expectation"]["curve"]["error"] ** 2 for row in rows]
    return float(np.sqrt(max(np.mean(excess), 0))) if excess else 0.0


def _residual(row: dict) -> float:
    """Accuracy over the classes found: as it turned out, less as it was cross-validated."""
    return row["accuracy"] * row["classes"] / row["unseen"]["found"] - row["expectation"]["curve"]["on_found"]


def _unseen(rows: list[dict]) -> list[str]:
    lines = [
        "",
        "Classes not found yet: truth, Chao1 with the mean ends of its interval, share of intervals that cover.",
        "",
        "| set | labels | selection | truth | Chao1 | covered |",
        "|---|---|---|---|---|---|",
    ]
    for name, budget, selection in itertools.product(SETS, (100, 200, 500, 1000), SELECTIONS):
        here = [r for r in rows if (r["set"], r["budget"], r["selection"]) == (name, budget, selection)]
        if here:
            truth = np.array([row["classes"] - row["unseen"]["found"] for row in here])
            chao = np.array([[row["unseen"][k] for k in ("undiscovered", "low", "high")] for row in here])
            # Intervals are of a whole number of classes.
            covered = np.mean((np.floor(chao[:, 1]) <= truth) & (truth <= np.ceil(chao[:, 2])))
            value, low, high = chao.mean(axis=0)
            lines.append(
                f"| {name} | {budget} | {selection} | {truth.mean():.1f} | {value:.1f} ({low:.1f} to {high:.1f}) "
                f"| {100 * covered:.0f} |"
            )
    return lines


def _percent(held: Held) -> str:
    return f"{100 * np.mean([hit for hit, _ in held]):.0f}" if held else ""


def _points(held: Held) -> str:
    return f"{100 * np.mean([width for _, width in held]):.0f}" if held else ""


if __name__ == "__main__":
    main()
