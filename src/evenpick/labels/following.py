"""The record follows the pool: an image that has moved keeps its answers, and one that was replaced is told apart.

The pool lists its changes (`pool/changes.csv`). The record takes them over, each with the number of the last entry before
it: an id in an entry means the image that had it then. What is not taken over yet came after every entry.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..pool import MOVED, REPLACED, Change
from .entries import Annotation, Entry, standing_answers

_LAST = 2**62  # after every entry
_TABLES = (
    """
CREATE TABLE IF NOT EXISTS pool_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    after INTEGER NOT NULL,   -- the last entry of the record before it
    change TEXT NOT NULL,     -- moved or replaced
    image BLOB NOT NULL,
    now BLOB NOT NULL
)
""",
    "CREATE TRIGGER IF NOT EXISTS changes_keep BEFORE UPDATE ON pool_changes BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS changes_stay BEFORE DELETE ON pool_changes BEGIN SELECT RAISE(ABORT, 'append only'); END",
)


class Dated(NamedTuple):
    """A change of the pool, and the last entry of the record before it."""

    after: int
    change: Change


def followed(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[Dated]:
    """The changes that the record has taken over, and those of the pool that are not yet among them."""
    known = [Dated(after, change) for after, change in _taken_over(connection)]
    return known + [Dated(_LAST, change) for change in _not_yet([change for _, change in known], changes)]


def take_over(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Let the record know all changes of the pool, as coming after its last entry; the caller's transaction."""
    if not changes:
        return
    for statement in _TABLES:
        connection.execute(statement)
    new = _not_yet([change for _, change in _taken_over(connection)], changes)
    after = connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()[0]
    rows = [(after, change.change, _bytes(change.image), _bytes(change.now)) for change in new]
    connection.executemany("INSERT INTO pool_changes (after, change, image, now) VALUES (?, ?, ?, ?)", rows)


def with_ids_of_now(entries: Sequence[Entry], changes: Sequence[Dated]) -> list[Entry]:
    """The entries, each answer with the id that its image has now."""
    moves = [(after, change) for after, change in changes if change.change == MOVED]
    if not moves:
        return [*entries]
    now: dict[str, str] = {}  # of each id that the image of an entry may have
    renamed: list[Entry] = []
    for entry in reversed(entries):
        while moves and moves[-1][0] >= entry.id:
            _, change = moves.pop()
            now[change.image] = now.get(change.now, change.now)
        renamed.append(_with_ids(entry, now) if isinstance(entry, Annotation) else entry)
    return renamed[::-1]


def _with_ids(answer: Annotation, now: Mapping[str, str]) -> Annotation:
    if now.keys().isdisjoint((answer.image, *answer.inherited, *answer.taken_out)):
        return answer
    image, inherited, taken_out = (
        tuple(now.get(one, one) for one in images) for images in ((answer.image,), answer.inherited, answer.taken_out)
    )
    return replace(answer, image=image[0], inherited=inherited, taken_out=taken_out)


def replaced_since(entries: Iterable[Entry], changes: Sequence[Dated]) -> list[str]:
    """The images whose file was replaced after everything that was said of them."""
    replaced: dict[str, int] = {}
    for after, change in changes:
        if change.change == REPLACED:
            replaced[change.image] = after
        elif change.image in replaced:
            replaced[change.now] = replaced.pop(change.image)
    newest: dict[str, int] = {}
    for answer in standing_answers(entries):
        for image in (answer.image, *answer.inherited):
            newest[image] = max(answer.id, newest.get(image, 0))
    return [image for image, after in replaced.items() if newest.get(image, _LAST + 1) <= after]


def _taken_over(connection: sqlite3.Connection) -> list[tuple[int, Change]]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'pool_changes'").fetchone():
        return []
    rows = connection.execute("SELECT after, change, image, now FROM pool_changes ORDER BY id")
    return [(after, Change(change, _text(image), _text(now))) for after, change, image, now in rows]


def _not_yet(known: Sequence[Change], changes: Sequence[Change]) -> Sequence[Change]:
    """What the pool lists after the last known change; a pool that was made anew begins its list anew."""
    most = min(len(known), len(changes))
    same = next(n for n in range(most, -1, -1) if [*known[len(known) - n :]] == [*changes[:n]])
    return changes[same:]


def _bytes(image: str) -> bytes:
    return image.encode("utf-8", "surrogateescape")


def _text(image: bytes) -> str:
    return image.decode("utf-8", "surrogateescape")
