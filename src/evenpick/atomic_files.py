"""Files that are on the disk wholly or not at all, even if the machine stops."""

import os
from pathlib import Path
from typing import Any


def write_atomically(file: Path, data: bytes) -> None:
    """Replace the file as a whole: readers see the old or the new, even if the machine stops."""
    temporary = file.with_name(file.name + ".tmp")
    with temporary.open("wb") as handle:
        handle.write(data)
        flush(handle)
    temporary.replace(file)


def flush(handle: Any) -> None:
    """Push what was written through to the disk."""
    handle.flush()
    os.fsync(handle.fileno())
