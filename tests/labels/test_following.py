"""Answers stay with their image when its file is moved, and are told when it was replaced; the record is only added to."""

import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from evenpick import Workspace
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.labels import Annotation, LabelStore, Rename, Undo, recorded_labels
from evenpick.labels.following import Dated, replaced_since, with_ids_of_now
from evenpick.pool import Change, Pool, embed
from evenpick.session import RecordedSession
from evenpick.sources import SourceModel


@pytest.fixture
def run(make_network, tmp_path):
    source = SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))
    return lambda: embed(tmp_path / "work", tmp_path / "photos", source)


@pytest.fixture
def photos(tmp_path, run):
    for i in range(8):
        save_photo(tmp_path / "photos" / f"{i}.png", i)
    run()
    return tmp_path / "photos"


def save_photo(file, seed):
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, size=(12, 10, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")


def said(number, image, label="x"):
    return Annotation(image, label, annotator="a", id=number)


def moved(after, image, now):
    return Dated(after, Change("moved", image, now))


def replaced(after, image):
    return Dated(after, Change("replaced", image))


def label_all(workspace, n):
    with RecordedSession(workspace, Pool.open(workspace), n, "a") as session:
        while (row := session.next()) is not None:
            session.label(row, f"class {row % 2}")


def recorded(workspace):
    return {a.image: a.label for a in recorded_labels(workspace, Pool.open(workspace)).annotations}


# --- the rule ---------------------------------------------------------------------------------------


def test_an_answer_has_the_id_that_its_image_has_now():
    entries = [
        said(1, "a"),
        said(2, "b"),
        Undo(2, annotator="a", id=3),
        said(4, "c"),
        Rename("x", "y", annotator="a", id=5),
    ]

    now = with_ids_of_now(entries, [moved(2, "a", "c"), moved(4, "c", "d")])

    assert [getattr(entry, "image", None) for entry in now] == ["d", "b", None, "d", None]


def test_an_id_that_another_image_has_taken_means_the_image_that_had_it_then():
    entries = [said(1, "a"), said(2, "a"), said(3, "a")]

    now = with_ids_of_now(entries, [moved(1, "a", "b"), moved(2, "a", "c")])

    assert [entry.image for entry in now] == ["b", "c", "a"]


def test_an_image_is_to_be_looked_at_again_until_something_is_said_of_what_it_shows_now():
    changes = [replaced(2, "a"), replaced(2, "b"), moved(3, "b", "c"), replaced(3, "never labelled")]

    assert replaced_since([said(1, "a"), said(2, "c")], changes) == ["a", "c"]
    assert replaced_since([said(1, "a"), said(2, "c"), said(4, "a")], changes) == ["c"]
    assert replaced_since([said(2, "c"), Undo(2, annotator="a", id=4)], changes) == []


# --- a workspace ------------------------------------------------------------------------------------


def test_labels_follow_a_moved_image_and_the_session_goes_on(photos, run, tmp_path):
    work = tmp_path / "work"
    label_all(work, 5)
    before = recorded(work)
    image = next(iter(before))
    (photos / "sub").mkdir()
    (photos / image).rename(photos / "sub" / "new name.png")
    run()
    save_photo(photos / image, 50)  # another image takes the old name
    run()

    after = recorded(work)

    assert after == {("sub/new name.png" if i == image else i): label for i, label in before.items()}
    with RecordedSession(work, Pool.open(work), 8, "a") as session:
        rows = [answer.index for answer in session.session.answers]
        while (row := session.next()) is not None:
            session.label(row, "class 2")
            rows.append(row)
    assert len(set(rows)) == 8
    (photos / "sub" / "new name.png").rename(photos / "last.png")
    run()
    assert recorded(work)["last.png"] == before[image]
    assert len(recorded(work)) == 8


def test_a_record_that_is_open_follows_what_another_process_takes_over(photos, run, tmp_path):
    work = tmp_path / "work"
    (photos / "0.png").rename(photos / "first.png")
    run()
    with LabelStore(work) as store:
        store.append([Annotation("first.png", "x", annotator="a"), Annotation("1.png", "x", annotator="a")])
        assert [entry.image for entry in store.entries()] == ["first.png", "1.png"]
        (photos / "1.png").rename(photos / "second.png")
        run()
        with LabelStore(work) as other:
            other.append([Annotation("2.png", "x", annotator="b")])

        assert [entry.image for entry in store.entries()] == ["first.png", "second.png", "2.png"]


def test_nothing_of_the_record_is_changed(photos, run, tmp_path):
    work = tmp_path / "work"
    label_all(work, 4)
    with closing(sqlite3.connect(work / "labels.sqlite")) as connection:
        before = connection.execute("SELECT * FROM record").fetchall()
    (photos / before[0][4]).rename(photos / "new.png")
    run()
    label_all(work, 6)

    with closing(sqlite3.connect(work / "labels.sqlite")) as connection:
        assert connection.execute("SELECT * FROM record").fetchall()[:4] == before
        for statement in ("UPDATE pool_changes SET after = 9", "DELETE FROM pool_changes"):
            with pytest.raises(sqlite3.IntegrityError, match="append only"):
                connection.execute(statement)
    with LabelStore(work) as store:
        assert store.entries()[0].image == "new.png"


def test_a_replaced_image_keeps_its_label_and_is_listed_for_a_second_look(photos, run, tmp_path):
    work = tmp_path / "work"
    label_all(work, 8)
    save_photo(photos / "3.png", 60)
    run()

    labels = recorded_labels(work, Pool.open(work))
    assert (len(labels.names), labels.replaced_since) == (8, ["3.png"])

    with LabelStore(work) as store:
        store.append([Annotation("3.png", "class 0", annotator="b")])
        assert store.replaced_since() == []


def test_a_pool_that_was_made_anew_does_not_lose_what_was_taken_over(photos, run, tmp_path):
    work = tmp_path / "work"
    label_all(work, 8)
    (photos / "3.png").rename(photos / "moved.png")
    run()
    with LabelStore(work) as store:
        store.append([Rename("class 0", "class 9", annotator="a")])
    shutil.rmtree(work / "pool")
    run()
    (photos / "4.png").rename(photos / "moved too.png")
    run()

    assert {"moved.png", "moved too.png"} <= recorded(work).keys()


# --- images that are gone ---------------------------------------------------------------------------


def test_an_image_that_is_gone_is_not_asked_for_and_cannot_be_answered(photos, run, tmp_path):
    work = tmp_path / "work"
    (photos / "2.png").rename(tmp_path / "2.png")
    (photos / "5.png").unlink()
    run()
    pool = Pool.open(work)
    gone = {pool.row_of["2.png"], pool.row_of["5.png"]}

    with RecordedSession(work, pool, 8, "a") as session:
        with pytest.raises(EvenpickError, match=r"the file of image '2\.png' is gone: put it back and embed again"):
            session.label(pool.row_of["2.png"], "x")
        asked = []
        while (row := session.next()) is not None:
            session.label(row, "x")
            asked.append(row)
    assert set(asked) == {*range(8)} - gone

    (tmp_path / "2.png").rename(photos / "2.png")
    run()
    with RecordedSession(work, Pool.open(work), 8, "a") as session:
        assert session.next() == pool.row_of["2.png"]


def test_an_image_that_is_gone_keeps_its_label_and_is_not_copied(photos, run, tmp_path):
    work = Workspace(tmp_path / "work")
    label_all(work.path, 8)
    (photos / "2.png").unlink()
    run()

    assert len(work.labels.names) == 8
    exported = work.export(tmp_path / "copies", to="folder")
    copied = sorted(file.name for file in (tmp_path / "copies").rglob("*.png"))
    assert copied == [f"{i}.png" for i in range(8) if i != 2]
    assert exported is not None
    status = work.status()
    assert status.facts["gone"] == 1
    assert "images whose file is gone" in repr(status)


@pytest.mark.parametrize("looked_at", [True, False])
def test_a_folder_that_was_exported_labels_no_other_image_whose_bytes_have_replaced_a_labelled_one(
    looked_at, photos, run, tmp_path
):
    work = Workspace(tmp_path / "work")
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n0.png,x\n")
    work.import_labels(labels)
    shutil.copyfile(photos / "7.png", photos / "0.png")
    if looked_at:
        run()
        assert work.labels.replaced_since == ["0.png"]
    work.export(tmp_path / "sorted", "folder")

    taken = work.import_labels(tmp_path / "sorted")

    assert recorded(work.path) == {"0.png": "x"}
    assert (taken.counts["labels imported"], taken.counts["known already"]) == (0, 1)


def test_an_export_labels_no_other_image_by_the_bytes_that_lie_there_now_whatever_its_class_is_called(photos, tmp_path):
    work = Workspace(tmp_path / "work")
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n0.png,x\n")
    work.import_labels(labels)
    shutil.copyfile(photos / "7.png", photos / "0.png")
    work.export(tmp_path / "sorted", "folder")
    with RecordedSession(work.path, work.pool, 8, "a") as session:
        session.rename("x", "y")

    with pytest.raises(EvenpickError, match=r"1 image has another label in .* the first '0.png': 'y' there, 'x' here"):
        work.import_labels(tmp_path / "sorted")
    assert recorded(work.path) == {"0.png": "y"}


def test_a_folder_sorted_by_hand_labels_images_by_their_bytes_where_another_of_this_name_has_the_class(
    photos, tmp_path
):
    work = Workspace(tmp_path / "work")
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n0.png,x\n")
    work.import_labels(labels)
    (tmp_path / "sorted" / "x").mkdir(parents=True)
    shutil.copyfile(photos / "7.png", tmp_path / "sorted" / "x" / "0.png")

    taken = work.import_labels(tmp_path / "sorted")

    assert recorded(work.path) == {"0.png": "x", "7.png": "x"}
    assert (taken.counts["labels imported"], taken.counts["known already"]) == (1, 0)


def test_a_label_to_look_at_again_is_no_label_of_the_image_whose_bytes_it_has(photos, run, tmp_path):
    work = Workspace(tmp_path / "work")
    (tmp_path / "sorted" / "y").mkdir(parents=True)
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n0.png,x\n")
    work.import_labels(labels)
    shutil.copyfile(photos / "7.png", tmp_path / "sorted" / "y" / "0.png")
    save_photo(photos / "0.png", 99)
    run()

    with pytest.raises(EvenpickError, match=r"1 image has another label in .* the first '0.png': 'x' there, 'y' here"):
        work.import_labels(tmp_path / "sorted")


def test_select_passes_over_what_is_gone(photos, run, tmp_path):
    (photos / "2.png").unlink()
    run()
    work = Workspace(tmp_path / "work")

    with pytest.raises(EvenpickError, match="from 1 to 7"):
        work.select(8)
    assert sorted(work.select(7).image_ids) == [f"{i}.png" for i in range(8) if i != 2]
