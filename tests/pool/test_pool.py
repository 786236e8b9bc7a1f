"""The pool in memory and on disk: what it refuses, what it keeps, and what a stopped run leaves behind."""

import contextlib
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import evenpick.atomic_files
import evenpick.pool.blocks
import evenpick.pool.writer
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.pool import Pool, feature_blocks, read_state, single_blocks
from evenpick.pool.blocks import BlockArray
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import PREDICTION, summarise_probabilities
from evenpick.sources import SourceDescription

ROWS = (3, 1, 5)
SOURCE = SourceDescription("test", Preprocessing(size=8, mean=(0.5, 0.5, 0.5)), 4, 5, "none", "abc")


def parts(rows=ROWS, width=4, seed=0):
    """Ids, digests, features and predictions of each block."""
    rng = np.random.default_rng(seed)
    blocks, start = [], 0
    for count in rows:
        ids = [f"{start + i:02d}.jpg" for i in range(count)]
        features = rng.normal(size=(count, width)).astype(np.float32)
        predictions = summarise_probabilities(rng.dirichlet(np.ones(5), size=count))
        blocks.append((ids, [f"digest of {i}" for i in ids], features, predictions))
        start += count
    return blocks


def written(workspace, blocks):
    writer = PoolWriter(workspace, workspace / "photos", SOURCE)
    for block in blocks:
        writer.append(*block)
    return np.concatenate([features for _, _, features, _ in blocks])


def files_of(workspace):
    return {file.name: file.read_bytes() for file in sorted((workspace / "pool").iterdir())}


# --- in memory --------------------------------------------------------------------------------------


def test_arrays_become_a_pool_of_float32_with_row_numbers_as_ids():
    pool = Pool.from_arrays([[1, 2], [3, 4], [5, 6]])

    assert len(pool) == 3
    assert pool.features.dtype == np.float32
    assert pool.image_ids == ["0", "1", "2"]
    assert pool.row_of == {"0": 0, "1": 1, "2": 2}
    assert (pool.folder, pool.source) == (None, None)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_with_their_row(bad):
    features = np.zeros((5, 3))
    features[2, 1] = features[4, 0] = bad

    with pytest.raises(EvenpickError, match="2 rows hold NaN, infinity or more, the first is row 2"):
        Pool.from_arrays(features)


def test_features_that_float32_cannot_square_are_refused():
    with pytest.raises(EvenpickError, match=r"at most 1e\+15; 1 rows hold .* the first is row 1"):
        Pool.from_arrays(np.array([[1.0, 2], [1e16, 0]]))


@pytest.mark.parametrize("rows", [3, -1, [0, 5, -1], [], slice(2, 9, 3), np.arange(9) % 2 == 0])
def test_rows_of_several_files_are_those_of_one_array(rows, tmp_path):
    written(tmp_path, parts())
    features = Pool.open(tmp_path).features

    assert np.array_equal(features[rows], np.asarray(features)[rows])
    with pytest.raises(IndexError):
        features[len(features)]


def test_a_pool_made_without_from_arrays_is_checked_too():
    with pytest.raises(
        EvenpickError, match=r"features must be finite and at most 1e\+15; 2 rows .* the first is row 0"
    ):
        Pool(np.full((2, 3), np.nan, np.float32), ["a", "b"])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (4,), (2, 2, 2), ()])
def test_features_must_be_a_table(shape):
    with pytest.raises(EvenpickError, match=r"features must have shape \(n_images >= 1, n_features >= 1\)"):
        Pool.from_arrays(np.zeros(shape))


def test_each_image_needs_one_prediction_and_one_id_of_its_own():
    features = np.zeros((3, 2))

    with pytest.raises(EvenpickError, match="3 images need 3 predictions; got 2"):
        Pool.from_arrays(features, [[0.5, 0.5]] * 2)
    with pytest.raises(EvenpickError, match="3 rows of features need 3 image ids; got 2"):
        Pool.from_arrays(features, image_ids=["a", "b"])
    with pytest.raises(EvenpickError, match="image ids must differ"):
        Pool.from_arrays(features, image_ids=["a", "b", "a"])


