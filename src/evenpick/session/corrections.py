"""Answers that were given, changed in place, and every change taken back: all of it as new entries of the record."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..errors import EvenpickError
from ..labels import Annotation, Entry, Undo, effective_answers, standing_answers
from .recorded_session import RecordedSession, part_of


def change(
    session: RecordedSession, rows: Sequence[int], label: str | None, annotator: str, request: str | None = None
) -> list[int]:
    """Let images that were answered be of this class, or nobody's to tell; returns the ids of the new entries.

    What anybody said otherwise of them is taken back, so that no conflict is left; who said the same keeps the answer.

    Raises
    ------
    EvenpickError
        If an image has no answer yet, or a skip would become a label that the budget does not allow. An image that
        inherited a label can always be changed: that makes one label two, also beyond the budget.
    """
    images = [*dict.fromkeys(session.pool.image_ids[row] for row in rows)]
    entries = session.store.entries()
    if done := session.sent_before(request, lambda made: _images_of(made, entries) <= {*images}):
        return done
    standing: dict[str, list[Annotation]] = {}
    for answer in standing_answers(entries):
        standing.setdefault(answer.image, []).append(answer)
    inherited = {image: answer for answer in effective_answers(entries) for image in answer.inherited}
    new: list[Entry] = []
    divided = 0  # of what inherited a label, so many get one of their own
    for image in images:
        if image not in standing and image not in inherited:
            raise EvenpickError(f"image '{image}' has no answer that could be changed: label it first")
        given = standing.get(image, [])
        new += [Undo(answer.id, annotator=annotator) for answer in given if answer.label != label]
        if all(answer.label != label for answer in given or [inherited[image]]):
            said = given[0] if given else _own_answer(inherited[image], image)
            divided += not given and said.label is not None
            new.append(replace(said, label=label, annotator=annotator, means=None, request=None, at="", id=0))
    return _recorded(session, entries, new, request, divided)


def take_back(session: RecordedSession, ids: Sequence[int], annotator: str, request: str | None = None) -> list[int]:
    """Undo entries of the record, undos and renamed classes too; returns the ids of the new entries.

    Raises
    ------
    EvenpickError
        If there is no such entry, or what would stand again is more than the budget allows.
    """
    if done := session.sent_before(request, lambda made: [getattr(entry, "undoes", 0) for entry in made] == [*ids]):
        return done
    entries = session.store.entries()
    known = {entry.id for entry in entries}
    if unknown := [number for number in ids if number not in known]:
        raise EvenpickError(f"entry {unknown[0]} does not exist; the record has {len(entries)}")
    return _recorded(session, entries, [Undo(number, annotator=annotator) for number in ids], request)


def standing_skips(session: RecordedSession, rows: Collection[int] = ()) -> list[Annotation]:
    """What says that these images, or any, cannot be told."""
    row_of = session.pool.row_of
    skips = (answer for answer in standing_answers(session.store.entries()) if answer.label is None)
    return [skip for skip in skips if not rows or row_of[skip.image] in rows]


def _own_answer(inherited: Annotation, image: str) -> Annotation:
    """What an image inherited, as an answer of its own: nothing was drawn or guessed of this image."""
    return replace(inherited, image=image, inherited=(), taken_out=(), offered=(), chance=None)


def _images_of(made: Sequence[Entry], entries: Sequence[Entry]) -> set[str | None]:
    """The images that these entries are about; None for a renamed class."""
    by_id = {entry.id: entry for entry in entries}
    about = (by_id[entry.undoes] if isinstance(entry, Undo) else entry for entry in made)
    return {getattr(entry, "image", None) for entry in about}


def _recorded(
    session: RecordedSession, entries: Sequence[Entry], new: Sequence[Entry], request: str | None, beyond: int = 0
) -> list[int]:
    """The entries in the record, all or none, once the budget allows them, and so many labels beyond it."""
    first = entries[-1].id + 1 if entries else 1
    numbered = [replace(entry, id=first + number) for number, entry in enumerate(new)]
    budget, labels = session.settings["budget"], sum(session.counts.values())
    after = sum(answer.label is not None for answer in effective_answers([*entries, *numbered]))
    if after > max(budget, labels) + beyond:
        raise EvenpickError(f"the budget of {budget} labels is spent: start again with a larger --budget")
    named = [replace(entry, request=part_of(request, number)) for number, entry in enumerate(new)] if request else new
    ids = session.store.append(named)
    session.reload()
    return ids
