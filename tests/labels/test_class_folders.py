"""Labels as a folder of images, one folder a class."""

import csv
import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore, Rename
from evenpick.labels.class_folders import class_folders, export_folder, folder_name, read_folder
from evenpick.labels.importing import import_labels
from evenpick.names import checked_class_name
from evenpick.pool import Pool

AWKWARD = [
    "cat", "Cat", "CAT", "a/b", "..", ".", ".hidden", "/etc/passwd", "../../up", "con", "NUL.txt", "COM1", "aux ok",
    "ends with dot.", "100%", "50%20off", "a~b", 'q"u<o>t:e|d?*\\', "été", "e\u0301te\u0301", "🦩" * 100, "🦩" * 99 + "x",
    "x" * 200, "-rf", "~", "classes.csv", "ß", "SS",
]  # fmt: skip


def labelled(workspace, labels):
    with LabelStore(workspace) as store:
        import_labels(store, labels, "me")


def exported(workspace, target):
    with LabelStore(workspace) as store:
        return export_folder(target, store, Pool.open(workspace))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("cat", "cat"),
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        (".git", "%2Egit"),
        ("100%", "100%25"),
        ("con", "%63on"),
        ("Nul.txt", "%4Eul.txt"),
        ("console", "console"),
        ("dot.", "dot%2E"),
        ("é b", "é b"),
    ],
)
def test_what_file_systems_refuse_is_percent_encoded(label, name):
    assert folder_name(label) == name


def test_names_that_differ_in_case_or_are_too_long_get_folders_of_their_own():
    folders = class_folders(["cat", "Cat", "x" * 200, "é" * 200, "É" * 200])

    assert folders["cat"] == "cat"
    assert folders["x" * 200] == "x" * 200
    assert folders["Cat"].startswith("Cat~")
    assert len({name.casefold() for name in folders.values()}) == 5
    assert max(len(name.encode()) for name in folders.values()) <= 240


@pytest.mark.slow
@given(st.lists(st.text(min_size=1, max_size=200).filter(str.strip), min_size=1, max_size=8))
@settings(deadline=None)
def test_every_class_gets_one_safe_folder(texts):
    labels = []
    for text in texts:
        try:
            labels.append(checked_class_name(text))
        except EvenpickError:
            continue
    folders = class_folders(labels)

    assert set(folders) == set(labels)
    assert len({name.casefold() for name in folders.values()}) == len(set(labels))
    for name in folders.values():
        assert "/" not in name
        assert not name.startswith(".")
        assert 0 < len(name.encode()) <= 240


def test_awkward_classes_come_back_in_a_second_workspace(make_workspace, tmp_path):
    first, second = make_workspace(n=40), make_workspace(n=40, name="second")
    names = list(dict.fromkeys(map(checked_class_name, AWKWARD)))
    labels = {f"{i:03d}.jpg": name for i, name in enumerate(names)}
    labelled(first, labels)

    assert exported(first, tmp_path / "out") == (len(names), len(names))
    table = read_folder(tmp_path / "out", second)

    assert table.labels == labels
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out", "second", "second-photos", "workspace", "workspace-photos",
    ]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(texts=st.lists(st.text(min_size=1, max_size=200).filter(str.strip), min_size=1, max_size=6))
def test_any_classes_come_back(texts, make_workspace, tmp_path):
    workspace = tmp_path / "any"
    workspace = workspace if workspace.exists() else make_workspace(n=6, name="any")
    labels = {}
    for i, text in enumerate(texts):
        try:
            labels[f"{i:03d}.jpg"] = checked_class_name(text)
        except EvenpickError:
            continue
    if not labels:
        return
    for file in workspace.glob("labels.sqlite*"):
        file.unlink()
    labelled(workspace, labels)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    exported(workspace, tmp_path / "out")

    assert read_folder(tmp_path / "out", workspace).labels == labels


