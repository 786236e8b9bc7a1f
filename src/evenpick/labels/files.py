"""Files of labels, whatever their form: what `evenpick export` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EvenpickError
from ..pool import Pool, read_state
from .class_folders import export_folder
from .label_studio_tasks import export_tasks
from .record import LabelStore
from .tables import export_labels

FORMS = ("csv", "folder", "label-studio")


@dataclass(frozen=True, repr=False)
class FileResult:
    """What was taken from a file of labels or written to it: how many of what, and the same in words."""

    counts: dict[str, int]
    words: str

    def __repr__(self) -> str:
        return self.words


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
