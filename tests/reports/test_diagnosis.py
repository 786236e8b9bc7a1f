"""`evenpick diagnose`: the same in words and as JSON, with no, one and many labels."""

import json

import pytest
from click.testing import CliRunner

from evenpick.cli import main
from evenpick.estimates import Advice, MeasuredTransfer, SourceKnowledge, advice
from evenpick.labels import Annotation, LabelStore
from evenpick.pool import Pool
from evenpick.reports.diagnosis import Diagnosis


def diagnosed(workspace, *options):
    result = CliRunner().invoke(main, ["diagnose", str(workspace), *options])
    assert result.exit_code == 0, result.output
    return result.output


def label(workspace, names):
    with LabelStore(workspace) as store:
        store.append([Annotation(f"{i:03d}.jpg", name, annotator="me") for i, name in enumerate(names)])


def test_without_labels_it_tells_what_the_predictions_tell_and_leaves_no_file(make_workspace):
    workspace = make_workspace()
    Pool.open(workspace).features[:]  # the first reading compares checksums and notes that
    before = sorted(workspace.rglob("*"))

    said, facts = diagnosed(workspace), json.loads(diagnosed(workspace, "--json"))

    assert "no labels of two classes yet" in " ".join(said.split())
    assert facts["measured"] is None
    assert sum(facts["before_labels"]["shares"]) == pytest.approx(1)
    assert facts["advice"]["acquisition"] == "auto"
    assert sorted(workspace.rglob("*")) == before


@pytest.mark.parametrize("words", [{}, {"cat": 3}])
def test_what_one_prediction_settles_is_never_less_than_nothing(words):
    knowledge = SourceKnowledge((0.7, 0.3), 0.61, 1.8, 0.1, -0.34)

    told = dict(Diagnosis(knowledge, None, Advice("", "", None), words).rows)

    assert told["one prediction settles"].startswith("0.00 of the question")


def test_the_nearest_labelled_image_is_told_as_the_mean_over_the_classes_that_it_is():
    measured = MeasuredTransfer(90, 7, None, 0.32, 1 / 7, None)  # by images it may be 45 %
    found = Diagnosis(None, measured, advice(None, measured))

    assert dict(found.rows)["the most similar labelled image"] == (
        "is of the same class for 32% of the images of a class, averaged over the classes; by guessing 14%"
    )
    assert "for 32% of the images of a class, averaged over the classes; for 14% by guessing." in found.advice.finding


@pytest.mark.slow
def test_with_labels_it_measures(make_workspace):
    workspace = make_workspace()
    label(workspace, ["a", "b"] * 10)

    said, facts = diagnosed(workspace), json.loads(diagnosed(workspace, "--json"))

    assert "Measured on 20 labels" in said
    assert (facts["measured"]["n_labels"], facts["measured"]["n_classes"]) == (20, 2)
    assert facts["advice"]["finding"] in said


def test_one_label_says_that_it_is_too_few(make_workspace):
    workspace = make_workspace()
    label(workspace, ["a"])

    assert "cannot be told yet" in diagnosed(workspace)
    assert json.loads(diagnosed(workspace, "--json"))["measured"]["log_me"] is None


def test_a_folder_that_is_no_workspace_is_refused(tmp_path):
    result = CliRunner().invoke(main, ["diagnose", str(tmp_path / "gone")])

    assert result.exit_code == 1
    assert "is not a workspace" in result.output
