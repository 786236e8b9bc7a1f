"""Measures computed by hand, and the printed G_AL values from the printed accuracies."""

import csv
import math

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.metrics import (
    calibration_bins,
    class_counts,
    classes_found,
    expected_calibration_error,
    g_al,
    imbalance_ratio,
    macro_accuracy,
    macro_standard_error,
    mean_interval,
    share_interval,
)

ACQUISITIONS = [
    "random",
    "ent",
    "ms",
    "lc",
    "ent_inv",
    "ent_div",
    "ent_inv_div",
    "ms_inv_div",
    "lc_inv_div",
    "core_set",
]
TABLE_ROWS = [(table, acquisition) for table in ("2", "3") for acquisition in ACQUISITIONS]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([3, 3, 3], 0.0),
        ([1, 3], 0.5),  # mean 2, population deviation 1
        ([4, 0], 1.0),  # a class that was not found counts
        ([2, 4, 4, 4, 5, 5, 7, 9], 0.4),  # mean 5, population deviation 2
        ([7], 0.0),
    ],
)
def test_imbalance_ratio_by_hand(counts, expected):
    assert imbalance_ratio(counts) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("counts", [[], [0, 0], [3, -1], [[1, 2], [3, 4]], 5, [1, float("nan")]])
def test_counts_that_have_no_imbalance_ratio_are_refused(counts):
    with pytest.raises(EvenpickError, match="one number >= 0 a class, not all zero"):
        imbalance_ratio(counts)


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([1, 2], ["1", "2"], "y_true and y_pred must be of one type; got .*1.* and .*'1'"),
        (["1", "2"], [1.0, 2.0], "must be of one type"),
        ([1.0, float("nan")], [1.0, 1.0], r"row 1 of y_true is missing \(nan\)"),
        (["a", None], ["a", "a"], r"row 1 of y_true is missing \(None\)"),
        (["", "a"], ["a", "a"], r"row 0 of y_true is missing \(''\)"),
    ],
)
def test_classes_that_no_prediction_could_equal_are_refused(true, predicted, message):
    with pytest.raises(EvenpickError, match=message):
        macro_accuracy(true, predicted)


def test_an_image_without_a_prediction_counts_as_wrong():
    assert macro_accuracy(["a", "b"], ["a", None]) == 0.5
    assert macro_accuracy([1, 2], [1.0, float("nan")]) == 0.5


def test_every_class_weighs_the_same_in_macro_accuracy():
    true = ["a", "a", "a", "a", "b", "b"]
    predicted = ["a", "a", "a", "b", "b", "a"]

    assert macro_accuracy(true, predicted) == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_a_class_that_is_never_predicted_counts_zero():
    assert macro_accuracy(["a", "b", "c"], ["a", "a", "a"]) == pytest.approx(1 / 3)


def test_a_predicted_class_that_is_not_in_the_test_set_changes_only_what_it_misses():
    assert macro_accuracy(["a", "a", "b"], ["a", "z", "b"]) == pytest.approx((1 / 2 + 1) / 2)


def test_only_the_named_classes_count():
    assert macro_accuracy(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), classes=[0, 1]) == 0.75


def test_a_named_class_without_an_image_is_refused():
    with pytest.raises(EvenpickError, match="class 'c' has no image in y_true"):
        macro_accuracy(["a", "b"], ["a", "b"], classes=["a", "b", "c"])


@pytest.mark.parametrize(("true", "predicted"), [([], []), (["a"], ["a", "b"]), ([["a"]], [["a"]])])
def test_labels_that_do_not_pair_up_are_refused(true, predicted):
    with pytest.raises(EvenpickError, match="equally long and not empty"):
        macro_accuracy(true, predicted)


def test_g_al_by_hand():
    # (50 - 75) / 25 = -1 and (80 - 90) / 10 = -1; then 0 for accuracies as good as all labels
    assert g_al([50, 80], [75, 90]) == pytest.approx(-1)
    assert g_al([75, 90], [75, 90]) == 0
    assert g_al([70, 80], 75) == 0
    assert g_al([0.5], 0.75, best=1.0) == pytest.approx(-1)


@pytest.mark.parametrize(("accuracies", "full"), [([], []), ([50, 60], [70]), ([[50]], [[70]]), (50, 70)])
def test_g_al_refuses_shapes_that_do_not_fit(accuracies, full):
    with pytest.raises(EvenpickError, match="one number, or one for each accuracy"):
        g_al(accuracies, full)


def test_g_al_refuses_a_full_accuracy_that_leaves_nothing_to_gain():
    with pytest.raises(EvenpickError, match=r"full must stay below best = 100.0; got 100.0"):
        g_al([50, 60], [70, 100])


