"""Labels in and out as CSV tables that people and other tools can edit."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..arrays import IndexArray, Values
from ..atomic_files import write_csv
from ..counting import counted
from ..errors import EvenpickError, first_few
from ..images import resolve_addresses
from ..label_values import Label
from ..names import checked_class_name
from ..pool import Pool
from ..sheets import Sheet, read_sheet
from .columns import TableOptions, best_images, reading_of
from .entries import labelled_images
from .record import LabelStore

INHERITED = (
    "inherited_from"  # the column that names the image that was seen, where a label is of another one of its group
)


@dataclass(frozen=True)
class LabelTable:
    """The labels that a file or folder gives to images, and what of it was passed over.

    `by_path` images of a folder are known by their path alone, as their bytes are not those that were embedded;
    `unknown` ones are not in the pool; `form` says in words whose table it is. `seen` names, for labels that images
    inherited, the image that was seen.
    """

    labels: dict[str, str]
    unlabelled: int = 0
    skipped: list[str] = field(default_factory=list)
    by_path: int = 0
    unknown: list[str] = field(default_factory=list)
    form: str = ""
    seen: dict[str, str] = field(default_factory=dict)


def read_labels(
    file: str | Path,
    image_ids: Iterable[str],
    skipped: Iterable[str] = (),
    options: TableOptions | None = None,
    folder: Path | None = None,
) -> LabelTable:
    """The labels of a table with an image and a label column; see `columns` for their names.

    Parameters
    ----------
    file : path
        CSV as spreadsheets write it. Rows with an empty label are counted as not labelled yet.
    image_ids : iterable of str
        The images that may be named: by their ids, or with one thing before all of them, as in an absolute path.
    skipped : iterable of str
        Image ids that were left out when embedding: named in the table, they are passed over and listed.
    options : TableOptions, optional
        Which rows and columns to take.
    folder : Path, optional
        Whose images they are, where they are not the pool's: said in messages.

    Raises
    ------
    EvenpickError
        If the file has no such columns, names an image that is in neither list, has a class name that is none,
        or gives one image two labels.
    """
    asked, left_out = options or TableOptions(), set(skipped)
    sheet = read_sheet(Path(file))
    reading = reading_of(sheet, asked)
    lines, rows = _rows(sheet, asked.split)
    known = {*image_ids, *left_out}
    names = best_images(reading, rows, lambda names: resolve_addresses(names, known), known)
    found = (
        LabelRow(f"line {line}", image, reading.label(cells).strip())
        for line, image, cells in zip(lines, names, rows, strict=True)
    )
    of = "the embedded folder" if folder is None else "this folder"
    advice = f"names must be paths relative to {of}, or have one thing before all of them"
    if asked.split is None and "split" in sheet.keys:
        advice += "; it has a column split, of which --split takes a part"
    named = (row for row in found if row.image or row.label)
    where = "the pool" if folder is None else f"the folder '{folder}'"
    table = label_table(file, named, known - left_out, left_out)
    if table.unknown and not asked.skip_unknown:
        raise UnknownImagesError(file, table.unknown, advice, where)
    labels, origins = table.labels, [cells.get(INHERITED, "") for cells in rows]
    seen = {image: origin for image, origin in zip(names, origins, strict=True) if image in labels and origin in labels}
    seen = {image: origin for image, origin in seen.items() if labels[image] == labels[origin] and image != origin}
    return replace(table, form=reading.form, seen=seen)


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
) -> LabelTable:
    """The table of the rows that a file holds; `unknown` are the images that are in neither list."""
    labels: dict[str, str] = {}
    unknown: list[str] = []
    passed_over: list[str] = []
    unlabelled = 0
    for row in rows:
        if row.image in skipped:
            passed_over.append(row.image)
        elif not row.label:
            unlabelled += 1
        elif row.image not in image_ids:
            unknown.append(row.image)
        else:
            name = _class_name(file, row)
            if labels.setdefault(row.image, name) != name:
                raise EvenpickError(
                    f"'{file}' labels image '{row.image}' twice, as '{labels[row.image]}' and '{name}': keep one of them"
                )
    return LabelTable(labels, unlabelled, passed_over, unknown=unknown)


class UnknownImagesError(EvenpickError):
    """A file labels images that the pool, or the folder of test images, does not hold."""

    def __init__(self, file: str | Path, unknown: Sequence[str], advice: str, where: str = "the pool") -> None:
        number = counted(len(unknown), "image that is", "images that are")
        super().__init__(f"'{file}' names {number} not in {where}: {first_few(unknown)}; {advice}")


def _rows(sheet: Sheet, split: str | None) -> tuple[list[int], list[dict[str, str]]]:
    """The lines and cells of the rows to take."""
    keys = sheet.keys
    if split is not None and "split" not in keys:
        raise EvenpickError(
            f"'{sheet.file}' needs a column 'split', of which --split takes a part; found {sheet.found}"
        )
    rows = [(line, dict(zip(keys, cells, strict=True))) for line, cells in sheet.rows]
    taken = [(line, cells) for line, cells in rows if split is None or cells["split"] == split]
    return [line for line, _ in taken], [cells for _, cells in taken]


def _class_name(file: str | Path, row: LabelRow) -> str:
    try:
        return checked_class_name(row.label, f"'{file}', {row.place}: a class name")
    except EvenpickError as error:
        broken = any("\udc80" <= character <= "\udcff" for character in row.label)  # bytes that are no UTF-8
        raise EvenpickError(f"{error}{'; save the file as UTF-8' if broken else ''}") from error


def write_selection(file: Path, pool: Pool, order: IndexArray) -> None:
    """The images to label, first choice first, with an empty label column to fill in."""
    _write(file, ("image", "label"), ((pool.image_ids[index], "") for index in order))


def export_labels(file: Path, store: LabelStore, more: Mapping[str, Mapping[str, str]] | None = None) -> int:
    """The labels that stand, as CSV, in the order they were given, with `more` columns of values by image id.

    Where images inherited the answer to another one of their group, a column names it. Returns how many labels there are.
    """
    labelled, more = labelled_images(store.entries()), dict(more or {})
    if inherited := {image: answer.image for image, answer in labelled if image != answer.image}:
        more[INHERITED] = inherited
    columns = ("image", "label", "annotator", "at", "phase", "target", *more)
    rows = ((image, e.label, e.annotator, e.at, e.phase, e.target) for image, e in labelled)
    _write(file, columns, ((*row, *(values.get(row[0], "") for values in more.values())) for row in rows))
    return len(labelled)


def write_predictions(
    file: Path, image_ids: Sequence[str], labels: Sequence[Label], probabilities: Values, classes: Sequence[Label] = ()
) -> None:
    """One predicted class and its probability for each image, as CSV.

    With `classes`, whose `probabilities` (n, n_classes) are, also the second class, the margin and every probability.
    """
    columns = ["image", "label", "probability"]
    rows: list[list[object]] = [
        [image, label, f"{shares.max():.4f}"]
        for image, label, shares in zip(image_ids, labels, probabilities, strict=True)
    ]
    if classes:
        columns += ["second", "second_probability", "margin", *(f"probability of {name}" for name in classes)]
        for row, shares in zip(rows, probabilities, strict=True):
            first, second = np.argsort(-shares, kind="stable")[:2]  # no classifier has fewer
            row += [classes[second], f"{shares[second]:.4f}", f"{shares[first] - shares[second]:.4f}"]
            row += [f"{share:.4f}" for share in shares]
    _write(file, columns, rows)


def _write(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_csv(file, columns, rows)
