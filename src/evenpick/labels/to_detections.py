"""Labels of boxes out, in the forms of detectors and camera traps; COCO also of whole images."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically, write_csv
from ..counting import counted
from ..detections import (
    OBSERVATION_COLUMNS,
    LabelledBox,
    LabelledMedia,
    coco_content,
    is_camtrap_dp,
    is_megadetector,
    observation_rows,
    read_camtrap_dp,
    read_json,
    with_classifications,
)
from ..errors import EvenpickError
from ..images import UnreadableImageError, resolve_addresses, upright_size
from ..paths import Paths
from ..pool import Pool, kept_boxes
from .entries import Annotation, labelled_images
from .record import LabelStore


def export_coco(file: Path, store: LabelStore, pool: Pool) -> str:
    """Write every labelled box with its label as category; returns what was done, in words.

    A labelled image that is no box has an annotation without one, as in the camera trap form of COCO.

    Raises
    ------
    EvenpickError
        If there is no label, or a file cannot be read.
    """
    answers = _labels(store)
    labelled = [
        LabelledBox(pool.files[row], pool.part(row).box, said.label or "") for row, said in _rows(pool, answers)
    ]
    sizes = {name: _size(pool, name) for name in sorted({one.file for one in labelled})}
    content = coco_content(sizes, labelled, "Labelled with evenpick")
    write_atomically(file, json.dumps(content).encode())
    others = sum(name in sizes for name in pool.files) - len(labelled)
    unlabelled = (
        f" {counted(others, 'box of these images has', 'boxes of these images have')} no label and {'is' if others == 1 else 'are'} not in it."
        if others
        else ""
    )
    return f"{counted(len(labelled), 'label')} in {counted(len(sizes), 'image')} written to '{file}'.{unlabelled}"


def export_megadetector(file: Path, store: LabelStore, pool: Pool) -> str:
    """Write the file of detections that the pool was made of, each label as the classification of its detection."""
    paths = Paths(store.path.parent)
    given = _given(paths, "megadetector", "MegaDetector's output")
    content: dict[str, Any] = read_json(given) if given.suffix.lower() == ".json" else {}
    if not is_megadetector(content):
        raise EvenpickError("--to megadetector needs a pool that was embedded with MegaDetector's output as --boxes")
    names = [image["file"] for image in content["images"]]
    name_of = dict(zip(resolve_addresses(names, {*pool.files}), names, strict=True))
    answers = _labels(store)
    labels, whole = {}, 0
    for row, said in _rows(pool, answers):
        name, number = name_of.get(pool.files[row]), pool.image_ids[row].removeprefix(f"{pool.files[row]}#")
        if pool.part(row).box is None or name is None:
            whole += 1
        else:
            labels[name, int(number)] = said.label or ""
    write_atomically(file, json.dumps(with_classifications(content, labels), indent=1).encode())
    also = (
        f" {counted(whole, 'label of an image without a box has', 'labels of images without a box have')} no place in it."
        if whole
        else ""
    )
    return f"{counted(len(labels), 'label written as a classification', 'labels written as classifications')} to '{file}'.{also}"


def export_camtrap_dp(file: Path, store: LabelStore, pool: Pool) -> str:
    """Write the labels as `observations.csv` of the Camtrap DP package that the pool was made of."""
    given = _given(Paths(store.path.parent), "camtrap-dp", "a Camtrap DP package")
    if not is_camtrap_dp(given):
        raise EvenpickError("--to camtrap-dp needs a pool that was embedded with a Camtrap DP package as --boxes")
    media = list(read_camtrap_dp(given).media.values())
    media_of = dict(zip(resolve_addresses([one.path for one in media], {*pool.files}), media, strict=True))
    labelled, unknown = [], 0
    for row, said in _rows(pool, _labels(store)):
        name = pool.files[row]
        if name not in media_of:
            unknown += 1
            continue
        shares = _shares(pool, row)
        labelled.append(LabelledMedia(media_of[name], shares, said.label or "", said.annotator, said.at))
    write_csv(file, OBSERVATION_COLUMNS, observation_rows(labelled))
    also = f" {unknown:,} labels of images that the package does not name are not in it." if unknown else ""
    return f"{len(labelled):,} observations written to '{file}'.{also}"


def box_columns(pool: Pool) -> dict[str, dict[str, str]]:
    """Columns for tables: file, x, y, width and height of each row, by its id; none where no row is a box."""
    if pool.facts is None or not any("," in part for part in pool.facts.part):
        return {}
    boxes = [part.split(",") if "," in part else [""] * 4 for part in pool.facts.part]
    values = [list(pool.files), *zip(*boxes, strict=True)]
    names = ("file", "x", "y", "width", "height")
    return {name: dict(zip(pool.image_ids, column, strict=True)) for name, column in zip(names, values, strict=True)}


def _given(paths: Paths, form: str, what: str) -> Path:
    if not paths.boxes.is_dir():
        raise EvenpickError(f"--to {form} needs a pool that was embedded with {what} as --boxes")
    return kept_boxes(paths)


def _labels(store: LabelStore) -> list[Annotation]:
    answers = [replace(answer, image=image, inherited=()) for image, answer in labelled_images(store.entries())]
    if not answers:
        raise EvenpickError(f"'{store.path}' has no label yet: label or import some first")
    return answers


def _rows(pool: Pool, answers: list[Annotation]) -> list[tuple[int, Annotation]]:
    return [(pool.row_of[said.image], said) for said in answers if said.image in pool.row_of]


def _size(pool: Pool, name: str) -> tuple[int, int]:
    assert pool.folder is not None
    try:
        return upright_size((pool.folder / name).read_bytes())
    except (OSError, UnreadableImageError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise EvenpickError(f"image '{name}' cannot be read: {reason}; put it back where it was") from error


def _shares(pool: Pool, row: int) -> tuple[float, float, float, float] | None:
    """The box of a row as shares of width and height."""
    box = pool.part(row).box
    if box is None:
        return None
    (x, y, wide, high), (width, height) = box, _size(pool, pool.files[row])
    return x / width, y / height, wide / width, high / height
