"""What a CSV table says of images, such as their group or their site."""

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

from ..counting import counted
from ..errors import EvenpickError, cut, first_few
from ..sheets import read_sheet

IMAGE_COLUMNS = ("image", "file", "filename", "path", "image_id")


def table_and_column(text: str) -> tuple[Path, str] | None:
    """The parts of FILE.csv:COLUMN; None if the text has another form."""
    file, colon, column = text.rpartition(":")
    return (Path(file), column) if colon and file.lower().endswith(".csv") else None


def with_absolute_table(text: str) -> str:
    """FILE.csv:COLUMN with the whole path of the file, to be found from any folder; other text as it is."""
    table = table_and_column(text)
    return text if table is None else f"{table[0].absolute()}:{table[1]}"


def table_digest(text: str) -> str | None:
    """What tells whether the table of FILE.csv:COLUMN has changed; None if the text has another form."""
    table = table_and_column(text)
    if table is None or not table[0].is_file():
        return None
    return hashlib.sha256(table[0].read_bytes()).hexdigest()


def check_column(file: Path, column: str) -> None:
    """Refuse a table that cannot be read or lacks the column."""
    for _ in _cells(file, column):
        return


def column_by_image(
    file: Path, column: str, image_ids: Container[str], passed_over: Container[str], moved: Mapping[str, str]
) -> dict[str, str]:
    """What a column says of each image; empty cells, and images that were left out when embedding, are passed over.

    `moved` gives the id now of images that have moved, which a table may name by the old one.

    Raises
    ------
    EvenpickError
        If the table cannot be read or lacks the column, names an image that is in neither list, gives one two values,
        or says nothing of any.
    """
    said: dict[str, str] = {}
    unknown: list[str] = []
    for named, value in _cells(file, column):
        image = moved.get(named, named)
        if image not in image_ids:
            unknown += [] if image in passed_over else [image]
        elif value and said.setdefault(image, value) != value:
            raise EvenpickError(
                f"'{file}' gives image '{image}' two values of '{column}', '{said[image]}' and '{value}': keep one"
            )
    if unknown:
        raise EvenpickError(
            f"'{file}' names {counted(len(unknown), 'image that is', 'images that are')} not in the pool: {first_few(unknown)}; "
            "names must be paths relative to the embedded folder"
        )
    if not said:
        raise EvenpickError(f"'{file}' says nothing in its column '{column}'")
    return said


def _cells(file: Path, column: str) -> Iterator[tuple[str, str]]:
    sheet = read_sheet(file)
    image = _found(file, sheet.columns, IMAGE_COLUMNS)
    _found(file, sheet.columns, (column,))
    for _, row in sheet.by_column:
        if row[image]:
            yield row[image].removeprefix("./"), row[column].strip()


def _found(file: Path, names: Sequence[str], wanted: Sequence[str]) -> str:
    for name in wanted:
        if name in names:
            return name
    others = f" (or {', '.join(wanted[1:])})" if wanted[1:] else ""
    raise EvenpickError(f"'{file}' has no column '{wanted[0]}'{others}; its columns: {cut(', '.join(names)) or 'none'}")
