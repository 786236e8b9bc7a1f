"""Tasks for Label Studio; what the real one makes of them is in test_with_label_studio.py."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from evenpick.acquisition import select, select_more
from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore, Undo
from evenpick.labels.label_studio_tasks import export_tasks, labelling_config
from evenpick.pool import Pool


def tasks_of(workspace, file, settings=None, **options):
    with LabelStore(workspace) as store:
        told = export_tasks(file, store, Pool.open(workspace), settings or {}, **options)
    tasks = json.loads(file.read_text())
    assert len(tasks) == sum(told)
    return tasks


def answered(workspace, *entries):
    with LabelStore(workspace) as store:
        return store.append(entries)


def test_tasks_are_in_pick_order(make_workspace, tmp_path):
    workspace = make_workspace(n=20)
    settings = {"budget": 6, "acquisition": "random", "random_state": 3}
    tasks = tasks_of(workspace, tmp_path / "tasks.json", settings, classes=["cat"])

    pool = Pool.open(workspace)
    ids = [pool.image_ids[row] for row in select(pool, 6, "random", 3)]
    assert tasks == [
        {"data": {"image": f"/data/local-files/?d=workspace-photos/{image}", "image_id": image}} for image in ids
    ]
    # The settings are the record's now.
    assert tasks_of(workspace, tmp_path / "again.json", classes=["cat"]) == tasks


def test_answers_go_along_each_as_an_annotation_and_what_is_left_of_the_budget_follows(make_workspace, tmp_path):
    workspace = make_workspace(n=10)
    ids = answered(
        workspace,
        Annotation("003.jpg", "cat", "discovery", annotator="ann"),
        Annotation("003.jpg", "dog", "discovery", annotator="bob"),
        Annotation("007.jpg", None, "discovery", annotator="ann"),
        Annotation("001.jpg", "cow", "discovery", annotator="ann"),
    )
    answered(workspace, Undo(ids[3], annotator="ann"))
    tasks = tasks_of(workspace, tmp_path / "tasks.json", {"budget": 4, "acquisition": "random"})

    choice = {"from_name": "label", "to_name": "image", "type": "choices"}
    cat, dog = ({**choice, "value": {"choices": [name]}} for name in ("cat", "dog"))
    assert tasks[0]["data"]["answers"] == {"ann": "cat", "bob": "dog"}
    assert tasks[0]["annotations"] == [
        {"result": [cat], "was_cancelled": False, "ground_truth": False},
        {"result": [dog], "was_cancelled": False, "ground_truth": False},
    ]
    assert tasks[1]["data"]["image_id"] == "007.jpg"
    assert tasks[1]["annotations"] == [{"result": [], "was_cancelled": True, "ground_truth": False}]
    pool = Pool.open(workspace)
    left = [pool.image_ids[row] for row in select_more(pool, [3, 7], 3, "random", 0)]
    assert [task["data"]["image_id"] for task in tasks[2:]] == left
    assert not any("annotations" in task for task in tasks[2:])
    assert "cow" not in (tmp_path / "tasks.xml").read_text()


def test_a_spent_budget_leaves_the_answers_only(make_workspace, tmp_path):
    workspace = make_workspace(n=3)
    answered(workspace, Annotation("000.jpg", "cat", annotator="ann"), Annotation("001.jpg", "dog", annotator="ann"))

    assert len(tasks_of(workspace, tmp_path / "tasks.json", {"budget": 1})) == 2
    assert len(tasks_of(workspace, tmp_path / "tasks.json", {"budget": 3})) == 3


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        (None, "/data/local-files/?d=my%20%26%20photos/100%25%20%2B%231%3F%26/%C3%A9t%C3%A9.jpg"),
        ("https://host/photos", "https://host/photos/100%25%20%2B%231%3F%26/%C3%A9t%C3%A9.jpg"),
        ("https://host/photos/", "https://host/photos/100%25%20%2B%231%3F%26/%C3%A9t%C3%A9.jpg"),
        ("/data/local-files/?d=", "/data/local-files/?d=100%25%20%2B%231%3F%26/%C3%A9t%C3%A9.jpg"),
    ],
)
def test_addresses_are_percent_encoded(prefix, address, tmp_path):
    pool = Pool(np.ones((1, 2), np.float32), ["100% +#1?&/été.jpg"], folder=tmp_path / "my & photos")
    with LabelStore(tmp_path) as store:
        options = {"budget": 1, "acquisition": "random"}
        export_tasks(tmp_path / "tasks.json", store, pool, options, prefix, ["cat"])

    data = json.loads((tmp_path / "tasks.json").read_text())[0]["data"]
    assert data == {"image": address, "image_id": "100% +#1?&/été.jpg"}


def test_a_name_that_no_json_can_hold_is_in_the_address_alone(tmp_path):
    pool = Pool(np.ones((1, 2), np.float32), ["caf\udce9.jpg"], folder=tmp_path)
    with LabelStore(tmp_path) as store:
        export_tasks(tmp_path / "t.json", store, pool, {"budget": 1, "acquisition": "random"}, "https://host", ["a"])

    assert json.loads((tmp_path / "t.json").read_text()) == [{"data": {"image": "https://host/caf%E9.jpg"}}]


def test_the_labelling_config_offers_the_classes_once_each():
    config = ElementTree.fromstring(labelling_config(["cat", 'a "b" <c> & d', "cat", " dog ", "é"]))

    assert [tag.tag for tag in config] == ["Image", "Choices"]
    assert config[0].attrib == {"name": "image", "value": "$image"}
    assert config[1].attrib == {"name": "label", "toName": "image", "choice": "single", "required": "true"}
    assert [choice.get("value") for choice in config[1]] == ["cat", 'a "b" <c> & d', "dog", "é"]


def test_a_dollar_sign_is_not_taken_for_the_name_of_data():
    choice = ElementTree.fromstring(labelling_config(["US$5"]))[1][0]

    assert choice.attrib == {"value": "US\uff045", "alias": "US$5"}


def test_what_is_missing_is_told_and_nothing_is_written(make_workspace, tmp_path):
    workspace, file = make_workspace(n=3), tmp_path / "tasks.json"
    with pytest.raises(EvenpickError, match=r"no class is known yet, .*: name each with --class"):
        tasks_of(workspace, file, {"budget": 2})
    with pytest.raises(EvenpickError, match="no budget is recorded: say --budget"):
        tasks_of(workspace, file, classes=["cat"])
    with pytest.raises(EvenpickError, match="budget must be a whole number from 1 to 3"):
        tasks_of(workspace, file, {"budget": 4}, classes=["cat"])
    with pytest.raises(EvenpickError, match=r"tasks.xml' is to hold tasks as JSON"):
        tasks_of(workspace, tmp_path / "tasks.xml", {"budget": 2}, classes=["cat"])
    answered(workspace, Annotation("gone.jpg", "cat", annotator="ann"))
    with pytest.raises(EvenpickError, match=r"names an image that the pool does not hold: 'gone.jpg'"):
        tasks_of(workspace, file, {"budget": 2})

    assert not file.exists()
    assert not file.with_suffix(".xml").exists()