@pytest.mark.parametrize(("table", "acquisition"), TABLE_ROWS)
def test_printed_g_al_recomputes_from_the_printed_accuracies(table, acquisition, shared):
    with (shared / "paper" / "tables.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    full = {row["dataset"]: float(row["value"]) for row in rows if row["acquisition"] == "full"}
    mine = [row for row in rows if (row["table"], row["acquisition"]) == (table, acquisition)]
    accuracies = [row for row in mine if row["measure"] == "accuracy"]
    (printed,) = [float(row["value"]) for row in mine if row["measure"] == "g_al"]

    value = g_al([float(row["value"]) for row in accuracies], [full[row["dataset"]] for row in accuracies])

    assert len(accuracies) == 12
    assert full == {"food101": 65.85, "cifar100": 59.49, "imn100": 70.20, "mit67": 72.43}
    assert value == pytest.approx(printed, abs=0.0005 + 1e-9)


def test_printed_tables_hold_no_g_al_that_is_not_checked(shared):
    with (shared / "paper" / "tables.csv").open(newline="") as file:
        printed = [(r["table"], r["acquisition"]) for r in csv.DictReader(file) if r["measure"] == "g_al"]

    assert sorted(printed) == sorted(TABLE_ROWS)
    assert len(printed) == 20


def test_classes_found_counts_different_labels():
    assert classes_found(["a", "b", "a"]) == 2
    assert classes_found([]) == 0


def test_class_counts_follow_the_order_of_the_classes_and_keep_zeros():
    assert class_counts(["b", "a", "b"], ["c", "b", "a"]).tolist() == [0, 2, 1]


def test_mean_interval_by_hand():
    # three runs: t(0.975, 2 degrees) = 4.302653, deviation 1, so 4.302653 / sqrt(3)
    mean, half = mean_interval([1.0, 2.0, 3.0])

    assert mean == 2
    assert half == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


def test_a_single_run_has_no_interval():
    mean, half = mean_interval([5.0])

    assert mean == 5
    assert math.isnan(half)


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.4, 0.6], [0.3, 0.7]])

    # Bins of 1/15: 0.95 twice, half right; 0.6 right; 0.7 wrong.
    error = expected_calibration_error(probabilities, np.array([0, 1, 1, 0]))

    assert error == pytest.approx((2 * abs(0.5 - 0.95) + (1 - 0.6) + 0.7) / 4)
    assert expected_calibration_error(np.eye(3), np.arange(3)) == 0


def test_the_calibration_curve_by_hand():
    bins = calibration_bins([0.5, 0.55, 0.9, 1.0], [True, False, True, True], n_bins=10)

    assert [(one.low, one.n, one.accuracy) for one in bins] == [(0.5, 2, 0.5), (0.9, 2, 1.0)]
    assert [one.confidence for one in bins] == pytest.approx([0.525, 0.95])


def test_the_standard_error_of_a_macro_accuracy_by_hand():
    # Shares with one success and one failure added: 2/4 of 2 images, 3/3 becomes 4/5.
    by_hand = np.sqrt(0.5 * 0.5 / 4 + 0.8 * 0.2 / 5) / 2

    assert macro_standard_error([0.5, 1.0], [2, 3]) == pytest.approx(by_hand)


def test_text_and_numbers_are_refused_in_columns_of_objects_too():
    with pytest.raises(EvenpickError, match="macro_accuracy: y_true and y_pred must be of one type"):
        macro_accuracy(np.array(["a", "b"], dtype=object), [1, 2])

    assert macro_accuracy(np.array(["a", "b"], dtype=object), ["a", "a"]) == 0.5


def test_the_interval_of_a_share_holds_the_middle_of_the_posterior_of_jeffreys_prior():
    low, high = share_interval(0.3, 10, confidence=0.9)
    draws = np.linspace(0, 1, 2_000_001)[1:-1]
    density = draws ** (3 - 0.5) * (1 - draws) ** (7 - 0.5)  # likelihood of 3 in 10 times p^-1/2 (1 - p)^-1/2

    assert density[draws < low].sum() / density.sum() == pytest.approx(0.05, abs=1e-4)
    assert density[draws > high].sum() / density.sum() == pytest.approx(0.05, abs=1e-4)
    assert share_interval(0.7, 10, confidence=0.9) == pytest.approx((1 - high, 1 - low))


def test_the_interval_of_none_and_of_all_ends_there():
    low, high = share_interval(0.0, 10)

    assert low == 0
    assert 0.2 < high < 0.31  # 3 / n at most, the rule of three
    assert share_interval(1.0, 10) == pytest.approx((1 - high, 1))
