"""Pools whose rows are boxes: real files through a tiny real network."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Part, Preprocessing, open_part
from evenpick.paths import Paths
from evenpick.pool import EmbedOptions, Pool, embed, group_images, kept_boxes, read_skipped
from evenpick.pool.box_settings import BoxSettings, keep_boxes
from evenpick.pool.groups_file import read_members
from evenpick.sources import SourceModel

SIZE = (160, 120)


@pytest.fixture
def source(make_network, tmp_path):
    return SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))


@pytest.fixture
def photos(tmp_path):
    """Six photographs of noise, without loss."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos" / "a").mkdir(parents=True)
    for i in range(6):
        pixels = rng.integers(0, 256, size=(12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(SIZE, Image.Resampling.BICUBIC).save(tmp_path / "photos" / "a" / f"{i}.png")
    return tmp_path / "photos"


def detection(*box, conf=0.9, category="1"):
    return {"category": category, "conf": conf, "bbox": list(box)}


# Image 3 has no box, 4 is not named, and z is not there.
MEGADETECTOR = {
    "info": {"format_version": "1.6"},
    "detection_categories": {"1": "animal", "2": "person"},
    "images": [
        {
            "file": "a/0.png",
            "detections": [detection(0.25, 0.25, 0.25, 0.5), detection(0.5, 0.5, 0.25, 0.25, conf=0.1)],
        },
        {"file": "a/1.png", "detections": [detection(0, 0, 1, 1), detection(0.5, 0, 0.5, 0.5, category="2")]},
        {"file": "a/2.png", "detections": [detection(0.1, 0.1, 0, 0.1), detection(2, 2, 0.1, 0.1)]},
        {"file": "a/3.png", "detections": []},
        {"file": "a/5.png", "detections": None, "failure": "Failure image access"},
        {"file": "z.png", "detections": [detection(0.1, 0.1, 0.1, 0.1)]},
    ],
}


def written(tmp_path, content, name="md.json"):
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def embedded(tmp_path, photos, source, boxes=None, name="work", **options):
    return embed(tmp_path / name, photos, source, options=EmbedOptions(boxes=boxes, **options))


def test_each_box_is_a_row_and_images_without_one_are_kept_whole(tmp_path, photos, source):
    done = embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR))

    parts = {image_id: done.pool.part(row).text for image_id, row in done.pool.row_of.items()}
    assert parts == {
        "a/0.png#1": "40,30,40,60", "a/1.png#1": "0,0,160,120", "a/1.png#2": "80,0,80,60",
        "a/3.png": "", "a/4.png": "", "a/5.png": "",
    }  # fmt: skip
    assert set(done.pool.files) == {f"a/{i}.png" for i in (0, 1, 3, 4, 5)}
    assert list(done.said) == [
        "5 boxes in 3 images; 3 images without a box are kept whole.",
        f"'{tmp_path / 'md.json'}' does not name 1 image of the folder: 'a/4.png'.",
        "The detector could not read 1 image: 'a/5.png'.",
        f"'{tmp_path / 'md.json'}' names 1 image that is not there: 'z.png'.",
    ]


def test_a_box_that_shows_nothing_is_left_out_with_its_place(tmp_path, photos, source):
    embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR))

    reasons = {name: skipped.reason for name, skipped in read_skipped(tmp_path / "work").items()}
    place = f"'{tmp_path / 'md.json'}', image 'a/2.png', detection"
    assert reasons == {
        "a/2.png#1": f"{place} 1: width and height of a box must be over 0; got 0.1, 0.1, 0, 0.1",
        "a/2.png#2": f"{place} 2: most of the box 2, 2, 0.1, 0.1 lies outside its image of 160 x 120 pixels",
    }


