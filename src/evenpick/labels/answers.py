"""The answers of a workspace as a session takes them: rows of the pool, and what was said of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import IndexArray
from ..errors import EvenpickError
from ..paths import Paths
from ..pool import Pool
from .entries import Annotation, Phase, effective_answers
from .record import LabelStore


@dataclass(frozen=True)
class Answer:
    """One entry of the record: an image labelled, or skipped when `label` is None."""

    index: int
    label: str | None
    phase: Phase
    target: str | None = None


DEFAULTS: dict[str, Any] = {
    "acquisition": "auto", "balancing": "auto", "patience": 0, "random_state": 0,
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class RecordedLabels:
    """The labels of a workspace: the answers that count, first to last, and the settings they were asked under."""

    annotations: Sequence[Annotation] = ()
    answers: Sequence[Answer] = ()  # the same, as a session takes them
    settings: dict[str, Any] | None = None
    replaced_since: Sequence[str] = ()  # images whose file was replaced after all that was said of them

    @property
    def answered(self) -> IndexArray:
        """The rows that were labelled or skipped."""
        return np.array([answer.index for answer in self.answers], np.intp)

    @property
    def rows(self) -> IndexArray:
        """The labelled rows (n_labels,)."""
        return np.array([answer.index for answer in self.answers if answer.label is not None], np.intp)

    @property
    def names(self) -> list[str]:
        """The class of each of `rows`."""
        return [answer.label for answer in self.answers if answer.label is not None]

    @property
    def image_ids(self) -> list[str]:
        """The image of each of `rows`."""
        return [said.image for said in self.annotations if said.label is not None]

    @property
    def skipped(self) -> IndexArray:
        """The rows whose class nobody could tell."""
        return np.array([answer.index for answer in self.answers if answer.label is None], np.intp)

    @property
    def counts(self) -> Counter[str]:
        """Labels of each class, in the order in which the classes were found."""
        return Counter(self.names)

    def __repr__(self) -> str:
        return f"{len(self.names)} labels of {len(self.counts)} classes; {len(self.skipped)} images skipped"


def recorded_labels(workspace: str | Path, pool: Pool) -> RecordedLabels:
    """The labels in the record of a workspace; none where there is no record yet, and none is made.

    Raises
    ------
    EvenpickError
        If the record cannot be read, or names an image that the pool does not hold.
    """
    if not Paths(workspace).labels.exists():
        return RecordedLabels()
    with LabelStore(workspace) as store:
        return labels_in(store, pool)


def labels_in(store: LabelStore, pool: Pool) -> RecordedLabels:
    """The labels in a record that is open."""
    annotations = effective_answers(store.entries())
    return RecordedLabels(annotations, as_answers(pool, store, annotations), store.settings, store.replaced_since())


def as_answers(pool: Pool, store: LabelStore, annotations: Iterable[Annotation]) -> list[Answer]:
    """Annotations as a session takes them; what was imported counts as discovery."""
    answers = []
    for said in annotations:
        if said.image not in pool.row_of:
            raise EvenpickError(f"'{store.path}' names an image that the pool does not hold: {said.image!r}")
        answers.append(Answer(pool.row_of[said.image], said.label, said.phase or "discovery", said.target))
    return answers
