"""The record on disk: append-only, whole at any moment, and refused when it is not ours."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore, Rename, Undo, recorded_labels, standing_answers
from evenpick.labels.record import FORMAT
from evenpick.pool import Pool

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def store(tmp_path):
    with LabelStore(tmp_path) as opened:
        yield opened


def label(image, name, annotator="ann", **more):
    return Annotation(image, name, "discovery", annotator=annotator, **more)


def test_what_is_appended_is_read_back_in_order(store, tmp_path):
    sent = [
        label("b.jpg", "cat"),
        label("a.jpg", "dog", target="cat", request="r1"),
        Annotation("c.jpg", None, annotator="bob"),
        label("d.jpg", "dog", offered=("dog", "wolf"), means="confirmed", chance=0.25),
        Undo(1, annotator="ann", request="r2"),
        Rename("dog", "wolf", annotator="eve"),
    ]
    assert store.append(sent[:2]) == [1, 2]
    assert store.append(sent[2:]) == [3, 4, 5, 6]

    with LabelStore(tmp_path) as again:
        entries = again.entries()
    assert [replace(entry, id=0, at="") for entry in entries] == sent
    assert [entry.id for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert all(entry.at.endswith("+00:00") for entry in entries)


def test_what_was_read_is_not_read_again_and_what_came_since_is(store, tmp_path):
    store.append([label("a.jpg", "cat"), label("b.jpg", "dog")])
    before = store.entries()
    with LabelStore(tmp_path) as other:
        other.append([label("c.jpg", "cat")])

    after = store.entries()

    assert [entry.image for entry in after] == ["a.jpg", "b.jpg", "c.jpg"]
    assert all(one is other for one, other in zip(after, before, strict=False))
    del after[0]  # the caller's own
    assert len(store.entries()) == 3


def test_what_a_transaction_took_back_is_not_there(store):
    store.append([label("a.jpg", "cat")])
    within = []

    def stopped():
        with store.alone():
            store.append([label("b.jpg", "dog")])
            within.extend(store.entries())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stopped()
    assert len(within) == 2
    store.append([label("c.jpg", "owl")])

    assert [entry.image for entry in store.entries()] == ["a.jpg", "c.jpg"]


def rows_of(file):
    with closing(sqlite3.connect(file)) as connection:
        columns = "id, annotator, kind, image, label, phase, target, undoes, request"
        return connection.execute(f"SELECT {columns} FROM record ORDER BY id").fetchall()


NOT_UNICODE = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")


def test_a_record_of_the_first_version_opens_and_replays_to_the_same_state(tmp_path):
    # Written in November 2026 by a version with one class for all kinds of entries.
    shutil.copy(DATA / "labels-format-1.sqlite", tmp_path / "labels.sqlite")
    pool = Pool.from_arrays(np.zeros((6, 2)), image_ids=[*(f"00{i}.jpg" for i in range(5)), NOT_UNICODE])

    with LabelStore(tmp_path) as store:
        kinds = [entry.kind for entry in store.entries()]
        standing = [(e.id, e.annotator, e.image, e.label, e.phase, e.target) for e in standing_answers(store.entries())]
        resent = store.undone(store.find("r4"))
    labels = recorded_labels(tmp_path, pool)

    assert kinds == ["label", "label", "skip", *["label"] * 4, "rename", "undo", "label", "label", "undo"]
    assert standing == [
        (1, "ann", "000.jpg", "cat", "discovery", None),
        (2, "bob", "000.jpg", "dog", "discovery", None),
        (3, "bob", "001.jpg", None, "discovery", None),
        (4, "ann", "001.jpg", "dog", "discovery", None),
        (6, "ann", NOT_UNICODE, "dog", "balancing", "cat"),
        (10, "ann", "003.jpg", "bird", "balancing", "dog"),
        (11, "ann", "004.jpg", "cat", "balancing", None),
    ]
    assert (resent.id, resent.image) == (7, "003.jpg")
    assert (labels.rows.tolist(), labels.names) == ([0, 5, 3, 4], ["cat", "dog", "bird", "cat"])
    assert labels.skipped.tolist() == [1]
    assert labels.settings["budget"] == 6


def test_a_record_of_the_second_version_opens_and_replays_to_the_same_state(tmp_path):
    # Written in November 2026 by the version that let images of a group inherit an answer.
    shutil.copy(DATA / "labels-format-2.sqlite", tmp_path / "labels.sqlite")

    with LabelStore(tmp_path) as store:
        standing = standing_answers(store.entries())
        added = store.append([label("005.jpg", "owl", chance=0.5)])

    assert [(e.image, e.label, e.inherited, e.taken_out, e.target) for e in standing] == [
        ("000.jpg", "cat", ("001.jpg", NOT_UNICODE), (), None),
        ("002.jpg", "wolf", ("003.jpg",), ("004.jpg",), "cat"),
    ]
    assert all((e.offered, e.means, e.chance) == ((), None, None) for e in standing)
    assert added == [6]


@pytest.mark.parametrize("earlier", ["labels-format-1.sqlite", "labels-format-2.sqlite"])
def test_a_backup_that_an_earlier_version_made_is_replaced(tmp_path, earlier):
    for file in ("labels.sqlite", "backup.sqlite"):
        shutil.copy(DATA / earlier, tmp_path / file)

    with LabelStore(tmp_path) as store:
        store.append([label("005.jpg", "owl")])
        store.back_up(tmp_path / "backup.sqlite")
    with closing(sqlite3.connect(tmp_path / "backup.sqlite")) as copy:
        assert copy.execute("SELECT image FROM record ORDER BY id DESC LIMIT 1").fetchone() == ("005.jpg",)


def test_entries_are_written_as_the_first_version_wrote_them(tmp_path):
    shutil.copy(DATA / "labels-format-1.sqlite", tmp_path / "labels.sqlite")
    (tmp_path / "new").mkdir()

    with LabelStore(tmp_path) as old, LabelStore(tmp_path / "new") as new:
        new.append(old.entries())

    rows = rows_of(tmp_path / "labels.sqlite")
    assert len(rows) == 12
    assert rows_of(tmp_path / "new" / "labels.sqlite") == rows


def test_an_answer_is_on_the_disk_when_append_returns(store, tmp_path):
    (synchronous,) = store._connection.execute("PRAGMA synchronous").fetchone()
    (journal,) = store._connection.execute("PRAGMA journal_mode").fetchone()

    assert (synchronous, journal) == (3, "delete")  # 3 is EXTRA: the folder is flushed too


@pytest.mark.parametrize("table", ["record", "settings"])
@pytest.mark.parametrize("change", ["UPDATE {} SET at = 'never'", "DELETE FROM {}"])
def test_nothing_is_changed_or_deleted(store, table, change):
    store.append([label("a.jpg", "cat")])
    store.store_settings({"budget": 3})

    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        store._connection.execute(change.format(table))
    assert [e.label for e in store.entries()] == ["cat"]


def test_a_request_counts_once(store):
    store.append([label("a.jpg", "cat", request="r1")])

    assert store.find("r1").image == "a.jpg"
    assert store.find("r2") is None
    with pytest.raises(sqlite3.IntegrityError):
        store.append([label("b.jpg", "cat"), label("c.jpg", "cat", request="r1")])
    assert len(store.entries()) == 1  # all or none


def test_a_file_name_that_is_not_valid_unicode_comes_back_as_it_was(store):
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    store.append([label(name, "cat")])

    assert store.entries()[0].image == name


def test_settings_are_kept_with_their_history(store):
    assert store.settings is None
    for settings in ({"budget": 3}, {"budget": 3}, {"budget": 4}):
        store.store_settings(settings)

    assert store.settings == {"budget": 4}
    assert store._connection.execute("SELECT count(*) FROM settings").fetchone() == (2,)


@pytest.mark.slow
def test_processes_that_open_a_new_workspace_at_once_share_one_record(tmp_path):
    code = (
        "import sys; from evenpick.labels import Annotation, LabelStore\n"
        "with LabelStore(sys.argv[1]) as store:\n"
        "    for i in range(20): store.append([Annotation(f'{i}.jpg', 'cat', annotator=sys.argv[2])])\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), who]) for who in ("ann", "bob", "eve")]

    assert [run.wait(60) for run in runs] == [0, 0, 0]
    with LabelStore(tmp_path) as store:
        assert len(store.entries()) == 60


def test_a_workspace_that_is_missing_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(EvenpickError, match=r"does not exist: run `evenpick embed` first"):
        LabelStore(tmp_path / "nothing")


@pytest.mark.parametrize("damage", [b"not a database at all, but long enough to be looked at" * 40, b"SQLite"])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path, damage):
    (tmp_path / "labels.sqlite").write_bytes(damage)

    with pytest.raises(EvenpickError, match="is not a record of labels"):
        LabelStore(tmp_path)
    assert (tmp_path / "labels.sqlite").read_bytes() == damage


def test_a_damaged_table_that_sqlite_quotes_with_its_lines_is_told_in_one(tmp_path):
    with LabelStore(tmp_path) as store:
        store.append([label("a.jpg", "cat")])
    file = tmp_path / "labels.sqlite"
    data = file.read_bytes().replace(b"tablerecord", b"tablere\nord").replace(b"CREATE TABLE", b"CREATE TABLX")
    file.write_bytes(data)

    with pytest.raises(EvenpickError, match="is not a record of labels") as told:
        LabelStore(tmp_path)
    assert "\n" not in str(told.value)


def test_a_page_of_the_file_overwritten_is_told(tmp_path):
    with LabelStore(tmp_path) as store:
        store.append([label(f"{i}.jpg", "cat") for i in range(500)])
    file = tmp_path / "labels.sqlite"
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)

    with pytest.raises(EvenpickError, match=r"is damaged \(.*\): put a backup of it in its place .*, or move it away"):
        LabelStore(tmp_path)


def test_a_disk_that_is_full_is_told_and_nothing_is_recorded(store):
    store.append([label("a.jpg", "cat")])
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(EvenpickError, match=r"cannot be written \(.*full\)"):
        store.append([label("x" * 100_000, "cat")])
    assert [e.image for e in store.entries()] == ["a.jpg"]


def test_a_record_of_another_format_is_refused(tmp_path):
    with LabelStore(tmp_path) as store:
        store._connection.execute(f"PRAGMA user_version = {FORMAT + 1}")

    with pytest.raises(EvenpickError, match=f"has format {FORMAT + 1}; this evenpick reads format {FORMAT}"):
        LabelStore(tmp_path)


def test_a_database_of_something_else_is_refused(tmp_path):
    connection = sqlite3.connect(tmp_path / "labels.sqlite")
    connection.execute("CREATE TABLE pets (name TEXT)")
    connection.commit()
    connection.close()

    with pytest.raises(EvenpickError, match="has format 0"):
        LabelStore(tmp_path)
