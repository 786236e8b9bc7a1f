"""Report and status as a person types them; `tests/reports` has what they say."""

import shlex
from pathlib import Path

import pytest

from evenpick.commands.reports import label_yourself


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


def test_the_demo_ends_with_commands_that_a_shell_takes_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    elsewhere = Path("/data/solar cells")

    said = label_yourself(Path("my demo"), elsewhere, 60).splitlines()
    nearby = label_yourself(Path("demo"), tmp_path / "demo" / "photographs", 100)

    assert [shlex.split(line) for line in said] == [
        ["evenpick", "embed", "my demo-mine", "/data/solar cells", "--group-by", "none"],
        ["evenpick", "label", "my demo-mine", "--budget", "60"],
    ]
    assert nearby.splitlines()[0].strip() == "evenpick embed demo-mine demo/photographs --group-by none"
    assert nearby.splitlines()[1].strip() == "evenpick label demo-mine --budget 100"
