"""Folders of odd files on their way into a pool: one range of depth, notes, limits, and the same pixels for the page."""

import csv
import io
import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from evenpick.cli import main
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing, open_part, page_count
from evenpick.images.tiff import TiffPage, page_places
from evenpick.pool import EmbedOptions, Pool, embed
from evenpick.sources import SourceModel
from evenpick.workspace import Workspace

RNG = np.random.default_rng(0)
OWN = EmbedOptions(own_range=True)


@pytest.fixture
def source(make_network, tmp_path):
    return SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))


@pytest.fixture
def thermal(tmp_path):
    """Twelve pictures of 14 bits, from 7,000 to 9,000: of 65,535 that is one dark gray."""
    folder = tmp_path / "thermal"
    folder.mkdir()
    for i in range(12):
        values = RNG.integers(7000, 9001, (16, 16)).astype(np.uint16)
        Image.fromarray(values).save(folder / f"{i:02}.{'png' if i % 2 else 'tif'}")
    return folder


def test_a_folder_of_deep_files_has_one_range_that_pool_json_states(source, thermal, tmp_path):
    pool = embed(tmp_path / "work", thermal, source, options=OWN).pool

    stated = json.loads((tmp_path / "work" / "pool" / "pool.json").read_text())["source"]["preprocessing"]["depth"]
    assert stated == pytest.approx([7000, 9000], abs=10)
    assert pool.source.preprocessing.depth == tuple(stated)


def test_the_page_sees_the_pixels_that_the_network_saw(source, thermal, tmp_path):
    pool = embed(tmp_path / "work", thermal, source, options=OWN).pool

    seen = np.asarray(open_part(pool.part(0)), int)[..., 0]
    values = np.asarray(Image.open(thermal / pool.image_ids[0]), float)

    low, high = pool.source.preprocessing.depth
    assert np.abs(seen - np.clip((values - low) / (high - low), 0, 1) * 255).max() <= 0.51
    assert np.ptp(seen) > 250


def test_the_range_stays_when_the_folder_grows(source, thermal, tmp_path):
    first = embed(tmp_path / "work", thermal, source, options=OWN).pool
    Image.fromarray(np.full((16, 16), 60000, np.uint16)).save(thermal / "late.png")

    grown = embed(tmp_path / "work", thermal, source, options=OWN)

    assert grown.done_now == 1
    assert grown.pool.source == first.source


