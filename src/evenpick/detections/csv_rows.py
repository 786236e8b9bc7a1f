"""Rows of CSV tables that other tools write, each with its line for messages."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import EvenpickError


def rows_of(file: Path, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The place of each row, and its cells by column.

    Raises
    ------
    EvenpickError
        If the file is missing or no table, lacks a column, or a row has other cells than the first line.
    """
    if not file.is_file():
        raise EvenpickError(f"'{file}' does not exist")
    try:
        # utf-8-sig: spreadsheets begin a file with a byte order mark.
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise EvenpickError(
                    f"'{file}' needs a first line with the columns {', '.join(needed)}; it has no {', '.join(missing)}"
                )
            for row in reader:
                place = f"'{file}', line {reader.line_num}"
                if None in row or None in row.values():
                    raise EvenpickError(f"{place}: it must have as many cells as the first line")
                yield place, row
    except csv.Error as error:
        raise EvenpickError(f"'{file}' is no CSV table: {error}") from error


def number_in(place: str, row: Mapping[str, str], name: str) -> float:
    """The finite number in a cell."""
    try:
        value = float(row.get(name, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise EvenpickError(f"{place}: '{name}' must be a finite number; got {row.get(name, '')!r:.60}")
    return value


def confidence_in(place: str, row: Mapping[str, str], name: str) -> float | None:
    """The confidence in a cell; None where it is empty."""
    if not row.get(name, "").strip():
        return None
    value = number_in(place, row, name)
    if not 0 <= value <= 1:
        raise EvenpickError(f"{place}: '{name}' must be from 0 to 1; got {value:g}")
    return value
