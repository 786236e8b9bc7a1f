"""Files of labels, whatever their form: what `evenpick export` writes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..counting import counted
from ..errors import EvenpickError, check_seed
from ..pool import Pool, read_state
from .class_folders import export_folder
from .entries import labelled_images
from .label_studio_tasks import export_tasks
from .record import LabelStore
from .splitting import shares_of, split_labels
from .tables import export_labels
from .to_detections import box_columns, export_camtrap_dp, export_coco, export_megadetector

FORMS = ("csv", "folder", "label-studio", "coco", "megadetector", "camtrap-dp")

_OF_BOXES = {"coco": export_coco, "megadetector": export_megadetector, "camtrap-dp": export_camtrap_dp}


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
    """Write the labels in one of `FORMS`; returns what was done.

    Of the settings `split` is for tables and folders; all others, the address and the classes are for Label Studio.
    """
    check_export(file, form, settings, image_url, classes)
    read_state(workspace)
    file.parent.mkdir(parents=True, exist_ok=True)
    with LabelStore(workspace) as store:
        if form in _OF_BOXES:
            return FileResult({}, _OF_BOXES[form](file, store, Pool.open(workspace)))
        if form != "label-studio":
            part_of = _parts(store, Pool.open(workspace), settings) if settings.get("split") else None
            return _export_labelled(workspace, file, form, store, part_of)
        done, todo = export_tasks(file, store, Pool.open(workspace), settings, image_url, classes)
    return FileResult(
        {"answered tasks": done, "tasks to label": todo},
        f"{counted(done + todo, 'task')} written to '{file}': {done} with answers, then {todo} to label, first choice first.\n"
        f"The labelling config is '{file.with_suffix('.xml')}'.",
    )


def _export_labelled(
    workspace: Path, file: Path, form: str, store: LabelStore, part_of: Mapping[str, str] | None
) -> FileResult:
    counts = Counter(part_of.values()) if part_of else {}
    parts = (
        f" {', '.join(f'{count} in {part}' for part, count in sorted(counts.items(), key=_by_size))}." if counts else ""
    )
    if form == "csv":
        columns = {"split": part_of} if part_of is not None else {}
        n = export_labels(file, store, {**columns, **box_columns(Pool.open(workspace))})
        return FileResult({"labels": n, **counts}, f"{counted(n, 'label')} written to '{file}'.{parts}")
    images, copied = export_folder(file, store, Pool.open(workspace), part_of)
    words = f"{counted(images, 'labelled image')} in '{file}', {copied} of them copied now.{parts}"
    return FileResult({"images": images, "copied": copied, **counts}, words)


def _by_size(part: tuple[str, int]) -> int:
    return -part[1]


def _parts(store: LabelStore, pool: Pool, settings: Mapping[str, Any]) -> dict[str, str]:
    labels = {image: str(answer.label) for image, answer in labelled_images(store.entries())}
    return split_labels(labels, pool, shares_of(settings["split"]), settings.get("random_state") or 0)


def check_export(
    file: Path, form: str, settings: Mapping[str, Any], image_url: str | None, classes: Sequence[str]
) -> None:
    """Refuse options of another form, and a folder where a file is written."""
    split = settings.get("split")
    if split and form not in ("csv", "folder"):
        raise EvenpickError(f"--split is for --to csv and --to folder; got --to {form}")
    if split:
        shares_of(split)
        check_seed("--split", settings.get("random_state") or 0)
    own = {"split"} | ({"random_state"} if split else set())
    others = [value for name, value in settings.items() if name not in own and value is not None]
    if form != "label-studio" and (image_url or classes or others):
        raise EvenpickError(
            f"--image-url, --class, --budget, --acquisition and --seed are for --to label-studio; got --to {form}"
        )
    if form != "folder" and file.is_dir():
        raise EvenpickError(f"'{file}' is a folder: name a file to write, or say --to folder")
