"""Induced imbalance, against the fit of the paper's Table 1 and by its own contract."""

from collections import Counter

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.metrics import imbalance_ratio
from evenpick.paper import induce_imbalance


def balanced(n_classes, images):
    return np.repeat([f"class {i:03d}" for i in range(n_classes)], images)


def kept_counts(labels, rows):
    kept = Counter(np.asarray(labels)[rows].tolist())
    return np.array([kept[name] for name in sorted(set(np.asarray(labels).tolist()))])


@pytest.mark.parametrize(
    ("n_classes", "images", "ratio", "mean", "r", "most", "fewest"),
    [
        (100, 500, 0.740, 171.68, 14.6, 491, 34),  # CIFAR-100
        (101, 750, 0.793, 227.28, 18.2, 693, 38),  # Food-101
        (100, 1300, 0.739, 185.58, 14.6, 531, 36),  # IMN-100
    ],
)
def test_table_1_is_reached(n_classes, images, ratio, mean, r, most, fewest):
    labels = balanced(n_classes, images)

    counts = np.sort(kept_counts(labels, induce_imbalance(labels, ratio, mean)))[::-1]

    assert counts.mean() == pytest.approx(mean, abs=0.05)
    assert counts.std() / counts.mean() == pytest.approx(ratio, abs=0.0015)
    assert abs(counts[0] - most) <= 1
    assert abs(counts[-1] - fewest) <= 1
    by_hand = most * r ** (-np.arange(n_classes) / (n_classes - 1))
    assert np.abs(counts - by_hand).max() <= 2  # r and both ends are rounded in print


def test_the_ratio_is_of_the_population_deviation():
    # r is free, so two classes reach 0.5 only as (30, 10): mean 20, population deviation 10
    labels = balanced(2, 60)

    counts = kept_counts(labels, induce_imbalance(labels, 0.5, mean=20))

    assert sorted(counts) == [10, 30]


def test_rows_are_ascending_unique_and_of_the_pool():
    labels = balanced(10, 50)

    rows = induce_imbalance(labels, 0.6)

    assert rows.dtype == np.intp
    assert (np.diff(rows) > 0).all()
    assert rows[0] >= 0
    assert rows[-1] < 500


def test_same_seed_same_rows_and_another_seed_other_ranks():
    labels = balanced(10, 50)

    first = induce_imbalance(labels, 0.6, random_state=3)
    np.random.seed(1)  # noqa: NPY002 (the global seed must change nothing)
    assert (induce_imbalance(labels, 0.6, random_state=3) == first).all()
    other = induce_imbalance(labels, 0.6, random_state=4)
    assert (kept_counts(labels, other) != kept_counts(labels, first)).any()
    assert sorted(kept_counts(labels, other)) == sorted(kept_counts(labels, first))


def test_a_ratio_of_zero_keeps_the_classes_equal():
    labels = ["a"] * 30 + ["b"] * 12 + ["c"] * 20

    assert kept_counts(labels, induce_imbalance(labels, 0)).tolist() == [12, 12, 12]
    assert kept_counts(labels, induce_imbalance(labels, 0, mean=5)).tolist() == [5, 5, 5]


@pytest.mark.parametrize("seed", range(20))
def test_without_a_mean_the_classes_always_suffice(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(100, 400, size=int(rng.integers(5, 40)))
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    ratio = rng.uniform(0.1, 1.0)

    counts = kept_counts(labels, induce_imbalance(labels, ratio, random_state=seed))

    assert (counts >= 1).all()
    assert (counts <= sizes).all()
    assert imbalance_ratio(counts) == pytest.approx(ratio, abs=0.05)


def test_a_class_too_small_for_its_rank_is_named_with_both_numbers():
    labels = ["big"] * 100 + ["small"] * 5

    with pytest.raises(EvenpickError, match="class 'small' has 5 images and needs 50 for its rank"):
        induce_imbalance(labels, 0, mean=50)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"imbalance_ratio": -0.1}, r"from 0 to below 2.00 for 5 classes; got -0.1"),
        ({"imbalance_ratio": 2.0}, r"from 0 to below 2.00 for 5 classes; got 2.0"),
        ({"imbalance_ratio": float("nan")}, "got nan"),
        ({"imbalance_ratio": 0.5, "mean": 0.5}, "at least 1 image a class; got 0.5"),
        ({"imbalance_ratio": 1.9, "mean": 2}, "cannot be reached with 5 classes of these sizes; the nearest is"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(options, message):
    with pytest.raises(EvenpickError, match=message):
        induce_imbalance(balanced(5, 40), **options)


@pytest.mark.parametrize("labels", [[], ["a", "a"]])
def test_fewer_than_two_classes_are_refused(labels):
    with pytest.raises(EvenpickError, match="needs at least two classes"):
        induce_imbalance(labels, 0.5)