def test_the_network_sees_the_square_around_a_box_with_its_margin(tmp_path, photos, source):
    pool = embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR), box_margin=0.25).pool
    row = pool.row_of["a/0.png#1"]
    crop = tmp_path / "crops"
    crop.mkdir()
    # 60 pixels and a quarter of that on both sides, around (60, 60).
    Image.open(photos / "a" / "0.png").crop((15, 15, 105, 105)).save(crop / "one.png")

    seen = embed(tmp_path / "other", crop, source).pool

    assert pool.features[row].tolist() == pytest.approx(seen.features[0].tolist(), abs=1e-6)
    assert np.array_equal(np.asarray(open_part(pool.part(row))), np.asarray(Image.open(crop / "one.png")))
    assert Pool.open(tmp_path / "work").part(row).margin == 0.25


def test_a_file_is_decoded_once_for_all_its_boxes(tmp_path, photos, source, monkeypatch):
    opened = []
    import evenpick.images.decoding as decoding

    whole = decoding._decoded
    monkeypatch.setattr(decoding, "_decoded", lambda *given: opened.append(given) or whole(*given))
    rows = "".join(f"a/{i}.png,{x},0,10,10\n" for i in range(2) for x in range(30))

    done = embedded(tmp_path, photos, source, written(tmp_path, f"image,x,y,width,height\n{rows}", "boxes.csv"),
                    without_boxes="leave")  # fmt: skip

    assert len(done.pool) == 60
    assert len(opened) == 2


def test_boxes_may_be_chosen_by_confidence_and_category(tmp_path, photos, source):
    file = written(tmp_path, MEGADETECTOR)

    less = embedded(tmp_path, photos, source, file, "less", box_confidence=0.05, box_category=("animal",),
                    without_boxes="leave").pool  # fmt: skip

    # Numbers count all boxes of an image, so that they name the same box whatever is chosen.
    assert list(less.image_ids) == ["a/0.png#1", "a/0.png#2", "a/1.png#1"]


def test_coco_and_csv_make_rows_alike(tmp_path, photos, source):
    coco = {
        "images": [{"id": 1, "file_name": "0.png", "width": 160, "height": 120}, {"id": 2, "file_name": "1.png"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [40, 30, 40, 60]},
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": [80, 0, 80, 60]},
        ],
        "categories": [{"id": 1, "name": "moth"}],
    }
    table = "image,x,y,width,height\n/mnt/a/0.png,40,30,40,60\n/mnt/a/1.png,80,0,80,60\n"

    first = embedded(tmp_path, photos / "a", source, written(tmp_path, coco, "c.json"), "c", without_boxes="leave").pool
    second = embedded(tmp_path, photos, source, written(tmp_path, table, "t.csv"), "t", without_boxes="leave").pool

    assert list(first.image_ids) == ["0.png#1", "1.png#1"]
    assert list(second.image_ids) == ["a/0.png#1", "a/1.png#1"]
    assert np.array_equal(np.asarray(first.features), np.asarray(second.features))


def test_a_file_of_boxes_for_images_of_another_size_leaves_them_out(tmp_path, photos, source):
    coco = {
        "images": [{"id": 1, "file_name": "a/0.png", "width": 1600, "height": 1200}],
        "annotations": [{"id": 1, "image_id": 1, "bbox": [40, 30, 40, 60]}],
    }

    done = embedded(tmp_path, photos, source, written(tmp_path, coco, "c.json"))

    assert [skipped.image_id for skipped in done.skipped] == ["a/0.png#1"]
    assert "the image has 1600 x 1200 pixels there and 160 x 120 here" in done.skipped[0].reason


def test_a_workspace_goes_on_with_the_boxes_that_it_has(tmp_path, photos, source):
    file = written(tmp_path, MEGADETECTOR)
    before = embedded(tmp_path, photos, source, file, box_margin=0.3).pool.image_ids
    file.unlink()
    shutil.copy(photos / "a" / "0.png", photos / "a" / "6.png")
    Image.new("RGB", SIZE, "red").save(photos / "a" / "7.png")

    again = embedded(tmp_path, photos, source)

    assert list(again.pool.image_ids) == [*before, "a/7.png"]
    assert again.done_now == 1
    assert [(skipped.image_id, skipped.twin) for skipped in again.skipped if skipped.twin] == [("a/6.png", "a/0.png")]


