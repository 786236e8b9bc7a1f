"""What is to be said of images that were read: `notes.csv` of a workspace."""

import csv
from collections.abc import Container, Mapping
from pathlib import Path

from ..atomic_files import write_csv

COLUMNS = ("image", "note")


def read_notes(file: Path) -> dict[str, str]:
    """The note of each image that has one."""
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        return {row["image"]: row["note"] for row in csv.DictReader(handle)}


def write_notes(file: Path, new: Mapping[str, str], known: Container[str]) -> None:
    """Add notes to `notes.csv`; those of images that are not known any more go. Without any note there is no file."""
    notes = {image: note for image, note in {**read_notes(file), **new}.items() if image in known}
    if notes or file.exists():
        write_csv(file, COLUMNS, sorted(notes.items()))