def test_a_pool_without_predictions_says_what_still_works():
    pool = Pool.from_arrays(np.zeros((2, 2)))

    for name in ("entropy", "margin", "confidence", "source_class"):
        with pytest.raises(EvenpickError, match="choose 'random' or 'core_set'"):
            getattr(pool, name)


def test_taking_rows_keeps_what_belongs_to_them(make_pool):
    pool = make_pool(n=10)

    part = pool.take([7, 2, 2 + 3])

    assert part.image_ids == ["7", "2", "5"]
    assert (part.features == pool.features[[7, 2, 5]]).all()
    assert (part.entropy == pool.entropy[[7, 2, 5]]).all()


def test_a_pool_of_any_size_prints_as_a_few_lines(make_pool, tmp_path):
    written(tmp_path, parts())

    assert repr(make_pool(n=1500)) == "pool of 1,500 images, 6 features each"
    assert repr(Pool.open(tmp_path)) == (
        "pool of 9 images, 4 features each\n"
        "source: test (4 features, 5 source classes; none; Preprocessing(size=8, mean=(0.5, 0.5, 0.5)))\n"
        f"folder: '{tmp_path / 'photos'}'"
    )


# --- blocks on disk ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [
        0, 3, 8, -1, -9, np.int64(4),
        slice(None), slice(2, 5), slice(None, None, 3), slice(None, None, -1), slice(5, 2), slice(-4, 100),
        [0], [8, 0, 3, 3, -1], [], np.array([], dtype=np.intp), np.arange(9)[::-1], np.int32([2, 4]),
        np.arange(9) % 2 == 0, [True] * 3 + [False] * 6, np.zeros(9, dtype=bool), np.ones(9, dtype=bool),
    ],
    ids=str,
)  # fmt: skip
def test_blocks_are_indexed_like_one_array(index, tmp_path):
    whole = written(tmp_path, parts())
    features = Pool.open(tmp_path).features

    assert isinstance(features, BlockArray)
    assert np.array_equal(features[index], whole[index])
    assert features[index].shape == whole[index].shape
    assert features[index].dtype == np.float32


@pytest.mark.parametrize("index", [9, -10, [0, 9], np.ones(8, dtype=bool)], ids=str)
def test_rows_that_no_block_holds_are_an_index_error(index, tmp_path):
    written(tmp_path, parts())

    with pytest.raises(IndexError):
        Pool.open(tmp_path).features[index]


def test_blocks_turn_into_an_array_and_come_one_by_one(tmp_path):
    whole = written(tmp_path, parts())
    features = Pool.open(tmp_path).features

    assert features.shape == whole.shape
    assert np.array_equal(np.asarray(features), whole)
    assert np.asarray(features, dtype=np.float64).dtype == np.float64
    assert [start for start, _ in feature_blocks(features)] == [0, 3, 4]
    assert np.array_equal(np.concatenate([block for _, block in feature_blocks(features)]), whole)


def test_an_array_comes_in_blocks_too(monkeypatch):
    monkeypatch.setattr(evenpick.pool.blocks, "BLOCK_ROWS", 4)
    whole = np.arange(18, dtype=np.float32).reshape(9, 2)

    assert [(start, len(block)) for start, block in feature_blocks(whole)] == [(0, 4), (4, 4), (8, 1)]
    assert np.array_equal(np.concatenate([block for _, block in feature_blocks(whole)]), whole)


def test_a_pool_is_read_back_as_it_was_written(tmp_path):
    blocks = parts()
    written(tmp_path, blocks)

    pool = Pool.open(str(tmp_path))

    assert pool.image_ids == [f"{i:02d}.jpg" for i in range(9)]
    assert np.array_equal(pool.predictions, np.concatenate([block[3] for block in blocks]))
    assert pool.predictions.dtype == PREDICTION
    assert pool.folder == tmp_path / "photos"
    assert pool.source == SOURCE
    assert pool.take([8, 0]).image_ids == ["08.jpg", "00.jpg"]


