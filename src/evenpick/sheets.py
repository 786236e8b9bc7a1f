"""Tables as spreadsheets and other tools write them: CSV with `,`, `;` or tabs, in UTF-8 or UTF-16."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import EvenpickError, cut

_DELIMITERS = ",;\t|"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Sheet:
    """A table whose first line names the columns.

    Attributes
    ----------
    file : Path
    columns : tuple of str
        The names as they are there, without blanks around them.
    rows : list of (line, cells)
        The last line of each row that is not empty, and its cells, as many as there are columns.
    """

    file: Path
    columns: tuple[str, ...]
    rows: list[tuple[int, list[str]]]

    @property
    def by_column(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The line of each row, and its cells by the names of the columns."""
        return ((line, dict(zip(self.columns, cells, strict=True))) for line, cells in self.rows)

    @property
    def found(self) -> str:
        """The names of the columns as a message shows them: of what is no table they may be all of it."""
        return cut(", ".join(self.columns)) or "none"

    @property
    def keys(self) -> list[str]:
        """The names of the columns, written in one way: `File Name` is `file_name`."""
        return [key_of(name) for name in self.columns]


def key_of(name: str) -> str:
    """The name of a column, written in one way."""
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def read_sheet(file: Path) -> Sheet:
    """The table in a file.

    Raises
    ------
    EvenpickError
        If there is no such file, it is no table, or a row has more cells than there are columns: with its line.
    """
    if not file.is_file():
        raise EvenpickError(f"table '{file}' does not exist")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise EvenpickError(f"'{file}' cannot be read: {error.strerror or error}") from error
    text = _decoded(file, data)
    delimiter, skipped = _delimiter(text)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for _ in range(skipped):
            next(lines)
        columns = tuple(name.strip() for name in next(lines, []))
        return Sheet(file, columns, list(_rows(file, lines, len(columns), delimiter)))
    except csv.Error as error:
        raise EvenpickError(f"'{file}' is no CSV table: {error}") from error


def rows_with_names(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a list of names, each with its first line: a name a line, or a CSV with a column `name`.

    Of columns of one name the first counts. A row that is no CSV is a csv.Error of one line with the row's first line.
    """
    lines = text.splitlines()
    header = [name.strip().lower() for name in next(csv.reader(lines[:1]), [])]
    if "name" not in header:
        yield from ((place, {"name": line}) for place, line in enumerate(lines, start=1) if line.strip())
        return
    for place, cells in list(_named_rows(text))[1:]:
        yield place, {header[i]: cells[i] for i in reversed(range(min(len(header), len(cells))))}


def _named_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row that is not blank, and its first line: a cell in quotes may go over several lines."""
    lines = io.StringIO(text, newline="").readlines()
    table, start = csv.reader(lines, strict=True), 0
    try:
        for cells in table:
            if "".join(lines[start : table.line_num]).strip():
                yield start + 1, cells
            start = table.line_num
    except csv.Error as error:
        unclosed = "; close its double quotes, and write one within them twice" if '"' in lines[start] else ""
        raise csv.Error(f"{error}, in the row that begins in line {start + 1}{unclosed}") from error


def _rows(file: Path, lines: Any, width: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    for cells in lines:
        if any(cell.strip() for cell in cells[width:]):
            name = {"\t": "tab"}.get(delimiter, f"'{delimiter}'")
            raise EvenpickError(
                f"'{file}', line {lines.line_num}: it has {len(cells)} cells and the first line {width}; "
                f'put a text that holds a {name} in double quotes, as in "fox{delimiter} red"'
            )
        if cells:
            yield lines.line_num, [*cells[:width], *[""] * (width - len(cells))]


def _decoded(file: Path, data: bytes) -> str:
    if data.startswith(b"PK\3\4"):
        raise EvenpickError(f"'{file}' is a spreadsheet or another archive: save it as CSV")
    if data.startswith(_UTF_16):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:2]:  # UTF-16 without its mark begins so, if with a sign of ASCII
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", "replace")
    # surrogateescape: a file name on disk need not be valid UTF-8.
    return data.decode("utf-8-sig", "surrogateescape")


def _delimiter(text: str) -> tuple[str, int]:
    """What stands between the cells, and how many lines come before the names of the columns."""
    first = re.split("[\r\n]", text, maxsplit=1)[0]
    said = first.strip().casefold()
    if said.startswith("sep=") and len(said) <= 5:  # a line for Excel
        return said[4:] or "\t", 1
    return max(_DELIMITERS, key=lambda sign: (len(next(csv.reader([first], delimiter=sign), [])), sign == ",")), 0
