"""Labels in and out as CSV tables that people and other tools can edit."""

import csv
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..arrays import IndexArray
from ..atomic_files import write_csv
from ..errors import EvenpickError, first_few
from ..label_values import Label
from ..names import checked_class_name
from ..pool import Pool
from .entries import effective_answers
from .record import LabelStore

IMAGE_COLUMNS = ("image", "file", "filename", "path", "image_id")
LABEL_COLUMNS = ("label", "class", "category")


@dataclass(frozen=True)
class LabelTable:
    """The labels that a file or folder gives to images, what of it was passed over, and how many images of a
    folder are known by their path alone, as their bytes are not those that were embedded."""

    labels: dict[str, str]
    unlabelled: int = 0
    skipped: list[str] = field(default_factory=list)
    by_path: int = 0


def read_labels(
    file: str | Path, image_ids: Iterable[str], skipped: Iterable[str] = (), split: str | None = None
) -> LabelTable:
    """The labels of a CSV file with an image and a label column.

    Parameters
    ----------
    file : path
        Its first line names the columns: one of `IMAGE_COLUMNS`, one of `LABEL_COLUMNS`, and `split` if
        one is asked for. Rows with an empty label are counted as not labelled yet.
    image_ids : iterable of str
        The images that may be named, with or without a `./` before them.
    skipped : iterable of str
        Image ids that were left out when embedding: named in the table, they are passed over and listed.
    split : str, optional
        Take only the rows whose `split` column says this.

    Raises
    ------
    EvenpickError
        If the file has no such columns, names an image that is in neither list, has a class name that is none,
        or gives one image two labels.
    """
    return label_table(file, _rows(Path(file), split), set(image_ids), set(skipped))


@dataclass(frozen=True)
class LabelRow:
    """One label that a file or folder gives, empty for none; `place` is where it stands, in messages."""

    place: str
    image: str
    label: str


def label_table(
    file: str | Path,
    rows: Iterable[LabelRow],
    image_ids: Container[str],
    skipped: Container[str],
    advice: str = "names must be paths relative to the embedded folder",
) -> LabelTable:
    """The table of the rows that a file holds; `advice` says how an image must be named."""
    labels: dict[str, str] = {}
    unknown: list[str] = []
    passed_over: list[str] = []
    unlabelled = 0
    for row in rows:
        if row.image in skipped:
            passed_over.append(row.image)
        elif row.image not in image_ids:
            unknown.append(row.image)
        elif not row.label:
            unlabelled += 1
        else:
            name = _class_name(file, row)
            if labels.setdefault(row.image, name) != name:
                raise EvenpickError(
                    f"'{file}' labels image '{row.image}' twice, as '{labels[row.image]}' and '{name}': keep one of them"
                )
    if unknown:
        raise not_in_the_pool(file, unknown, advice)
    return LabelTable(labels, unlabelled, passed_over)


def not_in_the_pool(file: str | Path, unknown: Sequence[str], advice: str) -> EvenpickError:
    """The error for images that the pool does not hold."""
    return EvenpickError(
        f"'{file}' names {len(unknown)} images that are not in the pool: {first_few(unknown)}; {advice}"
    )


def _rows(file: Path, split: str | None) -> Iterator[LabelRow]:
    if not file.is_file():
        raise EvenpickError(f"label file '{file}' does not exist")
    try:
        # utf-8-sig: spreadsheets begin a file with a byte order mark.
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            image_column = _column(file, reader.fieldnames, IMAGE_COLUMNS)
            label_column = _column(file, reader.fieldnames, LABEL_COLUMNS)
            if split is not None:
                _column(file, reader.fieldnames, ("split",))
            for row in reader:
                image, label = (row[image_column] or "").removeprefix("./"), (row[label_column] or "").strip()
                if (image or label) and (split is None or row["split"] == split):
                    yield LabelRow(f"line {reader.line_num}", image, label)
    except csv.Error as error:
        raise EvenpickError(f"'{file}' is no CSV table: {error}") from error


def _class_name(file: str | Path, row: LabelRow) -> str:
    try:
        return checked_class_name(row.label, f"'{file}', {row.place}: a class name")
    except EvenpickError as error:
        broken = any("\udc80" <= character <= "\udcff" for character in row.label)  # bytes that are no UTF-8
        raise EvenpickError(f"{error}{'; save the file as UTF-8' if broken else ''}") from error


def _column(file: Path, found: Sequence[str] | None, wanted: Sequence[str]) -> str:
    for name in wanted:
        if name in (found or ()):
            return name
    raise EvenpickError(
        f"'{file}' needs a first line with a column '{wanted[0]}'"
        f"{' (or ' + ', '.join(wanted[1:]) + ')' if wanted[1:] else ''}; found {', '.join(found or ()) or 'none'}"
    )


def write_selection(file: Path, pool: Pool, order: IndexArray) -> None:
    """The images to label, first choice first, with an empty label column to fill in."""
    _write(file, ("image", "label"), ((pool.image_ids[index], "") for index in order))


def export_labels(file: Path, store: LabelStore) -> int:
    """The labels that stand, as CSV, in the order they were given; returns how many."""
    answers = [entry for entry in effective_answers(store.entries()) if entry.label is not None]
    columns = ("image", "label", "annotator", "at", "phase", "target")
    _write(file, columns, ((e.image, e.label, e.annotator, e.at, e.phase, e.target) for e in answers))
    return len(answers)


def write_predictions(
    file: Path, image_ids: Sequence[str], labels: Sequence[Label], confidences: Sequence[float]
) -> None:
    """One predicted class and its probability for each image, as CSV."""
    shares = (f"{confidence:.4f}" for confidence in confidences)
    _write(file, ("image", "label", "probability"), zip(image_ids, labels, shares, strict=True))


def _write(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_csv(file, columns, rows)