def test_without_deep_files_or_unless_asked_no_range_is_stated(source, thermal, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    Image.new("RGB", (8, 8), "red").save(plain / "a.png")

    assert embed(tmp_path / "a", plain, source, options=OWN).pool.source.preprocessing.depth is None
    assert embed(tmp_path / "b", thermal, source).pool.source.preprocessing.depth is None
    assert "depth" not in (tmp_path / "b" / "pool" / "pool.json").read_text()


def test_nearest_neighbours_of_a_12_bit_folder_are_those_of_its_8_bit_copy(source, tmp_path):
    """Smooth pictures, so that the tiny network tells them apart; 16 times the values in 16 bits, and the 8 bits."""
    for name in ("deep", "shallow"):
        (tmp_path / name).mkdir()
    for i in range(40):
        small = RNG.integers(0, 256, (4, 4), dtype=np.uint8)
        gray = np.asarray(Image.fromarray(small).resize((16, 16), Image.Resampling.BICUBIC))
        Image.fromarray(gray).save(tmp_path / "shallow" / f"{i:02}.png")
        Image.fromarray(gray.astype(np.uint16) * 16).save(tmp_path / "deep" / f"{i:02}.png")

    def neighbours(name):
        features = np.asarray(embed(tmp_path / f"work-{name}", tmp_path / name, source, options=OWN).pool.features[:])
        distances = ((features[:, None] - features[None]) ** 2).sum(-1)
        return [set(row.argsort()[1:6]) for row in distances]

    kept = np.mean([len(a & b) / 5 for a, b in zip(neighbours("deep"), neighbours("shallow"), strict=True)])

    assert kept > 0.9


def test_what_is_to_be_said_of_images_that_were_read_is_listed_and_stays(source, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    pages = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    jpeg = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(jpeg, "JPEG", quality=95)
    (folder / "short.jpg").write_bytes(jpeg.getvalue()[:-2])
    pages[0].save(folder / "plain.png")

    first = embed(tmp_path / "work", folder, source)
    embed(tmp_path / "work", folder, source)

    expected = {"pages.tif": "the first of 3 pages", "short.jpg": "read, although it ends before its end marker"}
    assert first.notes == expected
    with (tmp_path / "work" / "notes.csv").open(newline="") as handle:
        assert {row["image"]: row["note"] for row in csv.DictReader(handle)} == expected
    assert sorted(first.pool.image_ids) == ["pages.tif", "plain.png", "short.jpg"]
    assert first.skipped == []


def test_a_raised_limit_of_pixels_goes_on_with_the_pool_and_is_stated(source, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (10, 10), "red").save(folder / "small.png")
    Image.new("RGB", (40, 40), "red").save(folder / "large.png")
    strict = replace(source, preprocessing=replace(source.preprocessing, max_pixels=200))
    (left_out,) = embed(tmp_path / "work", folder, strict).skipped
    assert left_out.reason == "40 x 40 pixels are more than 200; raise the limit by --max-pixels"

    raised = replace(source, preprocessing=replace(source.preprocessing, max_pixels=1600))
    assert embed(tmp_path / "work", folder, raised).done_now == 1

    assert open_part(Pool.open(tmp_path / "work").part(1)).size == (40, 40)


def test_other_bands_are_another_source(source, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    bands = RNG.integers(0, 4000, (16, 16, 8)).astype(np.uint16)
    tifffile.imwrite(folder / "a.tif", bands, photometric="minisblack", planarconfig="contig")

    def banded(*numbers):
        return replace(source, preprocessing=replace(source.preprocessing, bands=numbers))

    pool = embed(tmp_path / "work", folder, banded(4, 3, 2), options=OWN).pool
    with pytest.raises(EvenpickError, match="nothing of the 1 images"):
        embed(tmp_path / "none", folder, source, options=OWN)
    with pytest.raises(EvenpickError, match=r"embedded otherwise \(bands 4,3,2, now 3,2,1\)"):
        embed(tmp_path / "work", folder, banded(3, 2, 1), options=OWN)

    low, high = pool.source.preprocessing.depth
    expected = np.clip((bands[..., [3, 2, 1]] - low) / (high - low), 0, 1) * 255
    assert np.abs(np.asarray(open_part(pool.part(0)), int) - expected).max() <= 0.51


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--bands", "4,3", "1 or 3 numbers"),
        ("--bands", "a,b,c", "1 or 3 numbers"),
        ("--bands", "0,1,2", "from 1; got [0, 1, 2]"),
        ("--depth", "5", "2 numbers"),
        ("--depth", "9,3", "the first less than the second; got 9, 3"),
        ("--depth", "nan,3", "the first less than the second; got nan, 3"),
        ("--max-pixels", "0", "x>=1"),
        ("--fit", "stretch", "fit 'stretch' does not exist"),
    ],
)
def test_settings_of_reading_that_cannot_be_are_refused_in_one_line(option, value, words, tmp_path):
    (tmp_path / "photos").mkdir()

    result = run("embed", tmp_path / "work", tmp_path / "photos", option, value)

    assert result.exit_code
    assert words in result.output


def test_the_command_says_once_what_is_black_and_white_and_what_was_read_in_part(
    source, thermal, tmp_path, monkeypatch
):
    Image.new("L", (4, 4)).save(thermal / "two.gif", save_all=True, append_images=[Image.new("L", (4, 4), 9)])
    (thermal / "clip.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(20))
    monkeypatch.setattr(SourceModel, "load", lambda name: source)

    lines = run("embed", tmp_path / "work", thermal).output.splitlines()

    assert "  not read: 1 video" in lines
    assert any(
        line.startswith("Of values of more than 8 bits, 7,00") and "white, in every file" in line for line in lines
    )
    assert any("1 have further pages, of which the first was read; see" in line for line in lines)
    assert Workspace(tmp_path / "work").pool.source.preprocessing.depth is not None


@pytest.mark.slow
def test_predict_and_evaluate_decode_as_the_workspace_did(thermal, make_network, tmp_path):
    """The other folder has another range of its own, which must not count."""
    network = make_network(tmp_path / "tiny.onnx")
    network.with_suffix(".onnx.json").write_text("{}")
    other = tmp_path / "other"
    other.mkdir()
    for i in range(3):
        values = RNG.integers(20_000, 60_000, (16, 16)).astype(np.uint16)
        Image.fromarray(values).save(other / f"{i}.png")
    work = Workspace(tmp_path / "work")
    source = SourceModel.from_onnx(network, Preprocessing(size=8), f"onnx:{network}")
    ids = work.embed(thermal, source).pool.image_ids
    (tmp_path / "labels.csv").write_text(
        "image,label\n" + "".join(f"{name},{'ab'[i % 2]}\n" for i, name in enumerate(ids))
    )
    work.import_labels(tmp_path / "labels.csv")
    work.train(n_folds=2, self_training=False)
    network.with_name(network.name + ".json").write_text(json.dumps({"size": 8}))

    work.predict(other)

    (elsewhere,) = (tmp_path / "work" / "folders").iterdir()
    assert Pool.open(elsewhere).source.preprocessing == work.pool.source.preprocessing
    assert work.pool.source.preprocessing.depth[1] < 10_000


@pytest.fixture
def scans(tmp_path):
    """Three pages of a TIFF, two frames of a GIF, a plain picture, and a JPEG."""
    folder = tmp_path / "scans"
    folder.mkdir()
    colours = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    colours[0].save(folder / "a.tif", save_all=True, append_images=colours[1:])
    colours[1].save(folder / "b.gif", save_all=True, append_images=colours[2:])
    colours[2].save(folder / "c.png")
    Image.new("RGB", (16, 16), "white").save(folder / "d.jpg")
    return folder


ALL = EmbedOptions(pages="all")
OF_SCANS = ["a.tif#1", "a.tif#2", "a.tif#3", "b.gif#1", "b.gif#2", "c.png", "d.jpg"]


def test_every_page_is_a_row_if_so_asked(source, scans, tmp_path):
    done = embed(tmp_path / "work", scans, source, options=ALL)

    assert list(done.pool.image_ids) == OF_SCANS
    assert [done.pool.part(row).page for row in range(7)] == [1, 2, 3, 1, 2, 1, 1]
    seen = [np.asarray(open_part(done.pool.part(row)), int)[8, 8].tolist() for row in range(4)]
    assert seen == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 255, 0]]
    assert not np.allclose(done.pool.features[0], done.pool.features[1])
    assert np.allclose(done.pool.features[2], done.pool.features[5])  # blue, in two files
    assert (done.notes, done.skipped) == ({}, [])


