"""MegaDetector's batch output, as its documentation shows it."""

import json

import pytest

from evenpick.detections.megadetector import with_classifications
from evenpick.detections.reading import read_detections
from evenpick.errors import EvenpickError

CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}


def written(tmp_path, images, **more):
    file = tmp_path / "md.json"
    content = {"info": {"format_version": "1.6"}, "detection_categories": CATEGORIES, "images": images, **more}
    file.write_text(json.dumps(content))
    return file


def detection(**changes):
    return {"category": "1", "conf": 0.926, "bbox": [0.0, 0.2762, 0.1539, 0.2825]} | changes


def test_every_detection_is_read_with_category_and_confidence(tmp_path):
    images = [{"file": "a/1.jpg", "detections": [detection(), detection(category="3", conf=0.061)]}]

    found = read_detections(written(tmp_path, images))

    assert [(box.box, box.category, box.confidence, box.relative) for box in found.images["a/1.jpg"]] == [
        ((0.0, 0.2762, 0.1539, 0.2825), "animal", 0.926, True),
        ((0.0, 0.2762, 0.1539, 0.2825), "vehicle", 0.061, True),
    ]
    assert found.categories == ["animal", "vehicle"]


def test_images_without_detections_and_those_that_failed_are_told_apart(tmp_path):
    images = [
        {"file": "empty.jpg", "detections": []},
        {"file": "old.jpg", "detections": [], "failure": None},
        {"file": "broken.jpg", "failure": "Failure image access", "detections": None},
    ]

    found = read_detections(written(tmp_path, images))

    assert found.images == {"empty.jpg": [], "old.jpg": [], "broken.jpg": []}
    assert found.failed == {"broken.jpg": "Failure image access"}


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([{"detections": []}], "image 1 needs 'file'; it has 'detections'"),
        ([7], "image 1 must be an object; got 7"),
        ([{"file": "a.jpg", "detections": [{"category": "1", "conf": 0.5}]}], "image 'a.jpg', detection 1 needs 'bbox'"),
        ([{"file": "a.jpg", "detections": [detection(bbox=[0, 1, 2])]}], "detection 1: 'bbox' must be four finite numbers"),
        ([{"file": "a.jpg", "detections": [detection(bbox=[0, 0, 1, float("nan")])]}], "must be four finite numbers"),
        ([{"file": "a.jpg", "detections": [detection(), detection(conf="high")]}], "detection 2: 'conf' must be a whole number or a number; got 'high'"),
        ([{"file": "a.jpg", "detections": [detection(conf=55)]}], "'conf' must be from 0 to 1; got 55"),
        ([{"file": "a.jpg", "detections": [detection(category="9")]}], "detection 1: its category must be one of detection_categories"),
        ([{"file": "a.jpg", "detections": {}}], "image 'a.jpg': 'detections' must be a list"),
        ([{"file": "a.jpg", "detections": []}] * 2, "image 'a.jpg': it is there twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path, images, message):
    with pytest.raises(EvenpickError, match=message.replace("(", r"\(")) as error:
        read_detections(written(tmp_path, images))

    assert "md.json" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON: .*line 1 column 2"),
        ("[]", "must be MegaDetector's output .* it has a list"),
        ('{"images": []}', "it has 'images'"),
        ('{"images": {}, "detection_categories": {}}', "'images' must be a list"),
        ("[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_wrong_json_is_told_in_one_line(tmp_path, text, message):
    file = tmp_path / "md.json"
    file.write_text(text)

    with pytest.raises(EvenpickError, match=message) as error:
        read_detections(file)

    assert "\n" not in str(error.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(EvenpickError, match=r"file of boxes '.*none\.json' does not exist"):
        read_detections(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("known", "key"),
    [({"bear": "bear"}, "0"), ({"bear": "bear", "3": "lynx"}, "4"), ({"-1": "bear", "1.5": "lynx"}, "0")],
)
def test_categories_that_are_called_by_words_leave_the_next_number_to_a_new_one(known, key):
    content = {"classification_categories": known, "images": [{"file": "a.jpg", "detections": [detection()]}]}

    out = with_classifications(content, {("a.jpg", 1): "fox"})

    assert out["classification_categories"] == {**known, key: "fox"}
    assert out["images"][0]["detections"][0]["classifications"] == [[key, 1.0]]


def test_labels_become_classifications_of_their_detections_and_the_rest_stays():
    other = detection(classifications=[["3", 0.9]])
    content = {
        "info": {"format_version": "1.6"},
        "detection_categories": CATEGORIES,
        "classification_categories": {"3": "bear"},
        "images": [{"file": "a.jpg", "detections": [detection(), other]}, {"file": "b.jpg", "detections": [], "x": 1}],
    }

    out = with_classifications(content, {("a.jpg", 1): "fox"})

    assert out["classification_categories"] == {"3": "bear", "4": "fox"}
    assert out["images"] == [
        {"file": "a.jpg", "detections": [detection(classifications=[["4", 1.0]]), other]},
        {"file": "b.jpg", "detections": [], "x": 1},
    ]
    assert content["classification_categories"] == {"3": "bear"}
