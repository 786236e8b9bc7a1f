"""Two small sets of made photographs, a tiny source model, and a run of a grid that can be killed."""

import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from evenpick import Preprocessing, SourceModel
from evenpick.paper import open_data_set
from evenpick.paper.results import read_rows

SIZES = {"red": 16, "green": 10, "blue": 6}


def made_set(folder):
    """Photographs of three colours with noise, imbalanced; six test images of each."""
    rng = np.random.default_rng(0)
    colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])
    for (name, size), colour in zip(SIZES.items(), colours, strict=True):
        for split, count in (("pool", size), ("test", 6)):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(colour + rng.normal(0, 160, (8, 8, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{number}.png")


def made_sets(folder):
    for name in ("colours", "more"):
        made_set(folder / "data" / name)
    return {name: open_data_set(name, folder / "data", folder) for name in ("colours", "more")}


@pytest.fixture
def data(tmp_path):
    return made_sets(tmp_path)


@pytest.fixture
def source(tmp_path, make_network):
    return SourceModel.load(f"onnx:{make_network(tmp_path / 'tiny.onnx')}", Preprocessing(size=8))


@pytest.fixture(scope="session")
def unchanged(tmp_path_factory, make_network):
    """The same sets and source model for tests that change no file of them, and the folder where they lie."""
    folder = tmp_path_factory.mktemp("unchanged")
    source = SourceModel.load(f"onnx:{make_network(folder / 'tiny.onnx')}", Preprocessing(size=8))
    return folder, made_sets(folder), source


KILLED = """
import sys
from pathlib import Path
from evenpick import Preprocessing, SourceModel
from evenpick.paper.data_set import open_data_set
from evenpick.paper.grid import Grid, run
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    data = {name: open_data_set(name, folder / "data", folder) for name in ("colours", "more")}
    source = SourceModel.load(f"onnx:{folder / 'tiny.onnx'}", Preprocessing(size=8))
    grid = Grid(("random", "ent_inv_div", "core_set"), (None, "ratio_max"), (8, 14), 2)
    run(folder / "killed", data, source, grid, 1)
"""


@pytest.fixture
def start_run(data, source, tmp_path):
    """Run the same grid in a process of its own session, in the folder `killed`, until it has so many rows."""

    def start(n_rows):
        (tmp_path / "killed.py").write_text(KILLED)
        process = subprocess.Popen([sys.executable, str(tmp_path / "killed.py"), str(tmp_path)], start_new_session=True)
        while len(read_rows(tmp_path / "killed")) < n_rows:
            assert process.poll() is None
            time.sleep(0.01)
        return process

    return start
