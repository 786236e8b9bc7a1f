"""Images that were left out when embedding, and why: `skipped.csv` of a workspace."""

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from ..atomic_files import write_csv
from ..paths import Paths

COLUMNS = ("image", "reason", "twin")
_SAME_CONTENT = "same content as "


@dataclass(frozen=True, order=True)
class Skipped:
    """An image that was left out, the reason in words and, of a copy, the image of the pool that has the same bytes."""

    image_id: str
    reason: str
    twin: str | None = None


def copy_of(twin: str, image_id: str) -> Skipped:
    """An image that is left out because its twin is in the pool."""
    return Skipped(image_id, _SAME_CONTENT + twin, twin)


def read_skipped(workspace: Path) -> dict[str, Skipped]:
    """What was left out when embedding, by image id."""
    file = Paths(workspace).skipped
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        rows = csv.DictReader(handle)
        read = _skipped if "twin" in (rows.fieldnames or ()) else _skipped_without_column
        return {row["image"]: read(row) for row in rows}


def _skipped(row: dict[str, str]) -> Skipped:
    return Skipped(row["image"], row["reason"], row["twin"] or None)


def _skipped_without_column(row: dict[str, str]) -> Skipped:
    """Older files name the twin in the reason only."""
    twin = row["reason"].removeprefix(_SAME_CONTENT)
    return Skipped(row["image"], row["reason"], twin if twin != row["reason"] else None)


def write_skipped(file: Path, skipped: Iterable[Skipped]) -> None:
    """Replace `skipped.csv`."""
    write_csv(file, COLUMNS, map(astuple, skipped))
