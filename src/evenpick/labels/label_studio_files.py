"""Files that Label Studio exports, as items of its JSON or JSON-MIN."""

import json
from pathlib import Path
from typing import Any

from ..errors import EvenpickError
from ..sheets import read_sheet

_COLUMNS = ("annotation_id", "annotator", "lead_time")  # of its tables, and of no other


def is_from_label_studio(file: Path) -> bool:
    """Whether a file is named or begins like JSON, or is a table with the columns that Label Studio gives it."""
    if file.suffix.lower() == ".json" or not file.is_file():
        return file.suffix.lower() == ".json"
    begin = _beginning(file)
    if begin[:1] in (b"[", b"{"):
        return True
    first = begin.partition(b"\n")[0].decode("latin-1").replace("\t", ",").replace('"', "").strip()
    return set(_COLUMNS) <= set(first.split(","))


def read_tasks(file: Path) -> list[dict[str, Any]]:
    """The items of a file; a row of a table is an item of JSON-MIN.

    Raises
    ------
    EvenpickError
        If the file is something else.
    """
    if not file.is_file():
        raise EvenpickError(f"label file '{file}' does not exist")
    if file.suffix.lower() != ".json" and _beginning(file)[:1] not in (b"[", b"{"):
        sheet = read_sheet(file)
        return [_item(dict(zip(sheet.columns, cells, strict=True))) for _, cells in sheet.rows]
    try:
        tasks = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise EvenpickError(f"'{file}' is no JSON: {error}") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise EvenpickError(
            f"'{file}' must be a list of tasks, as Label Studio exports them as JSON or JSON-MIN; "
            f"got {'a list of other things' if isinstance(tasks, list) else type(tasks).__name__}"
        )
    return tasks


def _beginning(file: Path) -> bytes:
    with file.open("rb") as handle:
        return handle.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()


def _item(cells: dict[str, str]) -> dict[str, Any]:
    """A row as JSON-MIN has it: numbers of people and annotations, and several choices as what they are."""
    return {name: _value(name, cell) for name, cell in cells.items() if cell}


def _value(name: str, cell: str) -> Any:
    if name in ("annotator", "annotation_id", "id") and cell.isdecimal():
        return int(cell)
    if cell.startswith(("{", "[")):
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell
