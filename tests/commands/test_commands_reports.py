"""Report and status as a person types them; `tests/reports` has what they say."""

import pytest


@pytest.mark.slow
def test_an_evaluation_of_another_classifier_is_not_shown_as_this_ones(evenpick, workspace, oracle, photo_folder):
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 6)
    evenpick("train", workspace)
    evenpick("evaluate", workspace, photo_folder, "--labels", oracle)
    evenpick("train", workspace, "--prior-correction", "none")
    evenpick("report", workspace)

    page = (workspace / "report" / "index.html").read_text()
    assert "The last evaluation was of another classifier" in page
    assert "the classifier reaches" not in page


def test_a_damaged_evaluation_is_one_line(evenpick, workspace, oracle, photo_folder):
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 6)
    (workspace / "report").mkdir()
    (workspace / "report" / "evaluation.json").write_text("{")

    assert "is damaged: run `evenpick evaluate` again" in evenpick("report", workspace, code=1)
