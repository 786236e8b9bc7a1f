"""The demo: its images, its tail, and the whole of it with a tiny network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from evenpick.demo import run_demo
from evenpick.demo_images import DEMO_SETS, digits, solar_cells, split, with_tail
from evenpick.demo_runs import BASELINE, METHODS, OURS, Split, run_all, run_one
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


def test_a_run_counts_labels_and_recalls_class_by_class_the_most_common_first():
    # Three classes far apart, the middle name the most common, so that each test image is recognised where its class was found.
    labels = np.array(["a"] * 6 + ["b"] * 20 + ["c"] * 4)
    features = np.array([{"a": [0.0, 1.0], "b": [1.0, 0.0], "c": [-1.0, -1.0]}[name] for name in labels])
    pool = Pool.from_arrays(features + np.random.default_rng(0).normal(scale=0.01, size=features.shape))
    part = Split(np.arange(30), pool, labels, pool.take(np.array([0, 10, 29])), labels[[0, 10, 29]])

    run = run_one(12, part, BASELINE, seed=1)

    given = run.result.labels
    assert run.images.tolist() == [20, 6, 4]
    assert run.labels.tolist() == [list(given).count(name) for name in "bac"]
    assert run.rare_labels == list(given).count("c")
    assert run.recognised.tolist() == [float(name in given) for name in "bac"]
    assert run.accuracy == pytest.approx(run.recognised.mean())


@pytest.mark.slow
def test_runs_in_processes_are_those_of_one_core(tmp_path, monkeypatch):
    labels = np.repeat(np.array(["a", "b"]), [40, 20])
    features = np.random.default_rng(0).normal(size=(60, 4)) + (labels == "a")[:, None]
    images, chosen = Pool.from_arrays(features), replace(DEMO_SETS["elpv"], budget=10, seeds=2)
    monkeypatch.setattr("evenpick.demo_runs.METHODS", [OURS, BASELINE])
    seen = []

    monkeypatch.setattr("evenpick.demo_runs.cores", lambda: 2)
    spread = run_all(chosen, images, labels, lambda done, total: seen.append((done, total)))
    monkeypatch.setattr("evenpick.demo_runs.cores", lambda: 1)
    alone = run_all(chosen, images, labels, lambda done, total: None)

    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for method in (OURS, BASELINE):
        assert [run.accuracy for run in spread[method]] == [run.accuracy for run in alone[method]]
        assert [run.result.indices.tolist() for run in spread[method]] == [
            run.result.indices.tolist() for run in alone[method]
        ]


@pytest.mark.slow
def test_the_demo_compares_reports_and_leaves_a_workspace_to_go_on_with(make_network, tmp_path, monkeypatch):
    source = SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8), "tiny")
    monkeypatch.setitem(DEMO_SETS, "digits", replace(DEMO_SETS["digits"], seeds=2, budget=20))
    monkeypatch.setattr("evenpick.demo_runs.cores", lambda: 1)  # another test spreads them
    work = tmp_path / "demo"

    result = run_demo(work, source=source)
    again = run_demo(work, source=source)

    methods = result.methods
    assert methods.rows[0][0] == "auto"
    assert len(methods.rows) == len(METHODS)
    assert {row[0]: row[2] for row in methods.rows}["random"] == ""
    assert (again.methods, again.classes, again.sentence) == (methods, result.classes, result.sentence)
    assert "Means over 2 random splits" in methods.caption
    assert [float(row[0]) for row in result.classes.rows][-1] == 3
    assert sum(float(row[2]) for row in result.classes.rows) == pytest.approx(20, abs=0.5)
    assert result.sentence.startswith(f"auto, the default, reaches {methods.rows[0][1].split()[0]} % where")
    assert result.photographs == work / "photographs"
    assert {OURS, BASELINE} <= set(METHODS)
    pool = Pool.open(work)
    assert Path(pool.folder).name == "photographs"
    with LabelStore(work) as store:
        recorded = [entry.image for entry in store.entries()]
    assert len(recorded) == 20
    assert set(recorded) <= set(pool.image_ids)
    assert result.report.is_file()
