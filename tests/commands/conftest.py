"""Fixtures of the commands: a command as typed, an embedded workspace, and the true labels of its photographs."""

import csv

import pytest
from click.testing import CliRunner

from evenpick.cli import main


@pytest.fixture
def evenpick():
    """Run a command; a traceback is never an answer to a person's mistake."""

    def run(*arguments, code=0):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def workspace(evenpick, tmp_path, photo_folder, source_cache):
    evenpick("embed", tmp_path / "work", photo_folder)
    return tmp_path / "work"


@pytest.fixture
def oracle(tmp_path, photo_folder):
    file = tmp_path / "truth.csv"
    with file.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["image", "label"])
        writer.writerows([f.relative_to(photo_folder).as_posix(), f.parent.name] for f in photo_folder.rglob("*.jpg"))
    return file
