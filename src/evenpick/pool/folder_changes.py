"""What has become of the files of a pool since it saw them: replaced, moved, gone, back, or new beside them.

Size and time of a file are compared first; only where they differ is it read, and its SHA-256 decides. A file of a row
that is gone and has come up under a new path has moved. A path that was a row's stays its row's: what lies there now,
whatever it is, has replaced it.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import EvenpickError
from .committed import sha256_of
from .images_csv import ImageRow

_GONE = "yes"
_READ_AT_MOST = 64  # files of a folder that is said to have moved


@dataclass
class FolderChanges:
    """The rows as they are now, and what is different from before.

    Attributes
    ----------
    rows : list of ImageRow
        Of a replaced file the row still says what was embedded.
    replaced : list of int
        Rows whose file holds something else now.
    moved : dict of str to str
        Ids from before, and now.
    gone, back : list of str
        Ids whose file has gone, or has come back, since the last look.
    new : list of str
        Files of no row.
    """

    rows: list[ImageRow]
    replaced: list[int] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


def changes_of(folder: Path, rows: Sequence[ImageRow], found: Iterable[str], since: int = 0) -> FolderChanges:
    """Compare the rows of a pool with its folder, in which these files were found.

    A row of the first format says nothing of its file; one that has not changed `since` (in ns) is taken as it is.
    """
    by_file: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        by_file.setdefault(row.file or row.image, []).append(number)
    changes = FolderChanges([*rows])
    gone: dict[str, list[int]] = {}
    for file, numbers in by_file.items():
        first = rows[numbers[0]]
        now = _looked_at(f"{folder}/{file}", first, since)
        if now is first and not first.gone:
            continue
        if now is None:
            gone[file] = numbers
        elif now.sha256 != rows[numbers[0]].sha256:
            changes.replaced += numbers
        else:
            changes.back += [rows[i].image for i in numbers if rows[i].gone]
            for i in numbers:
                changes.rows[i] = rows[i]._replace(size=now.size, mtime_ns=now.mtime_ns, gone="")
    changes.new = sorted(set(found) - by_file.keys())
    _find_moved(folder, changes, gone)
    for numbers in gone.values():
        changes.gone += [rows[i].image for i in numbers if not rows[i].gone]
        for i in numbers:
            changes.rows[i] = changes.rows[i]._replace(gone=_GONE)
    return changes


def check_same_folder(folder: Path, rows: Sequence[ImageRow], changes: FolderChanges) -> None:
    """Refuse a folder that is said to be that of the pool and holds less than half of what the pool has seen.

    Files are compared by size and time; of those that are equal, some are read, for another folder may be alike in these.
    """
    present = [i for i, row in enumerate(rows) if not row.gone]
    lost = {*changes.replaced} | {i for i in present if changes.rows[i].gone}
    same = [i for i in present if i not in lost]
    looked_at = same[:: max(1, len(same) // _READ_AT_MOST)]
    different = [row for row in (changes.rows[i] for i in looked_at) if _differs(folder, row)]
    if different or 2 * len(same) < len(present):
        raise EvenpickError(
            f"'{folder}' is not the folder of this workspace at another place: it holds {len(same):,} of "
            f"{len(present):,} images of the pool" + (f", and '{different[0].image}' differs" if different else "")
        )


def _differs(folder: Path, row: ImageRow) -> bool:
    return sha256_of(folder / (row.file or row.image)) != row.sha256


def same_stat(file: Path, size: str, mtime_ns: str) -> bool:
    """Whether the file has this size and this time."""
    try:
        found = os.stat(file)  # noqa: PTH116 (hot)
    except OSError:
        return False
    return (str(found.st_size), str(found.st_mtime_ns)) == (size, mtime_ns)


def _looked_at(file: str, row: ImageRow, since: int) -> ImageRow | None:
    """The row with what its file is now, the very same if nothing is different; None if there is no file."""
    try:
        found = os.stat(file)  # noqa: PTH116 (hot)
        if not stat.S_ISREG(found.st_mode):
            return None
        if row.size == str(found.st_size) and row.mtime_ns == str(found.st_mtime_ns):
            return row
        now = row._replace(size=str(found.st_size), mtime_ns=str(found.st_mtime_ns))
        # The time of the last change of the directory entry moves even when a file of old date takes its place.
        if not row.size and found.st_ctime_ns <= since:
            return now
        different = row.size and row.size != now.size
        return now._replace(sha256="" if different else sha256_of(Path(file)))
    except OSError:
        return None


def _find_moved(folder: Path, changes: FolderChanges, gone: dict[str, list[int]]) -> None:
    """Give rows that are gone the new path at which their content has come up; all rows of a file go together."""
    rows = changes.rows
    sizes = {rows[numbers[0]].size for numbers in gone.values()}
    old_path = {rows[numbers[0]].sha256: file for file, numbers in gone.items()}
    kept = []
    for path in changes.new:
        now = _content(folder / path, sizes) if old_path else None
        if now is None or (old := old_path.pop(now.sha256, None)) is None:
            kept.append(path)
            continue
        for i in gone.pop(old):
            image = path + rows[i].image.removeprefix(old)
            changes.moved[rows[i].image] = image
            rows[i] = rows[i]._replace(
                image=image, file=path if rows[i].file else "", size=now.size, mtime_ns=now.mtime_ns, gone=""
            )
    changes.new = kept


def _content(file: Path, sizes: set[str]) -> ImageRow | None:
    """What the file holds, if it has one of these sizes or one is not known."""
    try:
        found = os.stat(file)  # noqa: PTH116
        if str(found.st_size) not in sizes and "" not in sizes:
            return None
        return ImageRow("", sha256_of(file), str(found.st_size), str(found.st_mtime_ns))
    except OSError:
        return None
