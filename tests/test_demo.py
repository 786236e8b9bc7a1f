"""The demo: its images, its tail, and the whole of it with a tiny network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from evenpick.demo import BASELINE, METHODS, OURS, run_demo
from evenpick.demo_images import DEMO_SETS, digits, solar_cells, split, with_tail
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.labels import LabelStore
from evenpick.pool import Pool
from evenpick.sources import SourceModel


def test_digits_are_written_as_pictures_with_their_numbers(tmp_path):
    folder, label_of = digits(tmp_path / "images")
    pictures, numbers = load_digits(return_X_y=True)
    first = np.asarray(Image.open(folder / "0000.png").resize((8, 8), Image.Resampling.BOX), dtype=float)

    assert len(label_of) == len(list(folder.iterdir())) == 1797
    assert [label_of[f"{i:04d}.png"] for i in range(20)] == [str(number) for number in numbers[:20]]
    assert np.corrcoef(first.ravel(), pictures[0])[0, 1] > 0.98


def test_digits_that_are_there_are_not_written_again(tmp_path):
    folder, _ = digits(tmp_path)
    before = (folder / "0000.png").stat().st_mtime_ns
    (folder / "0001.png").unlink()
    digits(tmp_path)

    assert (folder / "0000.png").stat().st_mtime_ns == before
    assert (folder / "0001.png").exists()


def test_a_tail_falls_in_equal_ratios_from_the_smallest_class_and_leaves_two_of_each():
    labels = np.array(["a"] * 50 + ["b"] * 40 + ["c"] * 60)

    kept = with_tail(np.arange(150), labels, 100, np.random.default_rng(0))

    # 40, 40 / 10, 40 / 100 and so 2
    assert sorted(np.unique(labels[kept], return_counts=True)[1].tolist()) == [2, 4, 40]
    assert kept.tolist() == sorted(set(kept.tolist()))


def test_every_seed_makes_other_classes_rare_and_tests_on_other_images():
    labels = np.repeat(np.array([str(i) for i in range(10)]), 50)
    splits = [split(DEMO_SETS["digits"], labels, seed) for seed in range(4)]

    assert len({np.bincount(labels[rows].astype(int)).argmax() for rows, _ in splits}) > 1
    assert all(not set(rows) & set(tested) for rows, tested in splits)


def test_solar_cells_are_where_pip_put_them():
    folder, label_of = solar_cells()

    assert all((folder / name).exists() for name in label_of)
    assert len(set(label_of.values())) == 8


def test_a_set_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(EvenpickError, match="demo set 'digit' does not exist; did you mean 'digits'"):
        run_demo(tmp_path, name="digit")


@pytest.mark.slow
def test_the_demo_compares_reports_and_leaves_a_workspace_to_go_on_with(make_network, tmp_path, monkeypatch):
    source = SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8), "tiny")
    monkeypatch.setitem(DEMO_SETS, "digits", replace(DEMO_SETS["digits"], seeds=2, budget=20))
    work = tmp_path / "demo"

    result = run_demo(work, source=source)
    again = run_demo(work, source=source)

    assert result.rows[0][0] == "auto"
    assert len(result.rows) == len(METHODS)
    assert dict(zip([row[0] for row in result.rows], [row[3] for row in result.rows], strict=True))["random"] == ""
    assert (again.rows, again.sentence) == (result.rows, result.sentence)
    assert "2 random splits" in result.caption
    assert {OURS, BASELINE} <= set(METHODS)
    pool = Pool.open(work)
    assert Path(pool.folder).name == "photographs"
    with LabelStore(work) as store:
        recorded = [entry.image for entry in store.entries()]
    assert len(recorded) == 20
    assert set(recorded) <= set(pool.image_ids)
    assert result.report.is_file()
