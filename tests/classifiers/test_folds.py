"""Folds over labels, and the scores of held-out images."""

import numpy as np
import pytest

from evenpick.classifiers import (
    SHALLOW_HEADS,
    deal_folds,
    deal_nested_folds,
    held_out_scores,
)
from evenpick.classifiers.linear_svm import C_GRID
from evenpick.pool import Pool


def clouds(counts, seed=0, spread=1.0, d=6):
    """A pool of Gaussian clouds, `counts` images each, and the class names of its rows."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(len(counts), d))
    numbers = np.repeat(np.arange(len(counts)), counts)
    features = centres[numbers] + spread * rng.normal(size=(len(numbers), d))
    return Pool.from_arrays(features), [f"class {i}" for i in numbers]


@pytest.mark.parametrize("seed", range(8))
def test_folds_are_dealt_class_by_class(seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(7), [1, 2, 5, 10, 13, 41, 1]))

    folds = deal_folds(labels, 10, rng)

    for name in range(7):
        of_class = folds[labels == name]
        if len(of_class) == 1:
            assert of_class.tolist() == [-1]
        else:
            sizes = np.bincount(of_class, minlength=10)
            assert sizes.max() - sizes.min() <= 1  # round the folds
    for fold in range(10):
        assert set(labels[folds != fold]) == set(range(7))  # each training part has every class
    sizes = np.bincount(folds[folds >= 0], minlength=10)
    assert sizes.max() - sizes.min() <= 1


def test_a_fold_is_judged_by_what_the_others_trained():
    pool, _ = clouds([6, 6])
    labels = np.repeat([0, 1], 6)
    folds = np.tile([0, 1, 2], 4)
    folds[11] = -1

    margins = held_out_scores(SHALLOW_HEADS["svm"], pool.features, labels, folds)
    changed = labels.copy()
    changed[folds == 1] = 1 - changed[folds == 1]  # what is held out must not matter to its own margins

    assert margins.shape == (len(C_GRID), 12, 2)
    assert np.isnan(margins[:, 11]).all()
    assert not np.isnan(margins[:, :11]).any()
    assert np.array_equal(
        held_out_scores(SHALLOW_HEADS["svm"], pool.features, changed, folds)[:, folds == 1], margins[:, folds == 1]
    )
    assert not np.allclose(
        held_out_scores(SHALLOW_HEADS["svm"], pool.features, changed, folds)[:, folds == 0], margins[:, folds == 0]
    )


def test_no_group_is_divided_and_a_class_with_one_group_is_never_held_out():
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 0, 0, 1, 1, 2], 4)
    groups = np.repeat([5, 3, 9, 0, 1, 7], 4)

    nested = deal_nested_folds(labels, 3, rng, groups)

    of_group = [{*nested.outer[groups == group].tolist()} for group in (5, 3, 9, 0, 1, 7)]
    assert all(len(folds) == 1 for folds in of_group)
    assert len(set.union(*of_group[:3])) == 3
    assert of_group[3] != of_group[4]
    assert of_group[5] == {-1}
    for fold, inner in nested.inner.items():
        part = groups[nested.outer != fold]
        assert all(len({*inner[part == group].tolist()}) == 1 for group in np.unique(part))


def test_a_group_of_two_classes_lies_in_one_fold_and_no_class_is_held_out_whole():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        labels, groups = rng.integers(0, 4, 30), rng.integers(0, 9, 30)
        folds = deal_folds(labels, 3, rng, groups)
        for group in range(9):
            assert len({*folds[groups == group].tolist()}) <= 1
        for name in range(4):
            own = folds[labels == name]
            assert all((own != fold).any() for fold in {*own.tolist()} - {-1})
