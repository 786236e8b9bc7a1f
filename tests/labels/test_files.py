"""Labels out of one workspace and into another, in every form, as a person types it."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from evenpick.atomic_files import write_csv
from evenpick.cli import main
from evenpick.labels import Annotation, LabelStore, Rename, effective_answers, standing_answers
from evenpick.labels.importing import import_labels

AWKWARD = ["cat", "Cat", "a/b", "..", 'say "x" & <y>', "100%41", "con", "été", "🦩", "x" * 200]


def evenpick(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == code, result.output
    return result.output


def record(workspace):
    with LabelStore(workspace) as store:
        return store.entries()


def labels(workspace):
    return {entry.image: entry.label for entry in effective_answers(record(workspace)) if entry.label}


@pytest.fixture
def labelled(make_workspace):
    workspace = make_workspace(n=12)
    with LabelStore(workspace) as store:
        import_labels(store, {f"{i:03d}.jpg": name for i, name in enumerate(AWKWARD)}, "ann")
        store.append([Annotation("011.jpg", None, annotator="ann")])
    return workspace


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "folder", "label-studio"])  # those of boxes: test_to_detections.py
def test_labels_come_back_in_a_second_workspace(form, labelled, make_workspace, tmp_path):
    second = make_workspace(n=12, name="second")
    budget = ["--budget", 11] if form == "label-studio" else []
    evenpick("export", labelled, tmp_path / "out", "--to", form, *budget)

    assert "10 labels imported" in evenpick("import", second, tmp_path / "out")
    assert labels(second) == labels(labelled)
    assert "10 known already" in evenpick("import", second, tmp_path / "out").replace("11 known", "10 known")
    before = record(labelled)
    assert "0 labels imported" in evenpick("import", labelled, tmp_path / "out")
    assert record(labelled) == before
    # Written again, nothing changes.
    evenpick("export", labelled, tmp_path / "out", "--to", form, *budget)


def test_label_studio_brings_skips_people_and_second_opinions(labelled, make_workspace, tmp_path):
    told = evenpick("export", labelled, tmp_path / "t.json", "--to", "label-studio", "--budget", 11, "--class", "new")
    assert "12 tasks written" in told
    assert "11 with answers, then 1 to label" in told
    assert "t.xml" in told
    assert 'value="new"' in (tmp_path / "t.xml").read_text()
    tasks = json.loads((tmp_path / "t.json").read_text())
    choice = {"from_name": "label", "to_name": "image", "type": "choices"}
    for task, name in ((tasks[0], "new"), (tasks[-1], "dog")):
        given = {"completed_by": 1, "created_at": "2027", "result": [{**choice, "value": {"choices": [name]}}]}
        task.setdefault("annotations", []).append(given)
    (tmp_path / "t.json").write_text(json.dumps(tasks))

    told = evenpick("import", labelled, tmp_path / "t.json")
    assert "2 labels imported, 11 known already." in told
    assert "1 label is a second opinion, 1 disagrees with the first, which counts." in told
    assert labels(labelled)["000.jpg"] == "cat"
    second = make_workspace(n=12, name="second")
    assert "12 labels imported, 1 skip." in evenpick("import", second, tmp_path / "t.json")
    assert {entry.annotator for entry in record(second)} == {"ann", "Label Studio user 1"}
    assert [entry.image for entry in record(second) if entry.kind == "skip"] == ["011.jpg"]


def test_images_that_nobody_answered_are_told(labelled, tmp_path):
    evenpick("export", labelled, tmp_path / "t.json", "--to", "label-studio", "--budget", 11)

    assert "0 labels imported, 11 known already, 1 image without an answer." in evenpick(
        "import", labelled, tmp_path / "t.json"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "{w}", "{t}/o", "--seed", "1"], "are for --to label-studio; got --to csv"),
        (["export", "{w}", "{t}/o", "--to", "folder", "--class", "x"], "are for --to label-studio; got --to folder"),
        (["export", "{w}", "{t}"], "is a folder: name a file to write, or say --to folder"),
        (["export", "{w}", "{t}/o", "--to", "label-studio"], "say --budget"),
        (["export", "{w}", "{t}/o", "--to", "label-studio", "--budget", "9", "--acquisition", "ent_inv_dv"],
         "did you mean 'ent_inv_div'?"),
        (["export", "{t}/gone", "{t}/o", "--to", "folder"], "is not a workspace"),
        (["import", "{w}", "{t}/gone"], "does not exist"),
        (["import", "{w}", "{t}/gone.json"], "does not exist"),
        (["import", "{w}", "{t}/workspace-photos", "--split", "test"], "--split names a folder of class folders"),
        (["import", "{w}", "{t}/workspace-photos"], "must hold a folder for each class"),
        (["import", "{w}", "{t}/gone.json", "--replace"], "of the options only --annotator and --skip-unknown are for it"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(arguments, message, labelled, tmp_path):
    before = record(labelled)
    output = evenpick(*(argument.format(w=labelled, t=tmp_path) for argument in arguments), code=1)

    assert message in output
    assert record(labelled) == before


def test_a_class_folder_made_by_hand_is_imported(labelled, make_workspace, tmp_path):
    second = make_workspace(n=12, name="second")
    (tmp_path / "sorted" / "cat").mkdir(parents=True)
    shutil.copy(tmp_path / "workspace-photos" / "000.jpg", tmp_path / "sorted" / "cat")

    told = evenpick("import", second, tmp_path / "sorted", "--annotator", "me")
    assert told.splitlines() == [
        "1 label imported, 1 image known by its path alone, with other bytes than when embedded.",
        "Classes: 'cat' 1.",
    ]
    assert [(e.image, e.label, e.annotator) for e in record(second)] == [("000.jpg", "cat", "me")]


def csv_of(tmp_path, **named):
    file = tmp_path / "labels.csv"
    file.write_text("image,label\n" + "".join(f"{image}.jpg,{label}\n" for image, label in named.items()))
    return file


def test_a_corrected_table_takes_the_place_of_the_old_one_and_can_be_taken_back(make_workspace, tmp_path):
    workspace = make_workspace(n=6)
    evenpick("import", workspace, csv_of(tmp_path, **{"000": "cat", "001": "cat"}), "--annotator", "ann")
    with LabelStore(workspace) as store:
        store.append([Annotation("002.jpg", None, annotator="bob"), Annotation("000.jpg", "cow", annotator="bob")])
    corrected = csv_of(tmp_path, **{"000": "dog", "001": "cat", "002": "elk"})

    assert "2 images" not in evenpick("import", workspace, corrected, code=1)
    told = evenpick("import", workspace, corrected, "--replace")

    assert told.splitlines() == [
        "2 labels imported, 1 of these in place of others, 1 known already.",
        "Classes: 'dog' 1, 'cat' 1, 'elk' 1.",
    ]
    assert labels(workspace) == {"000.jpg": "dog", "001.jpg": "cat", "002.jpg": "elk"}
    assert evenpick("import", workspace, "--undo") == (
        "2 answers of the last import taken back, 3 earlier ones brought back.\n"
    )
    # The answers that it had replaced are there again, with who gave them.
    standing = {(e.image, e.annotator, e.label) for e in standing_answers(record(workspace))}
    assert standing == {
        ("000.jpg", "ann", "cat"), ("000.jpg", "bob", "cow"), ("001.jpg", "ann", "cat"), ("002.jpg", "bob", None),
    }  # fmt: skip
    assert labels(workspace)["000.jpg"] == "cat"
    assert evenpick("import", workspace, "--undo") == "1 answer of the last import taken back.\n"
    assert "has no import that could be taken back" in evenpick("import", workspace, "--undo", code=1)


def test_what_was_renamed_since_comes_back_with_its_new_name(make_workspace, tmp_path):
    workspace = make_workspace(n=6)
    evenpick("import", workspace, csv_of(tmp_path, **{"000": "cat"}))
    evenpick("import", workspace, csv_of(tmp_path, **{"000": "dog", "001": "cat"}), "--replace")
    with LabelStore(workspace) as store:
        store.append([Rename("cat", "lion", annotator="me")])

    evenpick("import", workspace, "--undo")

    assert labels(workspace) == {"000.jpg": "lion"}


def test_labels_of_the_whole_set_go_into_a_part_of_it(make_workspace, tmp_path):
    workspace, file = make_workspace(n=3), csv_of(tmp_path, **{"000": "cat", "007": "dog"})

    assert "--skip-unknown passes over them" in evenpick("import", workspace, file, code=1)
    assert "1 label imported, 1 of an image that is not in the pool." in evenpick(
        "import", workspace, file, "--skip-unknown"
    )


def test_classes_that_are_nearly_the_same_are_named_and_made_one_when_asked(make_workspace, tmp_path):
    workspace = make_workspace(n=6)
    file = csv_of(tmp_path, **{"000": "red fox", "001": "Red\u00a0 fox", "002": "Cat", "003": "Cat", "004": "cat "})

    told = evenpick("import", workspace, file)
    assert "Classes: 'Cat' 2, 'red fox' 1, 'Red fox' 1, 'cat' 1." in told
    assert "Nearly the same: 'red fox', 'Red fox'; 'Cat', 'cat'. If each is one class: --undo" in told
    evenpick("import", workspace, "--undo")
    assert "Classes: 'Cat' 3, 'red fox' 2." in evenpick("import", workspace, file, "--one-spelling")


@pytest.fixture
def splits(make_workspace, tmp_path):
    """A workspace, and its photographs as class folders below train and val."""
    workspace, photos = make_workspace(n=6), tmp_path / "workspace-photos"
    for number, place in enumerate(["train/cat", "train/dog", "val/cat", "val/dog"]):
        (tmp_path / "data" / place).mkdir(parents=True)
        shutil.copy(photos / f"00{number}.jpg", tmp_path / "data" / place)
    return workspace, tmp_path / "data"


def test_class_folders_below_train_and_val_are_known(splits):
    workspace, data = splits

    told = evenpick("import", workspace, data)

    assert "4 labels imported" in told
    assert "Read as class folders in train, val." in told
    assert labels(workspace) == {"000.jpg": "cat", "001.jpg": "dog", "002.jpg": "cat", "003.jpg": "dog"}


def test_one_of_the_splits_may_be_taken(splits):
    workspace, data = splits

    evenpick("import", workspace, data, "--split", "train")

    assert labels(workspace) == {"000.jpg": "cat", "001.jpg": "dog"}
    assert "it has train, val; got 'tain'" in evenpick("import", workspace, data, "--split", "tain", code=1)


def test_a_file_or_undo_must_be_given_and_not_both(labelled, tmp_path):
    for arguments in ([], [tmp_path / "x.csv", "--undo"]):
        assert "name a FILE to import, or say --undo" in evenpick("import", labelled, *arguments, code=2)


def test_a_split_is_a_column_of_the_table_and_folders_above_the_classes(make_workspace, tmp_path):
    import csv

    workspace = make_workspace(n=12)
    with LabelStore(workspace) as store:
        import_labels(store, {f"{i:03d}.jpg": "cat" if i < 10 else "dog" for i in range(12)}, "ann")
    (workspace / "groups.csv").write_text("image,group\n" + "".join(f"{i:03d}.jpg,{i // 2}\n" for i in range(12)))

    table = evenpick("export", workspace, tmp_path / "l.csv", "--split", "60/20/20")
    folder = evenpick("export", workspace, tmp_path / "out", "--to", "folder", "--split", "60/20/20")

    assert table.endswith("8 in train, 2 in test, 2 in val.\n") or table.endswith("8 in train, 2 in val, 2 in test.\n")
    with (tmp_path / "l.csv").open(newline="") as handle:
        part_of = {row["image"]: (row["split"], row["label"]) for row in csv.DictReader(handle)}
    assert {part_of[f"{i:03d}.jpg"] for i in (10, 11)} == {("train", "dog")}
    assert all(part_of[f"{i:03d}.jpg"] == part_of[f"{i + 1:03d}.jpg"] for i in range(0, 12, 2))
    files = {path.name: path.parent for path in (tmp_path / "out").rglob("*.jpg")}
    assert {name: (at.parent.name, at.name) for name, at in files.items()} == part_of
    assert "8 in train" in folder
    second = make_workspace(n=12, name="second")
    assert "12 labels imported" in evenpick("import", second, tmp_path / "out")
    assert labels(second) == {name: label for name, (_, label) in part_of.items()}


def test_a_split_that_is_none_or_of_another_form_is_refused(labelled, tmp_path):
    assert "--split must be percentages" in evenpick("export", labelled, tmp_path / "l.csv", "--split", "70/20", code=1)
    for form in ("label-studio", "onnx"):
        told = evenpick("export", labelled, tmp_path / "l", "--to", form, "--split", "70/30", code=1)
        assert f"--split is for --to csv and --to folder; got --to {form}" in told
    assert not (tmp_path / "l.csv").exists()


def test_names_that_a_spreadsheet_takes_for_formulas_come_back_as_they_were(tmp_path):
    names = ["=1+1", "+x", "-y", "@z", "'quoted", '=cmd|" /C calc"!A1']
    np.save(tmp_path / "features.npy", np.eye(len(names), dtype=np.float32))
    write_csv(tmp_path / "ids.csv", ["image"], ([f"{name}.jpg"] for name in names))
    for work in ("one", "other"):
        evenpick("embed", tmp_path / work, "--features", tmp_path / "features.npy", "--ids", tmp_path / "ids.csv")
    with LabelStore(tmp_path / "one") as store:
        store.append(Annotation(f"{name}.jpg", name, annotator="ann") for name in names)

    evenpick("export", tmp_path / "one", tmp_path / "labels.csv")
    evenpick("import", tmp_path / "other", tmp_path / "labels.csv")

    assert labels(tmp_path / "other") == labels(tmp_path / "one") == {f"{name}.jpg": name for name in names}
