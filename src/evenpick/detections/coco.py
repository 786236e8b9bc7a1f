"""COCO's JSON for detection: images, categories, and annotations with boxes in pixels.

https://cocodataset.org/#format-data; the camera trap form of COCO leaves out boxes and sizes, and both are taken.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import EvenpickError
from .detection import Detection, Detections
from .json_files import box_of, confidence_of, field


def is_coco(content: Any) -> bool:
    """Whether a JSON file has the form."""
    return isinstance(content, dict) and "images" in content and "annotations" in content


class Annotation(NamedTuple):
    """One annotation: its image by name, its box where it has one, and its category by name."""

    place: str
    file: str
    detection: Detection | None
    category: str


def coco_detections(file: Path, content: Any) -> Detections:
    """The box of each annotation that has one; errors as in `coco_annotations`."""
    images: dict[str, list[Detection]] = {item["file_name"]: [] for item in _images(file, content)}
    for annotation in coco_annotations(file, content):
        if annotation.detection is not None:
            images[annotation.file].append(annotation.detection)
    return Detections(file, images)


def coco_annotations(file: Path, content: Any) -> list[Annotation]:
    """Every annotation of a file.

    Raises
    ------
    EvenpickError
        If an image has no id or name, or an annotation is of an image or category that the file does not list.
    """
    categories = _by_id(file, content, "categories", "name") if "categories" in content else {}
    image_of = {item["id"]: item for item in _images(file, content)}
    found = []
    for number, item in enumerate(field(f"'{file}'", content, "annotations", list), start=1):
        place = f"'{file}', annotation {item.get('id', number) if isinstance(item, dict) else number}"
        image = image_of.get(field(place, item, "image_id", (int, str)))
        if image is None:
            raise EvenpickError(f"{place}: its image_id must be the id of one of the images; got {item['image_id']!r}")
        place = f"{place} (image '{image['file_name']}')"
        category = _category(place, item, categories)
        detection = _detection(place, item, category, _size(image)) if item.get("bbox") else None
        found.append(Annotation(place, image["file_name"], detection, category))
    return found


def _images(file: Path, content: Any) -> list[dict[str, Any]]:
    """The images, each with an id and a name of its own."""
    names = list(_by_id(file, content, "images", "file_name").values())
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise EvenpickError(f"'{file}', image '{twice}': it is there twice; keep one of them")
    images: list[dict[str, Any]] = content["images"]
    return images


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


def _category(place: str, item: Mapping[str, Any], categories: Mapping[int | str, str]) -> str:
    category = item.get("category_id")
    if isinstance(category, int | str) and category in categories:
        return categories[category]
    if categories:
        raise EvenpickError(f"{place}: its category_id must be the id of one of the categories; got {category!r:.60}")
    return ""


def _detection(place: str, item: Mapping[str, Any], category: str, size: tuple[int, int] | None) -> Detection:
    score = None if item.get("score") is None else confidence_of(place, item, "score")
    return Detection(box_of(place, item), place, category=category, confidence=score, size=size)


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
