"""Chao1 and Good-Turing by hand, at their edges, and on classes drawn at random."""

import math

import numpy as np
import pytest

from evenpick.estimates import unseen_of_counts
from evenpick.estimates.missing_classes import unseen_classes


def test_chao1_and_good_turing_by_hand():
    # ten labels: three classes with one, one with two, one with five
    unseen = unseen_classes("abc" + "dd" + "eeeee")

    # 9/10 * 3 * 2 / (2 * 2) = 1.35; variance 1.35 + 0.81 * 3 * 25 / 16 + 0.81 * 9 * 1 * 4 / 64
    factor = math.exp(1.6448536 * math.sqrt(math.log(1 + (1.35 + 3.796875 + 0.455625) / 1.35**2)))
    assert (unseen.n_labels, unseen.found, unseen.singletons, unseen.doubletons) == (10, 5, 3, 1)
    assert unseen.undiscovered == pytest.approx(1.35)
    assert (unseen.low, unseen.high) == pytest.approx((1.35 / factor, 1.35 * factor))
    assert unseen.unseen_mass == pytest.approx(0.3)
    half = 1.6448536 * math.sqrt(3 * 0.7 + 2) / 10
    assert (unseen.mass_low, unseen.mass_high) == pytest.approx((max(0.3 - half, 0), 0.3 + half))


def test_without_a_label_there_is_nothing_to_say():
    assert unseen_classes([]) is None


def test_one_class_often_seen_leaves_little_room():
    unseen = unseen_classes(["cat"] * 50)

    assert unseen.undiscovered == 0
    assert unseen.high == pytest.approx(0, abs=1e-9)
    assert unseen.mass_high == pytest.approx(1 - 0.1 ** (1 / 50))  # a larger mass would have shown


def test_nothing_missing_is_zero_without_a_sign():
    assert math.copysign(1, unseen_of_counts([30]).undiscovered) == 1


def test_all_singletons_leave_everything_open():
    unseen = unseen_classes(range(10))

    assert unseen.undiscovered == pytest.approx(0.9 * 10 * 9 / 2)
    assert (unseen.unseen_mass, unseen.mass_high) == (1, 1)
    assert unseen.high > 100
    single = unseen_classes(["cat"])
    assert all(math.isfinite(v) for v in (single.low, single.high, single.mass_low, single.mass_high))


def test_counts_say_the_same_as_labels():
    assert unseen_of_counts([1, 3]) == unseen_classes("abbb")


def test_more_labels_leave_fewer_undiscovered():
    unseen = unseen_classes("abc" + "dd" + "eeeee")

    left = [unseen.still_undiscovered(n) for n in (0, 1, 10, 1000)]
    # 1.35 * (1 - 3 / (10 * 1.35 + 3))
    assert left[:2] == pytest.approx([1.35, 1.35 * (1 - 3 / 16.5)])
    assert left == sorted(left, reverse=True)
    assert left[-1] == pytest.approx(0, abs=1e-6)
    assert unseen_classes("aabb").still_undiscovered(5) == 0


def test_intervals_cover_when_labels_are_drawn_at_random():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(40) * 2)
    covered, masses = [], []
    for _ in range(200):
        labels = rng.choice(40, size=60, p=shares)
        unseen = unseen_classes(labels.tolist())
        missing = 40 - unseen.found
        mass = 1 - shares[np.unique(labels)].sum()
        covered.append(math.floor(unseen.low) <= missing <= math.ceil(unseen.high))
        masses.append(unseen.mass_low <= mass <= unseen.mass_high)

    assert np.mean(covered) >= 0.8
    assert np.mean(masses) >= 0.8
