"""Files of labels, whatever their form: what `evenpick import` reads."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..counting import counted
from ..detections import is_coco, is_megadetector, read_json
from ..errors import EvenpickError
from ..paths import Paths
from ..pool import Pool, read_skipped, read_state
from .answers import recorded_labels
from .class_folders import read_folder
from .columns import TableOptions
from .files import FileResult
from .from_coco import read_coco
from .importing import import_answers, import_labels, label_of_images
from .imports import undo_import
from .label_studio_answers import read_answers
from .label_studio_files import is_from_label_studio
from .record import LabelStore
from .spellings import classes_in_words, one_spelling
from .tables import UnknownImagesError, read_labels


@dataclass(frozen=True)
class ImportOptions:
    """How labels are taken from a file.

    Attributes
    ----------
    table : TableOptions
        Which rows and columns of it.
    replacing : bool
        Labels of the record that say something else are taken back.
    one_spelling : bool
        Class names that are nearly the same become one.
    """

    table: TableOptions = field(default_factory=TableOptions)
    replacing: bool = False
    one_spelling: bool = False


def import_file(workspace: Path, file: Path, annotator: str, options: ImportOptions | None = None) -> FileResult:
    """Record the labels of a table, an export of Label Studio or a folder `class/image`; returns what was done."""
    asked = options or ImportOptions()
    try:
        if file.is_dir() or not is_from_label_studio(file) or _coco(file) is not None:
            return _import_labels(workspace, file, annotator, asked)
        given = replace(asked, table=replace(asked.table, skip_unknown=False))
        if given != ImportOptions():
            raise EvenpickError(
                f"'{file}' is from Label Studio: of the options only --annotator and --skip-unknown are for it"
            )
        return _import_answers(workspace, file, annotator, asked.table.skip_unknown)
    except UnknownImagesError as error:
        raise EvenpickError(f"{error}; --skip-unknown passes over them") from error


def is_imported(workspace: Path, file: Path) -> bool:
    """Whether a table of labels holds any, and the record holds all of them."""
    if not Paths(workspace).labels.exists():
        return False
    try:
        labels = read_labels(file, Pool.open(workspace).image_ids, read_skipped(workspace)).labels
    except EvenpickError:  # whatever is wrong with it, somebody wrote it
        return False
    with LabelStore(workspace) as store:
        recorded = label_of_images(store)
    return bool(labels) and all(recorded.get(image) == label for image, label in labels.items())


def _import_labels(workspace: Path, file: Path, annotator: str, options: ImportOptions) -> FileResult:
    pool, skipped = Pool.open(workspace), read_skipped(workspace)
    coco = _coco(file)
    if coco is not None:
        table = read_coco(file, coco, pool, list(skipped), options.table.skip_unknown)
    elif file.is_dir():
        table = read_folder(file, workspace, skipped, options.table, recorded_labels(workspace, pool).replaced_since)
    else:
        table = read_labels(file, pool.image_ids, skipped, options.table)
    with LabelStore(workspace) as store, store.alone():
        recorded = label_of_images(store)
        labels = one_spelling(table.labels, recorded) if options.one_spelling else table.labels
        new = import_labels(store, labels, annotator, options.replacing, table.seen)
    replaced = sum(image in recorded and recorded[image] != label for image, label in labels.items())
    counts = {
        "labels imported": new,
        "of these in place of others": replaced,
        "known already": len(labels) - new,
        "rows without a label": table.unlabelled,
        "of images that were left out": len(table.skipped),
        "of images that are not in the pool": len(table.unknown),
        "images known by their path alone, with other bytes than when embedded": table.by_path,
    }
    form = [f"{table.form}."] if table.form else []
    return _counted(counts, *form, *classes_in_words(labels.values(), recorded.values()))


def _import_answers(workspace: Path, file: Path, annotator: str, skip_unknown: bool) -> FileResult:
    answers = read_answers(file, Pool.open(workspace).row_of, read_skipped(workspace), annotator, skip_unknown)
    with LabelStore(workspace) as store, store.alone():
        done = import_answers(store, answers.new, answers.returned)
        recorded = label_of_images(store)
    counts = {
        "labels imported": done.labels,
        "skips": done.skips,
        "of these instead of an earlier answer": done.corrected,
        "known already": done.known,
        "images without an answer": answers.unanswered,
        "of images that were left out": len(answers.skipped),
        "of images that are not in the pool": len(answers.unknown),
        "annotations passed over": len(answers.refused),
    }
    said = []
    if answers.refused:
        said.append(f"An image has one class: {'; '.join(answers.refused[:10])}.")
    if done.second:
        second = counted(done.second, "label is a second opinion", "labels are second opinions")
        disagreeing = counted(done.disagreeing, "disagrees", "disagree")
        said.append(f"{second}, {disagreeing} with the first, which counts.")
    given = [answer.label for answer in (*answers.new, *answers.returned) if answer.label is not None]
    return _counted(counts, *said, *classes_in_words(given, recorded.values()))


def undo_last_import(workspace: Path) -> FileResult:
    """Take back the last import as a whole; returns what was done."""
    read_state(workspace)
    with LabelStore(workspace) as store, store.alone():
        taken, again = undo_import(store)
    return _counted({"answers of the last import taken back": taken, "earlier ones brought back": again})


def _coco(file: Path) -> Any:
    """What a file in the form of COCO holds; None of any other."""
    if file.suffix.lower() != ".json" or not file.is_file():
        return None
    with file.open("rb") as handle:
        if handle.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
            return None
    content = read_json(file)
    if is_megadetector(content):
        raise EvenpickError(f"'{file}' holds what a detector found, not labels: embed with it as --boxes")
    return content if is_coco(content) else None


# What is counted, of one alone.
_OF_ONE = {
    "labels imported": "label imported",
    "skips": "skip",
    "rows without a label": "row without a label",
    "images without an answer": "image without an answer",
    "of images that were left out": "of an image that was left out",
    "of images that are not in the pool": "of an image that is not in the pool",
    "images known by their path alone, with other bytes than when embedded": (
        "image known by its path alone, with other bytes than when embedded"
    ),
    "annotations passed over": "annotation passed over",
    "answers of the last import taken back": "answer of the last import taken back",
    "earlier ones brought back": "earlier one brought back",
}


def _counted(counts: dict[str, int], *more: str) -> FileResult:
    first = next(iter(counts))
    words = (counted(n, _OF_ONE.get(what, what), what) for what, n in counts.items() if n or what == first)
    return FileResult(counts, "\n".join([f"{', '.join(words)}.", *more]))
