"""Files of labels, whatever their form: what `evenpick import` reads and `evenpick export` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EvenpickError, first_few
from ..pool import Pool, read_skipped, read_state
from .class_folders import export_folder, read_folder
from .importing import import_answers, import_labels
from .label_studio_answers import is_json, read_answers
from .label_studio_tasks import export_tasks
from .record import LabelStore
from .tables import export_labels, read_labels

FORMS = ("csv", "folder", "label-studio")


@dataclass(frozen=True, repr=False)
class FileResult:
    """What was taken from a file of labels or written to it: how many of what, and the same in words."""

    counts: dict[str, int]
    words: str

    def __repr__(self) -> str:
        return self.words


def import_file(workspace: Path, file: Path, annotator: str, split: str | None = None) -> FileResult:
    """Record the labels of a CSV, an export of Label Studio or a folder `class/image`; returns what was done."""
    if not file.is_dir() and not is_json(file):
        return _import_labels(workspace, file, annotator, split)
    if split:
        raise EvenpickError(f"--split names rows of a CSV; '{file}' is none: leave the option out")
    return (_import_labels if file.is_dir() else _import_answers)(workspace, file, annotator)


def _import_labels(workspace: Path, file: Path, annotator: str, split: str | None = None) -> FileResult:
    pool, skipped = Pool.open(workspace), read_skipped(workspace)
    table = (
        read_folder(file, workspace, skipped) if file.is_dir() else read_labels(file, pool.image_ids, skipped, split)
    )
    with LabelStore(workspace) as store:
        new = import_labels(store, table.labels, annotator)
    counts = {
        "labels imported": new,
        "known already": len(table.labels) - new,
        "rows without a label": table.unlabelled,
        "of images that were left out": len(table.skipped),
        "images known by their path alone, with other bytes than when embedded": table.by_path,
    }
    if file.is_dir():  # `train/cat/1.jpg` is taken for the class train: let it be seen
        return _counted(counts, f"Classes: {first_few(sorted(set(table.labels.values())), shown=10)}.")
    return _counted(counts)


def _import_answers(workspace: Path, file: Path, annotator: str) -> FileResult:
    answers = read_answers(file, Pool.open(workspace).row_of, read_skipped(workspace), annotator)
    with LabelStore(workspace) as store:
        done = import_answers(store, answers.new, answers.returned)
    counts = {
        "labels imported": done.labels,
        "skips": done.skips,
        "of these instead of an earlier answer": done.corrected,
        "known already": done.known,
        "images without an answer": answers.unanswered,
        "of images that were left out": len(answers.skipped),
    }
    if not done.second:
        return _counted(counts)
    second = f"{done.second} labels are second opinions, {done.disagreeing} disagree with the first, which counts."
    return _counted(counts, second)


def _counted(counts: dict[str, int], *more: str) -> FileResult:
    first = next(iter(counts))
    words = ", ".join(f"{count} {what}" for what, count in counts.items() if count or what == first)
    return FileResult(counts, "\n".join([f"{words}.", *more]))


def export_file(
    workspace: Path,
    file: Path,
    form: str,
    settings: Mapping[str, Any],
    image_url: str | None = None,
    classes: Sequence[str] = (),
) -> FileResult:
    """Write the labels in one of `FORMS`; returns what was done. All but the first three are for Label Studio."""
    check_export(file, form, settings, image_url, classes)
    read_state(workspace)
    with LabelStore(workspace) as store:
        if form == "csv":
            n = export_labels(file, store)
            return FileResult({"labels": n}, f"{n} labels written to '{file}'.")
        if form == "folder":
            images, copied = export_folder(file, store, Pool.open(workspace))
            words = f"{images} labelled images in '{file}', {copied} of them copied now."
            return FileResult({"images": images, "copied": copied}, words)
        done, todo = export_tasks(file, store, Pool.open(workspace), settings, image_url, classes)
    return FileResult(
        {"answered tasks": done, "tasks to label": todo},
        f"{done + todo} tasks written to '{file}': {done} with answers, then {todo} to label, first choice first.\n"
        f"The labelling config is '{file.with_suffix('.xml')}'.",
    )


def check_export(
    file: Path, form: str, settings: Mapping[str, Any], image_url: str | None, classes: Sequence[str]
) -> None:
    """Refuse options of another form, and a folder where a file is written."""
    if form != "label-studio" and (image_url or classes or any(value is not None for value in settings.values())):
        raise EvenpickError(
            f"--image-url, --class, --budget, --acquisition and --seed are for --to label-studio; got --to {form}"
        )
    if form != "folder" and file.is_dir():
        raise EvenpickError(f"'{file}' is a folder: name a file to write, or say --to folder")
