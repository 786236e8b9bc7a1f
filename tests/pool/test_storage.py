"""A pool on disk that is not there, damaged, cut short or of another version is refused."""

import os

import pytest
from written_pools import SOURCE, parts, written

from evenpick.errors import EvenpickError
from evenpick.pool import Pool, read_state
from evenpick.pool.storage import state_bytes
from evenpick.pool.writer import PoolWriter


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
    (tmp_path / "pool" / "pool.json").write_bytes(state_bytes({**read_state(tmp_path), "source": source}))

    with pytest.raises(EvenpickError, match=r"pool\.json' is damaged; delete"):
        Pool.open(tmp_path)


def test_a_pool_of_another_format_names_both_versions(tmp_path):
    written(tmp_path, parts())
    file = tmp_path / "pool" / "pool.json"
    file.write_bytes(state_bytes({**read_state(tmp_path), "format": 99, "evenpick": "7.5"}))

    with pytest.raises(EvenpickError, match=r"has format 99 \(evenpick 7\.5\); evenpick .* reads formats 1 and 2"):
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

    mend = "delete .* and embed again" if name == "images.csv" else "run `evenpick embed` on .* again"
    with pytest.raises(EvenpickError, match=f"{name}' is missing or cut short; {mend}"):
        Pool.open(tmp_path)


@pytest.mark.parametrize("name", ["features-00001.npy", "predictions-00002.npy"])
def test_a_file_that_is_no_block_is_refused_on_opening(name, tmp_path):
    written(tmp_path, parts())
    file = tmp_path / "pool" / name
    file.write_bytes(bytes(file.stat().st_size))

    with pytest.raises(EvenpickError, match=f"{name}' is missing or cut short"):
        Pool.open(tmp_path)
