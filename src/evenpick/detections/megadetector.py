"""MegaDetector's batch output: what it found in each image, and what a classifier says of it.

https://lila.science/megadetector-output-format, versions 1.0 to 1.6. Boxes are shares of the image's width and height.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import EvenpickError
from .detection import Detection, Detections
from .json_files import box_of, confidence_of, field


def is_megadetector(content: Any) -> bool:
    """Whether a JSON file has the form."""
    return isinstance(content, dict) and "images" in content and "detection_categories" in content


def megadetector_detections(file: Path, content: Any) -> Detections:
    """All detections of a file, of every category and confidence.

    Raises
    ------
    EvenpickError
        If an image has no name, or a detection lacks category, confidence or box.
    """
    names: Mapping[str, str] = field(f"'{file}'", content, "detection_categories", dict)
    images: dict[str, list[Detection]] = {}
    failed: dict[str, str] = {}
    for number, item in enumerate(field(f"'{file}'", content, "images", list), start=1):
        name = field(f"'{file}', image {number}", item, "file", str)
        place = f"'{file}', image '{name}'"
        if name in images:
            raise EvenpickError(f"{place}: it is there twice; keep one of them")
        if item.get("failure"):
            failed[name] = str(item["failure"])
        found = field(place, item, "detections", list) if item.get("detections") is not None else []
        images[name] = [_detection(f"{place}, detection {k}", one, names) for k, one in enumerate(found, start=1)]
    return Detections(file, images, failed)


def _detection(place: str, item: Any, names: Mapping[str, str]) -> Detection:
    category = str(field(place, item, "category", (str, int)))
    if category not in names:
        known = ", ".join(names) or "none"
        raise EvenpickError(
            f"{place}: its category must be one of detection_categories ({known}); got '{category:.60}'"
        )
    confidence = confidence_of(place, item, "conf")
    return Detection(box_of(place, item), place, relative=True, category=names[category], confidence=confidence)


def with_classifications(content: dict[str, Any], labels: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    """The same content, where each labelled detection has one classification, its label with confidence 1.

    `labels` are by what the file calls the image and the number of the detection in it, from 1. Classifications that
    a classifier gave to other detections stay.
    """
    known: dict[str, str] = dict(content.get("classification_categories") or {})
    number_of = {name: number for number, name in known.items()}
    for label in dict.fromkeys(labels.values()):
        if label not in number_of:
            # Most files call categories by numbers, but any text may be one.
            number_of[label] = str(max((int(number) for number in known if number.isdecimal()), default=-1) + 1)
            known[number_of[label]] = label
    images = []
    for item in content["images"]:
        found = [
            {**one, "classifications": [[number_of[labels[item["file"], k]], 1.0]]}
            if (item["file"], k) in labels else one
            for k, one in enumerate(item.get("detections") or (), start=1)
        ]  # fmt: skip
        images.append({**item, "detections": found} if found else item)
    return {**content, "classification_categories": known, "images": images}
