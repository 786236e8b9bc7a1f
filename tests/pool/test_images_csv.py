"""`images.csv` of both formats: what is known of the file of each row, read back, added to and brought up to date."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from written_pools import SOURCE, as_format_1, files_of, parts, written

from evenpick.errors import EvenpickError
from evenpick.images import Part, Preprocessing
from evenpick.pool import Pool, embed
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.sources import SourceModel

HEADER = ["image", "sha256", "size", "mtime_ns", "taken", "camera", "file", "part", "gone"]


def table(workspace, name="images.csv"):
    return list(csv.reader((workspace / "pool" / name).read_bytes().decode().splitlines()))


def write(workspace, images):
    _, features, predictions = parts([len(images)])[0]
    PoolWriter(workspace, workspace / "photos", SOURCE).append(images, features, predictions)


def test_size_and_times_of_each_file_and_its_camera_are_kept(make_network, tmp_path):
    source = SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Reconyx", "HF2"
    exif[0x8769] = {0x9003: "2021:03:04 05:06:07", 0x9291: "25"}
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (9, 9), "red").save(tmp_path / "photos" / "a.jpg", exif=exif)
    Image.new("RGB", (9, 9), "blue").save(tmp_path / "photos" / "b.png")

    pool = embed(tmp_path / "work", tmp_path / "photos", source).pool

    header, a, b = table(tmp_path / "work")
    stats = [(tmp_path / "photos" / name).stat() for name in ("a.jpg", "b.png")]
    assert header == HEADER
    assert (a[0], b[0]) == ("a.jpg", "b.png")
    assert [row[2:4] for row in (a, b)] == [[str(stat.st_size), str(stat.st_mtime_ns)] for stat in stats]
    assert a[4:] == ["2021-03-04T05:06:07.25", "Reconyx HF2", "", "", ""]
    assert b[4:] == ["", "", "", "", ""]
    assert (pool.taken[0], pool.camera[0]) == ("2021-03-04T05:06:07.25", "Reconyx HF2")
    assert pool.take([1]).taken == ("",)
    assert pool.part(1) == Part(tmp_path / "photos" / "b.png")


def test_a_row_of_a_box_or_a_page_says_its_file_and_its_part(tmp_path):
    write(tmp_path, [
        ImageRow("a/b.jpg#1", "x", file="a/b.jpg", part="10,20,30,40"),
        ImageRow("c.tif#2", "y", file="c.tif", part="page=2"),
        ImageRow("d.jpg", "z"),
    ])  # fmt: skip

    pool, photos = Pool.open(tmp_path), tmp_path / "photos"

    assert pool.part(0) == Part(photos / "a/b.jpg", (10, 20, 30, 40))
    assert pool.part(1) == Part(photos / "c.tif", page=2)
    assert pool.part(2) == Part(photos / "d.jpg")
    assert pool.take([2, 1]).part(1) == pool.part(1)


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg"])
def test_a_file_outside_the_folder_is_refused(name, tmp_path):
    write(tmp_path, [ImageRow(name, "x"), ImageRow("inside.jpg", "y", file=name)])

    for row in (0, 1):
        with pytest.raises(EvenpickError, match="is not in the folder"):
            Pool.open(tmp_path).part(row)


def test_a_pool_in_memory_knows_of_no_files(make_pool):
    pool = make_pool(3)

    assert (pool.facts, pool.taken, pool.camera) == (None, None, None)
    with pytest.raises(EvenpickError, match="the pool has features only"):
        pool.part(0)
    assert Pool(pool.features, ["a", "b", "c"], folder=Path("photos")).part(2) == Part(Path("photos/c"))


def test_a_pool_of_the_first_format_is_read_and_brought_up_to_date_when_something_is_added(tmp_path):
    first, second, _ = parts()
    written(tmp_path, [first])
    as_format_1(tmp_path)
    before = files_of(tmp_path)

    old = Pool.open(tmp_path)

    assert old.image_ids == ["00.jpg", "01.jpg", "02.jpg"]
    assert (old.taken, old.camera) == (("",) * 3, ("",) * 3)
    assert files_of(tmp_path) == before

    PoolWriter(tmp_path, tmp_path / "photos", SOURCE).append(*second)

    assert json.loads((tmp_path / "pool" / "pool.json").read_text())["format"] == 2
    assert table(tmp_path, "images-1.csv")[0] == HEADER
    assert [row[:2] for row in table(tmp_path, "images-1.csv")[1:]] == [
        [f"{i:02d}.jpg", f"digest of {i:02d}.jpg"] for i in range(4)
    ]
    assert Pool.open(tmp_path).image_ids == [f"{i:02d}.jpg" for i in range(4)]
    assert np.array_equal(Pool.open(tmp_path).features[:3], old.features[:])
    PoolWriter(tmp_path, tmp_path / "photos", SOURCE)
    assert not (tmp_path / "pool" / "images.csv").exists()


def test_a_pool_of_the_first_format_that_was_not_added_to_stays_as_it_is(tmp_path):
    written(tmp_path, parts())
    as_format_1(tmp_path)
    before = files_of(tmp_path)

    PoolWriter(tmp_path, tmp_path / "photos", SOURCE)

    assert files_of(tmp_path) == before


@pytest.mark.parametrize("byte", [0, 90, -3])
def test_a_changed_byte_is_found(byte, tmp_path):
    written(tmp_path, parts())
    file = tmp_path / "pool" / "images.csv"
    data = bytearray(file.read_bytes())
    data[byte] ^= 1
    file.write_bytes(data)

    with pytest.raises(EvenpickError, match=r"images\.csv' is damaged: its checksum differs"):
        Pool.open(tmp_path)


def test_lines_with_too_few_or_too_many_cells_are_refused(tmp_path):
    written(tmp_path, parts())
    as_format_1(tmp_path)
    file = tmp_path / "pool" / "images.csv"
    size = file.stat().st_size
    for line in ("lonely", ",".join("abcdefghij")):
        file.write_text(line + "\n" * (size - len(line)))
        os.truncate(file, size)
        with pytest.raises(EvenpickError, match="a line has too few or too many cells"):
            Pool.open(tmp_path)
