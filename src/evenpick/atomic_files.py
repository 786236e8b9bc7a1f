"""Files that are on the disk wholly or not at all, whoever else writes them and even if the machine stops.

A process that is killed while it writes may leave a hidden file `.evenpick-*.tmp` behind, which anyone may delete.
"""

import contextlib
import csv
import io
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

LEFT_OVER = ".evenpick-*.tmp"


@contextlib.contextmanager
def writing(file: Path, flushed: bool = True) -> Iterator[Path]:
    """A path to write to; what lies there at the end becomes the file, on an error the file stays as it was.

    Without `flushed` a machine that stops may leave it empty: for thousands of files that can be made again.
    """
    # Hidden, so that nothing takes it for an image, and short, so that any name that the disk takes can be written.
    temporary = file.with_name(LEFT_OVER.replace("*", secrets.token_hex(8)))
    try:
        yield temporary
        if flushed:
            with temporary.open("rb+") as handle:
                flush(handle)
        temporary.replace(file)
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
