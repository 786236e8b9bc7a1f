"""The accuracy to expect: the arithmetic by hand, and how often its intervals hold on made classes."""

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from evenpick import Pool, macro_accuracy, train
from evenpick.errors import EvenpickError
from evenpick.estimates import Outlook
from evenpick.estimates.expectation import BIAS, expectation_of, expected_accuracy
from evenpick.estimates.learning_curve import Curve
from evenpick.estimates.missing_classes import unseen_classes


def made_classes(n, n_classes, spread, seed, dimension=12):
    centres = np.random.default_rng(99).normal(size=(n_classes, dimension))
    rng = np.random.default_rng(seed)
    labels = rng.choice(n_classes, size=n, p=rng.dirichlet(np.full(n_classes, 3.0)))
    return centres[labels] + spread * rng.normal(size=(n, dimension)), labels


def test_accuracy_counts_the_classes_not_found():
    # 1.35 undiscovered beside five found, by hand in test_unseen_classes; no error and no bias leave the classes only
    unseen = unseen_classes("abc" + "dd" + "eeeee")
    expectation = expectation_of(Curve(0.8, 0.0, (0.8, 0.8, 0.8)), unseen, bias=0.0)

    assert expectation.now.value == pytest.approx(0.8 * 5 / 6.35)
    assert expectation.now.low == pytest.approx(0.8 * 5 / (5 + unseen.high))
    assert expectation.now.high == pytest.approx(0.8)
    later = 1.35 * (1 - 3 / 16.5) ** 10
    assert expectation.doubled.value == pytest.approx(0.8 * (6.35 - later) / 6.35, abs=1e-6)
    assert expectation.gained_by_discovery == pytest.approx(expectation.doubled.value - expectation.now.value)


def test_no_accuracy_above_one_is_expected():
    rising = Curve(0.95, 0.0, (0.8, 0.6, 0.2))
    expectation = expectation_of(rising, unseen_classes("aabb" * 5), bias=0.0)

    assert 0.95 + rising.gain() > 1
    assert expectation.doubled.value == 1
    assert expectation.doubled.high == 1


def test_what_twice_the_labels_add_widens_their_interval():
    unseen = unseen_classes("aabb" * 5)  # nothing undiscovered, nor by chance: 0 to 0 classes
    curve = Curve(0.6, 0.0, (0.6, 0.5, 0.45))
    expectation = expectation_of(curve, unseen, bias=0.0)

    assert curve.largest_gain() == pytest.approx(0.1), "what the last doubling added"
    assert 0 < curve.gain() <= curve.largest_gain()
    assert expectation.doubled.value == pytest.approx(0.6 + curve.gain())
    assert expectation.doubled.low <= 0.6, "the gain may not come"
    assert expectation.doubled.high >= 0.7


def test_a_flat_curve_that_few_labels_tell_is_no_place_to_stop():
    flat = (0.6, 0.6, 0.6)
    unsure = expectation_of(Curve(0.6, 0.1, flat), unseen_classes("aabb" * 10))
    sure = expectation_of(Curve(0.6, 0.01, flat), unseen_classes("aabb" * 10))

    assert "about 10 points only" in Outlook(unseen_classes("aabb" * 10), unsure, at_random=True).sentences[-1]
    assert "good place to stop" in Outlook(unseen_classes("aabb" * 10), sure, at_random=True).sentences[-1]


def test_the_intervals_by_hand_where_fewer_images_are_left_than_there_are_labels():
    unseen = unseen_classes("abc" + "dd" + "eeeee", 14)
    curve = Curve(0.6, 0.05, (0.6, 0.5, 0.45))
    found = expectation_of(curve, unseen, bias=0.04)

    t, z = stats.t.ppf(0.95, 4), stats.norm.ppf(0.95)  # of five classes; 90 %
    noise = ((t * 0.05) ** 2 + (z * 0.04) ** 2) ** 0.5
    share, fewest = 5 / 6.35, 5 / (5 + unseen.high)
    assert found.now.low == pytest.approx(0.6 * share - np.hypot(noise * share, 0.6 * (share - fewest)))
    assert found.now.high == pytest.approx(0.6 * share + np.hypot(noise * share, 0.6 * (1 - share)))

    def share_later(undiscovered):  # after the four images that are left
        unfound = undiscovered * (1 - 3 / (10 * undiscovered + 3)) ** 4
        return 1 - unfound / (5 + undiscovered)

    gain, largest = curve.gain(1.4), 0.1 * np.log2(1.4)
    share, fewest, later = share_later(1.35), share_later(unseen.high), 0.6 + gain
    ahead = np.hypot(noise, z * 0.04)  # the labels to come differ once more
    low = later * share - np.hypot(np.hypot(ahead, gain) * share, later * (share - fewest))
    high = later * share + np.hypot(np.hypot(ahead, largest - gain) * share, later * (1 - share))
    assert 0 < gain < largest == pytest.approx(curve.largest_gain(1.4))
    assert (found.doubled.low, found.doubled.high) == pytest.approx((low, high))


def test_what_the_ridge_classifier_puts_off_is_in_every_interval():
    found = expectation_of(Curve(0.6, 0.0, (0.6, 0.6, 0.6)), unseen_classes("aabb" * 10))

    z = stats.norm.ppf(0.95)
    assert (found.now.low, found.now.high) == pytest.approx((0.6 - z * BIAS, 0.6 + z * BIAS))
    assert (found.doubled.low, found.doubled.high) == pytest.approx((0.6 - 2**0.5 * z * BIAS, 0.6 + 2**0.5 * z * BIAS))