def test_a_file_with_more_images_may_take_the_place_of_the_old_one(tmp_path, photos, source):
    embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR))
    Image.new("RGB", SIZE, "red").save(photos / "a" / "7.png")
    more = {"file": "a/7.png", "detections": [detection(0.5, 0.5, 0.5, 0.5)]}
    grown = {**MEGADETECTOR, "images": [*MEGADETECTOR["images"], more]}

    again = embedded(tmp_path, photos, source, written(tmp_path, grown, "new.json"))

    assert again.done_now == 1
    assert "a/7.png#1" in again.pool.row_of


def test_a_file_that_differs_is_refused(tmp_path, photos, source):
    embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR))
    other = json.loads(json.dumps(MEGADETECTOR))
    other["images"][0]["detections"][0]["bbox"][0] = 0.3

    with pytest.raises(EvenpickError, match=r"has other boxes for image 'a/0\.png' than the file that workspace"):
        embedded(tmp_path, photos, source, written(tmp_path, other, "other.json"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"box_confidence": 1.5}, "--box-confidence must be from 0 to 1; got 1.5"),
        ({"box_margin": -1}, "--box-margin must be from 0 to 2; got -1"),
        ({"without_boxes": "drop"}, "--without-boxes must be keep or leave; got drop"),
        ({"box_category": ("animals",)}, "category 'animals' does not exist; did you mean 'animal'"),
    ],
)
def test_settings_that_are_none_are_refused(tmp_path, photos, source, options, message):
    with pytest.raises(EvenpickError, match=message):
        embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR), **options)


def test_settings_stay_as_they_were_when_the_pool_began(tmp_path, photos, source):
    embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR))

    with pytest.raises(EvenpickError, match=r"was embedded with --box-margin 0\.1, now 0\.5; use another workspace"):
        embedded(tmp_path, photos, source, box_margin=0.5)
    embedded(tmp_path, photos, source, name="whole")
    with pytest.raises(EvenpickError, match="was embedded without boxes; use another workspace"):
        embedded(tmp_path, photos, source, tmp_path / "md.json", "whole")
    with pytest.raises(EvenpickError, match="--box-margin is about boxes: name their file with --boxes"):
        embedded(tmp_path, photos, source, name="whole", box_margin=0.5)


def test_a_category_that_was_mistyped_is_mended_by_the_right_one(tmp_path, photos, source):
    file = written(tmp_path, MEGADETECTOR)
    with pytest.raises(EvenpickError, match="category 'animals' does not exist"):
        embedded(tmp_path, photos, source, file, box_category=("animals",))

    pool = embedded(tmp_path, photos, source, file, box_category=("animal",), without_boxes="leave").pool

    assert list(pool.image_ids) == ["a/0.png#1", "a/1.png#1"]


def test_settings_of_a_pool_without_a_row_may_change_and_then_stay(tmp_path, photos, source):
    paths = Paths(tmp_path / "work")
    paths.boxes.mkdir(parents=True)
    keep_boxes(paths, BoxSettings(box_category=("animals",)), written(tmp_path, MEGADETECTOR))

    before = embedded(tmp_path, photos, source, box_category=("person",), without_boxes="leave").pool
    again = embedded(tmp_path, photos, source).pool

    assert list(before.image_ids) == list(again.image_ids) == ["a/1.png#2"]


def test_the_copy_of_the_workspace_may_be_named_as_its_file_of_boxes(tmp_path, photos, source):
    embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR))
    copy = tmp_path / "work" / "boxes" / "given.json"

    embedded(tmp_path, photos, source, copy)

    assert json.loads(copy.read_text()) == MEGADETECTOR
    assert {file.name for file in copy.parent.iterdir()} == {"given.json", "settings.json"}


