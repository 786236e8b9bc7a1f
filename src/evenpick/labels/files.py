"""Files of labels, whatever their form: what `evenpick import` reads and `evenpick export` writes, and tells."""

from collections.abc import Mapping, Sequence
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


def import_file(workspace: Path, file: Path, annotator: str, split: str | None = None) -> str:
    """Record the labels of a CSV, an export of Label Studio or a folder `class/image`; returns what was done."""
    if not file.is_dir() and not is_json(file):
        return _import_labels(workspace, file, annotator, split)
    if split:
        raise EvenpickError(f"--split names rows of a CSV; '{file}' is none: leave the option out")
    return (_import_labels if file.is_dir() else _import_answers)(workspace, file, annotator)


def _import_labels(workspace: Path, file: Path, annotator: str, split: str | None = None) -> str:
    pool, skipped = Pool.open(workspace), read_skipped(workspace)
    table = (
        read_folder(file, workspace, skipped) if file.is_dir() else read_labels(file, pool.image_ids, skipped, split)
    )
    with LabelStore(workspace) as store:
        new = import_labels(store, table.labels, annotator)
    told = _counts(
        (new, "labels imported"),
        (len(table.labels) - new, "known already"),
        (table.unlabelled, "rows without a label"),
        (len(table.skipped), "of images that were left out"),
        (table.by_path, "images known by their path alone, with other bytes than when embedded"),
    )
    if file.is_dir():  # `train/cat/1.jpg` is taken for the class train: let it be seen
        told += f"\nClasses: {first_few(sorted(set(table.labels.values())), shown=10)}."
    return told


def _import_answers(workspace: Path, file: Path, annotator: str) -> str:
    answers = read_answers(file, Pool.open(workspace).index_of, read_skipped(workspace), annotator)
    with LabelStore(workspace) as store:
        done = import_answers(store, answers.new, answers.returned)
    told = _counts(
        (done.labels, "labels imported"),
        (done.skips, "skips"),
        (done.corrected, "of these instead of an earlier answer"),
        (done.known, "known already"),
        (answers.unanswered, "images without an answer"),
        (len(answers.skipped), "of images that were left out"),
    )
    if done.second:
        told += f"\n{done.second} labels are second opinions, {done.disagreeing} disagree with the first, which counts."
    return told


def _counts(first: tuple[int, str], *others: tuple[int, str]) -> str:
    return ", ".join(f"{count} {what}" for count, what in (first, *others) if count or what is first[1]) + "."


def export_file(
    workspace: Path,
    file: Path,
    form: str,
    settings: Mapping[str, Any],
    image_url: str | None = None,
    classes: Sequence[str] = (),
) -> str:
    """Write the labels in one of `FORMS`; returns what was done. All but the first three are for Label Studio."""
    check_export(file, form, settings, image_url, classes)
    read_state(workspace)
    with LabelStore(workspace) as store:
        if form == "csv":
            return f"{export_labels(file, store)} labels written to '{file}'."
        if form == "folder":
            images, copied = export_folder(file, store, Pool.open(workspace))
            return f"{images} labelled images in '{file}', {copied} of them copied now."
        done, todo = export_tasks(file, store, Pool.open(workspace), settings, image_url, classes)
    return (
        f"{done + todo} tasks written to '{file}': {done} with answers, then {todo} to label, first choice first.\n"
        f"The labelling config is '{file.with_suffix('.xml')}'."
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
