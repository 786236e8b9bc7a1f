"""The scripts for those who work on evenpick."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
DEVELOPERS = {"test", "check", "docs"}  # extras that only they install


def test_every_mutant_still_finds_the_text_that_it_changes():
    run = subprocess.run([sys.executable, SCRIPTS / "mutants", "--list"], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout


def test_the_oldest_versions_that_are_tried_are_those_that_are_allowed():
    project = pytest.importorskip("tomllib").loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for_users = [*project["dependencies"], *(line for name in extras.keys() - DEVELOPERS for line in extras[name])]
    needed = [Requirement(line) for line in for_users]
    allowed = {one.name.lower(): Version(next(iter(one.specifier)).version) for one in needed if one.specifier}
    tried = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)$", (ROOT / "constraints-oldest.txt").read_text()))

    assert f"torch=={tried.pop('torch')}\n" in (ROOT / "constraints.txt").read_text()
    del allowed["torch"]
    assert {name.lower(): Version(version) for name, version in tried.items()} == allowed


def test_the_recipe_for_conda_needs_what_the_project_needs():
    project = pytest.importorskip("tomllib").loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [Requirement(line) for line in [*project["dependencies"], *project["optional-dependencies"]["web"]]]
    recipe = (ROOT / "packaging" / "recipe.yaml").read_text()
    run = recipe.partition("  run:\n")[2].partition("\ntests:")[0]
    named = dict(re.findall(r"(?m)^ +- ([\w-]+) >=([\d.]+)", run))

    assert {name.removesuffix("-python"): Version(v) for name, v in named.items()} == {
        one.name.lower(): Version(next(iter(one.specifier)).version) for one in needed
    }


def fuzz(*arguments, kind="images"):
    command = [sys.executable, SCRIPTS / "fuzz", kind, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_few_damaged_files_are_read_or_refused():
    run = fuzz("--count", 150, "--seed", 1)

    assert run.returncode == 0, run.stdout
    assert run.stdout.startswith("150 damaged files in ")
    assert "0 failed" in run.stdout


@pytest.mark.slow
def test_a_few_damaged_tables_records_and_models_are_read_or_refused():
    run = fuzz("--count", 280, "--seed", 1, kind="texts")

    assert run.returncode == 0, run.stdout
    assert run.stdout.startswith("280 damaged files in ")
    assert re.search(r"labels +[1-9]\d* read, +[1-9]\d* refused", run.stdout)


@pytest.mark.slow
def test_an_exception_a_crash_and_a_hang_are_failures_and_the_others_are_tried_on(tmp_path):
    broken = """
        if number == 2:
            raise IndexError("two")
        if number == 4:
            os._exit(3)
        while number == 6 and time.process_time() - began < 0.4:
            pass
        """
    text = (SCRIPTS / "fuzz").read_text()
    assert "            outcome = attempt(kind, data)\n" in text
    broken = "".join(f"    {line}\n" for line in broken.splitlines()) + "            outcome = attempt(kind, data)\n"
    text = text.replace("            outcome = attempt(kind, data)\n", broken).replace("SECONDS = 5.0", "SECONDS = 0.3")
    (tmp_path / "fuzz").write_text(text)
    shutil.copy(SCRIPTS / "fuzzed_texts.py", tmp_path)

    run = subprocess.run(
        [sys.executable, tmp_path / "fuzz", "images", "--count", "8", "--keep", tmp_path / "kept"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    said = run.stdout.splitlines()
    assert run.returncode == 1
    failures = [line.split(": ", 1)[1] for line in said if line.startswith("FAILED")]
    assert failures[:2] == ["IndexError: two", "the interpreter ended with status 3"]
    assert failures[2].endswith("seconds of the processor")
    assert len(failures) == len(list((tmp_path / "kept").iterdir())) == 3
    assert any(line.startswith("8 damaged files") for line in said)
