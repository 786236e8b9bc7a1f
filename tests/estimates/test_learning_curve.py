"""The learning curve: its arithmetic by hand, and its cross-validation against a loop without shortcuts."""

import numpy as np
import pytest

from evenpick.classifiers import deal_folds
from evenpick.estimates import learning_curve as module
from evenpick.estimates.learning_curve import (
    Curve,
    _accuracy_by_margin,
    _curve,
    _HeldOut,
    _power_law,
    _standard_error,
    learning_curve,
)
from evenpick.vectors import normalised


def made_classes(n, n_classes, spread, seed, dimension=12):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, size=n - n_classes)])
    centres = np.random.default_rng(99).normal(size=(n_classes, dimension))
    return normalised(centres[labels] + spread * rng.normal(size=(n, dimension))), labels


def points_by_a_plain_loop(features, labels, rng, repeats):
    """Each image of each fold by itself, by the normal equations; shares of right ones averaged over classes."""
    design = np.hstack([features.astype(float), np.ones((len(features), 1))])
    right = {}  # (fraction, class): of each held-out image whose class was in training
    for _ in range(repeats):
        folds = deal_folds(labels, 5, rng)
        for fold in range(5):
            order = rng.permutation(np.flatnonzero(folds != fold))
            for fraction in (1.0, 0.5, 0.25):
                train = order[: int(np.ceil(fraction * len(order)))]
                classes, counts = np.unique(labels[train], return_counts=True)
                weight = np.array([len(train) / len(classes) / counts[classes == c][0] for c in labels[train]])
                x, y = design[train], (labels[train][:, None] == classes).astype(float)
                solution = np.linalg.solve((x.T * weight) @ x + 0.3 * np.eye(x.shape[1]), (x.T * weight) @ y)
                for held in np.flatnonzero(folds == fold):
                    if labels[held] in classes:
                        predicted = classes[np.argmax(design[held] @ solution)]
                        right.setdefault((fraction, labels[held]), []).append(predicted == labels[held])
    points = []
    for fraction in (1.0, 0.5, 0.25):
        known = {c: len(hits) / len(right[1.0, c]) for (f, c), hits in right.items() if f == fraction}
        total = sum(share * np.mean(right[fraction, c]) for c, share in known.items())
        points.append(total / sum(known.values()))
    return points


@pytest.mark.parametrize(("n", "dimension"), [(60, 6), (60, 80)])  # by the points, and by the kernel
def test_the_points_are_those_of_a_plain_loop(n, dimension):
    features, labels = made_classes(n, 5, 1.5, 3, dimension)

    curve = learning_curve(features, labels, np.random.default_rng(7))

    assert curve.points == pytest.approx(points_by_a_plain_loop(features, labels, np.random.default_rng(7), 2))


@pytest.mark.parametrize(("few", "repeats"), [(60, 2), (59, 1)])
def test_the_folds_of_few_labels_are_dealt_twice_and_those_of_many_once(few, repeats, monkeypatch):
    monkeypatch.setattr(module, "_FEW_LABELS", few)
    features, labels = made_classes(60, 5, 1.5, 3)

    curve = learning_curve(features, labels, np.random.default_rng(1))

    assert curve.points == pytest.approx(points_by_a_plain_loop(features, labels, np.random.default_rng(1), repeats))


def test_two_thousand_labels_are_few_and_one_more_is_many(monkeypatch):
    dealt = []
    monkeypatch.setattr(module, "deal_folds", lambda *given: dealt.append(1) or deal_folds(*given))
    rng = np.random.default_rng(0)

    for n in (2000, 2001):
        features, labels = made_classes(n, 2, 1.0, 0, dimension=2)
        learning_curve(features, labels, rng)

    assert len(dealt) == 2 + 1


def test_the_power_law_goes_through_points_that_follow_one():
    points = tuple(0.9 - 0.2 * n**-0.5 for n in (1, 0.5, 0.25))

    misfit, gain = _power_law(0.5, points, 2)

    assert misfit == pytest.approx(0, abs=1e-12)
    assert gain == pytest.approx(0.2 - 0.2 * 2**-0.5)
    assert Curve(0.7, 0.0, points).gain() == pytest.approx(gain, abs=1e-3)


def test_a_curve_that_falls_promises_nothing():
    curve = Curve(0.5, 0.02, (0.5, 0.6, 0.7))

    assert (curve.gain(), curve.largest_gain()) == (0, 0)


def test_the_error_is_that_of_a_sample_of_classes_where_they_differ_most():
    apart, alike = np.array([1.0, 0.5, 0.0]), np.array([0.5, 0.5, 0.5])
    counts = np.array([1000, 1000, 1000])

    assert _standard_error(apart, counts) == pytest.approx(0.5 / 3**0.5)
    assert _standard_error(alike, counts) == pytest.approx((3 * 0.25 / 1002) ** 0.5 / 3)


def test_a_class_with_one_label_is_as_good_as_those_of_which_one_training_image_is_left():
    # three classes of ten copies each; two copies, always right; three images, each among one of the ten, always wrong
    labels = np.array([0] * 10 + [1] * 10 + [2] * 10 + [3] * 2 + [4] * 3 + [5])
    features = np.eye(5)[[0] * 10 + [1] * 10 + [2] * 10 + [3] * 2 + [0, 1, 2] + [4]]

    curve = learning_curve(features, labels, np.random.default_rng(0))

    assert curve.on_found == pytest.approx((1 + 1 + 1 + 1 + 0 + 1) / 6)


@pytest.mark.slow
def test_labels_that_are_harder_than_the_pool_are_carried_over_by_their_margins():
    """Two classes; images far from the border between them are told right, near it every second one is."""
    rng = np.random.default_rng(0)
    of = np.arange(400) % 2
    margins = np.where(np.arange(400) < 300, 0.1, 1.0) * rng.uniform(0.9, 1.1, 400)
    right = (np.arange(400) >= 300) | (np.arange(400) % 4 < 2)
    others = np.where(np.arange(1000) < 900, 1.0, 0.1) * rng.uniform(0.9, 1.1, 1000)

    on_others = _accuracy_by_margin(margins, right, of, others, np.arange(1000) % 2)

    assert right.mean() == 0.625
    assert on_others == pytest.approx(0.95, abs=0.02)
    # those told to be of the second class are the doubtful ones: each class weighs the same
    by_class = _accuracy_by_margin(margins, right, of, others, (np.arange(1000) >= 900).astype(int))
    assert by_class == pytest.approx((1 + 0.5) / 2, abs=0.02)
    assert _accuracy_by_margin(margins, np.ones(400, bool), of, others, np.arange(1000) % 2) is None


def test_more_labels_are_worth_more_on_hard_classes():
    features, labels = made_classes(300, 6, 2.0, 0)
    curve = learning_curve(features / np.linalg.norm(features, axis=1, keepdims=True), labels, np.random.default_rng(0))

    assert curve.points[0] > curve.points[2]
    assert curve.gain() > 0


def test_a_class_with_one_label_counts_as_one_whose_last_training_image_is_left():
    labels = np.array([0, 0, 1, 1, 2])
    right, last_left = np.array([True, True, True, False]), np.array([True, False, True, True])
    whole = _HeldOut(np.arange(4), right, last_left, np.ones(4))
    wrong = _HeldOut(np.arange(4), np.zeros(4, bool), last_left, np.ones(4))

    curve = _curve(labels, [whole, wrong, wrong])

    assert curve.on_found == pytest.approx((1 + 0.5 + 2 / 3) / 3)
    assert curve.points == (pytest.approx(0.75), 0, 0)
