"""Blocks against their checksums: a flipped bit is told before it becomes a wrong feature.

Each file is read once for this, and `checked.json` notes it with its size and time; what decays on the disk changes
neither, so that those who go on for long (`train`, `label`) read all of it.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..paths import Paths
from .committed import sha256_of
from .storage import block_files, how_to_mend, read_state


def check_blocks(workspace: str | Path, all_of_them: bool = True) -> None:
    """Compare the blocks of a pool with their checksums: all, or those that were not compared since they were written.

    Raises
    ------
    EvenpickError
        If a block is damaged, with the way to mend it.
    """
    paths = Paths(workspace)
    state = read_state(Path(workspace))
    known = {} if all_of_them else _known(paths)
    found: dict[str, Any] = {}
    for number, file, checksum in _files(paths, state):
        now = _facts(file, checksum)
        if known.get(file.name) != now and (not file.is_file() or sha256_of(file) != checksum):
            raise EvenpickError(
                f"block {number} of '{workspace}' is damaged: '{file.name}' differs from its checksum; {how_to_mend(paths)}"
            )
        found[file.name] = now
    if found != known:
        note_checked(paths, state)


def note_checked(paths: Paths, state: Mapping[str, Any]) -> None:
    """Note that all blocks are whole now; a workspace that cannot be written goes without."""
    found = {file.name: _facts(file, checksum) for _, file, checksum in _files(paths, state)}
    with contextlib.suppress(OSError):
        if found != _known(paths):
            write_atomically(paths.checked_json, json.dumps(found).encode())


def _files(paths: Paths, state: Mapping[str, Any]) -> Iterator[tuple[int, Path, str]]:
    for number, block in enumerate(state["blocks"]):
        for kind, file in block_files(paths, number, block).items():
            yield number, file, block[f"{kind}_sha256"]


def _facts(file: Path, checksum: str) -> list[Any]:
    try:
        stat = file.stat()
    except OSError:
        return [checksum, None, None]
    return [checksum, stat.st_size, stat.st_mtime_ns]


def _known(paths: Paths) -> dict[str, Any]:
    try:
        known = json.loads(paths.checked_json.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
