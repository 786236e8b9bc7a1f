"""The samples that `audit.py` and `audit_constants.py` judge estimates by: pools, labels that `auto` chose, audits that were drawn.

A sample is made once for each draw on each path, which takes most of the time; `truths` holds an estimate against it.
"""

import argparse
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from cells import decoded, one_core
from long_tails import rows_of_tail

SETS = ("elpv", "caltech", "places", "food", "long tail", "bursts")
TAIL_OF, TAIL = ("caltech", "food", "places"), (20, 90, 3)  # classes, images of the most common and of the rarest
PATHS, DRAWS = 5, 4  # 20 audits a cell of each set
CELLS = (  # how the audit comes, labels in all, audit labels
    ("mixed", 200, 20), ("mixed", 500, 50),  # a tenth
    ("mixed", 100, 50), ("mixed", 200, 50), ("mixed", 200, 100), ("after", 200, 100), ("mixed", 300, 50),
    ("after", 500, 100), ("mixed", 500, 100), ("after", 500, 200), ("mixed", 1000, 100), ("mixed", 1000, 200),
)  # fmt: skip


def make_samples(options: argparse.Namespace) -> None:
    """`audit.py sample`."""
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


# --- what is true ------------------------------------------------------------------------------------


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