def test_strange_image_ids_survive_the_disk(tmp_path):
    ids = ["line\nbreak.jpg", "car\rriage.jpg", "com,ma.jpg", 'quo"te".jpg', "\U0001f9a9/été.jpg", " ", "'", "a\r\nb"]
    ids.append(os.fsdecode(b"latin-\xe9.jpg"))
    _, _, features, predictions = parts([len(ids)])[0]
    PoolWriter(tmp_path, tmp_path, SOURCE).append(ids, ["x"] * len(ids), features, predictions)

    assert Pool.open(tmp_path).image_ids == ids
    assert PoolWriter(tmp_path, tmp_path, SOURCE).done == set(ids)


def test_a_writer_goes_on_after_the_last_block(tmp_path):
    blocks = parts()
    written(tmp_path / "once", blocks)
    for block in blocks:
        writer = PoolWriter(tmp_path / "often", tmp_path / "once" / "photos", SOURCE)
        writer.append(*block)

    assert writer.done == {f"{i:02d}.jpg" for i in range(9)}
    assert files_of(tmp_path / "often") == files_of(tmp_path / "once")


def test_a_writer_remembers_which_image_had_which_content(tmp_path):
    written(tmp_path, parts())

    reopened = PoolWriter(tmp_path, tmp_path / "photos", SOURCE)

    assert reopened.image_of_digest["digest of 04.jpg"] == "04.jpg"
    assert len(reopened.image_of_digest) == 9


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
        patch.setattr(evenpick.pool.writer, "flush", stop_after)
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
    ids, digests, features, predictions = parts([2])[0]
    features[1, 0] = np.nan
    writer = PoolWriter(tmp_path, tmp_path / "photos", SOURCE)

    with pytest.raises(EvenpickError, match="1 rows hold NaN, infinity or more, the first is row 10"):
        writer.append(ids, digests, features, predictions)
    assert files_of(tmp_path) == whole


def test_a_workspace_of_another_folder_or_source_is_refused(tmp_path):
    written(tmp_path, parts())

    with pytest.raises(EvenpickError, match=r"embedded with another folder .*photos, now .*elsewhere"):
        PoolWriter(tmp_path, tmp_path / "elsewhere", SOURCE)
    with pytest.raises(EvenpickError, match=r"embedded with another source .*\(abc with .*, now other with"):
        PoolWriter(tmp_path, tmp_path / "photos", replace(SOURCE, fingerprint="other"))
    with pytest.raises(EvenpickError, match="embedded with another source"):
        PoolWriter(tmp_path, tmp_path / "photos", replace(SOURCE, fingerprint="def"))


# --- damage -----------------------------------------------------------------------------------------


def test_a_folder_that_is_no_workspace_is_refused_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(EvenpickError, match="is not a workspace: run `evenpick embed"):
        Pool.open(tmp_path)
    with pytest.raises(EvenpickError, match="gone' is not a workspace"):
        Pool.open(tmp_path / "gone")


def test_a_workspace_without_a_block_holds_no_image(tmp_path):
    PoolWriter(tmp_path, tmp_path / "photos", SOURCE)

    with pytest.raises(EvenpickError, match="holds no image yet: run `evenpick embed`"):
        Pool.open(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "\udcff"])
def test_a_damaged_state_is_refused(text, tmp_path):
    written(tmp_path, parts())
    (tmp_path / "pool" / "pool.json").write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(EvenpickError, match=r"pool\.json' is damaged; delete"):
        Pool.open(tmp_path)


@pytest.mark.parametrize("source", [{}, None, {"name": "x", "preprocessing": {}}])
def test_a_state_without_a_whole_source_is_refused(source, tmp_path):
    written(tmp_path, parts())
    (tmp_path / "pool" / "pool.json").write_text(json.dumps({**read_state(tmp_path), "source": source}))

    with pytest.raises(EvenpickError, match=r"pool\.json' is damaged; delete"):
        Pool.open(tmp_path)


def test_a_pool_of_another_format_names_both_versions(tmp_path):
    written(tmp_path, parts())
    file = tmp_path / "pool" / "pool.json"
    file.write_text(json.dumps({**read_state(tmp_path), "format": 99, "evenpick": "7.5"}))

    with pytest.raises(EvenpickError, match=r"has format 99 \(evenpick 7\.5\); evenpick .* reads format 1"):
        Pool.open(tmp_path)


