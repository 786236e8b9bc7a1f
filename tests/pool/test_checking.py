"""Damage of a pool on disk is told in one line before anything is made of it, and `embed` mends what can be mended."""

import json
import os
import random
import shutil

import numpy as np
import pytest
from PIL import Image
from written_pools import as_format_1, parts, written

import evenpick.pool.checking
import evenpick.pool.committed
from evenpick import Workspace
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.labels import Annotation, LabelStore
from evenpick.pool import Pool, check_blocks, embed, read_skipped
from evenpick.sources import SourceModel


@pytest.fixture
def hashed(monkeypatch):
    """The names of the files that are read to be compared."""
    names = []
    original = evenpick.pool.committed.sha256_of
    monkeypatch.setattr(evenpick.pool.checking, "sha256_of", lambda file: names.append(file.name) or original(file))
    return names


@pytest.fixture
def run(make_network, tmp_path):
    source = SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))
    (tmp_path / "photos").mkdir()
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 256, size=(12, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{i}.png")
    shutil.copy(tmp_path / "photos" / "0.png", tmp_path / "photos" / "copy.png")
    return lambda: embed(tmp_path / "work", tmp_path / "photos", source)


def flip(file, byte, bit=1):
    """Change a byte as a decaying disk does: neither size nor time tell of it."""
    stat, data = file.stat(), bytearray(file.read_bytes())
    data[byte] ^= bit
    file.write_bytes(data)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_each_block_is_compared_once_and_that_is_noted(tmp_path, hashed):
    written(tmp_path, parts())

    Pool.open(tmp_path)
    assert sorted(hashed) == sorted(file.name for file in (tmp_path / "pool").glob("*.npy"))
    Pool.open(tmp_path)
    assert len(hashed) == 6
    check_blocks(tmp_path)
    assert len(hashed) == 12


def test_what_embed_wrote_is_not_read_again_to_be_compared(run, tmp_path, hashed):
    run()
    Pool.open(tmp_path / "work")

    assert hashed == []


@pytest.mark.parametrize("name", ["features-00001.npy", "predictions-00002.npy"])
def test_a_flipped_bit_is_told_on_the_first_reading_with_the_way_to_mend_it(name, tmp_path):
    written(tmp_path, parts())
    flip(tmp_path / "pool" / name, -2)

    with pytest.raises(
        EvenpickError, match=rf"block {name[-5]} of .* is damaged: '{name}' .*run `evenpick embed`"
    ) as told:
        Pool.open(tmp_path)
    assert "\n" not in str(told.value)


def test_a_bit_that_flips_later_is_told_before_train_and_label_and_embed_mends_it(run, tmp_path):
    features = run().pool.features[:]
    work = Workspace(tmp_path / "work")
    flip(work.path / "pool" / "features-00000.npy", -2)

    Pool.open(work.path)  # seen to be whole before
    with LabelStore(work.path) as store:
        store.append([Annotation(f"{i}.png", "ab"[i % 2], annotator="a") for i in range(6)])
    for start in (work.train, lambda: work.label(3)):
        with pytest.raises(EvenpickError, match=r"block 0 of .* is damaged"):
            start()
    assert run().counts.replaced == 0
    assert np.array_equal(work.pool.features[:], features)
    assert not work.labels.replaced_since
    check_blocks(work.path)


def test_a_damaged_block_whose_images_are_gone_cannot_be_mended(run, tmp_path):
    run()
    flip(tmp_path / "work" / "pool" / "features-00000.npy", -2)
    (tmp_path / "photos" / "3.png").unlink()

    with pytest.raises(EvenpickError, match=r"block 0 of the pool is damaged, and 1 of its 6 images .* '3\.png'"):
        run()


def test_a_workspace_that_cannot_be_written_is_compared_each_time(tmp_path, hashed, monkeypatch):
    written(tmp_path, parts())

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(evenpick.pool.checking, "write_atomically", refuse)
    for _ in range(2):
        Pool.open(tmp_path)
    assert len(hashed) == 12


def test_a_list_of_what_was_left_out_that_was_changed_is_told_and_written_anew(run, tmp_path):
    run()
    file = tmp_path / "work" / "skipped.csv"
    flip(file, -5)

    with pytest.raises(EvenpickError, match=r"skipped\.csv' is damaged, or was changed: run `evenpick embed` again"):
        read_skipped(tmp_path / "work")
    run()
    assert [left_out.image_id for left_out in read_skipped(tmp_path / "work").values()] == ["copy.png"]


@pytest.mark.parametrize("name", ["pool.json", "images.csv", "../skipped.csv"])
def test_no_change_of_a_file_goes_unnoticed_or_ends_in_a_traceback(name, run, tmp_path):
    """Flipped bits, bytes lost at the end, nothing at all, and other JSON."""
    run()
    work, file = tmp_path / "work", tmp_path / "work" / "pool" / name
    whole, before = file.read_bytes(), Pool.open(work)
    rng = random.Random(0)
    for trial in range(150):
        data = bytearray(whole)
        if trial % 3:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        else:
            del data[rng.randrange(len(data)) :]
        file.write_bytes(data)
        with pytest.raises(EvenpickError) as told:
            _ = Pool.open(work), read_skipped(work)
        assert "\n" not in str(told.value)
    file.write_bytes(whole)
    assert Pool.open(work).image_ids == before.image_ids


@pytest.mark.parametrize("wrong", [None, -1, "x", [], {}, 1.5, True])
@pytest.mark.parametrize("name", ["format", "folder", "source", "feature_size", "blocks", "images_csv_bytes"])
def test_a_wrong_type_in_a_pool_of_the_first_format_is_told(name, wrong, tmp_path):
    """It has no checksum, so every entry is looked at."""
    written(tmp_path, parts())
    as_format_1(tmp_path)
    file = tmp_path / "pool" / "pool.json"
    state = json.loads(file.read_text())
    if type(state[name]) is type(wrong) and name == "folder":
        pytest.skip("any text may be a folder")
    file.write_text(json.dumps({**state, name: wrong}))

    with pytest.raises(EvenpickError):
        Pool.open(tmp_path)


@pytest.mark.parametrize("rows", [-1, 10**30])
def test_a_pool_of_the_first_format_has_blocks_of_as_many_rows_as_may_be(rows, tmp_path):
    written(tmp_path, parts())
    as_format_1(tmp_path)
    file = tmp_path / "pool" / "pool.json"
    state = json.loads(file.read_text())
    state["blocks"][0]["rows"] = rows
    file.write_text(json.dumps(state))

    with pytest.raises(EvenpickError, match=r"pool\.json"):
        Pool.open(tmp_path)


@pytest.mark.parametrize("name", ["\x00", "../../other"])
def test_a_pool_of_the_first_format_names_no_file_that_only_later_ones_name(name, tmp_path):
    written(tmp_path, parts())
    as_format_1(tmp_path)
    file = tmp_path / "pool" / "pool.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "images_csv": name}))

    with pytest.raises(EvenpickError, match=r"pool\.json"):
        Pool.open(tmp_path)
