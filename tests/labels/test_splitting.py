"""Labels dealt into train, val and test."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.labels.splitting import shares_of, split_labels
from evenpick.pool import Pool


def pool_of(groups):
    return Pool.from_arrays(np.zeros((len(groups), 2)), groups=groups)


def dealt(labels, groups=None, split="70/15/15", seed=0):
    """The part of each row."""
    pool = pool_of(range(len(labels)) if groups is None else groups)
    parts = split_labels({str(row): label for row, label in enumerate(labels)}, pool, shares_of(split), seed)
    return [parts[str(row)] for row in range(len(labels))]


def test_percentages_are_shares_of_train_val_and_test():
    assert shares_of("70/15/15") == {"train": Fraction(7, 10), "val": Fraction(3, 20), "test": Fraction(3, 20)}
    assert shares_of("87.5/12.5") == {"train": Fraction(7, 8), "test": Fraction(1, 8)}


@pytest.mark.parametrize(
    "text", ["", "100", "70/15", "70/15/16", "60/20/10/10", "100/0", "a/b", "-10/110", "1e2/0", "nan/5"]
)
def test_what_are_no_percentages_is_refused(text):
    with pytest.raises(EvenpickError, match="--split must be percentages of train, val and test, such as 70/15/15"):
        shares_of(text)


def test_each_class_has_its_shares():
    labels = ["a"] * 100 + ["b"] * 20

    parts = dealt(labels)

    assert Counter(zip(labels, parts, strict=True)) == {
        ("a", "train"): 70, ("a", "val"): 15, ("a", "test"): 15, ("b", "train"): 14, ("b", "val"): 3, ("b", "test"): 3,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_no_group_is_divided_and_rare_classes_are_in_train(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 40, size=200)
    labels = [f"class {group % 9 if group < 38 else group}" for group in groups.tolist()]

    parts = dealt(labels, groups, seed=seed)

    assert all(len({parts[row] for row in np.flatnonzero(groups == group)}) == 1 for group in set(groups.tolist()))
    assert {label for label, part in zip(labels, parts, strict=True) if part == "train"} == set(labels)
    for alone in (38, 39):
        assert {parts[row] for row in np.flatnonzero(groups == alone)} == {"train"}


def test_many_small_classes_fill_val_and_test_alike():
    parts = Counter(dealt([f"class {row // 3}" for row in range(300)]))

    assert parts == {"train": 200, "val": 50, "test": 50}


def test_a_group_of_two_classes_counts_for_the_rarer_one():
    labels, groups = ["a"] * 50 + ["b", "a"], [*range(50), 50, 50]

    assert dealt(labels, groups)[50:] == ["train", "train"]


def test_the_seed_decides_and_the_order_of_labels_does_not_matter_for_the_shares():
    labels = [str(i % 4) for i in range(80)]

    assert dealt(labels, seed=1) == dealt(labels, seed=1)
    assert dealt(labels, seed=1) != dealt(labels, seed=2)


def test_an_image_that_is_no_longer_in_the_pool_stands_alone():
    parts = split_labels({"0": "a", "1": "a", "gone": "a"}, pool_of([0, 0]), shares_of("50/50"), 0)

    assert parts["0"] == parts["1"] != parts["gone"]
