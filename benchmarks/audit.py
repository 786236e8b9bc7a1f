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
import pickle
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from cells import Rows, commits, decoded, keys_of, one_core, rows_of, run_in_processes
from long_tails import rows_of_tail

SETS = ("elpv", "caltech", "places", "food", "long tail", "bursts")
TAIL_OF, TAIL = ("caltech", "food", "places"), (20, 90, 3)  # classes, images of the most common and of the rarest
PATHS, DRAWS = 5, 4  # 20 audits a cell of each set
CELLS = (  # how the audit comes, labels in all, audit labels
    ("mixed", 200, 20), ("mixed", 500, 50),  # a tenth
    ("mixed", 100, 50), ("mixed", 200, 50), ("mixed", 200, 100), ("after", 200, 100), ("mixed", 300, 50),
    ("after", 500, 100), ("mixed", 500, 100), ("after", 500, 200), ("mixed", 1000, 100), ("mixed", 1000, 200),
)  # fmt: skip
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
        sample(given)
        return
    if given.command == "run":
        run(given, results)
    results.with_suffix(".md").write_text(table(rows_of(results)))


# --- samples ----------------------------------------------------------------------------------------


def sample(options: argparse.Namespace) -> None:
    options.work.mkdir(parents=True, exist_ok=True)
    wanted = [(name, path, draw) for draw in range(DRAWS) for path in range(PATHS) for name in options.sets]
    wanted = [key for key in wanted if not sample_file(options.work, *key).exists()]
    with ProcessPoolExecutor(options.processes, initializer=one_core) as workers:
        for file in workers.map(partial(_sample, options.features, options.bursts, options.work), wanted):
            print(file.name, flush=True)


def sample_file(work: Path, name: str, path: int, draw: int) -> Path:
    return work / f"{name.replace(' ', '_')}-{path}-{draw}.pkl"


def samples_of(file: Path) -> Iterator[tuple[tuple[str, int, int], Any, Any]]:
    """Each cell of one draw on one path, its sample, and the labels of the pieces without an answer."""
    with file.open("rb") as opened:
        yield from pickle.load(opened)


def _sample(features: Path, bursts: Path, work: Path, key: tuple[str, int, int]) -> Path:
    """The audits of one draw on one path, but for those that would take more than four fifths of the pool's pieces."""
    from evenpick.estimates.audit_sample import audit_sample

    name, path, draw = key
    pool, labels = pool_of(features, bursts, name, path)
    order, found = chosen_order(features, bursts, work, name, path), []
    for cell in CELLS:
        if cell[1] <= 0.8 * len(pool.representatives):
            record = drawn_record(pool, labels, order, cell, np.random.default_rng([path, draw, cell[1]]))
            sample = audit_sample(pool, record)
            assert sample is not None
            sample = replace(sample, open_scores=sample.open_scores.astype(np.float32))
            found.append((cell, sample, labels[open_rows(pool, record)]))
    file = sample_file(work, *key)
    file.with_suffix(".part").write_bytes(pickle.dumps(found, protocol=5))
    return file.with_suffix(".part").rename(file)


def open_rows(pool: Any, record: Any) -> Any:
    """The row that stands for each piece without an answer."""
    answered = record.answered
    if pool.groups is not None:
        answered = np.flatnonzero(np.isin(pool.groups, pool.groups[record.answered]))
    return pool.representatives[~np.isin(pool.representatives, answered)]


# --- pools, and labels that are chosen --------------------------------------------------------------


@cache
def pool_of(features: Path, bursts: Path, name: str, path: int) -> Any:
    """A pool of its own for each path, and the label of each of its rows."""
    import bursts as burst_sets

    from evenpick import Pool

    rng = np.random.default_rng([path, 77])
    if name == "bursts":
        values, groups, labels = burst_sets.loaded(bursts, burst_sets.SETS[path % 3])
        chosen = np.isin(groups["true"], rng.permutation(burst_sets.BURSTS)[: burst_sets.IN_POOL])
        return Pool.from_arrays(values[chosen], groups=groups["found"][chosen]), labels[chosen]
    values, labels, inside = loaded(features, TAIL_OF[path % 3] if name == "long tail" else name)
    rows = np.flatnonzero(inside)
    if name == "long tail":
        classes, counts = np.unique(labels[rows], return_counts=True)
        classes = rng.permutation(classes[np.argsort(-counts)[: 2 * TAIL[0]]])[: TAIL[0]]
        rows = rows[rows_of_tail(labels[rows], classes, TAIL[1], TAIL[1] / TAIL[2], rng)]
    else:
        rows = np.sort(rng.permutation(rows)[: int((0.6 if name == "elpv" else 0.9) * len(rows))])
    return Pool.from_arrays(values[rows]), labels[rows]


