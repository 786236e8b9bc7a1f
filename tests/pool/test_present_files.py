"""Folders that change between runs: a pool counts only while every file of it is as it was."""

import os
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evenpick.images import Preprocessing
from evenpick.pool import embed, embedded_already, pool_of_files, rows_of_files
from evenpick.sources import SourceModel


@pytest.fixture
def source(make_network, tmp_path):
    return SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))


@pytest.fixture
def folder(tmp_path):
    """Three photographs, a copy of the second and a broken file."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "abc":
        save_photo(folder / f"{name}.png", ord(name))
    shutil.copy(folder / "b.png", folder / "b again.jpg")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def embedded(folder, source, tmp_path):
    done = embed(tmp_path / "work", folder, source)
    time.sleep(0.02)  # what is written from here on is later, however coarse the clock of the file system is
    return done


def save_photo(file, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, size=(12, 10, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")


def replace_by_file_of_old_date(file):
    save_photo(file, 99)
    os.utime(file, (1e9, 1e9))  # in 2001: as a copy of an old photograph, or one out of an archive


CHANGES = {
    "an image is replaced by one of old date": lambda folder: replace_by_file_of_old_date(folder / "b.png"),
    "an image is gone": lambda folder: (folder / "c.png").unlink(),
    "a copy is replaced": lambda folder: replace_by_file_of_old_date(folder / "b again.jpg"),
    "a broken file is mended": lambda folder: replace_by_file_of_old_date(folder / "broken.png"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_any_file_is_noticed(change, folder, source, embedded, tmp_path):
    change(folder)

    assert embedded_already(tmp_path / "work", folder, source) is None


def test_a_pool_of_files_that_did_not_change_is_used_again(folder, source, embedded, tmp_path):
    again = embedded_already(tmp_path / "work", folder, source)

    assert again.done_now == 0
    assert again.pool.image_ids == ["a.png", "b again.jpg", "c.png"]
    assert again.skipped == embedded.skipped


def test_a_new_image_another_source_or_another_folder_is_embedded_anew(folder, source, embedded, tmp_path):
    shutil.copytree(folder, tmp_path / "others")
    recut = replace(source, preprocessing=Preprocessing(size=8, crop=0.5))

    assert embedded_already(tmp_path / "work", tmp_path / "others", source) is None
    assert embedded_already(tmp_path / "work", folder, recut) is None
    assert embedded_already(tmp_path / "work", folder, source) is not None
    save_photo(folder / "d.png", 4)
    assert embedded_already(tmp_path / "work", folder, source) is None


def test_every_readable_file_has_a_row_a_copy_that_of_its_twin(folder, embedded):
    assert rows_of_files(embedded, folder) == {"a.png": 0, "b again.jpg": 1, "b.png": 1, "c.png": 2}


def test_a_broken_file_that_is_gone_changes_nothing_but_the_list(folder, source, embedded, tmp_path):
    (folder / "broken.png").unlink()

    again = embedded_already(tmp_path / "work", folder, source)

    assert [left_out.image_id for left_out in again.skipped] == ["b.png"]


def test_an_image_whose_file_is_gone_has_no_row(folder, embedded, source, tmp_path):
    (folder / "a.png").unlink()
    embedded = embed(tmp_path / "work", folder, source)

    assert list(rows_of_files(embedded, folder)) == ["b again.jpg", "b.png", "c.png"]


def test_files_of_the_folder_are_a_pool_with_a_row_for_each(folder, embedded):
    pool = pool_of_files(embedded.pool, {"b.png": 1, "a.png": 0, "b again.jpg": 1}, folder, None)

    assert pool.image_ids == ["b.png", "a.png", "b again.jpg"]
    assert np.array_equal(pool.features, np.asarray(embedded.pool.features)[[1, 0, 1]])
    assert (pool.source, pool.folder) == (embedded.pool.source, folder)


def test_a_folder_whose_first_run_was_stopped_before_any_block_is_embedded(folder, source, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(tmp_path / "work", folder, source, stop)
    assert (tmp_path / "work" / "pool" / "pool.json").is_file()

    assert rows_of_files(embed(tmp_path / "work", folder, source), folder).keys() == {
        "a.png", "b.png", "b again.jpg", "c.png"
    }  # fmt: skip
