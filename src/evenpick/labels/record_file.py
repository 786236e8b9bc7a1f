"""The file of a record: begun whole, alone the whole record after every answer, and looked through when it is opened.

SQLite's own journal is kept by rollback, not by write-ahead log: it lies beside the file only while an answer is being
written. So a copy of the one file is the record, also after a kill, and on network drives too. The price is some 15 ms an answer.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ..atomic_files import writing
from ..errors import EvenpickError

WAY_BACK = "put a backup of it in its place (`evenpick backup` makes them), or move it away to begin a new record"


def opened(path: Path, schema: Sequence[str]) -> sqlite3.Connection:
    """A connection to the record, which is made by the statements of the schema when there is none.

    Raises
    ------
    EvenpickError
        If the file is empty or damaged, cannot be opened, or what lies beside it is of another copy.
    """
    if not path.exists():
        _make(path, schema)
    _check_whole(path)
    _check_beside(path)
    with telling_damage(path):
        # One connection for all threads; callers serialise (a session is one state machine anyway).
        connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
    try:
        with telling_damage(path):
            _keep_alone(connection)
            found = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
        if found != ["ok"]:
            raise EvenpickError(f"'{path}' is damaged ({found[0]!r:.100}): {WAY_BACK}")
    except BaseException:
        connection.close()
        raise
    return connection


def can_be_written(path: Path) -> bool:
    """Whether answers can be added: on a read-only disk or in a folder of somebody else they cannot."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def opened_to_read(path: Path, schema: Sequence[str]) -> sqlite3.Connection:
    """A connection to a record that cannot be written; where SQLite would have to write first, to a copy in memory.

    Raises
    ------
    EvenpickError
        As `opened`.
    """
    if not path.exists():
        return _in_memory(schema)
    try:
        return opened(path, schema)
    except EvenpickError as error:
        # A journal that a kill left, or the log of an earlier version: brought into a copy.
        with tempfile.TemporaryDirectory() as folder:
            for beside in ("", "-journal", "-wal"):
                if (file := path.with_name(path.name + beside)).is_file():
                    shutil.copyfile(file, Path(folder, file.name))
            try:
                return moved_to_memory(opened(Path(folder, path.name), schema))
            except EvenpickError:
                raise error from None


def moved_to_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The same record as a copy that can be changed; the connection is closed."""
    copy = _in_memory(())
    with closing(connection):
        connection.backup(copy)
    return copy


def back_up(connection: sqlite3.Connection, file: Path) -> None:
    """Copy the record as it is now, also while others write it, into a file that is there wholly or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with writing(file) as temporary, _private(temporary), closing(sqlite3.connect(temporary)) as copy:
        copy.execute("PRAGMA journal_mode = OFF")  # a copy that is stopped is thrown away
        connection.backup(copy)


@contextmanager
def telling_damage(path: Path) -> Iterator[None]:
    """What SQLite says of the file, in one line: that it cannot be opened now, or what is wrong with it."""
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter where its tables are described
        # Operational: a full or read-only disk, a lock; anything else is about what the file holds.
        operational = isinstance(error, sqlite3.OperationalError)
        said = " ".join(str(error).split())  # it may quote what the file holds, lines and all
        trouble = f"cannot be opened ({said})" if operational else f"is not a record of labels ({said}): {WAY_BACK}"
        raise EvenpickError(f"'{path}' {trouble}") from error


def _in_memory(schema: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    for statement in schema:
        connection.execute(statement)
    return connection


def _make(path: Path, schema: Sequence[str]) -> None:
    with writing(path, replacing=False) as temporary, _private(temporary):
        try:
            with closing(sqlite3.connect(temporary)) as connection:
                for statement in ("PRAGMA journal_mode = OFF", *schema):
                    connection.execute(statement)
        except sqlite3.OperationalError as error:
            raise EvenpickError(f"'{path}' cannot be opened ({error})") from error


@contextmanager
def _private(file: Path) -> Iterator[None]:
    with suppress(OSError):  # which SQLite tells better
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))  # for its owner alone
    yield


def _keep_alone(connection: sqlite3.Connection) -> None:
    """From a record of an earlier version, bring what lies in its log into the one file."""
    with suppress(sqlite3.OperationalError):  # such a version has it open now, or nothing may be written here
        connection.execute("PRAGMA journal_mode = DELETE")
    # The folder is flushed too: else a journal could come back with a power cut, and undo the last answer.
    connection.execute("PRAGMA synchronous = EXTRA")


def _check_whole(path: Path) -> None:
    if path.is_file() and path.stat().st_size == 0:
        raise EvenpickError(f"'{path}' is empty, which no record is: {WAY_BACK}")


def _check_beside(path: Path) -> None:
    """Refuse a log that SQLite would mix in, though it was written beside another copy of the file."""
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size and path.is_file():
        with path.open("rb") as file:
            written = file.read(20)[18:]
        # Bytes 18 and 19 of a file say how it is written: 2 is by a log, as earlier versions of evenpick did.
        if written == b"\1\1" and log.exists():
            raise EvenpickError(
                f"'{log}' belongs to another copy of the record and would change this one: move it away"
            )
