"""The paper's grid on small made photographs: whole runs, killed runs, and what is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evenpick import EvenpickError, Pool, Preprocessing, SourceModel, simulate, train
from evenpick.metrics import macro_accuracy
from evenpick.paper import Grid, open_data_set, read_facts, run
from evenpick.paper.cell import FULL, Cell, Labelled, run_cell, svm_accuracies
from evenpick.paper.grid import FACTS, RESULTS, read_rows
from evenpick.paper.pages import write_pages

GRID = Grid(("random", "ent_inv_div", "core_set"), (None, "ratio_max"), (8, 14), 2)
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


@pytest.fixture
def data(tmp_path):
    for name in ("colours", "more"):
        made_set(tmp_path / "data" / name)
    return {name: open_data_set(name, tmp_path / "data", tmp_path) for name in ("colours", "more")}


@pytest.fixture
def source(tmp_path, make_network):
    return SourceModel.load(f"onnx:{make_network(tmp_path / 'tiny.onnx')}", Preprocessing(size=8))


def without_seconds(rows):
    return [{key: value for key, value in row.items() if "seconds" not in key} for row in rows]


def in_order(rows):
    return sorted(without_seconds(rows), key=lambda row: json.dumps(row, sort_keys=True))


def test_every_cell_is_one_row_with_its_settings_and_a_second_run_has_nothing_to_do(data, source, tmp_path):
    assert run(tmp_path / "work", data, source, GRID, 2) == 2 * (2 * 2 * 2 * 3 + 1)
    rows = read_rows(tmp_path / "work")

    assert run(tmp_path / "work", data, source, GRID, 2) == 0
    assert read_rows(tmp_path / "work") == rows
    assert (
        len({tuple(row[key] for key in ("data_set", "acquisition", "balancing", "budget", "seed")) for row in rows})
        == 50
    )
    full = [row for row in rows if row["acquisition"] == FULL]
    assert [row["classes_found"] for row in full] == [3, 3]
    for row in rows:
        assert row["source"] == "onnx:tiny.onnx"  # not where it lies
        assert row["pool_share"] == 0.9
        assert {"commit", "evenpick", "numpy", "select_seconds", "train_seconds"} <= row.keys()
        assert 0 <= row["corrected_accuracy"] <= 100
    facts = read_facts(tmp_path / "work")["colours"]
    assert (facts["classes"], facts["images"], facts["test_images"]) == (3, 32, 18)
    assert facts["mean"] == pytest.approx(32 / 3)
    assert sum(facts["shares"]) == pytest.approx(1, abs=1e-5)


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


def test_a_killed_run_that_goes_on_gives_the_same_tables(data, source, tmp_path):
    run(tmp_path / "whole", data, source, GRID, 2)
    (tmp_path / "killed.py").write_text(KILLED)
    process = subprocess.Popen([sys.executable, str(tmp_path / "killed.py"), str(tmp_path)], start_new_session=True)
    while len(read_rows(tmp_path / "killed")) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = read_rows(tmp_path / "killed")
    assert len(done) < 50
    with (tmp_path / "killed" / RESULTS).open("a") as results:
        results.write('{"data_set": "colours", "acqui')  # as a full disk or a power cut leaves it

    assert run(tmp_path / "killed", data, source, GRID, 2) == 50 - len(done)

    assert in_order(read_rows(tmp_path / "killed")) == in_order(read_rows(tmp_path / "whole"))
    for folder in ("whole", "killed"):
        write_pages(tmp_path / folder, {"more": "food101"})
    names = sorted(str(file.relative_to(tmp_path / "whole")) for file in (tmp_path / "whole").rglob("*.*"))
    pages = [name for name in names if name.endswith((".md", ".csv", ".tex", ".svg")) and "features" not in name]
    assert {"tables.md", "tables.csv", "tables.tex", "figure-1.svg"} <= set(pages)
    assert {"critical-difference-none.svg", "critical-difference-ratio_max.svg"} <= set(pages)
    assert "csv/table-2-macro-accuracy-in-percent-more-before-balancing.csv" in pages
    assert "**" in (tmp_path / "whole" / "tables.md").read_text().split("Table 2")[1]
    assert "\\textbf{" in (tmp_path / "whole" / "tables.tex").read_text()
    for name in pages:
        assert (tmp_path / "killed" / name).read_text() == (tmp_path / "whole" / name).read_text()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_workers_of_a_killed_run_end_too(how, data, source, tmp_path):
    (tmp_path / "killed.py").write_text(KILLED)
    process = subprocess.Popen([sys.executable, str(tmp_path / "killed.py"), str(tmp_path)], start_new_session=True)
    while not read_rows(tmp_path / "killed"):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, how)
    process.wait()

    for _ in range(300):
        try:
            os.killpg(process.pid, 0)  # its session has no process left
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a worker is still there")


def test_the_accuracies_of_a_cell_are_those_of_train():
    rng = np.random.default_rng(1)
    labels = np.array(["a"] * 40 + ["b"] * 12 + ["c"] * 5)
    centres = {"a": [1, 0, 0], "b": [0, 1, 0], "c": [0, 0, 1]}
    features = np.array([centres[label] for label in labels]) + rng.normal(0, 0.6, (57, 3))
    pool, test = Pool.from_arrays(features), Pool.from_arrays(features + rng.normal(0, 0.3, (57, 3)))

    found = svm_accuracies(Labelled(pool, labels), Labelled(test, labels), seed=3)

    for name, corrected in (("accuracy", False), ("corrected_accuracy", True)):
        model = train(pool, np.arange(57), labels, "svm", corrected, 3)
        assert found[name] == round(100 * macro_accuracy(labels, model.predict(test)), 3)
        assert found[f"{name}_c"] == model.choice.c


def test_a_cell_buys_what_a_simulation_on_its_part_of_the_pool_buys(make_pool):
    pool = make_pool(n=60)
    labels = np.array(["a", "b", "c"])[np.random.default_rng(0).integers(0, 3, 60)]
    cell = Cell("made", "ent_inv_div", "ratio_max", 20, 4)

    row = run_cell(cell, Labelled(pool, labels), Labelled(pool, labels), 0.5)

    drawn = np.random.default_rng(4).permutation(60)[:30]
    bought = simulate(
        pool.take(drawn), labels[drawn], 20, acquisition="ent_inv_div", balancing="ratio_max", random_state=4
    )
    assert row["switch_at"] == bought.switch_at
    counts = np.unique(bought.labels, return_counts=True)[1]
    assert row["imbalance_ratio"] == round(counts.std() / counts.mean(), 4)


def test_all_labels_are_those_of_the_whole_pool(make_pool):
    pool = make_pool(n=30)
    labels = np.array(["a", "b", "c"] * 10)

    row = run_cell(Cell("made", FULL, None, 30, 0), Labelled(pool, labels), Labelled(pool, labels), 0.5)

    assert row["imbalance_ratio"] == 0
    assert row["classes_found"] == 3


def test_results_of_other_settings_are_refused_and_kept(data, source, tmp_path):
    only = {"colours": data["colours"]}
    small = Grid(("random",), (None,), (8,), 1)
    run(tmp_path / "work", only, source, small, 1)
    before = (tmp_path / "work" / RESULTS).read_bytes()

    with pytest.raises(
        EvenpickError, match=r"rows with pool_share 0\.9 and this run has 1: give it a folder of its own"
    ):
        run(tmp_path / "work", only, source, replace(small, pool_share=1), 1)

    assert (tmp_path / "work" / RESULTS).read_bytes() == before


def test_a_budget_larger_than_the_pool_is_refused_before_anything_is_done(data, source, tmp_path):
    with pytest.raises(EvenpickError, match=r"a budget of 29 needs as many images; a share of 0\.9 of its pool has 28"):
        run(tmp_path / "work", data, source, replace(GRID, budgets=(8, 29)), 1)

    assert not (tmp_path / "work").exists()


def test_a_set_that_has_changed_is_refused_and_what_was_found_is_kept(data, source, tmp_path):
    only, small = {"colours": data["colours"]}, Grid(("random",), (None,), (8,), 1)
    run(tmp_path / "work", only, source, small, 1)
    before = (tmp_path / "work" / RESULTS).read_bytes()
    (tmp_path / "data" / "colours" / "pool" / "red" / "0.png").unlink()
    changed = {"colours": open_data_set("colours", tmp_path / "data", tmp_path)}

    with pytest.raises(EvenpickError, match="'colours' has other images or labels than when"):
        run(tmp_path / "work", changed, source, small, 1)

    assert (tmp_path / "work" / RESULTS).read_bytes() == before


def test_files_that_cannot_be_read_are_counted_and_budgets_are_of_what_is_left(data, source, tmp_path):
    for number in range(1, 16):
        (tmp_path / "data" / "colours" / "pool" / "red" / f"{number}.png").write_bytes(b"broken")
    only = {"colours": data["colours"]}

    run(tmp_path / "work", only, source, Grid(("random",), (None,), (8,), 1), 1)
    facts = read_facts(tmp_path / "work")["colours"]

    assert (facts["images"], facts["left_out"]) == (17, 15)
    assert [row["budget"] for row in read_rows(tmp_path / "work") if row["acquisition"] == FULL] == [17]
    with pytest.raises(EvenpickError, match=r"a budget of 20 needs as many images; a share of 0\.9 of its pool has 15"):
        run(tmp_path / "work", only, source, Grid(("random",), (None,), (20,), 1), 1)


def test_a_class_whose_test_images_cannot_be_read_is_refused(data, source, tmp_path):
    for number in range(6):
        (tmp_path / "data" / "colours" / "test" / "blue" / f"{number}.png").write_bytes(b"broken")

    with pytest.raises(EvenpickError, match="no test image of 'blue' can be read"):
        run(tmp_path / "work", {"colours": data["colours"]}, source, GRID, 1)


def test_labels_of_one_class_alone_predict_it():
    pool = Pool.from_arrays(np.random.default_rng(0).normal(size=(5, 3)))

    found = svm_accuracies(Labelled(pool, np.array(["a"] * 5)), Labelled(pool, np.array(["a", "a", "a", "b", "c"])), 0)

    assert found == {"accuracy": 33.333, "corrected_accuracy": 33.333}


def test_a_second_run_in_the_same_folder_is_refused(data, source, tmp_path):
    from filelock import FileLock

    (tmp_path / "work").mkdir()
    with FileLock(tmp_path / "work" / "benchmark.lock"), pytest.raises(EvenpickError, match="another process"):
        run(tmp_path / "work", data, source, GRID, 1)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_latex_compiles(data, source, tmp_path):
    run(tmp_path / "work", data, source, GRID, 2)
    rows, facts = read_rows(tmp_path / "work"), read_facts(tmp_path / "work")
    for name in ("c^d", r"e\f~g", "50%_{h}", "i", "j"):  # as many sets as nobody should be surprised by
        facts[name] = facts["more"]
        rows += [row | {"data_set": name} for row in rows if row["data_set"] == "more"]
    (tmp_path / "work" / RESULTS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "work" / FACTS).write_text(json.dumps(facts))
    write_pages(tmp_path / "work", {"colours": "food101", "more": "cifar100"})
    document = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}\input{tables}\end{document}"
    (tmp_path / "work" / "document.tex").write_text(document)

    told = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"],
        cwd=tmp_path / "work", capture_output=True, text=True, errors="replace",
    )  # fmt: skip

    assert told.returncode == 0, told.stdout[-2000:]
