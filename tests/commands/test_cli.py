"""One line for every mistake, and help, as a person types them."""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "{tmp}/w", "{tmp}/gone"], "folder '{tmp}/gone' does not exist"),
        (["embed", "{tmp}/w", "{tmp}/empty"], "holds no image"),
        (["embed", "{tmp}/w", "{photos}", "--source", "efficientnet_lite"], "did you mean 'efficientnet_lite0'?"),
        (["embed", "{tmp}/w", "{photos}", "--source", "resnet18:{tmp}/x.pth"], "is no file"),
        (["embed", "{tmp}/w", "{photos}", "--source", "onnx:{tmp}/x.onnx"], "does not exist"),
        (["embed", "{tmp}/a file", "{photos}"], "is a file"),
        (["select", "{tmp}/gone", "--budget", "3"], "is not a workspace"),
        (["train", "{tmp}/gone"], "is not a workspace"),
        (["report", "{tmp}/gone"], "is not a workspace"),
        (["predict", "{tmp}/gone", "{photos}"], "holds no model"),
        (["export", "{tmp}/gone", "{tmp}/x.csv"], "is not a workspace"),
    ],
)
def test_a_mistake_gets_one_line(evenpick, arguments, message, tmp_path, photo_folder, source_cache):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a file").touch()
    names = {"tmp": tmp_path, "photos": photo_folder}

    output = evenpick(*(a.format(**names) for a in arguments), code=1 if "a file" not in arguments[1] else 2)

    assert message.format(**names) in output
    assert len([line for line in output.splitlines() if "rror" in line]) == 1


def test_help_and_version_work_as_a_module():
    run = subprocess.run([sys.executable, "-m", "evenpick", "--help"], capture_output=True, text=True, check=True)

    assert "Choose which images to label first" in run.stdout
