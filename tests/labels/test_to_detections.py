"""Labels of boxes out, as COCO, in MegaDetector's output and as observations of Camtrap DP; COCO also in."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from pycocotools.coco import COCO

from evenpick.cli import main
from evenpick.images import Preprocessing, open_part
from evenpick.labels import Annotation, LabelStore, effective_answers
from evenpick.pool import EmbedOptions, Pool, embed
from evenpick.sources import SourceModel

SIZE = (160, 120)


def evenpick(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def make_boxed(tmp_path, make_network):
    """A workspace whose rows are boxes of photographs `00.png`, ..., by MegaDetector."""
    source = SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))

    def build(n=6, per_image=2, size=SIZE, name="work"):
        rng = np.random.default_rng(n)
        folder = tmp_path / "photos"
        images = []
        for i in range(n):
            folder.mkdir(exist_ok=True)
            pixels = rng.integers(0, 256, size=(6, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize(size).save(folder / f"{i:02d}.png")
            corners = rng.uniform(0, 0.5, size=(per_image * (i % 3 < 2), 4)).round(4)
            found = [
                {"category": "1", "conf": 0.9, "bbox": [x, y, 0.1 + w, 0.1 + h]} for x, y, w, h in corners.tolist()
            ]
            images.append({"file": f"trip\\{i:02d}.png", "detections": found})
        content = {"info": {"format_version": "1.6"}, "detection_categories": {"1": "animal"}, "images": images}
        (tmp_path / "md.json").write_text(json.dumps(content))
        embed(tmp_path / name, folder, source, options=EmbedOptions(boxes=tmp_path / "md.json"))
        return tmp_path / name

    return build


def label_all(workspace, names=("fox", "deer", "elk")):
    """Label every row but the last one; returns the labels by id."""
    ids = Pool.open(workspace).image_ids[:-1]
    given = {image_id: names[i % len(names)] for i, image_id in enumerate(ids)}
    with LabelStore(workspace) as store:
        store.append([Annotation(image_id, label, annotator="ana") for image_id, label in given.items()])
    return given


def labels(workspace):
    with LabelStore(workspace) as store:
        return {said.image: said.label for said in effective_answers(store.entries())}


def test_labels_go_to_coco_and_come_back(make_boxed, tmp_path):
    workspace = make_boxed()
    given = label_all(workspace)

    told = evenpick("export", workspace, tmp_path / "coco.json", "--to", "coco")
    assert told.startswith(f"{len(given)} labels in ")
    read = COCO(str(tmp_path / "coco.json"))
    assert {category["name"] for category in read.loadCats(read.getCatIds())} == set(given.values())
    assert all((one["width"], one["height"]) == SIZE for one in read.loadImgs(read.getImgIds()))
    second = make_boxed(name="second")
    told = evenpick("import", second, tmp_path / "coco.json")
    assert f"{len(given)} labels imported." in told
    assert labels(second) == given


def test_a_box_that_no_row_shows_is_told(make_boxed, tmp_path):
    workspace = make_boxed()
    label_all(workspace)
    evenpick("export", workspace, tmp_path / "coco.json", "--to", "coco")
    content = json.loads((tmp_path / "coco.json").read_text())
    content["annotations"][0]["bbox"][0] += 20
    (tmp_path / "coco.json").write_text(json.dumps(content))

    told = evenpick("import", make_boxed(name="second"), tmp_path / "coco.json", code=1)

    assert "names 1 image that is not in the pool: '00.png with box " in told
    assert "--skip-unknown passes over them" in told


def test_images_of_which_some_boxes_have_no_label_are_counted(make_boxed, tmp_path):
    workspace = make_boxed()
    with LabelStore(workspace) as store:
        store.append([Annotation("00.png#1", "fox", annotator="ana")])

    assert evenpick("export", workspace, tmp_path / "coco.json", "--to", "coco").strip() == (
        f"1 label in 1 image written to '{tmp_path / 'coco.json'}'. "
        "1 box of these images has no label and is not in it."
    )


def test_labels_become_classifications_in_the_file_of_detections(make_boxed, tmp_path):
    workspace = make_boxed()
    given = label_all(workspace)

    told = evenpick("export", workspace, tmp_path / "out.json", "--to", "megadetector")

    n_boxes = sum("#" in image_id for image_id in given)
    assert told.startswith(f"{n_boxes} labels written as classifications to ")
    assert len(given) - n_boxes == 1
    assert "1 label of an image without a box has no place in it." in told
    before, after = (json.loads((tmp_path / name).read_text()) for name in ("md.json", "out.json"))
    found = {}
    for old, new in zip(before["images"], after["images"], strict=True):
        for k, (was, now) in enumerate(zip(old["detections"], new["detections"], strict=True), start=1):
            if said := now.pop("classifications", None):
                found[f"{old['file'].removeprefix('trip' + chr(92))}#{k}"] = after["classification_categories"][
                    said[0][0]
                ]
                assert said[0][1] == 1.0
            assert was == now
    assert found == {image_id: label for image_id, label in given.items() if "#" in image_id}


def test_a_table_says_where_each_box_lies_and_comes_back(make_boxed, tmp_path):
    workspace = make_boxed()
    given = label_all(workspace)
    evenpick("export", workspace, tmp_path / "labels.csv")

    with (tmp_path / "labels.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    pool = Pool.open(workspace)
    for row in rows:
        box = pool.part(pool.row_of[row["image"]]).text
        assert ",".join(row[name] for name in ("x", "y", "width", "height")).strip(",") == box
        assert row["file"] == row["image"].partition("#")[0]
    second = make_boxed(name="second")
    evenpick("import", second, tmp_path / "labels.csv")
    assert labels(second) == given


def test_crops_go_to_class_folders_and_come_back(make_boxed, tmp_path):
    workspace = make_boxed()
    given = label_all(workspace)
    pool = Pool.open(workspace)

    for copied in (len(given), 0):
        told = evenpick("export", workspace, tmp_path / "sorted", "--to", "folder")
        assert f"{len(given)} labelled images in '{tmp_path / 'sorted'}', {copied} of them copied now." in told
    with Image.open(tmp_path / "sorted" / given["00.png#1"] / "00.png#1.png") as crop:
        assert np.array_equal(np.asarray(crop), np.asarray(open_part(pool.part(pool.row_of["00.png#1"]))))
    second = make_boxed(name="second")
    evenpick("import", second, tmp_path / "sorted")
    assert labels(second) == given


def test_labels_become_observations_of_the_package_that_the_boxes_came_from(make_network, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "photos").mkdir()
    for i in range(2):
        Image.new("RGB", SIZE, ["red", "blue"][i]).save(tmp_path / "photos" / f"{i}.png")
    (tmp_path / "p" / "deployments.csv").write_text("deploymentID\nd\n")
    rows = "".join(f"m{i},d,2020-05-30T02:57:3{i}Z,media/{i}.png\n" for i in range(2))
    (tmp_path / "p" / "media.csv").write_text(f"mediaID,deploymentID,timestamp,filePath\n{rows}")
    columns = "observationID,deploymentID,mediaID,observationType,bboxX,bboxY,bboxWidth,bboxHeight"
    (tmp_path / "p" / "observations.csv").write_text(f"{columns}\no1,d,m0,unclassified,0.25,0.25,0.25,0.5\n")
    source = SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))
    embed(tmp_path / "work", tmp_path / "photos", source, options=EmbedOptions(boxes=tmp_path / "p"))
    with LabelStore(tmp_path / "work") as store:
        said = [("0.png#1", "Lynx lynx"), ("1.png", "blank")]
        store.append([Annotation(image, label, annotator="ana") for image, label in said])

    evenpick("export", tmp_path / "work", tmp_path / "observations.csv", "--to", "camtrap-dp")

    with (tmp_path / "observations.csv").open(newline="") as handle:
        first, second = csv.DictReader(handle)
    assert (first["mediaID"], first["observationType"], first["scientificName"]) == ("m0", "animal", "Lynx lynx")
    assert [first[f"bbox{name}"] for name in ("X", "Y", "Width", "Height")] == ["0.25", "0.25", "0.25", "0.5"]
    assert first["eventStart"] == "2020-05-30T02:57:30Z"
    assert (second["mediaID"], second["observationType"], second["bboxX"]) == ("m1", "blank", "")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("megadetector", "--to megadetector needs a pool that was embedded with MegaDetector's output as --boxes"),
        ("camtrap-dp", "--to camtrap-dp needs a pool that was embedded with a Camtrap DP package as --boxes"),
        ("coco", "has no label yet: label or import some first"),
    ],
)
def test_what_a_form_needs_is_told(form, message, make_workspace, tmp_path):
    assert message in evenpick("export", make_workspace(n=3), tmp_path / "out.json", "--to", form, code=1)


def test_coco_holds_labels_of_whole_images_too(make_workspace, tmp_path):
    workspace = make_workspace(n=4)
    given = label_all(workspace)
    evenpick("export", workspace, tmp_path / "coco.json", "--to", "coco")

    assert all("bbox" not in one for one in json.loads((tmp_path / "coco.json").read_text())["annotations"])
    second = make_workspace(n=4, name="second")
    evenpick("import", second, tmp_path / "coco.json")
    assert labels(second) == given


def test_detections_are_no_labels(make_boxed, tmp_path):
    workspace = make_boxed()

    assert "holds what a detector found, not labels: embed with it as --boxes" in evenpick(
        "import", workspace, tmp_path / "md.json", code=1
    )


@pytest.mark.slow
def test_a_thousand_images_go_from_detections_to_labels_to_coco_and_back(make_boxed, tmp_path):
    workspace = make_boxed(n=1000, per_image=3, size=(64, 48))
    given = label_all(workspace)
    evenpick("export", workspace, tmp_path / "coco.json", "--to", "coco")

    read = COCO(str(tmp_path / "coco.json"))
    boxes = {image_id for image_id in given if "#" in image_id}
    pool = Pool.open(workspace)
    assert len(boxes) >= 1990
    # Each box is that of the detector to the pixel, as far as it lies in the image.
    content = {
        image["file"][5:]: image["detections"] for image in json.loads((tmp_path / "md.json").read_text())["images"]
    }
    for image_id in boxes:
        name, _, k = image_id.partition("#")
        x, y, width, height = content[name][int(k) - 1]["bbox"]
        expected = [x * 64, y * 48, (min(x + width, 1) - x) * 64, (min(y + height, 1) - y) * 48]
        assert np.abs(np.subtract(pool.part(pool.row_of[image_id]).box, expected)).max() <= 1
    found = {
        (read.loadImgs(one["image_id"])[0]["file_name"], tuple(one.get("bbox", ()))):
        read.loadCats(one["category_id"])[0]["name"] for one in read.loadAnns(read.getAnnIds())
    }  # fmt: skip
    assert found == {
        (pool.files[row], pool.part(row).box or ()): given[image_id]
        for image_id, row in pool.row_of.items() if image_id in given
    }  # fmt: skip
    second = make_boxed(n=1000, per_image=3, size=(64, 48), name="second")
    evenpick("import", second, tmp_path / "coco.json")
    assert labels(second) == given
