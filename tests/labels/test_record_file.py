"""The one file of a record: a copy of it is the record, and what is empty, damaged or mixed up is refused."""

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore


def label(image, name="cat"):
    return Annotation(image, name, "discovery", annotator="ann")


def images(workspace):
    with LabelStore(workspace) as store:
        return [entry.image for entry in store.entries()]


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def of_the_earlier_version(workspace):
    """As evenpick wrote it until November 2026, by a log; the connection stays open, as in a server that is killed."""
    with LabelStore(workspace):
        pass
    connection = sqlite3.connect(workspace / "labels.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


INSERT = "INSERT INTO record (at, annotator, kind, image, label) VALUES ('2026', 'ann', 'label', ?, 'cat')"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_a_copy_of_the_one_file_holds_every_answer_of_a_process_that_was_killed(tmp_path, elsewhere, name):
    code = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # also where these tests ignore it
        "from evenpick.labels import Annotation, LabelStore\n"
        "store = LabelStore(sys.argv[1])\n"
        "for i in range(5): store.append([Annotation(f'{i}.jpg', 'cat', annotator='ann')])\n"
        f"os.kill(os.getpid(), signal.{name})"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    shutil.copy(tmp_path / "labels.sqlite", elsewhere)

    assert run.returncode == -getattr(signal, name)
    assert images(elsewhere) == [f"{i}.jpg" for i in range(5)]


def test_a_log_of_the_earlier_version_is_brought_into_the_one_file(tmp_path, elsewhere):
    with closing(of_the_earlier_version(tmp_path)) as killed:
        killed.execute(INSERT, ("a.jpg",))
        shutil.copy(tmp_path / "labels.sqlite", elsewhere)
        shutil.copy(tmp_path / "labels.sqlite-wal", elsewhere)

    assert images(elsewhere) == ["a.jpg"]
    assert [file.name for file in elsewhere.iterdir()] == ["labels.sqlite"]


def test_a_log_of_another_copy_beside_a_restored_file_is_refused_and_changes_nothing(tmp_path, elsewhere):
    with closing(of_the_earlier_version(elsewhere)) as killed:
        killed.execute(INSERT, ("old.jpg",))
        with LabelStore(tmp_path) as store:
            store.append([label("restored.jpg")])
        shutil.copy(elsewhere / "labels.sqlite-wal", tmp_path)

    with pytest.raises(EvenpickError, match=r"labels\.sqlite-wal' belongs to another copy .* move it away"):
        LabelStore(tmp_path)
    (tmp_path / "labels.sqlite-wal").unlink()
    assert images(tmp_path) == ["restored.jpg"]


def interrupted(workspace, image):
    """The record in the middle of an answer: its file, and the journal that would take the answer back."""
    connection = sqlite3.connect(workspace / "labels.sqlite", isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")  # pages are written before the end
    connection.execute("BEGIN")
    connection.executemany(INSERT, [(f"{i} {image}",) for i in range(500)])
    return connection


def test_the_journal_of_a_process_that_was_killed_is_taken(tmp_path, elsewhere):
    with LabelStore(tmp_path) as store:
        store.append([label("a.jpg")])
    with closing(interrupted(tmp_path, "b.jpg")):
        for name in ("labels.sqlite", "labels.sqlite-journal"):
            shutil.copy(tmp_path / name, elsewhere)

    assert images(elsewhere) == ["a.jpg"]


def test_an_empty_file_begins_no_new_record(tmp_path):
    (tmp_path / "labels.sqlite").touch()

    with pytest.raises(EvenpickError, match=r"is empty, which no record is: put a backup of it in its place"):
        LabelStore(tmp_path)
    assert (tmp_path / "labels.sqlite").read_bytes() == b""


@pytest.mark.parametrize(
    "settings", ["{", "[]", '{"budget": "many"}', '{"budget": null}', '{"random_state": 0.5}', '{"settled": [[1]]}']
)
def test_settings_that_are_damaged_are_told(tmp_path, settings):
    with LabelStore(tmp_path) as store:
        with store._connection as connection:
            connection.execute("INSERT INTO settings (at, settings) VALUES ('2026', ?)", (settings,))
        with pytest.raises(EvenpickError, match=r"the settings in .*labels\.sqlite' are damaged \(.*\): put a backup"):
            store.settings  # noqa: B018


def test_a_record_with_any_page_damaged_or_cut_is_told_in_one_line_or_read_whole(tmp_path):
    with LabelStore(tmp_path) as store:
        store.append([label(f"{i}.jpg") for i in range(200)])
        store.store_settings({"budget": 300})
        whole = store.entries()
    file = tmp_path / "labels.sqlite"
    data, told = file.read_bytes(), []
    damaged = [data[:start] + b"\xff" * 512 + data[start + 512 :] for start in range(0, len(data), 512)]
    for changed in [*damaged, *(data[:end] for end in range(512, len(data), 2048))]:
        file.write_bytes(changed)
        try:
            with LabelStore(tmp_path) as store:
                assert store.entries() == whole
                store.settings  # noqa: B018
        except EvenpickError as error:
            told.append(str(error))
    assert len(told) > len(data) / 512 / 2
    assert all(re.search("^[^\n]*(in its place|has format|cannot be)[^\n]*$", line) for line in told)


def test_a_backup_is_the_record_and_grows_with_it(tmp_path):
    kept = tmp_path / "backups" / "mine.sqlite"
    with LabelStore(tmp_path) as store:
        store.append([label("a.jpg")])
        assert store.back_up(kept) == 1
        store.append([label("b.jpg")])
        assert store.back_up(kept) == 2

    assert [file.name for file in kept.parent.iterdir()] == ["mine.sqlite"]
    kept.replace(tmp_path / "labels.sqlite")
    assert images(tmp_path) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("other", [b"a photograph", b""])
def test_a_backup_never_replaces_what_is_no_earlier_one(tmp_path, elsewhere, other):
    (elsewhere / "photo.jpg").write_bytes(other)
    with LabelStore(elsewhere) as stranger:
        stranger.append([label("x.jpg")])
    with LabelStore(tmp_path) as store:
        store.append([label("a.jpg")])
        with pytest.raises(EvenpickError):
            store.back_up(elsewhere / "photo.jpg")
        with pytest.raises(EvenpickError, match="is no earlier backup of"):
            store.back_up(elsewhere / "labels.sqlite")

    assert (elsewhere / "photo.jpg").read_bytes() == other
    assert images(elsewhere) == ["x.jpg"]
