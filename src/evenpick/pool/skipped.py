"""Images that were left out when embedding, and why: `skipped.csv` of a workspace."""

import csv
from collections.abc import Sequence
from pathlib import Path

from ..atomic_files import write_csv
from ..paths import Paths


def read_skipped(workspace: Path) -> dict[str, str]:
    """Image ids that were left out when embedding, and why."""
    file = Paths(workspace).skipped
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        return {row["image"]: row["reason"] for row in csv.DictReader(handle)}


SAME_CONTENT = "same content as "  # the reason why a copy is left out, before the name of its twin


def write_skipped(file: Path, skipped: Sequence[tuple[str, str]]) -> None:
    write_csv(file, ("image", "reason"), skipped)
