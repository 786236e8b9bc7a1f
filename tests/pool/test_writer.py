"""Writing a pool block by block: what a stopped writer leaves behind, and what it refuses to go on with."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from written_pools import SOURCE, files_of, parts, written

import evenpick.atomic_files
import evenpick.pool.blocks
import evenpick.pool.committed
from evenpick.errors import EvenpickError
from evenpick.pool import Pool
from evenpick.pool.writer import PoolWriter


def test_a_writer_goes_on_after_the_last_block(tmp_path):
    blocks = parts()
    written(tmp_path / "once", blocks)
    for block in blocks:
        writer = PoolWriter(tmp_path / "often", tmp_path / "once" / "photos", SOURCE)
        writer.append(*block)

    assert [row.image for row in writer.rows] == [f"{i:02d}.jpg" for i in range(9)]
    assert files_of(tmp_path / "often") == files_of(tmp_path / "once")


def test_what_was_not_committed_is_forgotten(tmp_path):
    written(tmp_path, parts())
    whole = files_of(tmp_path)
    folder = tmp_path / "pool"
    with (folder / "images.csv").open("ab") as file:
        file.write(b"half,a li")
    for name in ("features-00003.npy", "predictions-00003.npy", "features-00004.npy.tmp", ".evenpick-0a.tmp"):
        (folder / name).write_bytes(b"rest of a killed run")

    assert len(Pool.open(tmp_path)) == 9
    PoolWriter(tmp_path, tmp_path / "photos", SOURCE)
    assert files_of(tmp_path) == whole


class Stopped(BaseException):
    pass


@pytest.mark.parametrize("survived", range(5))
def test_a_block_counts_wholly_or_not_at_all_wherever_the_writer_stops(survived, tmp_path, monkeypatch):
    """Four files are flushed for a block: features, predictions, images.csv and pool.json."""
    *before, last = parts()
    written(tmp_path / "whole", [*before, last])
    written(tmp_path / "cut", before)
    flushes = []

    def stop_after(handle):
        if len(flushes) == survived:
            raise Stopped
        flushes.append(handle.name)

    writer = PoolWriter(tmp_path / "cut", tmp_path / "cut" / "photos", SOURCE)
    with monkeypatch.context() as patch, contextlib.suppress(Stopped):
        patch.setattr(evenpick.atomic_files, "flush", stop_after)
        patch.setattr(evenpick.pool.committed, "flush", stop_after)
        writer.append(*last)

    assert len(flushes) == survived
    assert len(Pool.open(tmp_path / "cut")) == (9 if survived == 4 else 4)
    resumed = PoolWriter(tmp_path / "cut", tmp_path / "cut" / "photos", SOURCE)
    if survived < 4:
        resumed.append(*last)
    cut, whole = files_of(tmp_path / "cut"), files_of(tmp_path / "whole")
    assert {name for name in cut if not name.endswith(".tmp")} == set(whole)
    assert all(cut[name] == whole[name] for name in whole if name != "pool.json")


def test_a_block_with_features_that_are_not_finite_is_refused_and_not_written(tmp_path):
    written(tmp_path, parts())
    whole = files_of(tmp_path)
    images, features, predictions = parts([2])[0]
    features[1, 0] = np.nan
    writer = PoolWriter(tmp_path, tmp_path / "photos", SOURCE)

    with pytest.raises(EvenpickError, match="1 rows hold NaN, infinity or more, the first is row 10"):
        writer.append(images, features, predictions)
    assert files_of(tmp_path) == whole


def test_a_workspace_of_another_folder_or_source_is_refused(tmp_path):
    written(tmp_path, parts())

    with pytest.raises(EvenpickError, match=r"embedded with another folder .*photos, now .*elsewhere"):
        PoolWriter(tmp_path, tmp_path / "elsewhere", SOURCE)
    with pytest.raises(
        EvenpickError, match=r"embedded otherwise \(source .*, now .* with other weights\): leave the option out"
    ):
        PoolWriter(tmp_path, tmp_path / "photos", replace(SOURCE, fingerprint="other"))
    with pytest.raises(EvenpickError, match=rf"now another\): say --source {SOURCE.name} to go on as before"):
        PoolWriter(tmp_path, tmp_path / "photos", replace(SOURCE, name="another", fingerprint="other"))
    with pytest.raises(EvenpickError, match="embedded otherwise"):
        PoolWriter(tmp_path, tmp_path / "photos", replace(SOURCE, fingerprint="def"))


@pytest.mark.parametrize("name", ["features-00001.npy", "predictions-00002.npy"])
def test_a_changed_byte_is_found_by_the_checksums(name, tmp_path):
    written(tmp_path, parts())
    writer = PoolWriter(tmp_path, tmp_path / "photos", SOURCE)
    assert writer.damaged_blocks() == []
    file = tmp_path / "pool" / name
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)

    assert writer.damaged_blocks() == [int(name[-5])]
