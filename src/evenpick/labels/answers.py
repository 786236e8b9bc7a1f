"""The answers of a workspace as a session takes them: rows of the pool, and what was said of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..errors import EvenpickError
from ..pool import Pool
from .record import Entry, LabelStore, effective_answers

Phase: TypeAlias = Literal["discovery", "balancing"]


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


def recorded_answers(pool: Pool, store: LabelStore) -> list[Answer]:
    """The answers that stand, as a session takes them."""
    return as_answers(pool, store, effective_answers(store.entries()))


def as_answers(pool: Pool, store: LabelStore, entries: Iterable[Entry]) -> list[Answer]:
    answers = []
    for entry in entries:
        if entry.image not in pool.index_of:
            raise EvenpickError(f"'{store.path}' names an image that the pool does not hold: {entry.image!r}")
        phase: Phase = "balancing" if entry.phase == "balancing" else "discovery"
        answers.append(Answer(pool.index_of[entry.image], entry.label, phase, entry.target))
    return answers
