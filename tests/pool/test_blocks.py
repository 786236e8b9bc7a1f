"""Features in blocks: read like one array, block by block, by other processes."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from written_pools import ROWS, SOURCE, parts, written

import evenpick.atomic_files
import evenpick.pool.blocks
import evenpick.pool.writer
from evenpick.pool import Pool, feature_blocks, single_blocks
from evenpick.pool.blocks import BlockArray
from evenpick.pool.writer import PoolWriter


@pytest.mark.parametrize("rows", [3, -1, [0, 5, -1], [], slice(2, 9, 3), np.arange(9) % 2 == 0])
def test_rows_of_several_files_are_those_of_one_array(rows, tmp_path):
    written(tmp_path, parts())
    features = Pool.open(tmp_path).features

    assert np.array_equal(features[rows], np.asarray(features)[rows])
    with pytest.raises(IndexError):
        features[len(features)]


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


MANY_BLOCKS = """
import resource, sys
import numpy as np
from evenpick import Pool, select, simulate

pool = Pool.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
select(pool, 3, "core_set")
simulate(pool, [str(row % 3) for row in range(len(pool))], 20, acquisition="random", balancing="ratio_max")
print(np.asarray(pool.features).shape)
"""


@pytest.mark.slow
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
    assert np.array_equal(np.concatenate(read), np.concatenate([block[1] for block in parts()]))


def test_blocks_in_memory_are_parts_of_the_array():
    features = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)

    blocks = list(single_blocks(features))

    assert len(blocks) == 3
    assert np.array_equal(np.concatenate(blocks), features)
    assert all(np.shares_memory(block, features) for block in blocks)