@cache
def loaded(features: Path, name: str) -> Any:
    found = np.load(features / f"{name}-efficientnet_lite0.npz", allow_pickle=True)
    return decoded(found["codes"], found["most"]), found["labels"], found["in_pool"]


def chosen_order(features: Path, bursts: Path, work: Path, name: str, path: int) -> Any:
    """The rows in the order in which `auto` chooses them, kept in WORK."""
    from evenpick import simulate

    file = work / f"order-{name}-{path}.npy"
    if not file.exists():
        pool, labels = pool_of(features, bursts, name, path)
        np.save(file, simulate(pool, labels, min(1000, len(pool.representatives)), audit=0, random_state=path).indices)
    return np.load(file)


def drawn_record(pool: Any, labels: Any, order: Any, cell: tuple[str, int, int], rng: np.random.Generator) -> Any:
    """The answers as a record keeps them: chosen ones in their order, drawn ones among or after them."""
    from evenpick.labels import Answer, AuditDraw, RecordedLabels
    from evenpick.session.audit import chances_of, open_pieces

    how, n_labels, n_audit = cell
    turns = {int((k + 0.5) * n_labels / n_audit) for k in range(n_audit)}
    turns = turns if how == "mixed" else set(range(n_labels - n_audit, n_labels))
    answers: list[Answer] = []
    draws: list[AuditDraw] = []
    is_open, fitted, predicted, chosen = np.ones(len(pool), bool), 0, None, iter(order)
    for turn in range(n_labels):
        chance = None
        if turn in turns:
            if len(answers) >= 40 and len(answers) >= 1.3 * fitted:
                fitted, predicted = len(answers), probe_of(pool, answers)
            rows = open_pieces(pool, answers)
            chances = chances_of(rows, predicted)
            place = rng.choice(len(rows), p=chances / chances.sum())
            row, chance = int(rows[place]), float(chances[place])
            before = frozenset(pool.image_ids[answer.index] for answer in answers)
            draws.append(AuditDraw(pool.image_ids[row], str(labels[row]), chance, before))
        else:
            row = next(int(row) for row in chosen if is_open[row])
        group = pool.same_group(row)
        is_open[group] = False
        inherited = tuple(int(other) for other in group if other != row)
        answers.append(Answer(row, str(labels[row]), "balancing", inherited=inherited, chance=chance))
    return RecordedLabels(answers=answers, draws=draws)


def probe_of(pool: Any, answers: Any) -> Any:
    from evenpick.estimates.ridge_classifier import RidgeClassifier
    from evenpick.session.steering import Predicted
    from evenpick.vectors import normalised

    rows = np.array([answer.index for answer in answers])
    numbers = np.unique([answer.label for answer in answers], return_inverse=True)[1]
    scores = RidgeClassifier(normalised(pool.features[rows]), numbers).scores(normalised(pool.features))
    return Predicted(np.arange(len(pool)), scores.argmax(axis=1))


# --- estimates, and what is true --------------------------------------------------------------------


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


def truths(sample: Any, names: Any, estimate: Any) -> dict[str, Any]:
    """Each figure as [true, value, low, high]; `names` are the labels of the pieces without an answer."""
    number_of = {name: number for number, name in enumerate(sample.classes)}
    missing = sorted({str(name) for name in names} - set(number_of))
    numbers = number_of | {name: len(number_of) + i for i, name in enumerate(missing)}
    still, predicted = np.array([numbers[str(name)] for name in names]), sample.open_predicted
    true, taken_for = np.concatenate([sample.labels, still]), np.concatenate([sample.predicted, predicted])
    is_missing = still >= len(number_of)
    known = {
        "macro": float(np.mean([(taken_for[true == c] == c).mean() for c in np.unique(true)])),
        "macro_open": float(np.mean([(predicted[still == c] == c).mean() for c in np.unique(still)])),
        "accuracy": float((true == taken_for).mean()),
        "missing_mass": float(is_missing.mean()), "missing": len(np.unique(still[is_missing])),
    }  # fmt: skip
    row: dict[str, Any] = {name: [value, *_numbers(getattr(estimate, name))] for name, value in known.items()}
    row["recalls"] = [
        [float((taken_for[true == c] == c).mean()), *_numbers(one.recall)]
        for c, one in enumerate(estimate.classes)
        if one.measured
    ]
    return row


def _numbers(estimate: Any) -> list[float]:
    return [round(float(number), 4) for number in (estimate.value, estimate.low, estimate.high)]


# --- the table --------------------------------------------------------------------------------------


def table(rows: Rows) -> str:
    import audit_constants  # which reads the samples that are made here

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
