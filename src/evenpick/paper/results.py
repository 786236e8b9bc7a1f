"""The rows and facts of a benchmark on disk: read, added to, and never mixed with those of other settings or images."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from .data_set import DataSet

RESULTS = "results.jsonl"
FACTS = "data_sets.json"
_SETTINGS = ("source", "fingerprint", "pool_share")  # equal in all rows of one file


def read_rows(workspace: Path) -> list[dict[str, Any]]:
    """The rows so far; a last line that a killed run left half written does not count."""
    file = workspace / RESULTS
    if not file.is_file():
        return []
    lines = file.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1] if line]  # every whole row ends with a line break


def read_facts(workspace: Path) -> dict[str, dict[str, Any]]:
    """Sizes and source classes of each data set, for Table 1 and Figure 1."""
    file = workspace / FACTS
    return json.loads(file.read_text()) if file.is_file() else {}


def add_facts(workspace: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Keep the facts of one data set beside those of the others."""
    every = read_facts(workspace) | {name: facts}
    write_atomically(workspace / FACTS, (json.dumps(every) + "\n").encode())


def whole_rows(workspace: Path, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows so far, the half-written one cut off, all of these settings."""
    file = workspace / RESULTS
    if file.is_file():
        with file.open("r+b") as handle:
            handle.truncate(handle.read().rfind(b"\n") + 1)
    rows = read_rows(workspace)
    for row in rows:
        for key in _SETTINGS:
            if row[key] != settings[key]:
                raise EvenpickError(
                    f"'{file}' holds rows with {key} {row[key]!r} and this run has {settings[key]!r}: "
                    "give it a folder of its own"
                )
    return rows


def check_unchanged(workspace: Path, data_set: DataSet) -> None:
    """Rows of other images or labels must not stand beside new ones."""
    known = read_facts(workspace).get(data_set.name, {}).get("digest")
    if known not in (None, digest(data_set)):
        raise EvenpickError(
            f"data set '{data_set.name}' has other images or labels than when '{workspace}' was begun: "
            "give it a folder of its own"
        )


def digest(data_set: DataSet) -> str:
    """What changes when an image id or a label of either split does."""
    listed = [sorted(part.labels.items()) for part in (data_set.pool, data_set.test)]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]
