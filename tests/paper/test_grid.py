"""The paper's grid on small made photographs: whole runs, killed runs, and what is refused."""

import json
import os
import shutil
import signal
from dataclasses import replace

import pytest

from evenpick import EvenpickError
from evenpick.paper import Grid, open_data_set, read_facts, run
from evenpick.paper.cell import FULL
from evenpick.paper.pages import write_pages
from evenpick.paper.results import RESULTS, read_rows

pytestmark = pytest.mark.slow

GRID = Grid(("random", "ent_inv_div", "core_set"), (None, "ratio_max"), (8, 14), 2)


def without_seconds(rows):
    return [{key: value for key, value in row.items() if "seconds" not in key} for row in rows]


def in_order(rows):
    return sorted(without_seconds(rows), key=lambda row: json.dumps(row, sort_keys=True))


@pytest.fixture(scope="module")
def whole(unchanged):
    """The folder of a run that nobody stopped, and the number of its cells."""
    folder, data, source = unchanged
    n_cells = run(folder / "whole", data, source, GRID, 2)
    return folder / "whole", n_cells


def test_every_cell_is_one_row_with_its_settings_and_a_second_run_has_nothing_to_do(whole, unchanged):
    folder, n_cells = whole
    _, data, source = unchanged
    assert n_cells == 2 * (2 * 2 * 2 * 3 + 1)
    rows = read_rows(folder)

    assert run(folder, data, source, GRID, 2) == 0
    assert read_rows(folder) == rows
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
    facts = read_facts(folder)["colours"]
    assert (facts["classes"], facts["images"], facts["test_images"]) == (3, 32, 18)
    assert facts["mean"] == pytest.approx(32 / 3)
    assert sum(facts["shares"]) == pytest.approx(1, abs=1e-5)


def test_a_killed_run_that_goes_on_gives_the_same_tables(whole, data, source, start_run, tmp_path):
    shutil.copytree(whole[0], tmp_path / "whole")
    process = start_run(5)
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


def test_a_second_run_in_the_same_folder_is_refused(data, source, tmp_path):
    from filelock import FileLock

    (tmp_path / "work").mkdir()
    with FileLock(tmp_path / "work" / "benchmark.lock"), pytest.raises(EvenpickError, match="another process"):
        run(tmp_path / "work", data, source, GRID, 1)


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
