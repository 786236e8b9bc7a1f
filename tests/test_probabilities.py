"""Source probabilities: what selection keeps of them, and the rows that are none."""

import numpy as np
import pytest
from scipy import stats

from evenpick import probabilities as module
from evenpick.errors import EvenpickError
from evenpick.pool import Pool
from evenpick.probabilities import margins, softmax, summarise_probabilities


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, 0.4, 0.0], "row 1 has 0.9"),
        ([2.0, 1.0, 0.5], r"row 1 has 3.5 \(logits need a softmax first\)"),
        ([1.2, -0.2, 0.0], "row 1 has a negative or missing value"),
        ([np.nan, 0.5, 0.5], "row 1 has a negative or missing value"),
        ([np.inf, 0.0, 0.0], "row 1 has inf"),
    ],
)
def test_rows_that_are_no_probabilities_are_refused(row, message):
    with pytest.raises(EvenpickError, match=message):
        Pool.from_arrays(np.zeros((3, 2)), [[0.2, 0.3, 0.5], row, [1, 0, 0]])


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2, 1), (3, 2, 2, 2)])
def test_probabilities_must_be_a_table_of_two_classes_or_more(shape):
    with pytest.raises(EvenpickError, match=r"must have shape \(n, n_source_classes >= 2\)"):
        Pool.from_arrays(np.zeros((3, 2)), np.full(shape, 0.5))


def test_one_view_is_no_committee():
    with pytest.raises(EvenpickError, match=r"must have shape \(n, n_views >= 2, n_source_classes\); got \(3, 1, 2\)"):
        Pool.from_arrays(np.zeros((3, 2)), np.full((3, 1, 2), 0.5))


def test_of_several_views_by_hand():
    agree, differ, even = (
        [[0.5, 0.5, 0]] * 4,
        [[1, 0, 0]] * 3 + [[0, 0, 1]],
        [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]],
    )
    pool = Pool.from_arrays(np.zeros((3, 1)), np.array([agree, differ, even]))

    entropy = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    assert pool.entropy == pytest.approx([np.log(2), entropy, np.log(2)])
    assert pool.confidence == pytest.approx([0.5, 0.75, 0.5])
    assert pool.margin == pytest.approx([0, 0.5, 0])
    assert pool.variation_ratio == pytest.approx([0, 0.25, 0.5])
    assert pool.mutual_information == pytest.approx([0, entropy, np.log(2)], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_of_several_views_as_a_plain_loop_counts(seed):
    rng = np.random.default_rng(seed)
    views = rng.dirichlet(np.full(6, 0.3), size=(30, 1 + seed % 4 + 1))
    pool = Pool.from_arrays(np.zeros((30, 1)), views)

    for row, each in enumerate(views):
        votes = [int(view.argmax()) for view in each]
        assert pool.variation_ratio[row] == pytest.approx(1 - max(map(votes.count, votes)) / len(votes))
        told = stats.entropy(each.mean(axis=0)) - np.mean([stats.entropy(view) for view in each])
        assert pool.mutual_information[row] == pytest.approx(told, abs=1e-5)


def test_predictions_by_hand():
    pool = Pool.from_arrays(np.zeros((3, 1)), [[0.5, 0.25, 0.25], [0, 1, 0], [0.4, 0.2, 0.4]])

    assert pool.entropy == pytest.approx([1.5 * np.log(2), 0, -0.8 * np.log(0.4) - 0.2 * np.log(0.2)])
    assert pool.margin == pytest.approx([0.25, 1, 0])
    assert pool.confidence == pytest.approx([0.5, 1, 0.4])
    assert pool.source_class.tolist() == [0, 1, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_summaries_agree_with_scipy_whatever_the_block_size(dtype, monkeypatch):
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 7 * 12)
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(12, 0.1), size=30).astype(dtype)
    probabilities[3:15] = np.eye(12)
    ordered = np.sort(probabilities.astype(float), axis=1)

    summary = summarise_probabilities(probabilities)

    assert summary["entropy"] == pytest.approx(stats.entropy(probabilities.astype(float), axis=1), abs=1e-6)
    assert summary["confidence"] == pytest.approx(ordered[:, -1], abs=1e-6)
    assert summary["margin"] == pytest.approx(ordered[:, -1] - ordered[:, -2], abs=1e-6)
    assert (summary["source_class"] == probabilities.argmax(axis=1)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_probabilities_have_no_margin_and_belong_to_the_first_class(dtype):
    summary = summarise_probabilities(np.full((4, 5), 0.2, dtype))

    assert summary["margin"].tolist() == [0] * 4
    assert summary["source_class"].tolist() == [0] * 4
    assert summary["entropy"] == pytest.approx(np.log(5))


def test_a_certain_prediction_of_two_classes_has_the_whole_margin():
    assert summarise_probabilities(np.eye(2, dtype=np.float32))["margin"].tolist() == [1, 1]


def test_a_wrong_row_is_named_by_its_place_in_the_whole(monkeypatch):
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 2)
    probabilities = np.full((5, 2), 0.5)
    probabilities[3:] = 0.7

    with pytest.raises(EvenpickError, match=r"row 3 has 1\.4"):
        summarise_probabilities(probabilities)


def test_softmax_by_hand_and_without_overflow():
    assert softmax(np.log([[1.0, 3.0]])) == pytest.approx(np.array([[0.25, 0.75]]))
    assert softmax(np.array([[1e4, 1e4, -1e4]], np.float32)).tolist() == [[0.5, 0.5, 0.0]]


def test_a_margin_is_the_best_less_the_second_best():
    assert margins(np.array([[0.2, 0.5, 0.3], [0.0, 0.0, 1.0]])) == pytest.approx([0.2, 1.0])
