"""Files of boxes with something wrong anywhere in them: read, or refused in one line."""

import json
import random

import pytest

from evenpick.detections.reading import read_detections
from evenpick.errors import EvenpickError

MEGADETECTOR = {
    "info": {"format_version": "1.6"},
    "detection_categories": {"1": "animal"},
    "images": [
        {"file": "a.jpg", "detections": [{"category": "1", "conf": 0.5, "bbox": [0.1, 0.2, 0.3, 0.4]}]},
        {"file": "b.jpg", "failure": "x", "detections": None},
    ],
}
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}],
    "categories": [{"id": 1, "name": "fox"}],
}
WRONG = [None, True, -1, 1e400, float("nan"), "", "x", "\ud800", [], [[]], {}, {"a": 1}, 10**30, [1, 2, 3, None]]


def places(content, path=()):
    """Every place in it, from the root."""
    yield path
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def changed(content, path, value):
    """The content with another value at a place; without the key if the value is `del`."""
    if not path:
        return value
    copy = json.loads(json.dumps(content))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if value == "del":
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


def refusals(file):
    """What is said of the file if it is refused; anything else than that is raised."""
    try:
        read_detections(file)
    except EvenpickError as error:
        return [str(error)]
    return []


@pytest.mark.parametrize("content", [MEGADETECTOR, COCO], ids=["megadetector", "coco"])
def test_a_wrong_value_anywhere_is_read_or_told_in_one_line(content, tmp_path):
    file, refused = tmp_path / "boxes.json", []
    for path in places(content):
        for value in [*WRONG, "del"]:
            file.write_text(json.dumps(changed(content, path, value)))
            refused += refusals(file)
    assert len(refused) > 100
    assert all("boxes.json" in message and "\n" not in message for message in refused)


@pytest.mark.parametrize("content", [MEGADETECTOR, COCO], ids=["megadetector", "coco"])
def test_bytes_changed_at_random_are_read_or_told_in_one_line(content, tmp_path):
    rng, file, refused = random.Random(0), tmp_path / "boxes.json", []
    whole = json.dumps(content).encode()
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        file.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        refused += refusals(file)
    assert len(refused) > 100
    assert all("\n" not in message for message in refused)
