"""Docs that cannot rot: every command and registered name is in them, and the README's code runs."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evenpick import __version__
from evenpick.acquisition import ACQUISITIONS
from evenpick.cli import main
from evenpick.commands import benchmark
from evenpick.session import BALANCINGS
from evenpick.sources import SOURCES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def example(kind, language):
    return re.search(rf"<!-- {kind} example -->\n```{language}\n(.*?)```", README, re.DOTALL).group(1)


@pytest.mark.parametrize("command", main.commands)
def test_every_command_is_documented_and_has_help(command):
    assert f"`evenpick {command}" in (ROOT / "docs" / "commands.md").read_text()
    assert main.commands[command].help


def test_no_command_is_documented_that_does_not_exist():
    documented = re.findall(r"^\| `evenpick ([\w-]+)", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE)

    assert set(documented) == set(main.commands)


def test_every_benchmark_is_documented():
    for name in benchmark.commands:
        assert f"| `evenpick benchmark {name} " in (ROOT / "docs" / "commands.md").read_text()


@pytest.mark.parametrize("name", [*ACQUISITIONS, *BALANCINGS])
def test_every_method_is_documented(name):
    page = "balancing.md" if name in BALANCINGS else "methods.md"
    assert f"| `{name}` |" in (ROOT / "docs" / page).read_text()


@pytest.mark.parametrize("source", SOURCES.values())
def test_every_source_is_documented(source):
    assert f"| `{source.usage}` |" in (ROOT / "docs" / "sources.md").read_text()


def test_every_linked_file_exists():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_package_and_module_stands_in_the_tree_of_the_code():
    page = (ROOT / "docs" / "architecture.md").read_text()
    tree = page.split("## The tree")[1].split("## ")[0]
    drawn, package = set(), ""
    for indent, name in re.findall(r"^(│   )?[├└]── (\S+)", tree, re.MULTILINE):
        package = package if indent else name if name.endswith("/") else ""
        drawn.add(package + name if indent else name)
    source = ROOT / "src" / "evenpick"
    modules = {file.relative_to(source) for file in source.rglob("*.py")}
    there = {f"{file.parent}/" if file.name == "__init__.py" else str(file) for file in modules}

    # A folder within a package, such as that of the page's files, may stand there too.
    assert {name for name in drawn if name.endswith(".py") or name.count("/") == 1} == there - {"./"}


def test_the_citation_is_of_this_version():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_glossary_is_in_alphabetical_order():
    words = re.findall(r"^\| \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)

    assert len(words) >= 30
    assert words == sorted(words, key=str.lower)


@pytest.mark.slow
def test_the_python_example_runs():
    run = subprocess.run(
        [sys.executable, "-c", example("python", "python")], capture_output=True, text=True, check=True
    )

    assert 0.5 < float(run.stdout) <= 1


def fill_in(selection):
    """The folder of each image as its label."""
    with selection.open(newline="") as handle:
        rows = list(csv.reader(handle))
    with selection.open("w", newline="") as handle:
        csv.writer(handle).writerows([rows[0], *([image, image[0]] for image, _ in rows[1:])])


@pytest.mark.slow
def test_the_workspace_example_runs(tmp_path, photo_folder, source_cache):
    code = example("workspace", "python").replace("work.import", "fill_in()\nwork.import")
    code = "import sys\nfill_in = lambda: (print('fill in', flush=True), sys.stdin.readline())\n" + code
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout.readline() == "fill in\n"
        fill_in(tmp_path / "work" / "selection.csv")
        told, _ = run.communicate("go on\n")

    assert run.returncode == 0
    assert "12 images" in told
    assert (tmp_path / "work" / "model" / "model.json").is_file()


@pytest.mark.slow
def test_the_shell_example_runs(tmp_path, photo_folder, source_cache):
    (before, after) = re.split(r"# \.\.\. fill in .*\n", example("shell", "shell"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def shell(script):
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=True)

    shell(before)
    fill_in(tmp_path / "work" / "selection.csv")
    shell(after)

    predictions = (tmp_path / "predictions.csv").read_text().splitlines()
    assert predictions[0] == "image,label,probability"
    assert len(predictions) == 13
    assert "<!doctype html>" in (tmp_path / "work" / "report" / "index.html").read_text()