def test_done_work_is_not_done_twice_and_new_labels_complete_the_folder(make_workspace, tmp_path):
    workspace = make_workspace(n=4)
    labelled(workspace, {"000.jpg": "cat", "001.jpg": "dog"})
    assert exported(workspace, tmp_path / "out") == (2, 2)
    (tmp_path / "out" / "cat" / "000.jpg").touch()
    labelled(workspace, {"002.jpg": "cat"})

    assert exported(workspace, tmp_path / "out") == (3, 1)
    photos = tmp_path / "workspace-photos"
    assert (tmp_path / "out" / "cat" / "002.jpg").read_bytes() == (photos / "002.jpg").read_bytes()


def test_a_folder_that_holds_something_else_is_refused_and_left_as_it_is(make_workspace, tmp_path):
    workspace, out = make_workspace(n=4), tmp_path / "out"
    labelled(workspace, {"000.jpg": "cat", "001.jpg": "dog"})
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(EvenpickError, match=r"holds 'mine.txt', .*: export to a new folder"):
        exported(workspace, out)
    (out / "mine.txt").unlink()
    (out / "dog").mkdir()
    (out / "dog" / "001.jpg").write_text("mine")
    with pytest.raises(EvenpickError, match=r"dog/001.jpg' differs from"):
        exported(workspace, out)

    assert [path.name for path in out.iterdir()] == ["dog"]
    assert (out / "dog" / "001.jpg").read_text() == "mine"


def test_a_label_that_changed_needs_a_new_folder(make_workspace, tmp_path):
    workspace = make_workspace(n=4)
    labelled(workspace, {"000.jpg": "cat"})
    exported(workspace, tmp_path / "out")
    with LabelStore(workspace) as store:
        store.append([Rename("cat", "lion", annotator="me")])

    with pytest.raises(EvenpickError, match=r"holds 'cat/000.jpg'"):
        exported(workspace, tmp_path / "out")


def test_nothing_is_written_through_links_or_above_the_folder(make_workspace, tmp_path):
    workspace, out = make_workspace(n=4), tmp_path / "out"
    labelled(workspace, {"000.jpg": "cat"})
    (tmp_path / "elsewhere").mkdir()
    out.mkdir()
    (out / "cat").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(EvenpickError, match="holds 'cat'"):
        exported(workspace, out)
    pool = Pool.open(workspace)
    pool.image_ids[0] = "../000.jpg"
    with LabelStore(make_workspace(n=1, name="other")) as store:
        store.append([Annotation("../000.jpg", "cat", annotator="me")])
        with pytest.raises(EvenpickError, match=r"must be paths inside the embedded folder; the pool has '../000.jpg'"):
            export_folder(tmp_path / "new", store, pool)

    with pytest.raises(EvenpickError, match=r"is in the folder of photographs .*: export to a folder beside it"):
        exported(workspace, tmp_path / "workspace-photos" / "sorted")

    assert not (tmp_path / "workspace-photos" / "sorted").exists()
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not (tmp_path / "new").exists()


def test_what_is_missing_is_told(make_workspace, tmp_path):
    workspace = make_workspace(n=2)
    with pytest.raises(EvenpickError, match="has no label yet"):
        exported(workspace, tmp_path / "out")
    labelled(workspace, {"000.jpg": "cat"})
    (tmp_path / "a file").write_text("")
    with pytest.raises(EvenpickError, match="must be a folder, or not exist yet"):
        exported(workspace, tmp_path / "a file")
    shutil.rmtree(tmp_path / "workspace-photos")
    with pytest.raises(EvenpickError, match="does not exist: put it back"):
        exported(workspace, tmp_path / "out")


@pytest.fixture
def embedded(tmp_path, photo_folder, make_network):
    """A workspace with real checksums: `a/01.jpg`, `b c/00.jpg`, ..."""
    from evenpick.pool import embed
    from evenpick.sources import SourceModel

    network = make_network(tmp_path / "tiny.onnx")
    network.with_suffix(".json").write_text('{"size": 8}')
    embed(tmp_path / "work", photo_folder, SourceModel.load(f"onnx:{network}"))
    return tmp_path / "work"


