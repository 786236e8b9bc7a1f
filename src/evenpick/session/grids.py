"""Many images with one answer: which ones to lay side by side, and their labels into the record, all or none.

Grids are offered beside what the session asks; they change nothing of that but by their answers, which count like others.
"""

import secrets
from collections.abc import Sequence

import numpy as np

from ..acquisition import unit_blocks, unit_features
from ..arrays import IndexArray, Singles, Values
from ..classifiers import fit_probe
from ..errors import EvenpickError
from ..labels import Annotation, Answer, Means, standing_answers
from ..machine import one_blas_thread
from ..names import checked_class_name
from ..pool import Pool
from .recorded_session import RecordedSession, part_of, whole_of
from .steering import Question

MOST_LIKENED = 100  # labels of a class that images are held against, its last ones


def by_likeness(pool: Pool, candidates: IndexArray, rows: Sequence[int]) -> IndexArray:
    """The candidates, first those whose features have the largest cosine with any of these rows."""
    wanted = unit_features(pool, np.array(rows[-MOST_LIKENED:], np.intp)).T
    with one_blas_thread():
        cosines = [(points @ wanted).max(axis=1) for points in unit_blocks(pool, candidates)]
    return _descending(candidates, cosines)


def rows_of_class(answers: Sequence[Answer], name: str) -> list[int]:
    """The rows that were said to be of this class; what inherited an answer is left out.

    Raises
    ------
    EvenpickError
        If there is none.
    """
    if rows := [answer.index for answer in answers if answer.label == name]:
        return rows
    raise EvenpickError(f"class '{name}' has no label yet: label an image of it first")


def by_prediction(
    pool: Pool, candidates: IndexArray, answers: Sequence[Answer], name: str, surest: bool = True
) -> IndexArray:
    """The candidates that a probe on these answers takes for this class, the surest or the least sure first.

    The probe is that of the rounds of `auto`, with prior correction.

    Raises
    ------
    EvenpickError
        If the class has no label, or no other class has one.
    """
    labelled = [answer for answer in answers if answer.label is not None]
    rows_of_class(labelled, name)
    numbers: dict[str, int] = {}
    labels = np.array([numbers.setdefault(str(answer.label), len(numbers)) for answer in labelled], np.intp)
    if len(numbers) < 2:
        raise EvenpickError(f"'{name}' is the only class so far: predicting it needs labels of another one too")
    probe = fit_probe(unit_features(pool, np.array([answer.index for answer in labelled], np.intp)), labels)
    with one_blas_thread():
        each = [probe.probabilities(points) for points in unit_blocks(pool, candidates)]
    probabilities = np.concatenate([np.empty((0, len(numbers))), *each])
    taken = probabilities.argmax(axis=1) == numbers[name]
    sureness = probabilities[taken, numbers[name]]
    return _descending(candidates[taken], [sureness if surest else -sureness])


def _descending(rows: IndexArray, values: Sequence[Singles | Values]) -> IndexArray:
    order: IndexArray = rows[np.argsort(-np.concatenate([np.empty(0), *values]), kind="stable")]
    return order


def label_many(
    session: RecordedSession, rows: Sequence[int], name: str, means: Means, annotator: str, request: str | None = None
) -> list[int]:
    """Record one label of many images, all or none, each as an answer that counts; returns the ids of the entries.

    Each costs one of the budget and holds for its group, whatever the number of images in it. One undo takes them all
    back.

    Raises
    ------
    EvenpickError
        If an image is answered already, two are of one group, or the budget has no room for all of them.
    """
    label = checked_class_name(name)
    images = [session.pool.image_ids[row] for row in rows]
    if done := session.sent_before(request, lambda made: [getattr(entry, "image", None) for entry in made] == images):
        return done
    name_of_all = request or secrets.token_urlsafe(16)  # by which an undo knows them as one
    ids = session.store.append(
        Annotation(
            images[number], label, answer.phase,
            inherited=tuple(session.pool.image_ids[row] for row in answer.inherited),
            means=means, annotator=annotator, request=part_of(name_of_all, number),
        )
        for number, answer in enumerate(_checked(session, rows, label))
    )  # fmt: skip
    session.reload()
    return ids


def standing_grids(session: RecordedSession) -> list[list[Annotation]]:
    """What was answered at once and stands, grid by grid, the last one first."""
    grids: dict[str, list[Annotation]] = {}
    for answer in standing_answers(session.store.entries()):
        if answer.means:
            grids.setdefault(whole_of(answer), []).append(answer)
    return sorted(grids.values(), key=lambda grid: -grid[0].id)


def _checked(session: RecordedSession, rows: Sequence[int], label: str) -> list[Answer]:
    check_room(len(rows), session.session.labels_left - session.session.labels_demanded)
    phase = session.phase
    answers = [session.session.checked(row, label, Question(row, phase)) for row in rows]
    seen: set[int] = set()
    for answer in answers:
        if answer.chance is not None:
            image = session.pool.image_ids[answer.index]
            raise EvenpickError(f"image '{image}' was drawn at random and is asked for by itself: take it out")
        if answer.index in seen:
            image = session.pool.image_ids[answer.index]
            raise EvenpickError(f"image '{image}' is there twice, or with another image of its group: send one of them")
        seen.update(answer.rows)
    return answers


def check_room(n_labels: int, room: int) -> None:
    """Refuse more labels than the budget has room for."""
    if n_labels > room:
        raise EvenpickError(
            f"the budget has room for {room} more labels; got {n_labels}: take images out, or start again with a larger "
            "--budget"
        )
