"""Real folders through a tiny real network, with runs that are killed, run out of room or find damage."""

import contextlib
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evenpick.pool.blocks
import evenpick.pool.embedding
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.machine import map_in_threads
from evenpick.pool import Pool, embed
from evenpick.pool.skipped import Skipped
from evenpick.pool.storage import state_bytes
from evenpick.sources import SourceModel

# Runs `embed` with small blocks in a process of its own, which tests kill or leave without room.
# After each batch it waits for a line of input, so that no run gets ahead of the test.
DRIVER = """
import resource, sys
from functools import partial
import evenpick.pool.blocks, evenpick.pool.embedding
from evenpick.errors import EvenpickError
from evenpick.machine import map_in_threads
from evenpick import Preprocessing, SourceModel

network, folder, workspace, file_size = sys.argv[1:]
evenpick.pool.blocks.BLOCK_ROWS = evenpick.pool.embedding.BLOCK_ROWS = 5
evenpick.pool.embedding.BATCH = 3
if int(file_size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_size), resource.RLIM_INFINITY))

def progress(done, total):
    print(done, flush=True)
    sys.stdin.readline()

try:
    source = SourceModel.from_onnx(network, Preprocessing(size=8))
    evenpick.pool.embedding.embed(workspace, folder, source, progress, run=partial(map_in_threads, threads=2))
except EvenpickError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def network(make_network, tmp_path):
    return make_network(tmp_path / "tiny.onnx")


@pytest.fixture
def source(network):
    return SourceModel.from_onnx(network, Preprocessing(size=8))


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of five rows, so that a few images fill several."""
    monkeypatch.setattr(evenpick.pool.blocks, "BLOCK_ROWS", 5)
    monkeypatch.setattr(evenpick.pool.embedding, "BLOCK_ROWS", 5)


