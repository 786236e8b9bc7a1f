"""Labels in and out of a workspace as tables that people and other tools can edit."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import EvenpickError, first_few
from .label_store import Entry, LabelStore, effective_answers, standing_answers
from .names import checked_class_name
from .pool import IndexArray, Pool, write_atomically

IMAGE_COLUMNS = ("image", "file", "filename", "path", "image_id")
LABEL_COLUMNS = ("label", "class", "category")


@dataclass(frozen=True)
class LabelTable:
    """The labels that a CSV file gives to images of a folder, and what of it was passed over."""

    labels: dict[str, str]
    unlabelled: int = 0
    skipped: list[str] = field(default_factory=list)


def read_labels(
    file: str | Path, known: Iterable[str], skipped: Iterable[str] = (), split: str | None = None
) -> LabelTable:
    """The labels of a CSV file with an image and a label column.

    Parameters
    ----------
    file : path
        Its first line names the columns: one of `IMAGE_COLUMNS`, one of `LABEL_COLUMNS`, and `split` if
        one is asked for. Rows with an empty label are counted as not labelled yet.
    known : iterable of str
        The image ids that may be named.
    skipped : iterable of str
        Image ids that were left out when embedding: named in the table, they are passed over and listed.
    split : str, optional
        Take only the rows whose `split` column says this.

    Raises
    ------
    EvenpickError
        If the file has no such columns, names an image that is neither known nor skipped, or gives one
        image two labels.
    """
    known_ids, skipped_ids = set(known), set(skipped)
    labels: dict[str, str] = {}
    unknown: list[str] = []
    passed_over: list[str] = []
    unlabelled = 0
    for image, label in _rows(Path(file), split):
        if image in skipped_ids:
            passed_over.append(image)
        elif image not in known_ids:
            unknown.append(image)
        elif not label:
            unlabelled += 1
        elif labels.setdefault(image, _class_name(file, image, label)) != checked_class_name(label):
            raise EvenpickError(
                f"'{file}' labels image '{image}' twice, as '{labels[image]}' and '{label}': keep one of them"
            )
    if unknown:
        raise EvenpickError(
            f"'{file}' names {len(unknown)} images that are not in the pool: {first_few(unknown)}; "
            "names must be paths relative to the embedded folder"
        )
    return LabelTable(labels, unlabelled, passed_over)


def _rows(file: Path, split: str | None) -> Iterable[tuple[str, str]]:
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
                    yield image, label
    except csv.Error as error:
        raise EvenpickError(f"'{file}' is no CSV table: {error}") from error


def _class_name(file: str | Path, image: str, label: str) -> str:
    try:
        return checked_class_name(label)
    except EvenpickError as error:
        raise EvenpickError(f"'{file}', image '{image}': {error} (is the file saved as UTF-8?)") from error


def _column(file: Path, found: Sequence[str] | None, wanted: Sequence[str]) -> str:
    for name in wanted:
        if name in (found or ()):
            return name
    raise EvenpickError(
        f"'{file}' needs a first line with a column '{wanted[0]}'"
        f"{' (or ' + ', '.join(wanted[1:]) + ')' if wanted[1:] else ''}; found {', '.join(found or ()) or 'none'}"
    )


def read_skipped(workspace: Path) -> dict[str, str]:
    """Image ids that were left out when embedding, and why."""
    file = workspace / "skipped.csv"
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        return {row["image"]: row["reason"] for row in csv.DictReader(handle)}


def import_labels(store: LabelStore, labels: Mapping[str, str], annotator: str) -> int:
    """Record labels that were given elsewhere; returns how many were new. A skip gives way to a label.

    Raises
    ------
    EvenpickError
        If an image has another label already; nothing is recorded then.
    """
    standing = standing_answers(store.entries())
    recorded: dict[str, str] = {}
    for entry in standing:
        if entry.label is not None:
            recorded.setdefault(str(entry.image), entry.label)
    clashes = [image for image, label in labels.items() if recorded.get(image, label) != label]
    if clashes:
        first = clashes[0]
        raise EvenpickError(
            f"{len(clashes)} images have another label in '{store.path}', the first '{first}': "
            f"'{recorded[first]}' there, '{labels[first]}' here; nothing was imported"
        )
    new = [Entry("label", annotator, image, label) for image, label in labels.items() if image not in recorded]
    named = {entry.image for entry in new}
    skips = [e for e in standing if e.kind == "skip" and e.image in named]
    store.append([*(Entry("undo", annotator, undoes=skip.id) for skip in skips), *new])
    return len(new)


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
    file: Path, image_ids: Sequence[str], labels: Sequence[str], confidences: Sequence[float]
) -> None:
    """One predicted class and its probability for each image, as CSV."""
    shares = (f"{confidence:.4f}" for confidence in confidences)
    _write(file, ("image", "label", "probability"), zip(image_ids, labels, shares, strict=True))


def _write(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([columns, *rows])
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text.getvalue().encode("utf-8", "surrogateescape"))