def test_a_file_of_another_form_takes_the_place_of_the_old_copy(tmp_path):
    paths = Paths(tmp_path)
    tables = tmp_path / "package"
    tables.mkdir()
    written(tables, "a", "media.csv")
    for given, name in (
        (written(tmp_path, "{}"), "given.json"),
        (tables, "given"),
        (written(tmp_path, "b", "b.csv"), "given.csv"),
    ):
        keep_boxes(paths, BoxSettings(), given)

        assert {file.name for file in paths.boxes.iterdir()} == {name, "settings.json"}
        assert kept_boxes(paths) == paths.boxes / name


def test_a_copy_that_was_lost_is_told_and_may_be_named_again(tmp_path, photos, source):
    file = written(tmp_path, MEGADETECTOR)
    before = embedded(tmp_path, photos, source, file).pool.image_ids
    (tmp_path / "work" / "boxes" / "given.json").unlink()

    with pytest.raises(
        EvenpickError, match=r"the file of boxes is missing in .*: name it again by `evenpick embed --box"
    ):
        embedded(tmp_path, photos, source)
    assert embedded(tmp_path, photos, source, file).pool.image_ids == before
    assert embedded(tmp_path, photos, source).pool.image_ids == before


def test_a_file_that_names_no_image_of_the_folder_is_refused(tmp_path, photos, source):
    content = {**MEGADETECTOR, "images": [{"file": "x.jpg", "detections": []}]}

    with pytest.raises(EvenpickError, match=r"names no image of the folder: it has 'x.jpg', the folder 'a/0.png'"):
        embedded(tmp_path, photos, source, written(tmp_path, content))
    assert not (tmp_path / "work" / "boxes").exists()


def test_a_package_of_camera_traps_brings_boxes_and_times(tmp_path, photos, source):
    package = tmp_path / "package"
    package.mkdir()
    written(package, "deploymentID,locationName\nd,north\n", "deployments.csv")
    media = "".join(f"m{i},d,2020-05-30T02:57:3{i}Z,photos/a/{i}.png\n" for i in range(6))
    written(package, f"mediaID,deploymentID,timestamp,filePath\n{media}", "media.csv")
    columns = (
        "observationID,deploymentID,mediaID,eventID,observationType,scientificName,bboxX,bboxY,bboxWidth,bboxHeight"
    )
    box = "animal,Lynx lynx,0.25,0.25,0.25,0.5"
    rows = [f"o1,d,m0,e1,{box}", f"o2,d,m1,e1,{box}", f"o3,d,m2,e1,{box}", f"o4,d,m2,e1,{box}", "o5,d,m3,e1,blank,,,,,"]
    written(package, "\n".join([columns, *rows, ""]), "observations.csv")

    pool = embedded(tmp_path, photos, source, package).pool

    assert pool.part(pool.row_of["a/0.png#1"]) == Part(photos / "a" / "0.png", (40, 30, 40, 60))
    assert pool.taken[pool.row_of["a/0.png#1"]] == "2020-05-30T02:57:30"
    assert pool.taken[pool.row_of["a/3.png"]] == "2020-05-30T02:57:33"

    # One animal of a sequence is one group; of two in a frame nobody knows which is which.
    group_images(tmp_path / "work", pool, source, "sequence")
    members = read_members(tmp_path / "work" / "groups.csv")
    assert {image_id: member.group for image_id, member in members.items()} == {
        "a/0.png#1": "e1", "a/1.png#1": "e1", "a/3.png": "e1",
    }  # fmt: skip


def test_sequences_need_a_package(tmp_path, photos, source):
    pool = embedded(tmp_path, photos, source, written(tmp_path, MEGADETECTOR)).pool

    with pytest.raises(EvenpickError, match="needs a pool that was embedded with a Camtrap DP package as --boxes"):
        group_images(tmp_path / "work", pool, source, "sequence")
