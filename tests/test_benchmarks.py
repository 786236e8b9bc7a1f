"""The benchmarks begin, write nothing before they are asked to, and use what users have: public names and doors."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_layers import GROUND, PACKAGES, ROOF, exported

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
FILES = sorted(FOLDER.glob("*.py"))
SCRIPTS = [file for file in FILES if '__name__ == "__main__"' in file.read_text()]

# Taken from inside a package, and why.
INSIDE = {
    "weighted_coverage": "the parts of a round are what the ablation changes",
    "coverage_weights": "as `weighted_coverage`",
    "herding": "the size of the sample is what is varied",
    "rounds": "as `herding`, and when another one is drawn",
    "sample": "as `herding`, and the chances",
    "out_of_fold": "the probabilities that another tool is given too",
    "PoolWriter": "a pool on disk without images or a network",
    "ImageRow": "as `PoolWriter`",
    "cut_image": "decoding is what is measured",
    "Curve": "the estimate is made again with another constant",
    "UnseenClasses": "as `Curve`",
    "expectation": "as `Curve`",
    "expected_accuracy": "what `status` asks for with the record is measured here without one",
    "unseen_classes": "as `expected_accuracy`",
    "expectation_of": "as `Curve`",
    "AGREEING": "the cut that the page states",
    "INFORMATIVE": "the cut that the page states",
    "auto_groups": "groups of a pool without writing them",
    "bursts": "the limits that the page states",
    "copies": "as `bursts`",
    "copy_unit": "as `bursts`",
    "looks": "as `bursts`",
    "sequences": "made rows have no files",
    "FIRST_ROUND": "the start of a round is what is timed",
    "lag": "as `FIRST_ROUND`",
    "round_start": "as `FIRST_ROUND`",
    "next_round": "rivals choose in the rounds of `auto`",
    "outlook_of": "the guess that is left without an audit is what is judged",
    "audit_sample": "an audit is drawn again many times on one path of labels",
    "estimate_of": "as `audit_sample`",
    "open_pieces": "as `audit_sample`",
    "chances_of": "as `audit_sample`",
    "Predicted": "as `audit_sample`",
    "RidgeClassifier": "as `audit_sample`",
    "audit": "the constants of its estimates are tried at other values",
    "recall_posterior": "as `audit`",
    "View": "views beside those that ship are measured",
}


def state_of_folder():
    files = (file for file in FOLDER.rglob("*") if "__pycache__" not in file.parts)
    return {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file()}


# All in one process, so that what they import is imported once.
ASKED_FOR_HELP = """
import contextlib, io, json, runpy, sys

told, scripts = {}, sys.argv[1:]
for script in scripts:
    sys.argv, said = [script, "--help"], io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(script, run_name="__main__")
        status = "it went on"
    except SystemExit as end:
        status = end.code
    told[script] = status, said.getvalue()
print(json.dumps(told))
"""


@pytest.mark.slow
def test_asking_a_benchmark_for_help_runs_nothing():
    before, environment = (
        state_of_folder(),
        {**os.environ, "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{FOLDER}"},
    )

    run = subprocess.run(
        [sys.executable, "-c", ASKED_FOR_HELP, *SCRIPTS], capture_output=True, text=True, check=False, env=environment
    )

    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert len(told) == len(SCRIPTS) > 15
    assert [script for script, (status, said) in told.items() if status != 0 or not said.startswith("usage:")] == []
    assert state_of_folder() == before


def taken_from_evenpick(file):
    """Pairs of a room and a name taken from it or, with a dot in the room, from inside it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("evenpick.") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "evenpick":
            yield from ((node.module.partition(".")[2], alias.name) for alias in node.names)


def is_open(room, name):
    return room in {"", *GROUND, *ROOF} or (room in PACKAGES and name in exported(room))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_benchmark_takes_nothing_from_inside_a_package_without_a_reason(file):
    assert {name for room, name in taken_from_evenpick(file) if not is_open(room, name)} <= INSIDE.keys()


def test_every_reason_is_still_needed():
    taken = {name for file in FILES for room, name in taken_from_evenpick(file) if not is_open(room, name)}

    assert taken == INSIDE.keys()


def test_what_the_ablation_changes_is_there(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import ablation

    assert [name for module, name, _ in ablation.ABLATIONS.values() if not hasattr(module, name)] == []
