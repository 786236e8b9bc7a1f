"""What the code of the documentation works on: a folder of small photographs, most of one class, and workspaces of it."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from evenpick.cli import main
from evenpick.demo_images import DEMO_SETS, digits, split

COUNTS = {"empty": 40, "fox": 14, "roe deer": 6, "badger": 4}


def write_photos(folder: Path, counts: dict[str, int], seed: int) -> dict[str, str]:
    """Each class has a pattern of its own, each picture a little noise."""
    rng = np.random.default_rng(seed)
    patterns = {name: np.random.default_rng(i).integers(0, 200, (6, 8, 3)) for i, name in enumerate(COUNTS)}
    names = rng.permutation([name for name, count in counts.items() for _ in range(count)])
    folder.mkdir(parents=True)
    label_of = {f"IMG_{number:04d}.jpg": str(name) for number, name in enumerate(names)}
    for file, name in label_of.items():
        pixels = (patterns[name] + rng.integers(0, 56, (6, 8, 3))).astype(np.uint8)
        Image.fromarray(pixels).resize((80, 60), Image.Resampling.BICUBIC).save(folder / file)
    return label_of


def write_labels(file: Path, label_of: dict[str, str]) -> None:
    with file.open("w", newline="") as handle:
        csv.writer(handle).writerows([["image", "label"], *label_of.items()])


def evenpick(*arguments: object) -> None:
    result = CliRunner(catch_exceptions=False).invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory, source_cache) -> Path:
    """A folder of photographs, labels, new photographs and test photographs; beside it a workspace of each state."""
    here = tmp_path_factory.mktemp("documentation")
    start = here / "start"
    truth = write_photos(start / "photos", COUNTS, 0)
    write_labels(start / "truth.csv", truth)
    write_labels(start / "labels.csv", dict([*truth.items()][:20]))
    write_photos(start / "new", {"empty": 6, "fox": 2}, 1)
    write_labels(start / "test.csv", write_photos(start / "test", {"empty": 8, "fox": 4, "badger": 3}, 2))
    work = start / "work"
    evenpick("embed", work, start / "photos")
    shutil.copytree(work, here / "embedded")
    evenpick("simulate", work, "--labels", start / "truth.csv", "--budget", 24)
    shutil.copytree(work, here / "labelled")
    evenpick("train", work)
    shutil.copytree(work, here / "trained")
    return here


@pytest.fixture
def begin(request, tmp_path, monkeypatch, source_cache):
    """Go where the code of a page begins."""

    def at(state: str) -> None:
        if state == "digits":
            _digits(tmp_path)
            monkeypatch.chdir(tmp_path)
            return
        # Always the same place, as a workspace knows where its photographs are.
        beginnings = request.getfixturevalue("beginnings")
        start = beginnings / "start"
        kept = {"photos", "truth.csv", "labels.csv", "new", "test", "test.csv"}
        for path in start.iterdir():
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if state != "photos":
            shutil.copytree(beginnings / state, start / "work")
        monkeypatch.chdir(start)

    return at


def _digits(here: Path) -> None:
    """What the demo leaves."""
    folder, label_of = digits(here / "all")
    names = sorted(label_of)
    labels = np.array([label_of[name] for name in names])
    chosen = [names[row] for row in split(DEMO_SETS["digits"], labels, 0)[0]]
    (here / "evenpick-demo" / "photographs").mkdir(parents=True)
    for name in chosen:
        shutil.copy(folder / name, here / "evenpick-demo" / "photographs")
    write_labels(here / "truth.csv", {name: label_of[name] for name in chosen})
