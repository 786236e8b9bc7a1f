"""Frames of a burst are no more evidence than one of them."""

import numpy as np

from evenpick import Pool
from evenpick.estimates import unseen_of_counts
from evenpick.estimates.outlook import outlook_of


def pool_of(groups):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(groups), 6)) + 2 * (np.arange(len(groups)) % 3)[:, None]
    rows = np.repeat(np.arange(len(groups)), groups)
    return Pool.from_arrays(centres[rows] + 0.01 * rng.normal(size=(len(rows), 6)), groups=rows), rows % 3


def test_labels_of_whole_bursts_count_as_one_label_of_each():
    pool, labels = pool_of([8] * 60)
    names = np.array(["fox", "owl", "cat"])[labels]
    whole, first = np.arange(240), np.arange(0, 240, 8)

    of_whole, of_first = (outlook_of(pool, rows, names[rows].tolist()) for rows in (whole, first))

    assert of_whole == of_first
    assert of_whole.unseen.n_labels == 30
    assert of_whole.expectation.n_more == 30
    assert of_whole.facts["holds_for"] == "new groups"
    assert "each counts once" in of_whole.sentences[-1]


def test_a_group_that_people_divided_is_a_label_of_each_of_its_classes():
    pool, _ = pool_of([4, 1, 1])

    assert outlook_of(pool, [0, 1, 3, 4], ["fox", "fox", "owl", "owl"]).unseen.n_labels == 3


def test_more_labels_than_groups_leave_no_negative_number_of_classes():
    pool = Pool.from_arrays(np.random.default_rng(0).normal(size=(48, 4)), groups=np.repeat(np.arange(12), 4))
    rows = np.concatenate([np.arange(0, 48, 4), np.arange(1, 48, 4)])

    unseen = outlook_of(pool, rows, ["fox"] * 12 + ["owl"] * 12).unseen

    assert unseen.undiscovered >= 0
    assert unseen.unlabelled == 0
    assert unseen_of_counts([20, 10], 12).undiscovered == 0
