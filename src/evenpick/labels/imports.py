"""One import as a whole: its entries bear its mark in the record, so that all of it can be taken back."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..errors import EvenpickError
from .entries import Annotation, Entry, Rename, Undo, standing_answers
from .record import LabelStore

_MARK = "import-"  # begins the request of each entry of an import; `undo-import-` of its undo


def append_import(store: LabelStore, entries: Iterable[Entry]) -> None:
    """Record the entries of one import, all or none."""
    _append(store, f"{_MARK}{secrets.token_hex(8)}", entries)


def undo_import(store: LabelStore) -> tuple[int, int]:
    """Take back the last import that stands, and bring back what it had replaced; returns how many of each.

    Answers that were given or taken back since stay so.

    Raises
    ------
    EvenpickError
        If there is none.
    """
    entries = store.entries()
    mark = _last_import(entries)
    if mark is None:
        raise EvenpickError(f"'{store.path}' has no import that could be taken back, of this version of evenpick")
    own = [entry for entry in entries if _mark_of(entry) == mark]
    standing = standing_answers(entries)
    left = {answer.id for answer in standing} & {entry.id for entry in own}
    taken_back = [Undo(entry.id, annotator=entry.annotator) for entry in own if entry.id in left]
    answered = {(answer.image, answer.annotator) for answer in standing if answer.id not in left}
    replaced = _replaced(entries, own)
    again = [answer for answer in replaced if (answer.image, answer.annotator) not in answered]
    _append(store, f"undo-{mark}", [*taken_back, *again])
    return len(taken_back), len(again)


def _append(store: LabelStore, mark: str, entries: Iterable[Entry]) -> None:
    store.append([replace(entry, request=f"{mark}/{number}") for number, entry in enumerate(entries)])


def _mark_of(entry: Entry) -> str:
    return (entry.request or "").partition("/")[0]


def _last_import(entries: Sequence[Entry]) -> str | None:
    undone = {mark.removeprefix("undo-") for entry in entries if (mark := _mark_of(entry)).startswith("undo-import-")}
    marks = (_mark_of(entry) for entry in reversed(entries))
    return next((mark for mark in marks if mark.startswith(_MARK) and mark not in undone), None)


def _replaced(entries: Sequence[Entry], own: Sequence[Entry]) -> list[Annotation]:
    """The answers that an import took back, as they are to be recorded again, with the names that classes have now."""
    first = own[0].id
    undone = {entry.undoes for entry in own if isinstance(entry, Undo)}
    before = standing_answers(entry for entry in entries if entry.id < first)
    answers = [replace(answer, request=None, at="") for answer in before if answer.id in undone]
    renames = [entry for entry in entries if isinstance(entry, Rename) and entry.id > first]
    return [replace(answer, id=0) for answer in standing_answers([*answers, *renames])]
