"""Labels out of one workspace and into another, in every form, as a person types it."""

import json
import shutil

import pytest
from click.testing import CliRunner

from evenpick.cli import main
from evenpick.labels import FORMS, Annotation, LabelStore, effective_answers
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
@pytest.mark.parametrize("form", FORMS)
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
    assert "1 labels are second opinions, 1 disagree with the first, which counts." in told
    assert labels(labelled)["000.jpg"] == "cat"
    second = make_workspace(n=12, name="second")
    assert "12 labels imported, 1 skips." in evenpick("import", second, tmp_path / "t.json")
    assert {entry.annotator for entry in record(second)} == {"ann", "Label Studio user 1"}
    assert [entry.image for entry in record(second) if entry.kind == "skip"] == ["011.jpg"]


def test_images_that_nobody_answered_are_told(labelled, tmp_path):
    evenpick("export", labelled, tmp_path / "t.json", "--to", "label-studio", "--budget", 11)

    assert "0 labels imported, 11 known already, 1 images without an answer." in evenpick(
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
        (["import", "{w}", "{t}/workspace-photos", "--split", "test"], "--split names rows of a CSV"),
        (["import", "{w}", "{t}/workspace-photos"], "must hold a folder for each class"),
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
        "1 labels imported, 1 images known by their path alone, with other bytes than when embedded.",
        "Classes: 'cat'.",
    ]
    assert [(e.image, e.label, e.annotator) for e in record(second)] == [("000.jpg", "cat", "me")]
