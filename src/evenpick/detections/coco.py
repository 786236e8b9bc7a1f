"""COCO's JSON for detection: images, categories, and annotations with boxes in pixels.

https://cocodataset.org/#format-data; the camera trap form of COCO leaves out boxes and sizes, and both are taken.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import EvenpickError
from .detection import Detection, Detections
from .json_files import box_of, confidence_of, field


def is_coco(content: Any) -> bool:
    """Whether a JSON file has the form."""
    return isinstance(content, dict) and "images" in content and "annotations" in content


def coco_detections(file: Path, content: Any) -> Detections:
    """The box of each annotation that has one.

    Raises
    ------
    EvenpickError
        If an image has no id or name, or an annotation is of an image or category that the file does not list.
    """
    categories = _by_id(file, content, "categories", "name") if "categories" in content else {}
    names = _by_id(file, content, "images", "file_name")
    if len(set(names.values())) < len(names):
        twice = next(name for name in names.values() if list(names.values()).count(name) > 1)
        raise EvenpickError(f"'{file}', image '{twice}': it is there twice; keep one of them")
    sizes = {item["id"]: _size(item) for item in content["images"]}
    images: dict[str, list[Detection]] = {name: [] for name in names.values()}
    for number, item in enumerate(field(f"'{file}'", content, "annotations", list), start=1):
        place = f"'{file}', annotation {item.get('id', number) if isinstance(item, dict) else number}"
        image = field(place, item, "image_id", (int, str))
        if image not in names:
            raise EvenpickError(f"{place}: its image_id must be the id of one of the images; got {image!r}")
        if item.get("bbox"):
            found = _detection(f"{place} (image '{names[image]}')", item, categories)
            images[names[image]].append(found._replace(size=sizes[image]))
    return Detections(file, images)


def _by_id(file: Path, content: Any, what: str, name: str) -> dict[int | str, str]:
    found: dict[int | str, str] = {}
    for number, item in enumerate(field(f"'{file}'", content, what, list), start=1):
        place = f"'{file}', {what}, item {number}"
        key = field(place, item, "id", (int, str))
        if key in found:
            raise EvenpickError(f"{place}: its id {key!r} is another one's already")
        found[key] = field(place, item, name, str)
    return found


def _size(item: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = item.get("width"), item.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) and width > 0 < height else None


def _detection(place: str, item: Any, categories: Mapping[int | str, str]) -> Detection:
    category = item.get("category_id")
    if categories and category not in categories:
        raise EvenpickError(f"{place}: its category_id must be the id of one of the categories; got {category!r}")
    score = None if item.get("score") is None else confidence_of(place, item, "score")
    return Detection(box_of(place, item), place, category=categories.get(category, ""), confidence=score)


class LabelledBox(NamedTuple):
    """The label of a box, or of a whole image, as it is written."""

    file: str
    box: tuple[int, int, int, int] | None
    label: str


def coco_content(sizes: Mapping[str, tuple[int, int]], labelled: Iterable[LabelledBox], about: str) -> dict[str, Any]:
    """What a COCO file holds: images with their widths and heights, and an annotation for each label.

    Categories are sorted by name. The annotation of a whole image has no box, as in the camera trap form of COCO.
    """
    boxes = list(labelled)
    category_of = {name: number for number, name in enumerate(sorted({one.label for one in boxes}), start=1)}
    image_of = {file: number for number, file in enumerate(sizes, start=1)}
    images = [
        {"id": image_of[file], "file_name": file, "width": width, "height": height}
        for file, (width, height) in sizes.items()
    ]
    annotations = []
    for number, one in enumerate(boxes, start=1):
        annotation: dict[str, Any] = {
            "id": number,
            "image_id": image_of[one.file],
            "category_id": category_of[one.label],
            "iscrowd": 0,
        }
        if one.box is not None:
            annotation |= {"bbox": list(one.box), "area": one.box[2] * one.box[3]}
        annotations.append(annotation)
    categories = [{"id": number, "name": name} for name, number in category_of.items()]
    return {"info": {"description": about}, "images": images, "annotations": annotations, "categories": categories}
