"""COCO's JSON: boxes in, labels out, and as pycocotools reads it."""

import json

import pytest
from pycocotools.coco import COCO

from evenpick.detections.coco import LabelledBox, coco_content
from evenpick.detections.reading import read_detections
from evenpick.errors import EvenpickError

IMAGES = [{"id": 7, "file_name": "a/1.jpg", "width": 640, "height": 480}, {"id": "x", "file_name": "2.jpg"}]
CATEGORIES = [{"id": 3, "name": "fox"}, {"id": 1, "name": "deer"}]


def written(tmp_path, annotations, **more):
    file = tmp_path / "coco.json"
    file.write_text(json.dumps({"images": IMAGES, "annotations": annotations, "categories": CATEGORIES} | more))
    return file


def annotation(**changes):
    return {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20.5, 30, 40]} | changes


def test_every_annotation_with_a_box_is_read(tmp_path):
    annotations = [
        annotation(),
        annotation(id=2, category_id=1, score=0.5),
        {"id": 3, "image_id": "x", "category_id": 1},
    ]

    found = read_detections(written(tmp_path, annotations))

    first, second = found.images["a/1.jpg"]
    assert (first.box, first.category, first.confidence, first.size) == ((10, 20.5, 30, 40), "fox", None, (640, 480))
    assert (second.category, second.confidence) == ("deer", 0.5)
    assert found.images["2.jpg"] == []
    assert not first.relative


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([annotation(image_id=8)], "annotation 1: its image_id must be the id of one of the images; got 8"),
        ([annotation(category_id=9)], r"annotation 1 \(image 'a/1.jpg'\): its category_id must be .* got 9"),
        ([annotation(bbox=[1, 2, 3, "4"])], "'bbox' must be four finite numbers"),
        ([annotation(), 5], "annotation 2 must be an object; got 5"),
        ([{"bbox": [1, 2, 3, 4]}], "annotation 1 needs 'image_id'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, annotations, message):
    with pytest.raises(EvenpickError, match=message):
        read_detections(written(tmp_path, annotations))


def test_two_images_of_one_id_or_name_are_refused(tmp_path):
    with pytest.raises(EvenpickError, match="images, item 2: its id 7 is another one's already"):
        read_detections(written(tmp_path, [], images=[IMAGES[0], {"id": 7, "file_name": "b"}]))
    with pytest.raises(EvenpickError, match=r"image 'a/1\.jpg': it is there twice"):
        read_detections(written(tmp_path, [], images=[IMAGES[0], {"id": 8, "file_name": "a/1.jpg"}]))


def test_labels_are_written_as_pycocotools_reads_them(tmp_path, capsys):

    labelled = [
        LabelledBox("a.jpg", (10, 20, 30, 40), "fox"),
        LabelledBox("b.jpg", None, "deer"),
        LabelledBox("a.jpg", (1, 2, 3, 4), "deer"),
    ]
    file = tmp_path / "out.json"
    file.write_text(json.dumps(coco_content({"a.jpg": (640, 480), "b.jpg": (100, 75)}, labelled, "about")))

    read = COCO(str(file))

    assert [category["name"] for category in read.loadCats(read.getCatIds())] == ["deer", "fox"]
    foxes = read.loadAnns(read.getAnnIds(catIds=read.getCatIds(catNms=["fox"])))
    assert [one["bbox"] for one in foxes] == [[10, 20, 30, 40]]
    assert [one["area"] for one in foxes] == [1200]
    assert read.loadImgs(foxes[0]["image_id"])[0]["file_name"] == "a.jpg"
    assert len(read.getAnnIds(catIds=read.getCatIds(catNms=["deer"]))) == 2
    found = read_detections(file)
    assert [(box.box, box.category) for box in found.images["a.jpg"]] == [
        ((10.0, 20.0, 30.0, 40.0), "fox"), ((1.0, 2.0, 3.0, 4.0), "deer"),
    ]  # fmt: skip
