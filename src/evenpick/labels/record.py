"""The record of a workspace: who said what of which image, when; one SQLite file, only ever added to.

An entry is on the disk when `append` returns. Undo, skip and a renamed class are entries too; nothing is
changed or deleted, and the tables refuse it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import EvenpickError
from ..paths import Paths
from ..pool import Change, read_changes
from .entries import Annotation, Entry, Rename, Undo
from .following import Dated, followed, replaced_since, take_over, with_ids_of_now
from .record_file import WAY_BACK, back_up, can_be_written, moved_to_memory, opened, opened_to_read, telling_damage

FORMAT = 3

_SCHEMA = f"""
CREATE TABLE record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,         -- UTC, ISO 8601
    annotator TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('label', 'skip', 'undo', 'rename')),
    image TEXT,               -- path relative to the folder; NULL for undo and rename
    label TEXT,               -- the class given; for rename the new name
    phase TEXT,               -- discovery, balancing, or NULL for what was imported
    target TEXT,              -- the class asked for; for rename the old name
    undoes INTEGER REFERENCES record (id),
    request TEXT,             -- chosen by who sent it, so that sending it again changes nothing
    inherited TEXT,           -- JSON list of the images of its group that a label or skip holds for too; NULL for none
    taken_out TEXT,           -- and of those that it does not hold for
    offered TEXT,             -- JSON list of the classes that were offered as guesses; NULL for none
    means TEXT,               -- grid, confirmed or words, for one of many images answered at once; NULL for an answer of its own
    chance REAL               -- of an image drawn at random: the chance of that draw; NULL for one that was chosen
);
CREATE UNIQUE INDEX record_request ON record (request) WHERE request IS NOT NULL;
CREATE TABLE settings (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, settings TEXT NOT NULL);
CREATE TRIGGER record_keeps BEFORE UPDATE ON record BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER record_stays BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER settings_keep BEFORE UPDATE ON settings BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER settings_stay BEFORE DELETE ON settings BEGIN SELECT RAISE(ABORT, 'append only'); END;
PRAGMA user_version = {FORMAT};
"""


# What a session's settings must be, where they are named.
_SETTINGS: dict[str, tuple[type, ...]] = {
    "budget": (int,), "acquisition": (str,), "balancing": (str, type(None)), "patience": (int,), "random_state": (int,),
    "one_by_one": (bool,), "audit": (int, float), "demand": (list,), "pieces": (int,), "audit_by_default": (bool,), "settled": (list,),
}  # fmt: skip

_FIRST_COLUMNS = ("kind", "annotator", "image", "label", "phase", "target", "undoes", "request", "at", "id")
# What each later format added, and how: nothing that was there before changes.
_ADDED = {2: {"inherited": "TEXT", "taken_out": "TEXT"}, 3: {"offered": "TEXT", "means": "TEXT", "chance": "REAL"}}


def _columns(of_format: int) -> str:
    added = (column for number, columns in _ADDED.items() if number <= of_format for column in columns)
    return ", ".join((*_FIRST_COLUMNS, *added))


_COLUMNS = _columns(FORMAT)


class LabelStore:
    """The labels of one workspace.

    Parameters
    ----------
    workspace : Path
        Its `labels.sqlite` is made when missing; where nothing can be written, it can be read only.

    Raises
    ------
    EvenpickError
        If the file is no record of evenpick, or one of a later version; one of an earlier version is brought up to date.
    """

    def __init__(self, workspace: str | Path) -> None:
        self.path: Path = Paths(workspace).labels
        if not self.path.parent.is_dir():
            raise EvenpickError(f"workspace '{workspace}' does not exist: run `evenpick embed` first")
        only_read = not can_be_written(self.path)
        self._connection = (opened_to_read if only_read else opened)(self.path, _statements(_SCHEMA))
        try:
            with telling_damage(self.path):
                if self._format != FORMAT:
                    if only_read:
                        self._connection = moved_to_memory(self._connection)
                    self._create_or_check()
                if only_read:
                    self._connection.execute("PRAGMA query_only = ON")  # nothing is taken that would be lost
            self._changes = read_changes(workspace)
            self._known: list[Entry] = []  # what was read before: nothing of it changes
            self._known_with: list[Change] = []  # but for what images are called now
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "LabelStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the record is complete at any moment without it."""
        self._connection.close()

    def gather(self) -> None:
        """Bring the whole record into its one file, so that it can be moved; refused while an earlier version uses it."""
        self._connection.execute("PRAGMA busy_timeout = 1000")
        try:
            self._connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise EvenpickError(
                f"'{self.path}' is open in another process ({error}): stop the labelling page first"
            ) from error

    def back_up(self, file: Path) -> int:
        """Copy the record as it is now into a file of its own, also while others write it; returns how many entries.

        Raises
        ------
        EvenpickError
            If the file is there already and is no earlier backup of this record.
        """
        query = "SELECT {} FROM record ORDER BY id"
        rows = self._connection.execute(query.format(_COLUMNS)).fetchall()
        if file.exists():
            with telling_damage(file), closing(opened(file, ())) as earlier:
                columns = _columns(earlier.execute("PRAGMA user_version").fetchone()[0])
                kept = earlier.execute(query.format(columns)).fetchall()
            if kept != [row[: columns.count(",") + 1] for row in rows[: len(kept)]]:
                raise EvenpickError(f"'{file}' is no earlier backup of '{self.path}': name another file")
        with self._telling("copied"):
            back_up(self._connection, file)
        return len(rows)

    def append(self, entries: Iterable[Entry]) -> list[int]:
        """Write entries, all or none, and return their ids once they are on the disk."""
        with self._telling("written"), nullcontext() if self._connection.in_transaction else self._connection:
            take_over(self._connection, self._changes)
            return [self._insert(entry, _now()) for entry in entries]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While others may only read: what is appended follows from what was read, all of it or nothing."""
        with self._telling("written"), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def entries(self) -> list[Entry]:
        """The whole record, first to last, with the ids that images have now; read again is only what is new."""
        with self._telling("read"):
            changes = self._followed()
            names = [change for _, change in changes]
            known = self._known if names == self._known_with else []
            whole = [*known, *with_ids_of_now(self._entries_after(known[-1].id if known else 0), changes)]
        if not self._connection.in_transaction:  # which might be taken back
            self._known, self._known_with = whole, names
        return [*whole]

    def _entries_after(self, last: int) -> list[Entry]:
        query = f"SELECT {_COLUMNS} FROM record WHERE id > ? ORDER BY id"
        with closing(self._connection.execute(query, (last,))) as rows:
            return [_entry_of(row) for row in rows]

    def find(self, request: str) -> Entry | None:
        """The entry that this request has made, if it has."""
        query = f"SELECT {_COLUMNS} FROM record WHERE request = ?"
        row = self._connection.execute(query, (request,)).fetchone()
        return None if row is None else with_ids_of_now([_entry_of(row)], self._followed())[0]

    def undone(self, undo: Undo) -> Annotation:
        """What an undo took back."""
        query = f"SELECT {_COLUMNS} FROM record WHERE id = ?"
        row = self._connection.execute(query, (undo.undoes,)).fetchone()
        entry = with_ids_of_now([_entry_of(row)], self._followed())[0]
        assert isinstance(entry, Annotation)
        return entry

    def replaced_since(self) -> list[str]:
        """The answered images whose file was replaced after everything that was said of them: to be looked at again."""
        changes = self._followed()
        return replaced_since(self.entries(), changes) if changes else []

    def _followed(self) -> list[Dated]:
        return followed(self._connection, self._changes) if self._changes else []

    @property
    def settings(self) -> dict[str, Any] | None:
        """The session's settings as last stored, None if none were."""
        row = self._connection.execute("SELECT settings FROM settings ORDER BY id DESC LIMIT 1").fetchone()
        return None if row is None else self._settings_in(row[0]) or None

    def pieces(self) -> list[tuple[str, int]]:
        """How many images, or groups, the session could ask for, and since when (as `at` of an entry); in that order."""
        with self._telling("read"):
            rows = self._connection.execute("SELECT at, settings FROM settings ORDER BY id").fetchall()
        stored = [(at, self._settings_in(text).get("pieces")) for at, text in rows]
        return [(at, pieces) for at, pieces in stored if pieces is not None]

    def store_settings(self, settings: dict[str, Any]) -> None:
        """Keep the settings of the session, if they differ from the last."""
        if settings != self.settings:
            with self._telling("written"), self._connection:
                self._connection.execute(
                    "INSERT INTO settings (at, settings) VALUES (?, ?)", (_now(), json.dumps(settings))
                )

    def _insert(self, entry: Entry, now: str) -> int:
        row = {"at": now, **_row_of(entry)}
        values = ", ".join(f":{column}" for column in row)
        cursor = self._connection.execute(f"INSERT INTO record ({', '.join(row)}) VALUES ({values})", row)
        return int(cursor.lastrowid or 0)

    def _settings_in(self, text: str) -> dict[str, Any]:
        try:
            settings: dict[str, Any] = json.loads(text)
            for name, kinds in _SETTINGS.items():
                if not isinstance(settings.get(name, kinds[0]()), kinds):
                    raise TypeError(f"{name} {settings[name]!r:.40}")
            if [*map(type, demand := settings.get("demand", (0, 0)))] != [int, int]:
                raise TypeError(f"demand {demand!r:.40}")
            if not {*map(type, settled := settings.get("settled", []))} <= {str}:
                raise TypeError(f"settled {settled!r:.40}")
        except (ValueError, TypeError, AttributeError) as error:
            raise EvenpickError(f"the settings in '{self.path}' are damaged ({error}): {WAY_BACK}") from error
        return settings

    @property
    def _format(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # a broken rule of the tables is a bug
        except sqlite3.DatabaseError as error:
            raise EvenpickError(f"'{self.path}' cannot be {what} ({error}); what is in it stays") from error

    def _create_or_check(self) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")  # two processes may open a new workspace at once
            found = self._connection.execute("PRAGMA user_version").fetchone()[0]
            tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if found == FORMAT:
                return
            if 0 < found < FORMAT or (found == 0 and tables == 0):
                for statement in _upgrade_of(found) if found else _statements(_SCHEMA):
                    self._connection.execute(statement)
                return
        raise EvenpickError(
            f"'{self.path}' has format {found}; this evenpick reads format {FORMAT}: "
            "use the version that wrote it, or another workspace"
        )


def _upgrade_of(found: int) -> list[str]:
    added = [column for number, columns in _ADDED.items() if number > found for column in columns.items()]
    return [
        *(f"ALTER TABLE record ADD COLUMN {name} {kind}" for name, kind in added),
        f"PRAGMA user_version = {FORMAT}",
    ]


def _row_of(entry: Entry) -> dict[str, Any]:
    """The columns that an entry fills; `at` and `id` are the record's."""
    row: dict[str, Any] = {"kind": entry.kind, "annotator": entry.annotator, "request": entry.request}
    if isinstance(entry, Undo):
        return {**row, "undoes": entry.undoes}
    if isinstance(entry, Rename):
        return {**row, "target": entry.old, "label": entry.new}
    row |= {"image": _storable(entry.image), "label": entry.label, "phase": entry.phase, "target": entry.target}
    row |= {"inherited": _listed(entry.inherited), "taken_out": _listed(entry.taken_out)}
    return {**row, "offered": _listed(entry.offered), "means": entry.means, "chance": entry.chance}


def _entry_of(row: tuple[Any, ...]) -> Entry:
    """The entry in a row of `_COLUMNS`."""
    kind, annotator, image, label, phase, target, undoes, request, at, number, *lists, means, chance = row
    every: dict[str, Any] = {"annotator": annotator, "request": request, "at": at, "id": number}
    if kind == "undo":
        return Undo(undoes, **every)
    if kind == "rename":
        return Rename(target, label, **every)
    # A file name that is not valid UTF-8 is stored as its bytes; see `_storable`.
    name = image.decode("utf-8", "surrogateescape") if isinstance(image, bytes) else image
    inherited, taken_out, offered = (tuple(json.loads(names)) if names else () for names in lists)
    return Annotation(name, label, phase, target, inherited, taken_out, offered, means, chance, **every)


def _storable(image: str) -> str | bytes:
    try:
        image.encode()
    except UnicodeEncodeError:
        return image.encode("utf-8", "surrogateescape")
    return image


def _listed(names: tuple[str, ...]) -> str | None:
    # JSON in ASCII takes names that are not valid UTF-8 as they are.
    return json.dumps(names) if names else None


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def _statements(script: str) -> list[str]:
    """The statements of a script; `executescript` would commit on its own."""
    statements, current = [], ""
    for line in script.strip().splitlines():
        current += line + "\n"
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements


def set_aside(workspace: str | Path) -> Path | None:
    """Rename the record, so that a new one can begin; returns where the old one is, None if it was empty.

    Raises
    ------
    EvenpickError
        If a labelling page is open on it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(Paths(workspace).label_lock)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise EvenpickError(f"workspace '{workspace}' is being labelled by another process; stop it first") from error
    with lock:
        with LabelStore(workspace) as store:
            path = store.path
            if not store.entries():
                if store.settings:  # of a session that nobody answered: the next one begins without
                    store.store_settings({})
                return None
            store.gather()
        numbered = (Paths(workspace).labels_aside(i) for i in range(1, 10**6))
        kept = next(name for name in numbered if not name.exists())
        path.rename(kept)
        return kept
