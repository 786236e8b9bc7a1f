"""Files that are on the disk wholly or not at all, whoever else writes them and even if the machine stops.

A process that is killed while it writes may leave a hidden file `.evenpick-*.tmp` behind: whoever writes to the folder
an hour later removes it, and anyone may.
"""

import contextlib
import csv
import io
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .errors import NO_SPACE

LEFT_OVER = ".evenpick-*.tmp"
_OLD = 3600.0  # seconds that nobody wrote to it: its writer is gone
_swept: set[Path] = set()  # folders; once a process is enough, and a folder may hold many files


@contextlib.contextmanager
def writing(file: Path, flushed: bool = True, replacing: bool = True) -> Iterator[Path]:
    """A path to write to; what lies there at the end becomes the file, on an error the file stays as it was.

    Without `flushed` a machine that stops may leave it empty: for thousands of files that can be made again.
    Without `replacing` a file that another process has made meanwhile stays.
    """
    _sweep(file.parent)
    # Hidden, so that nothing takes it for an image, and short, so that any name that the disk takes can be written.
    temporary = file.with_name(LEFT_OVER.replace("*", secrets.token_hex(8)))
    try:
        yield temporary
        if flushed:
            with temporary.open("rb+") as handle:
                flush(handle)
        if replacing or not _linked(temporary, file):
            temporary.replace(file)
    except OSError as error:
        # People know the file, not its temporary name; a full disk names none.
        if str(error.filename) == str(temporary) or (error.filename is None and error.errno in NO_SPACE):
            error.filename = str(file)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(file: Path, data: bytes) -> None:
    """Replace the file as a whole: readers see the old or the new, also while others write it."""
    with writing(file) as temporary:
        temporary.write_bytes(data)


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Replace the file by a CSV table whose first line names the columns."""
    write_atomically(file, csv_bytes([columns, *rows]))


def csv_bytes(rows: Iterable[Iterable[object]]) -> bytes:
    """Rows as the lines of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")  # a file name on disk need not be valid UTF-8


def flush(handle: Any) -> None:
    """Push what was written through to the disk."""
    handle.flush()
    os.fsync(handle.fileno())


def _linked(temporary: Path, file: Path) -> bool:
    """Whether the file is there now, by this process or by another; False where the disk knows no links."""
    with contextlib.suppress(OSError):
        os.link(temporary, file)
    return file.exists()


def _sweep(folder: Path) -> None:
    """Remove what writers that were killed left in the folder."""
    if folder in _swept:
        return
    _swept.add(folder)
    for left in folder.glob(LEFT_OVER):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _OLD:
                left.unlink()
