"""One cell of the grid buys as a simulation does and is as accurate as what `train` makes."""

import numpy as np
import pytest

from evenpick import Pool, simulate, train
from evenpick.metrics import macro_accuracy
from evenpick.paper.cell import FULL, Cell, Labelled, run_cell, svm_accuracies


@pytest.mark.slow
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


def test_labels_of_one_class_alone_predict_it():
    pool = Pool.from_arrays(np.random.default_rng(0).normal(size=(5, 3)))

    found = svm_accuracies(Labelled(pool, np.array(["a"] * 5)), Labelled(pool, np.array(["a", "a", "a", "b", "c"])), 0)

    assert found == {"accuracy": 33.333, "corrected_accuracy": 33.333}
