"""Report and status as a person types them; `tests/reports` has what they say."""

import json
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
    assert "test images say so" not in page


def test_the_facts_alone_go_to_a_file_and_nowhere_else(evenpick, workspace, oracle, tmp_path):
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 6)

    said = evenpick("report", workspace, "--data", tmp_path / "facts.json")

    assert said.split() == ["The", "facts:", str(tmp_path / "facts.json")]
    assert json.loads((tmp_path / "facts.json").read_text())["n_labels"] == 6
    assert not (workspace / "report").exists()
    assert "--data writes the facts alone" in evenpick(
        "report", workspace, "--data", tmp_path / "other.json", "--title", "mine", code=1
    )
    assert not (tmp_path / "other.json").exists()


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
