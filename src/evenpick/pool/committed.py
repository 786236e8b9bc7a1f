"""Tables that grow at their end: `pool.json` says how many of their bytes count, and the checksum of these."""

import hashlib
import os
from pathlib import Path
from typing import Any

from ..atomic_files import flush
from .storage import damaged


def read_committed(file: Path, size: int, sha256: str | None) -> bytes:
    """The bytes that count; without a checksum only their number is looked at.

    Raises
    ------
    EvenpickError
        If the file is missing, cut short, or not what `pool.json` says of it.
    """
    try:
        with file.open("rb") as handle:
            data = handle.read(size)
    except FileNotFoundError:
        data = b""
    if len(data) < size:
        raise damaged(file, "is missing or cut short")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise damaged(file, "is damaged: its checksum differs from pool.json")
    return data


class Growing:
    """A table that is being written: its bytes so far count only once `pool.json` says so."""

    def __init__(self, file: Path, data: bytes) -> None:
        self.file, self.size = file, len(data)
        self._digest: Any = hashlib.sha256(data)
        if file.exists() and file.stat().st_size > self.size:  # what a stopped writer left there
            os.truncate(file, self.size)

    @property
    def sha256(self) -> str:
        """The checksum of all bytes so far."""
        return str(self._digest.hexdigest())

    def add(self, lines: bytes) -> None:
        """Put lines at the end; they are on the disk when this returns."""
        if not lines:
            return
        with self.file.open("ab") as handle:
            handle.write(lines)
            flush(handle)
        self._digest.update(lines)
        self.size += len(lines)


def sha256_of(file: Path) -> str:
    """The checksum of what a file holds."""
    with file.open("rb") as handle:
        digest = hashlib.sha256()
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