def test_an_image_is_known_by_its_bytes_or_else_by_its_path(embedded, photo_folder, tmp_path):
    out = tmp_path / "sorted"
    (out / "cat").mkdir(parents=True)
    (out / "dog" / "a").mkdir(parents=True)
    shutil.copy(photo_folder / "a" / "01.jpg", out / "cat" / "any name.jpg")
    shutil.copy(photo_folder / "b c" / "00.jpg", out / "cat" / "01.jpg")
    (out / "dog" / "a" / "03.jpg").write_bytes(b"saved again by an editor")

    table = read_folder(out, embedded)
    assert table.labels == {"a/01.jpg": "cat", "b c/00.jpg": "cat", "a/03.jpg": "dog"}
    assert table.by_path == 1
    shutil.copy(photo_folder / "a" / "01.jpg", out / "dog")
    with pytest.raises(EvenpickError, match=r"labels image 'a/01.jpg' twice, as 'cat' and 'dog'"):
        read_folder(out, embedded)


def test_a_folder_that_cannot_be_right_is_refused(embedded, tmp_path):
    out = tmp_path / "sorted"
    (out / "cat").mkdir(parents=True)
    with pytest.raises(EvenpickError, match="holds no image"):
        read_folder(out, embedded)
    (out / "cat" / "z.jpg").write_bytes(b"?")
    with pytest.raises(EvenpickError, match=r"1 image that is not in the pool: 'z.jpg'; a file must be a copy"):
        read_folder(out, embedded)
    assert read_folder(out, embedded, ["z.jpg"]).skipped == ["z.jpg"]
    (out / "top.jpg").write_bytes(b"?")
    with pytest.raises(EvenpickError, match=r"must hold a folder for each class; image 'top.jpg' lies beside them"):
        read_folder(out, embedded, ["z.jpg"])
    for text in ("a,b\n1,2\n", "folder,class\ncat,\n", "class,folder\ncat\n,dog\n"):
        (out / "classes.csv").write_text(text)
        with pytest.raises(EvenpickError, match=r"classes.csv' must be a CSV table with the columns folder and class"):
            read_folder(out, embedded, ["z.jpg"])


def test_folders_that_would_be_passed_over_are_refused(make_workspace, tmp_path, monkeypatch):
    workspace, out = make_workspace(n=2), tmp_path / "sorted"
    (out / "cat").mkdir(parents=True)
    shutil.copy(tmp_path / "workspace-photos" / "000.jpg", out / "cat")
    (tmp_path / "elsewhere").mkdir()
    (out / "dog").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(EvenpickError, match=r"sorted/dog' is a link, which is not followed: put the folder itself"):
        read_folder(out, workspace)
    (out / "dog").unlink()

    (out / "dog").mkdir()
    scandir = os.scandir

    def refuse(folder):
        if Path(folder).name == "dog":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("evenpick.images.finding.os.scandir", refuse)
    with pytest.raises(EvenpickError, match=r"sorted/dog' cannot be listed: Permission denied"):
        read_folder(out, workspace)


def test_what_percent_encoding_cannot_tell_is_in_a_table(make_workspace, tmp_path):
    workspace = make_workspace(n=3)
    labelled(workspace, {"000.jpg": "cat", "001.jpg": "Cat", "002.jpg": "a/b"})
    exported(workspace, tmp_path / "out")

    with (tmp_path / "out" / "classes.csv").open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert [row[1] for row in rows] == ["class", "Cat"]
    assert (tmp_path / "out" / rows[1][0] / "001.jpg").is_file()
    (tmp_path / "out" / "classes.csv").unlink()
    with pytest.raises(EvenpickError, match=r"classes.csv' does not tell the class of the folder 'Cat~"):
        read_folder(tmp_path / "out", workspace)


def test_accents_that_a_disk_took_apart_are_known_in_the_table(make_workspace, tmp_path):
    workspace = make_workspace(n=2)
    labelled(workspace, {"000.jpg": "été", "001.jpg": "Été"})
    exported(workspace, tmp_path / "out")
    for folder in (tmp_path / "out").glob("*/"):
        folder.rename(folder.with_name(unicodedata.normalize("NFD", folder.name)))

    assert read_folder(tmp_path / "out", workspace).labels == {"000.jpg": "été", "001.jpg": "Été"}