@pytest.fixture
def start_run(network, tmp_path):
    """Start the driver; what still runs at the end of a test is killed."""
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER)
    with contextlib.ExitStack() as stack:

        def start(folder, workspace, file_size=0):
            command = [sys.executable, driver, network, folder, workspace, str(file_size)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            run = stack.enter_context(subprocess.Popen(command, text=True, **pipes))
            stack.callback(run.kill)
            return run

        yield start


def save_photo(file, seed):
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, size=(12, 10, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")


def photographs(folder, n):
    for i in range(n):
        save_photo(folder / f"{i % 3}" / f"{i:03d}.png", i)
    return folder


def untidy_photographs(folder, n=34):
    """Many images, three of them with strange names, and two copies and a broken file besides."""
    photographs(folder, n)
    for i in (3, 17):
        (folder / "copies").mkdir(exist_ok=True)
        shutil.copy(folder / f"{i % 3}" / f"{i:03d}.png", folder / "copies" / f"copy, of {i}.png")
    (folder / "1" / "broken.jpg").write_bytes(b"no image")
    for i, name in enumerate(["line\nbreak.png", "\U0001f9a9.png", os.fsdecode(b"latin-\xe9.png")]):
        save_photo(folder / "2" / name, 100 + i)
    return folder


def blocks_and_ids(workspace):
    """Everything of the pool but `pool.json`, which names the folder and is compared by what it leads to."""
    return {f.name: f.read_bytes() for f in (workspace / "pool").iterdir() if f.suffix in (".npy", ".csv")}


def reasons(workspace):
    with (workspace / "skipped.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [tuple(row[:3]) for row in csv.reader(file)]


# --- one run ----------------------------------------------------------------------------------------


def test_every_image_gets_what_the_network_gives_it(source, tmp_path, small_blocks):
    folder = photographs(tmp_path / "photos", 12)

    done = embed(tmp_path / "work", folder, source)

    assert (done.done_now, done.skipped) == (12, [])
    assert done.pool.image_ids == sorted(f"{i % 3}/{i:03d}.png" for i in range(12))
    for row, image_id in enumerate(done.pool.image_ids):
        with Image.open(folder / image_id) as image:
            features, logits = source([image.convert("RGB")])
        probabilities = np.exp(logits[0]) / np.exp(logits[0]).sum()
        assert done.pool.features[row] == pytest.approx(features[0], rel=1e-5, abs=1e-6)
        assert done.pool.source_class[row] == probabilities.argmax()
        assert done.pool.confidence[row] == pytest.approx(probabilities.max(), rel=1e-5)
    assert done.pool.folder == folder
    assert done.pool.source.fingerprint == source.fingerprint


def test_progress_counts_from_zero_to_all(source, tmp_path):
    folder = photographs(tmp_path / "photos", 20)
    (folder / "broken.jpg").write_bytes(b"")
    seen = []

    embed(tmp_path / "work", folder, source, lambda done, total: seen.append((done, total)))

    assert seen == [(0, 21), (8, 21), (16, 21), (21, 21)]


def test_the_number_of_threads_changes_nothing(source, tmp_path, small_blocks):
    folder = untidy_photographs(tmp_path / "photos")

    embed(tmp_path / "one", folder, source, run=partial(map_in_threads, threads=1))
    embed(tmp_path / "four", folder, source, run=partial(map_in_threads, threads=4))

    assert blocks_and_ids(tmp_path / "one") == blocks_and_ids(tmp_path / "four")
    assert reasons(tmp_path / "one") == reasons(tmp_path / "four")


def test_copies_and_unreadable_files_are_left_out_and_listed(source, tmp_path):
    folder = untidy_photographs(tmp_path / "photos")
    (folder / "dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")

    done = embed(tmp_path / "work", folder, source)

    assert len(done.pool) == 37
    assert done.skipped == [
        Skipped("1/broken.jpg", "not an image, whatever its name says"),
        Skipped("copies/copy, of 17.png", "same content as 2/017.png", "2/017.png"),
        Skipped("copies/copy, of 3.png", "same content as 0/003.png", "0/003.png"),
        Skipped("dangling.jpg", "a link that leads nowhere: No such file or directory"),
    ]
    assert reasons(tmp_path / "work") == [
        ("image", "reason", "twin"),
        *((s.image_id, s.reason, s.twin or "") for s in done.skipped),
    ]
    assert os.fsdecode(b"2/latin-\xe9.png") in done.pool.image_ids
    assert "2/line\nbreak.png" in done.pool.image_ids


def test_an_image_without_finite_features_is_left_out_alone(make_network, tmp_path):
    source = SourceModel.from_onnx(make_network(tmp_path / "log.onnx", logarithm=True), Preprocessing(size=8))
    for name, colour in (("a dark", 0), ("b bright", 255), ("c dark", 5), ("d bright", 250)):
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.new("RGB", (9, 9), (colour,) * 3).save(tmp_path / "photos" / f"{name}.png")

    done = embed(tmp_path / "work", tmp_path / "photos", source)

    assert done.pool.image_ids == ["b bright.png", "d bright.png"]
    assert np.isfinite(np.asarray(done.pool.features)).all()
    assert done.pool.features[0] == pytest.approx(source([Image.new("RGB", (9, 9), "white")])[0][0])
    not_finite = "the source model gives features that are not finite"
    assert sorted(done.skipped) == [Skipped("a dark.png", not_finite), Skipped("c dark.png", not_finite)]


# --- later runs -------------------------------------------------------------------------------------


def test_a_second_run_does_nothing_again(source, tmp_path, small_blocks):
    folder = untidy_photographs(tmp_path / "photos")
    first = embed(tmp_path / "work", folder, source)
    files, listed = blocks_and_ids(tmp_path / "work"), reasons(tmp_path / "work")

    second = embed(tmp_path / "work", folder, source)

    assert (first.done_now, second.done_now) == (37, 0)
    assert second.skipped == first.skipped
    assert (blocks_and_ids(tmp_path / "work"), reasons(tmp_path / "work")) == (files, listed)


def test_a_new_image_is_appended_and_old_blocks_stay_as_they_were(source, tmp_path, small_blocks):
    folder = photographs(tmp_path / "photos", 12)
    before = embed(tmp_path / "work", folder, source).pool.image_ids
    old = {f: f.stat() for f in (tmp_path / "work" / "pool").glob("*.npy")}
    save_photo(folder / "0" / "000 first of all.png", 50)

    done = embed(tmp_path / "work", folder, source)

    assert done.done_now == 1
    assert done.pool.image_ids == [*before, "0/000 first of all.png"]
    assert {f: (f.stat().st_ino, f.stat().st_mtime_ns) for f in old} == {
        f: (stat.st_ino, stat.st_mtime_ns) for f, stat in old.items()
    }


def test_a_copy_of_an_image_embedded_earlier_is_left_out_even_if_it_comes_first(source, tmp_path):
    folder = photographs(tmp_path / "photos", 5)
    embed(tmp_path / "work", folder, source)
    shutil.copy(folder / "1" / "001.png", folder / "0 copy.png")

    assert embed(tmp_path / "work", folder, source).skipped == [
        Skipped("0 copy.png", "same content as 1/001.png", "1/001.png")
    ]


def test_a_repaired_image_is_taken_on_the_next_run(source, tmp_path):
    folder = photographs(tmp_path / "photos", 3)
    (folder / "late.png").write_bytes((folder / "0" / "000.png").read_bytes()[:60])
    assert [left_out.image_id for left_out in embed(tmp_path / "work", folder, source).skipped] == ["late.png"]
    save_photo(folder / "late.png", 7)

    done = embed(tmp_path / "work", folder, source)

    assert (done.done_now, done.skipped) == (1, [])
    assert done.pool.image_ids[-1] == "late.png"
    assert reasons(tmp_path / "work") == [("image", "reason", "twin")]


def test_a_workspace_inside_the_folder_is_not_searched(source, tmp_path):
    folder = photographs(tmp_path / "photos", 3)
    embed(folder / "work", folder, source)
    save_photo(folder / "work" / "report" / "figure.png", 9)

    assert embed(folder / "work", folder, source).done_now == 0


# --- what is refused --------------------------------------------------------------------------------


def test_folders_without_images_are_refused_and_leave_no_workspace(source, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")

    for folder, message in (("empty", "no image"), ("texts", "no image"), ("gone", "does not exist")):
        with pytest.raises(EvenpickError, match=message):
            embed(tmp_path / "work", tmp_path / folder, source)
    assert not (tmp_path / "work").exists()


def test_a_folder_of_images_is_no_workspace(source, tmp_path):
    save_photo(tmp_path / "a.jpg", 0)

    with pytest.raises(EvenpickError, match="is the folder of images itself: name a folder of its own"):
        embed(tmp_path / "x" / "..", tmp_path, source)
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".onnx"] == ["a.jpg"]


def test_a_folder_of_unreadable_images_is_refused_until_one_can_be_read(source, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"no image")

    with pytest.raises(EvenpickError, match=r"nothing of the 2 images in .* can be embedded: .*; .*skipped\.csv"):
        embed(tmp_path / "work", folder, source)
    assert [name for name, *_ in reasons(tmp_path / "work")] == ["image", "a.jpg", "b.jpg"]

    save_photo(folder / "b.jpg", 0)
    assert embed(tmp_path / "work", folder, source).pool.image_ids == ["b.jpg"]


def test_another_folder_or_source_is_refused_and_changes_nothing(source, network, make_network, tmp_path):
    folder, other = photographs(tmp_path / "photos", 3), photographs(tmp_path / "others", 4)
    embed(tmp_path / "work", folder, source)
    files = blocks_and_ids(tmp_path / "work")
    retrained = SourceModel.from_onnx(make_network(tmp_path / "b.onnx", seed=1), Preprocessing(size=8), source.name)
    recut = SourceModel.from_onnx(network, Preprocessing(size=8, crop=0.5))

    with pytest.raises(EvenpickError, match=r"another folder .*photos, now .*others.*--moved .*use another workspace"):
        embed(tmp_path / "work", other, source)
    for changed, said in ((retrained, "with other weights"), (recut, r"\(crop 0.875, now 0.5\)")):
        with pytest.raises(EvenpickError, match=f"embedded otherwise .*{said}"):
            embed(tmp_path / "work", folder, changed)
    assert blocks_and_ids(tmp_path / "work") == files


def test_reduced_jpeg_files_are_another_source_and_stated_in_the_pool(source, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, size=(80, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "a.jpg")
    whole = embed(tmp_path / "whole", folder, source).pool
    reducing = replace(source, preprocessing=replace(source.preprocessing, reduced_jpeg=True))

    reduced = embed(tmp_path / "reduced", folder, reducing).pool

    assert reduced.source.preprocessing.reduced_jpeg
    assert not np.array_equal(reduced.features[0], whole.features[0])
    with pytest.raises(EvenpickError, match=r"embedded otherwise \(reduced-jpeg False, now True\)"):
        embed(tmp_path / "whole", folder, reducing)


def test_a_pool_of_before_there_were_reduced_jpeg_files_goes_on(source, tmp_path):
    folder = photographs(tmp_path / "photos", 3)
    embed(tmp_path / "work", folder, source)
    file = tmp_path / "work" / "pool" / "pool.json"
    state = json.loads(file.read_text())
    del state["source"]["preprocessing"]["reduced_jpeg"]
    file.write_bytes(state_bytes(state))
    save_photo(folder / "late.png", 7)

    assert embed(tmp_path / "work", folder, source).done_now == 1


def test_a_workspace_that_is_a_file_is_refused(source, tmp_path):
    (tmp_path / "work").write_text("notes")

    for workspace in (tmp_path / "work", tmp_path / "work" / "inside"):
        with pytest.raises(EvenpickError, match="must be a folder; it is a file"):
            embed(workspace, photographs(tmp_path / "photos", 2), source)


def test_a_second_writer_is_refused_while_one_runs(source, tmp_path):
    folder = photographs(tmp_path / "photos", 9)
    refusals = []

    def progress(done, total):
        with pytest.raises(EvenpickError, match=r"another process is embedding into '.*work'; wait") as caught:
            embed(tmp_path / "work", folder, source)
        refusals.append(caught)

    assert len(embed(tmp_path / "work", folder, source, progress).pool) == 9
    assert refusals
    assert embed(tmp_path / "work", folder, source).done_now == 0


def test_a_damaged_block_is_embedded_again_on_the_next_run(source, tmp_path, small_blocks):
    folder = photographs(tmp_path / "photos", 12)
    embed(tmp_path / "work", folder, source)
    before = Pool.open(tmp_path / "work").features[:]
    file = tmp_path / "work" / "pool" / "features-00001.npy"
    data = bytearray(file.read_bytes())
    data[-3] ^= 16
    file.write_bytes(data)

    assert embed(tmp_path / "work", folder, source).counts.replaced == 0
    assert np.array_equal(Pool.open(tmp_path / "work").features[:], before)


# --- runs that end early ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_killed_again_and_again_gives_the_pool_of_a_run_left_alone(source, start_run, tmp_path, small_blocks):
    folder = untidy_photographs(tmp_path / "photos", 70)
    embed(tmp_path / "whole", folder, source)
    moments = random.Random(0)
    sizes = [0]

    for _ in range(4):
        run = start_run(folder, tmp_path / "killed")
        for _ in range(moments.randint(4, 6)):  # batches of 3 images, blocks of 5
            run.stdout.readline()
            print(file=run.stdin, flush=True)
        time.sleep(moments.uniform(0, 0.01))  # to be hit anywhere: the answer must not depend on it
        run.kill()
        run.wait()
        sizes.append(len(Pool.open(tmp_path / "killed")))

    assert sizes == sorted(set(sizes))  # each run went on
    assert sizes[-1] < 73
    assert len(embed(tmp_path / "killed", folder, source).pool) == 73
    assert blocks_and_ids(tmp_path / "killed") == blocks_and_ids(tmp_path / "whole")
    assert reasons(tmp_path / "killed") == reasons(tmp_path / "whole")
    assert Pool.open(tmp_path / "killed").image_ids == Pool.open(tmp_path / "whole").image_ids


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="file-size limits are of POSIX")
@pytest.mark.parametrize("file_size", [160, 1500, 3000])
def test_a_disk_that_fills_up_loses_nothing(file_size, source, start_run, tmp_path, small_blocks):
    """A limit below a block's size stops the first block; later ones stop images.csv or pool.json as they grow."""
    folder = untidy_photographs(tmp_path / "photos")
    embed(tmp_path / "whole", folder, source)

    run = start_run(folder, tmp_path / "full", file_size)
    _, message = run.communicate("\n" * 50, timeout=60)

    assert run.returncode == 1
    assert message.startswith(f"no room left to write '{tmp_path / 'full'}' (File too large)")
    assert "run the same command again" in message
    kept = 0
    if file_size > 160:
        kept = len(Pool.open(tmp_path / "full"))
        assert 0 < kept < 37
    done = embed(tmp_path / "full", folder, source)
    assert done.done_now == 37 - kept
    assert blocks_and_ids(tmp_path / "full") == blocks_and_ids(tmp_path / "whole")


def test_a_bug_in_the_network_keeps_its_traceback_and_what_was_done(source, tmp_path, small_blocks):
    folder = photographs(tmp_path / "photos", 40)
    batches = []

    def failing(batch):
        batches.append(len(batch))
        if len(batches) > 3:
            raise ZeroDivisionError("a bug")
        return source.network(batch)

    broken = SourceModel(**{**source.__dict__, "network": failing})
    with pytest.raises(ZeroDivisionError, match="a bug"):
        embed(tmp_path / "work", folder, broken, run=partial(map_in_threads, threads=1))

    assert len(Pool.open(tmp_path / "work")) == 20  # of 24 images in three batches, four full blocks
    assert len(embed(tmp_path / "work", folder, source).pool) == 40


def test_relative_and_absolute_paths_are_one_folder(source, tmp_path, monkeypatch):
    folder = photographs(tmp_path / "photos", 3)
    monkeypatch.chdir(tmp_path)
    embed("work", "photos", source)

    assert embed(Path("work"), folder, source).done_now == 0


def test_what_is_done_is_kept_when_the_user_stops_the_run(source, tmp_path):
    """Far fewer images than a block."""
    folder = photographs(tmp_path / "photos", 40)

    def stop(done, total):
        if done >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(tmp_path / "work", folder, source, stop)

    kept = Pool.open(tmp_path / "work")
    assert len(kept) == 16
    done = embed(tmp_path / "work", folder, source)
    assert (len(done.pool), done.done_now) == (40, 24)
    assert done.pool.image_ids[:16] == kept.image_ids


def test_what_is_done_is_kept_every_minute(source, tmp_path, monkeypatch):
    folder = photographs(tmp_path / "photos", 40)
    minutes = iter(range(0, 10_000, 45))  # seconds: a batch takes 45, so that every second one is kept
    monkeypatch.setattr("evenpick.pool.embedding.time.monotonic", lambda: next(minutes))
    sizes = []

    def progress(done, total):
        file = tmp_path / "work" / "pool" / "pool.json"
        sizes.append(sum(block["rows"] for block in json.loads(file.read_text())["blocks"]))
        if done >= 24:
            raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        embed(tmp_path / "work", folder, source, progress)

    assert sizes[-1] >= 8
    assert len(Pool.open(tmp_path / "work")) == sizes[-1]
