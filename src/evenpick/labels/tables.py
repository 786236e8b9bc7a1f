"""Labels in and out of a workspace as tables that people and other tools can edit."""

import csv
import io
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..arrays import IndexArray
from ..atomic_files import write_atomically
from ..errors import EvenpickError, first_few
from ..names import checked_class_name
from ..pool import Pool
from .record import Entry, LabelStore, effective_answers, standing_answers

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
    return label_table(file, _rows(Path(file), split), set(known), set(skipped))


def label_table(
    file: str | Path,
    rows: Iterable[tuple[str, str]],
    known: Container[str],
    skipped: Container[str],
    mend: str = "names must be paths relative to the embedded folder",
) -> LabelTable:
    """The table of rows (image, label) that a file holds; `mend` tells how an unknown image becomes a known one."""
    labels: dict[str, str] = {}
    unknown: list[str] = []
    passed_over: list[str] = []
    unlabelled = 0
    for image, label in rows:
        if image in skipped:
            passed_over.append(image)
        elif image not in known:
            unknown.append(image)
        elif not label:
            unlabelled += 1
        elif labels.setdefault(image, read_class_name(file, image, label)) != checked_class_name(label):
            raise EvenpickError(
                f"'{file}' labels image '{image}' twice, as '{labels[image]}' and '{label}': keep one of them"
            )
    if unknown:
        raise not_in_the_pool(file, unknown, mend)
    return LabelTable(labels, unlabelled, passed_over)


def not_in_the_pool(file: str | Path, unknown: Sequence[str], mend: str) -> EvenpickError:
    """The error for images that the pool does not hold."""
    return EvenpickError(f"'{file}' names {len(unknown)} images that are not in the pool: {first_few(unknown)}; {mend}")


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


def read_class_name(file: str | Path, image: str, label: str) -> str:
    """A class name that a file gives, as it is kept; refused with its place in the file."""
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


def import_labels(store: LabelStore, labels: Mapping[str, str], annotator: str) -> int:
    """Record labels that were given elsewhere; returns how many were new. A skip gives way to a label.

    Raises
    ------
    EvenpickError
        If an image has another label already; nothing is recorded then.
    """
    standing = standing_answers(store.entries())
    recorded = {str(image): str(entry.label) for image, entry in _first_labels(standing).items()}
    clashes = [image for image, label in labels.items() if recorded.get(image, label) != label]
    if clashes:
        first = clashes[0]
        raise EvenpickError(
            f"{len(clashes)} images have another label in '{store.path}', the first '{first}': "
            f"'{recorded[first]}' there, '{labels[first]}' here; nothing was imported"
        )
    new = [Entry("label", annotator, image, label) for image, label in labels.items() if image not in recorded]
    store.append([*(Entry("undo", annotator, undoes=skip.id) for skip in _given_way(standing, new)), *new])
    return len(new)


@dataclass(frozen=True)
class Imported:
    """What an import added: labels and skips; how many replace what the same person said before, how many labels
    are second opinions, and how many of these disagree with the label that counts."""

    labels: int
    skips: int
    known: int
    corrected: int
    second: int
    disagreeing: int


def import_answers(store: LabelStore, answers: Sequence[Entry], returned: Sequence[Entry] = ()) -> Imported:
    """Record labels and skips that people gave elsewhere, each person at most one to an image.

    The answers of all are kept, the first label of an image counts, and skips give way to it. What a person
    said last of an image replaces what he said before. `returned` are answers that went along from a record
    and came back: where the person has ever answered the image in this record, that is known already.
    """
    entries = store.entries()
    standing = standing_answers(entries)
    # As they were given: a class that was renamed since, or an answer that was undone, is no new answer.
    last = {_who(entry): entry.label for entry in entries if entry.kind in ("label", "skip")}
    new = [answer for answer in returned if _who(answer) not in last]
    new += [answer for answer in answers if _who(answer) not in last or last[_who(answer)] != answer.label]
    labels = [answer for answer in new if answer.label is not None]
    skips = [answer for answer in new if answer.label is None]
    named = {_who(answer) for answer in new}
    corrected = [entry for entry in standing if _who(entry) in named]
    kept = [entry for entry in standing if _who(entry) not in named]
    by = {answer.image: answer.annotator for answer in reversed(labels)}
    undone = [Entry("undo", entry.annotator, undoes=entry.id) for entry in corrected]
    undone += [Entry("undo", by[entry.image], undoes=entry.id) for entry in _given_way(kept, labels)]
    store.append([*undone, *labels, *skips])
    counts = _first_labels([*kept, *labels])
    second = [answer for answer in labels if counts[answer.image] is not answer]
    disagreeing = sum(answer.label != counts[answer.image].label for answer in second)
    known = len(answers) + len(returned) - len(new)
    return Imported(len(labels), len(skips), known, len(corrected), len(second), disagreeing)


def _who(entry: Entry) -> tuple[str | None, str]:
    return entry.image, entry.annotator


def _given_way(standing: Sequence[Entry], labels: Iterable[Entry]) -> list[Entry]:
    """The skips that new labels replace: those of images that have no label yet."""
    labelled = {label.image for label in labels} - _first_labels(standing).keys()
    return [entry for entry in standing if entry.kind == "skip" and entry.image in labelled]


def _first_labels(entries: Iterable[Entry]) -> dict[str | None, Entry]:
    """The label that counts of each image."""
    first: dict[str | None, Entry] = {}
    for entry in entries:
        if entry.label is not None:
            first.setdefault(entry.image, entry)
    return first


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