def test_no_more_labels_than_images_are_promised():
    few = expectation_of(Curve(0.6, 0.0, (0.6, 0.5, 0.4)), unseen_classes("aabb" * 5, 30))
    many = expectation_of(Curve(0.6, 0.0, (0.6, 0.5, 0.4)), unseen_classes("aabb" * 5, 300))

    assert (few.n_more, many.n_more) == (10, 20)
    assert 0.6 < few.doubled.value < many.doubled.value


@pytest.mark.slow
def test_the_accuracy_is_that_of_the_pool_where_half_of_the_labels_are_hard():
    features, labels = made_classes(2000, 4, 1.6, 1)
    test, true = made_classes(2000, 4, 1.6, 51)
    pool, names = Pool.from_arrays(features), labels.astype(str)
    probe = train(pool, np.arange(200), names[:200], strategy="svm", unlabelled=())
    best = np.sort(probe.predict_proba(pool), axis=1)
    unsure_first = np.argsort(best[:, -1] - best[:, -2])
    rows = np.concatenate([np.arange(200), unsure_first[unsure_first >= 200][:200]])

    curve = expected_accuracy(pool, rows, names[rows].tolist()).curve

    predicted = train(pool, rows, names[rows], strategy="svm", unlabelled=()).predict(test.astype(np.float32))
    accuracy = macro_accuracy(true.astype(str), predicted)
    assert accuracy - curve.points[0] > 0.08, "as cross-validated on the labels"
    assert abs(curve.on_found - accuracy) < 0.04


def test_another_name_for_a_class_changes_nothing(make_pool):
    labels = [*"aabbbccccabcab"]
    renamed = [{"a": "z", "b": "m", "c": "b"}[name] for name in labels]

    assert expected_accuracy(make_pool(), range(14), labels) == expected_accuracy(make_pool(), range(14), renamed)


def test_separate_classes_are_recognised_and_more_labels_buy_little():
    features = np.repeat(np.eye(4), 30, axis=0)
    labels = np.repeat(list("abcd"), 30).tolist()

    expectation = expected_accuracy(Pool.from_arrays(np.vstack([features] * 3)), range(120), labels)

    assert expectation.now.value == 1
    assert expectation.now.high == 1
    assert "good place to stop" in Outlook(unseen_classes(labels), expectation, at_random=True).sentences[-1]


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "a"], ["a", "b", "c"]])
def test_labels_that_nothing_can_be_held_out_of_give_no_estimate(labels, make_pool):
    expectation = expected_accuracy(make_pool(), range(len(labels)), labels)

    assert expectation is None
    assert (
        "cannot be told" in " ".join(Outlook(unseen_classes(labels), expectation, at_random=True).sentences)
        or not labels
    )


@pytest.mark.parametrize("labels", [["a", "a", "b"], ["a", "b", "a", "b"], ["a"] * 9 + ["b"]])
def test_few_labels_give_wide_intervals(labels, make_pool):
    expectation = expected_accuracy(make_pool(), range(len(labels)), labels)

    assert 0 <= expectation.now.low <= expectation.now.value <= expectation.now.high <= 1
    assert expectation.now.high - expectation.now.low > 0.2


def test_many_labels_take_memory_for_their_features_and_not_for_every_pair():
    features, labels = made_classes(8000, 4, 0.5, seed=0)
    tracemalloc.start()

    expected_accuracy(Pool.from_arrays(features), range(8000), labels.astype(str))

    assert tracemalloc.get_traced_memory()[1] < 8000**2
    tracemalloc.stop()


def test_copies_and_a_pool_without_predictions_are_no_trouble():
    pool = Pool.from_arrays(np.ones((30, 3)))

    assert expected_accuracy(pool, range(30), ["a", "b", "c"] * 10) is not None


def test_same_seed_same_answer(make_pool):
    labels = list("aabbbcdd") * 4

    assert expected_accuracy(make_pool(), range(32), labels) == expected_accuracy(make_pool(), range(32), labels)


def test_rows_and_labels_must_pair_up(make_pool):
    with pytest.raises(EvenpickError, match="each row needs one label; got 2 rows and 1 labels"):
        expected_accuracy(make_pool(), [0, 1], ["a"])
    with pytest.raises(EvenpickError, match="status: rows must be whole numbers from 0 to 39"):
        expected_accuracy(make_pool(), [0.9, 1.2], ["a", "b"])
    with pytest.raises(EvenpickError, match="status: random_state must be a whole number, 0 or more; got -1"):
        expected_accuracy(make_pool(), [0, 1], ["a", "b"], -1)


@pytest.mark.slow
def test_the_interval_holds_the_accuracy_of_the_trained_model():
    held = []
    for seed in range(12):
        features, labels = made_classes(80, 8, 1.5, seed)
        test, true = made_classes(400, 8, 1.5, seed + 1000)
        pool, names = Pool.from_arrays(features), [f"class {c}" for c in labels]
        now = expected_accuracy(pool, range(80), names).now
        model = train(pool, range(80), names)
        accuracy = macro_accuracy(np.array([f"class {c}" for c in true]), model.predict(test.astype(np.float32)))
        held.append(now.low <= accuracy <= now.high)

    assert np.mean(held) >= 10 / 12
