"""The answers of a workspace as a session takes them: rows of the pool, and what was said of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import IndexArray
from ..errors import EvenpickError
from ..paths import Paths
from ..pool import Pool
from .draws import AuditDraw, audit_draws
from .entries import Annotation, Phase, effective_answers
from .record import LabelStore


@dataclass(frozen=True)
class Answer:
    """One entry of the record: an image labelled, or skipped when `label` is None.

    Rows of its group that the answer holds for too are in `inherited`, those that it does not hold for in `taken_out`.
    `chance` is that of the draw for an image that was drawn at random, None for one that was chosen. `imported` is what no
    session asked for.
    """

    index: int
    label: str | None
    phase: Phase
    target: str | None = None
    inherited: tuple[int, ...] = ()
    taken_out: tuple[int, ...] = ()
    chance: float | None = None
    imported: bool = False

    @property
    def rows(self) -> tuple[int, ...]:
        """All rows that it answers, first the one that was seen."""
        return (self.index, *self.inherited)


DEFAULTS: dict[str, Any] = {
    "acquisition": "auto", "balancing": "auto", "patience": 0, "random_state": 0, "one_by_one": False,
    "audit": 0.0,
}  # fmt: skip
# The setting that nobody stated the share, so that it is found anew until the first answer.
BY_DEFAULT = "audit_by_default"
# The names of settings that `select`, or an export of tasks, settled and no session was told since.
SETTLED = "settled"


def said_of(settings: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Which of these settings were said: what is as it is by default needed nobody to say it."""
    return sorted(name for name in names if settings[name] != DEFAULTS.get(name))


@dataclass(frozen=True, repr=False)
class RecordedLabels:
    """The labels of a workspace: the answers that count, first to last, and the settings they were asked under.

    Images that inherit the answer to another one of their group are labelled too; they follow the one that was seen.
    """

    annotations: Sequence[Annotation] = ()
    answers: Sequence[Answer] = ()  # the same, as a session takes them
    settings: dict[str, Any] | None = None
    replaced_since: Sequence[str] = ()  # images whose file was replaced after all that was said of them
    draws: Sequence[AuditDraw] = ()  # the audit answers among them, with what was known when each image was drawn

    @property
    def answered(self) -> IndexArray:
        """The rows that were labelled or skipped."""
        return np.array([row for answer in self.answers for row in answer.rows], np.intp)

    @property
    def rows(self) -> IndexArray:
        """The labelled rows (n_labels,)."""
        return np.array([row for answer in self._labelled for row in answer.rows], np.intp)

    @property
    def names(self) -> list[str]:
        """The class of each of `rows`."""
        return [str(answer.label) for answer in self._labelled for _ in answer.rows]

    @property
    def image_ids(self) -> list[str]:
        """The image of each of `rows`."""
        labelled = [said for said in self.annotations if said.label is not None]
        return [image for said in labelled for image in (said.image, *said.inherited)]

    @property
    def seen(self) -> "RecordedLabels":
        """The same without what was inherited: one label an answer."""
        annotations = [replace(said, inherited=()) for said in self.annotations]
        return replace(
            self, annotations=annotations, answers=[replace(answer, inherited=()) for answer in self.answers]
        )

    @property
    def skipped(self) -> IndexArray:
        """The rows whose class nobody could tell."""
        return np.array([row for answer in self.answers if answer.label is None for row in answer.rows], np.intp)

    @property
    def counts(self) -> Counter[str]:
        """Labels of each class, in the order in which the classes were found."""
        return Counter(self.names)

    @property
    def _labelled(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.label is not None]

    def __repr__(self) -> str:
        seen = len(self._labelled)
        inherited = f", {len(self.names) - seen} of them inherited within groups" if len(self.names) > seen else ""
        return f"{len(self.names)} labels of {len(self.counts)} classes{inherited}; {len(self.skipped)} images skipped"


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
    entries = store.entries()
    annotations = effective_answers(entries)
    return RecordedLabels(
        annotations, as_answers(pool, store, annotations), store.settings, store.replaced_since(),
        audit_draws(entries, annotations, store.pieces()),
    )  # fmt: skip


def as_answers(pool: Pool, store: LabelStore, annotations: Iterable[Annotation]) -> list[Answer]:
    """Annotations as a session takes them; what was imported counts as discovery."""

    row_of = pool.row_of

    def rows_of(images: tuple[str, ...]) -> tuple[int, ...]:
        return tuple([row_of[image] for image in images]) if images else ()

    try:
        return [
            Answer(
                row_of[said.image], said.label, said.phase or "discovery", said.target,
                rows_of(said.inherited), rows_of(said.taken_out), said.chance, said.phase is None,
            )
            for said in annotations
        ]  # fmt: skip
    except KeyError as error:
        raise EvenpickError(f"'{store.path}' names an image that the pool does not hold: {error}") from None