@pytest.mark.parametrize("name", ["features-00001.npy", "predictions-00002.npy", "images.csv"])
@pytest.mark.parametrize("lost", ["all", "half", "the last byte"])
def test_files_that_are_missing_or_cut_short_are_refused(name, lost, tmp_path):
    written(tmp_path, parts())
    file = tmp_path / "pool" / name
    size = file.stat().st_size
    if lost == "all":
        file.unlink()
    else:
        os.truncate(file, size // 2 if lost == "half" else size - 1)

    with pytest.raises(EvenpickError, match=f"{name}' is missing or cut short; delete .* and embed again"):
        Pool.open(tmp_path)
    with pytest.raises(EvenpickError, match=f"{name}' is (damaged|missing or cut short)"):
        PoolWriter(tmp_path, tmp_path / "photos", SOURCE).check()


@pytest.mark.parametrize("name", ["features-00001.npy", "predictions-00002.npy"])
def test_a_file_that_is_no_block_is_refused_on_opening(name, tmp_path):
    written(tmp_path, parts())
    file = tmp_path / "pool" / name
    file.write_bytes(bytes(file.stat().st_size))

    with pytest.raises(EvenpickError, match=f"{name}' is missing or cut short"):
        Pool.open(tmp_path)


@pytest.mark.parametrize("name", ["features-00001.npy", "predictions-00002.npy"])
def test_a_changed_byte_is_found_by_the_checksums(name, tmp_path):
    written(tmp_path, parts())
    writer = PoolWriter(tmp_path, tmp_path / "photos", SOURCE)
    writer.check()
    file = tmp_path / "pool" / name
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)

    with pytest.raises(EvenpickError, match=f"{name}' is damaged: its checksum differs from pool.json"):
        writer.check()


MANY_BLOCKS = """
import resource, sys
import numpy as np
from evenpick.session.balancing import BALANCINGS
from evenpick.session.nearest_images import NextImage
from evenpick.pool import Pool

pool = Pool.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
next_image = NextImage(pool.features, BALANCINGS["ratio_max"], np.arange(len(pool)))
for means in np.eye(3, 4), np.zeros((3, 4)):
    next_image.pick(means, 0, [1, 2], np.ones(len(pool), bool))
print(np.asarray(pool.features).shape)
"""


@pytest.mark.skipif(os.name == "nt", reason="this system has no limit of open files to lower")
def test_a_pool_of_more_blocks_than_files_may_be_open_is_read(tmp_path):
    written(tmp_path, parts(rows=[1] * 300))

    run = subprocess.run([sys.executable, "-c", MANY_BLOCKS, tmp_path], capture_output=True, text=True, check=False)

    assert (run.stderr, run.stdout) == ("", "(300, 4)\n")


def test_a_pool_goes_to_another_process_as_the_names_of_its_files(tmp_path):
    written(tmp_path, parts())
    pool = Pool.open(tmp_path)
    np.asarray(pool.features)

    sent = pickle.dumps(pool.features)
    received = pickle.loads(sent)

    assert len(sent) < 2000
    assert np.array_equal(received[:], pool.features[:])


def test_each_block_by_itself_has_its_rows_and_is_read_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    writer = PoolWriter(Path("work"), Path("photos"), SOURCE)
    for block in parts():
        writer.append(*block)
    features = Pool.open("work").features
    sent = [pickle.dumps(block) for block in single_blocks(features)]
    monkeypatch.chdir("/")

    read = [np.asarray(pickle.loads(block)) for block in sent]

    assert tuple(map(len, read)) == ROWS
    assert np.array_equal(np.concatenate(read), np.concatenate([block[2] for block in parts()]))


def test_blocks_in_memory_are_parts_of_the_array():
    features = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)

    blocks = list(single_blocks(features))

    assert len(blocks) == 3
    assert np.array_equal(np.concatenate(blocks), features)
    assert all(np.shares_memory(block, features) for block in blocks)
