"""How often the figures of an audit hold: macro accuracy, recalls, classes not found; and how wide they are.

    python benchmarks/audit.py sample --features FEATURES --bursts BURSTS --work WORK    # an hour of CPU time; a killed run goes on
    python benchmarks/audit.py run --work WORK                                           # minutes, from the samples alone
    python benchmarks/audit.py table                                                     # benchmarks/audit.md from the results

FEATURES holds what `sources.py features` makes of elpv, caltech, places and food by the default source, BURSTS what
`bursts.py make` makes; a long tail is 20 of the 40 largest classes of caltech, food or places, drawn, with at most 90 images
to 3. Labels are chosen once a path, by `auto`; on each path audits are drawn several times: mixed among the answers, or after
them. An image that is drawn is skipped where `auto` would choose it later, and `auto` does not learn from it. What is true is
computed from all labels of the pool. WORK gets a file for each draw on each path: the samples that estimates are made of.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import audit_constants
import numpy as np
from audit_samples import CELLS, DRAWS, PATHS, SETS, make_samples, sample_file, samples_of, truths
from cells import Rows, commits, keys_of, rows_of, run_in_processes

KEY = ("set", "path", "draw", "how", "labels", "audit")
PARTS = ("macro", "macro_open", "accuracy", "missing_mass", "missing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands, results = parser.add_subparsers(required=True, dest="command"), Path(__file__).with_suffix(".jsonl")
    samples, runs = commands.add_parser("sample"), commands.add_parser("run")
    for folder in ("features", "bursts"):
        samples.add_argument(f"--{folder}", type=Path, required=True)
    for command in (samples, runs):
        command.add_argument("--work", type=Path, required=True)
        command.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
        command.add_argument("--processes", type=int, default=os.cpu_count())
    commands.add_parser("table")
    given = parser.parse_args()
    if given.command == "sample":
        make_samples(given)
        return
    if given.command == "run":
        run(given, results)
    results.with_suffix(".md").write_text(table(rows_of(results)))


def run(options: argparse.Namespace, results: Path) -> None:
    done = keys_of(results, KEY)
    wanted = [(name, path, draw) for draw in range(DRAWS) for path in range(PATHS) for name in options.sets]
    wanted = [key for key in wanted if sample_file(options.work, *key).exists() and key not in {k[:3] for k in done}]
    run_in_processes(wanted, partial(judged, options.work), options, results)


def judged(work: Path, name: str, path: int, draw: int) -> Rows:
    """What the audits of one draw on one path say, and what is true."""
    from evenpick.estimates.audit import estimate_of

    rows = []
    for cell, sample, still in samples_of(sample_file(work, name, path, draw)):
        begin = time.process_time()
        estimate = estimate_of(sample, np.random.default_rng(0))
        seconds = round(time.process_time() - begin, 2)
        key = dict(zip(KEY, (name, path, draw, *cell), strict=True))
        rows.append(key | truths(sample, still, estimate) | {"seconds": seconds})
    return rows


# --- the table --------------------------------------------------------------------------------------


def table(rows: Rows) -> str:
    lines = [
        "# How often the figures of an audit hold",
        "",
        "Intervals of 90 % by audit labels: share that holds what is true, in percent, mean width in points, and how far the middle",
        "is off on average. `Accuracy` is the macro accuracy over all classes, of all pieces and of those without a label; `recognised` counts",
        "images. What is true is computed from all labels of the pool, of the quick classifier. Labels by `auto`, chosen once a path; audits are",
        f"drawn on each path, with the chances that `Session` draws by, but of the quick classifier: {len(rows)} audits, "
        f"paths a set: {len({row['path'] for row in rows})}, draws a path: {len({row['draw'] for row in rows})}, or fewer.",
        "The constants of the estimates were set on these sets, so that other pools may be held less often: see the end of the page.",
        f"Command: `python benchmarks/audit.py run --work WORK`, source `efficientnet_lite0`, commit {commits(rows)}; `s` is CPU time beside the training.",
        "",
        "| set | audit | labels | audit labels | audits | accuracy | held | width | off | of the rest: held | width | off "
        "| recognised: held | width | off | recalls held | width | mass missing: held | width | classes missing | said | held | width | s |",
        "|---|---|---|---|" + "---|" * 20,
    ]
    for name in SETS:
        lines += _lines([row for row in rows if row["set"] == name], name, "all", "", "")
    for cell in CELLS:
        lines += _lines([row for row in rows if tuple(row[k] for k in KEY[3:]) == cell], "all", *cell)
    lines += _lines(rows, "all", "all", "", "")
    of_constants = rows_of(audit_constants.RESULTS)
    return "\n".join([*lines, "", audit_constants.section(of_constants)] if of_constants else [*lines, ""])


def _lines(rows: Rows, *head: object) -> list[str]:
    """One line of the table, or none."""
    if not rows:
        return []
    held = {part: _held(np.array([row[part] for row in rows]), part) for part in PARTS}
    recalls = _held(np.array([one for row in rows for one in row["recalls"]]).reshape(-1, 4), "recalls")
    cells = [*head, len(rows), f"{held['macro'][0]:.0f}"]
    for part in ("macro", "macro_open", "accuracy"):
        _, _, covered, width, off = held[part]
        cells += [f"{covered:.0f}", f"{width:.0f}", f"{off:+.1f}"]
    cells += [
        f"{recalls[2]:.0f}",
        f"{recalls[3]:.0f}",
        f"{held['missing_mass'][2]:.0f}",
        f"{held['missing_mass'][3]:.1f}",
    ]
    true, said, covered, width, _ = held["missing"]
    cells += [f"{true:.1f}", f"{said:.1f}", f"{covered:.0f}", f"{width:.0f}"]
    cells.append(f"{np.mean([row['seconds'] for row in rows]):.2f}")
    return ["| " + " | ".join(map(str, cells)) + " |"]


def _held(values: Any, part: str) -> tuple[float, ...]:
    """Mean of what is true and of what is said, share that holds, width, what it is off; in percent, but for numbers of classes."""
    if not len(values):
        return (float("nan"),) * 5
    scale, close = (1, 0.5) if part == "missing" else (100, 1e-4)  # intervals are of whole classes
    true, said, low, high = values.T
    covered = 100 * np.mean((low - close <= true) & (true <= high + close))
    return scale * true.mean(), scale * said.mean(), covered, scale * (high - low).mean(), scale * (said - true).mean()


if __name__ == "__main__":
    main()
