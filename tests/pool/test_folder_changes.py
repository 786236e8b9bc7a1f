"""Folders that change between two runs of `embed`: what became of each file is told, and the pool follows it."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from written_pools import as_format_1

import evenpick.pool.embedding
import evenpick.pool.folder_changes
import evenpick.pool.looking
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.pool import EmbedOptions, Pool, embed
from evenpick.pool.changes_csv import Change, read_changes
from evenpick.sources import SourceModel


@pytest.fixture
def source(make_network, tmp_path):
    return SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))


@pytest.fixture
def run(source, tmp_path):
    """Embed the folder of photographs, or another one, into the workspace."""

    def embed_now(folder="photos", **options):
        return embed(tmp_path / "work", tmp_path / folder, source, options=EmbedOptions(**options))

    return embed_now


@pytest.fixture
def folder(tmp_path, run, monkeypatch):
    """Twelve photographs in blocks of five, embedded."""
    monkeypatch.setattr(evenpick.pool.embedding, "BLOCK_ROWS", 5)
    folder = tmp_path / "photos"
    for i in range(12):
        save_photo(folder / "ab"[i % 2] / f"{i:02d}.png", i)
    run()
    return folder


@pytest.fixture
def read_files(monkeypatch):
    """The files that were read since, to be hashed or to be embedded."""
    read = []

    def reading(original):
        def read_and_tell(*args):
            read.append(next(arg for arg in args if isinstance(arg, Path | evenpick.pool.images_csv.ImageRow)))
            return original(*args)

        return read_and_tell

    for module in (evenpick.pool.folder_changes,):
        monkeypatch.setattr(module, "sha256_of", reading(module.sha256_of))
    return read


def save_photo(file, seed):
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, size=(12, 10, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")


def counted(done):
    return {name: number for name, number in vars(done.counts).items() if number}


def features_of(source, file):
    with Image.open(file) as image:
        return source([image.convert("RGB")])[0][0]


# --- what became of a file --------------------------------------------------------------------------


def test_nothing_is_read_again_of_a_folder_that_did_not_change(folder, run, read_files):
    done = run()

    assert counted(done) == {"unchanged": 12}
    assert done.done_now == 0
    assert read_files == []


def test_a_file_replaced_under_its_name_is_embedded_again_where_its_row_is(folder, run, source, tmp_path):
    before = Pool.open(tmp_path / "work")
    features = before.features[:]
    row = before.row_of["a/06.png"]
    save_photo(folder / "a" / "06.png", 99)

    done = run()

    assert counted(done) == {"replaced": 1, "unchanged": 11}
    assert done.done_now == 1
    assert done.pool.image_ids == before.image_ids
    assert done.pool.features[row] == pytest.approx(features_of(source, folder / "a/06.png"), rel=1e-5, abs=1e-6)
    others = np.arange(12) != row
    assert np.array_equal(done.pool.features[others], features[others])
    assert not np.allclose(done.pool.features[row], features[row])
    assert read_changes(tmp_path / "work") == [Change("replaced", "a/06.png")]
    assert counted(run()) == {"unchanged": 12}


def test_a_file_replaced_by_one_of_equal_size_and_old_date_is_noticed(folder, run):
    file = folder / "a" / "00.png"
    data = bytearray(file.read_bytes())
    save_photo(folder / "new.png", 7)
    other = (folder / "new.png").read_bytes()
    (folder / "new.png").unlink()
    assert len(data) == len(other)
    file.write_bytes(other)
    os.utime(file, (1e9, 1e9))

    assert counted(run()) == {"replaced": 1, "unchanged": 11}


def test_a_file_that_was_only_touched_is_read_once_and_is_the_same(folder, run, read_files):
    os.utime(folder / "a" / "00.png", (1e9, 1e9))

    assert counted(run()) == {"unchanged": 12}
    assert read_files == [folder / "a" / "00.png"]
    assert counted(run()) == {"unchanged": 12}
    assert len(read_files) == 1


def test_a_file_that_is_gone_stays_in_the_pool_and_comes_back(folder, run, tmp_path):
    (folder / "b" / "03.png").rename(tmp_path / "aside.png")

    done = run()

    row = done.pool.row_of["b/03.png"]
    assert counted(done) == {"gone": 1, "unchanged": 11}
    assert len(done.pool) == 12
    assert np.flatnonzero(~done.pool.present).tolist() == [row]
    assert counted(run()) == {"unchanged": 11}  # told once

    (tmp_path / "aside.png").rename(folder / "b" / "03.png")
    done = run()
    assert counted(done) == {"back": 1, "unchanged": 11}
    assert done.pool.present is None
    assert read_changes(tmp_path / "work") == []


def test_a_moved_or_renamed_file_is_known_by_its_content_and_its_row_takes_the_new_path(folder, run, tmp_path):
    before = Pool.open(tmp_path / "work")
    rows, features = [before.row_of[f"a/0{i}.png"] for i in (0, 2)], before.features[:]
    (folder / "sub").mkdir()
    (folder / "a" / "00.png").rename(folder / "sub" / "first.png")
    (folder / "a" / "02.png").rename(folder / "a" / "renamed.png")

    done = run()

    assert counted(done) == {"moved": 2, "unchanged": 10}
    assert [done.pool.image_ids[row] for row in rows] == ["sub/first.png", "a/renamed.png"]
    assert np.array_equal(done.pool.features[:], features)
    assert done.pool.part(rows[0]).file == folder / "sub" / "first.png"
    assert sorted(read_changes(tmp_path / "work")) == [
        Change("moved", "a/00.png", "sub/first.png"),
        Change("moved", "a/02.png", "a/renamed.png"),
    ]
    assert counted(run()) == {"unchanged": 12}


def test_a_file_that_comes_up_elsewhere_later_is_still_known(folder, run, tmp_path):
    shutil.move(folder / "a" / "00.png", tmp_path / "aside.png")
    assert counted(run()) == {"gone": 1, "unchanged": 11}
    shutil.move(tmp_path / "aside.png", folder / "late.png")

    done = run()

    assert counted(done) == {"moved": 1, "unchanged": 11}
    assert done.pool.present is None
    assert done.skipped == []


def test_a_copy_takes_the_place_of_a_file_that_is_gone(folder, run):
    shutil.copy(folder / "a" / "00.png", folder / "copy.png")
    assert [left_out.twin for left_out in run().skipped] == ["a/00.png"]
    (folder / "a" / "00.png").unlink()

    done = run()

    assert (counted(done), done.skipped) == ({"moved": 1, "unchanged": 11}, [])
    assert "copy.png" in done.pool.row_of


def test_a_copy_is_read_again_only_when_it_or_its_twin_has_changed(folder, run, monkeypatch):
    shutil.copy(folder / "a" / "00.png", folder / "copy.png")
    seen = []
    original = evenpick.pool.looking.see_batch
    monkeypatch.setattr(
        evenpick.pool.embedding,
        "see_batch",
        lambda *args: seen.extend(wanted.row for wanted in args[3]) or original(*args),
    )
    run()
    assert [image.image for image in seen] == ["copy.png"]

    done = run()
    assert ([left_out.twin for left_out in done.skipped], len(seen)) == (["a/00.png"], 1)

    save_photo(folder / "a" / "00.png", 50)
    done = run()
    assert counted(done) == {"new": 1, "replaced": 1, "unchanged": 11}
    assert done.skipped == []


def test_a_path_of_a_row_stays_its_rows_whatever_lies_there_now(folder, run, source):
    """Two files that change places are both replaced; one moved over another one is gone, and the other replaced."""
    a, b = folder / "a" / "00.png", folder / "a" / "02.png"
    a.rename(folder / "aside.png")
    b.rename(a)
    (folder / "aside.png").rename(b)

    done = run()
    assert counted(done) == {"replaced": 2, "unchanged": 10}
    for name in ("a/00.png", "a/02.png"):
        seen = done.pool.features[done.pool.row_of[name]]
        assert seen == pytest.approx(features_of(source, folder / name), rel=1e-5, abs=1e-6)

    (folder / "b" / "01.png").replace(folder / "b" / "03.png")
    assert counted(run()) == {"replaced": 1, "gone": 1, "unchanged": 10}


def test_a_replaced_file_that_cannot_be_read_counts_as_gone_until_it_can(folder, run, tmp_path):
    (folder / "a" / "00.png").write_bytes(b"no image")

    done = run()

    assert counted(done) == {"gone": 1, "unchanged": 11}
    assert [left_out.image_id for left_out in done.skipped] == ["a/00.png"]
    assert not done.pool.present[done.pool.row_of["a/00.png"]]
    again = run()
    assert (counted(again), again.skipped) == ({"unchanged": 11}, done.skipped)

    save_photo(folder / "a" / "00.png", 77)
    assert counted(run()) == {"replaced": 1, "unchanged": 11}
    assert Pool.open(tmp_path / "work").present is None
    assert read_changes(tmp_path / "work") == [Change("replaced", "a/00.png")]


def test_new_files_beside_all_the_others_are_appended(folder, run, tmp_path):
    before = Pool.open(tmp_path / "work").image_ids
    save_photo(folder / "00 first.png", 40)
    save_photo(folder / "a" / "00.png", 41)
    (folder / "a" / "02.png").rename(folder / "moved.png")
    (folder / "a" / "04.png").unlink()

    done = run()

    assert counted(done) == {"new": 1, "replaced": 1, "moved": 1, "gone": 1, "unchanged": 9}
    assert done.pool.image_ids == [*("moved.png" if i == "a/02.png" else i for i in before), "00 first.png"]
    assert str(done.counts) == "1 new, 1 replaced, 1 moved, 1 gone, 0 back, 9 unchanged"


# --- the whole folder -------------------------------------------------------------------------------


def test_a_folder_that_is_mounted_elsewhere_goes_on_when_it_is_said_to_have_moved(folder, run, tmp_path):
    shutil.copytree(folder, tmp_path / "elsewhere" / "photos")  # with other times of the files
    shutil.rmtree(folder)
    with pytest.raises(EvenpickError, match=r"another folder .* say --moved if it is the same one at another place"):
        run("elsewhere/photos")

    done = run("elsewhere/photos", moved=True)

    assert counted(done) == {"unchanged": 12}
    assert done.pool.folder == tmp_path / "elsewhere" / "photos"
    assert counted(run("elsewhere/photos")) == {"unchanged": 12}


def test_another_folder_that_is_said_to_be_the_same_is_refused(folder, run, tmp_path):
    for i in range(12):
        save_photo(tmp_path / "others" / "ab"[i % 2] / f"{i:02d}.png", 100 + i)
    with pytest.raises(EvenpickError, match="is not the folder of this workspace at another place: it holds 0 of 12"):
        run("others", moved=True)

    shutil.rmtree(tmp_path / "others")
    for file in folder.rglob("*.png"):  # alike in all but content
        other = tmp_path / "others" / file.relative_to(folder)
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(bytes(file.stat().st_size))
        os.utime(other, ns=(file.stat().st_mtime_ns,) * 2)
    with pytest.raises(EvenpickError, match=r"it holds 12 of 12 images of the pool, and 'a/00\.png' differs"):
        run("others", moved=True)
    assert counted(run()) == {"unchanged": 12}


# --- formats, locks and stopped runs ----------------------------------------------------------------


def test_a_pool_of_the_first_format_is_trusted_where_no_file_was_written_since(folder, run, read_files, tmp_path):
    as_format_1(tmp_path / "work")
    assert counted(run()) == {"unchanged": 12}
    assert read_files == []

    (folder / "a" / "00.png").rename(folder / "moved.png")
    save_photo(folder / "a" / "02.png", 60)
    done = run()

    assert counted(done) == {"replaced": 1, "moved": 1, "unchanged": 10}
    assert counted(run()) == {"unchanged": 12}


def test_rows_are_not_changed_while_somebody_labels(folder, run, tmp_path):
    features = Pool.open(tmp_path / "work").features[:]
    with FileLock(tmp_path / "work" / "label.lock"):
        save_photo(folder / "new.png", 30)
        assert counted(run()) == {"new": 1, "unchanged": 12}
        save_photo(folder / "a" / "00.png", 31)
        with pytest.raises(EvenpickError, match="moved or replaced while somebody labels: stop `evenpick label`"):
            run()
    assert np.array_equal(Pool.open(tmp_path / "work").features[:12], features)
    assert counted(run()) == {"replaced": 1, "unchanged": 12}


class Stopped(BaseException):
    pass


@pytest.mark.parametrize("survived", range(12))
def test_a_run_that_is_stopped_at_any_file_it_writes_leaves_a_whole_pool(survived, folder, run, tmp_path, monkeypatch):
    changed = ("a/00.png", "b/07.png")
    for i, name in enumerate(changed):
        save_photo(folder / name, 200 + i)
    (folder / "a" / "02.png").rename(folder / "moved.png")
    save_photo(folder / "new.png", 300)
    flushes = []

    def stop_after(handle):
        if len(flushes) == survived:
            raise Stopped
        flushes.append(handle.name)

    with monkeypatch.context() as patch:
        patch.setattr(evenpick.atomic_files, "flush", stop_after)
        patch.setattr(evenpick.pool.committed, "flush", stop_after)
        with pytest.raises(Stopped):
            run()

    assert len(Pool.open(tmp_path / "work")) == 12
    done = run()
    left = {"new", "replaced", "moved", "unchanged"}
    assert counted(done).keys() <= left
    assert len(done.pool) == 13
    changes = read_changes(tmp_path / "work")
    assert changes[0] == Change("moved", "a/02.png", "moved.png")
    assert sorted(change.image for change in changes[1:]) == sorted(changed)
    assert counted(run()) == {"unchanged": 13}