def test_a_pool_of_pages_goes_on_with_pages_and_makes_none_twice(source, scans, tmp_path):
    embed(tmp_path / "work", scans, source, options=ALL)
    pages = [Image.new("L", (16, 16), gray) for gray in (10, 200)]
    pages[0].save(scans / "late.tif", save_all=True, append_images=pages[1:])

    again = embed(tmp_path / "work", scans, source)

    assert list(again.pool.image_ids) == [*OF_SCANS, "late.tif#1", "late.tif#2"]
    assert again.done_now == 2


def test_a_page_that_is_broken_costs_no_other(source, scans, tmp_path):
    data = bytearray((scans / "a.tif").read_bytes())
    page = TiffPage.at(bytes(data), page_places(bytes(data))[1])
    data[page.entries[257].at + 8 : page.entries[257].at + 12] = b"\xff" * 4  # the height of the second one
    (scans / "a.tif").write_bytes(data)

    done = embed(tmp_path / "work", scans, source, options=ALL)

    assert list(done.pool.image_ids) == [name for name in OF_SCANS if name != "a.tif#2"]
    assert [left_out.image_id for left_out in done.skipped] == ["a.tif#2"]
    assert embed(tmp_path / "work", scans, source).done_now == 0


def test_pages_are_the_first_or_all(source, scans, tmp_path):
    first = embed(tmp_path / "first", scans, source).pool

    assert list(first.image_ids) == ["a.tif", "b.gif", "c.png", "d.jpg"]
    with pytest.raises(EvenpickError, match="--pages must be first or all; got some"):
        embed(tmp_path / "work", scans, source, options=EmbedOptions(pages="some"))


def test_a_header_that_claims_frames_which_are_not_there_makes_no_rows_of_them():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    data = bytearray(buffer.getvalue())
    at = data.index(b"acTL")
    body = b"\xff\xff\xff\xff" + data[at + 8 : at + 12]
    data[at + 4 : at + 16] = body + zlib.crc32(b"acTL" + body).to_bytes(4, "big")

    assert page_count(bytes(data)) == 2
    assert page_count(b"no image") == 1
