"""Accuracy on test images, by hand."""

import re
from dataclasses import replace

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.metrics import macro_accuracy
from evenpick.pool import Pool
from evenpick.training import evaluate, train


@pytest.fixture
def model():
    pool = Pool.from_arrays([[0, 1], [0.1, 1], [1, 0], [1, 0.1]])
    return train(pool, [0, 1, 2, 3], ["up", "up", "right", "right"])


def test_a_class_that_was_never_found_counts_nothing(model):
    test = Pool.from_arrays([[0, 2], [2, 0], [2, 0.1], [1, 1.1]])

    result = evaluate(model, test, ["up", "right", "up", "left"])

    # up: 1 of 2, right: 1 of 1, left: 0 of 1
    assert result.accuracy == pytest.approx((0.5 + 1 + 0) / 3)
    assert result.undiscovered == ["left"]
    assert [(c.name, c.n_images, c.accuracy) for c in result.classes] == [
        ("left", 1, 0),
        ("right", 1, 1),
        ("up", 2, 0.5),
    ]


def test_mistakes_are_told_the_surest_first_with_the_probability_of_both_classes(model):
    model = replace(model, counts=(2, 6)).with_tau(0.5)  # right is the rarer class
    test = Pool.from_arrays([[0, 2], [2, 0], [1.0, 0.9], [3, 0], [0.95, 1]], image_ids=["a", "b", "c", "d", "e"])

    result = evaluate(model, test, ["up", "up", "up", "left", "right"])
    probabilities = model.predict_proba(test)
    assert model.with_tau(0).predict(test)[4] == "up"  # and right with the correction
    up, right = model.classes.index("up"), model.classes.index("right")

    assert [(one.image, one.true, one.predicted) for one in result.mistakes] == [
        ("b", "up", "right"),
        ("d", "left", "right"),
        ("c", "up", "right"),
    ]
    assert [one.probability for one in result.mistakes] == [probabilities[row, right] for row in (1, 3, 2)]
    assert [one.probability_of_true for one in result.mistakes] == [probabilities[1, up], 0, probabilities[2, up]]
    assert sum(one.n for one in result.calibration) == 5
    assert sum(one.n * one.accuracy for one in result.calibration) == 2


@pytest.mark.slow
def test_the_interval_covers_the_true_accuracy_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    points = rng.normal([[0, 0]] * 500 + [[1.5, 0]] * 500)
    model = train(Pool.from_arrays(points), np.arange(1000), ["a"] * 500 + ["b"] * 500)
    draws = rng.normal([[0, 0]] * 20000 + [[1.5, 0]] * 20000)
    truth = np.array(["a"] * 20000 + ["b"] * 20000)
    exact = evaluate(model, Pool.from_arrays(draws), truth).accuracy
    covered = 0
    for _ in range(200):
        rows = np.concatenate([rng.integers(0, 20000, 30), rng.integers(20000, 40000, 30)])
        result = evaluate(model, Pool.from_arrays(draws[rows]), truth[rows])
        covered += abs(result.accuracy - exact) <= result.accuracy_half_width

    assert 180 <= covered <= 199


def test_as_many_labels_as_images_are_needed(model):
    with pytest.raises(EvenpickError, match="2 test images need as many labels; got 1"):
        evaluate(model, Pool.from_arrays([[0, 1], [1, 0]]), ["up"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["up", None], r"evaluate: row 1: the label is missing \(None\)"),
        ([1, 2], r"of the type that the model was trained with, str; got 1 \(int\)"),
        ("up", "labels must be a sequence"),
    ],
)
def test_labels_that_say_nothing_or_are_of_another_type_are_refused(model, labels, message):
    with pytest.raises(EvenpickError, match=message):
        evaluate(model, Pool.from_arrays([[0, 1], [1, 0]]), labels)


@pytest.mark.slow
@pytest.mark.parametrize(("own", "used"), [(0.5, 0.5), (1.0, 1.0), (0.0, 1.0)])
def test_the_correction_is_the_models_own_or_as_printed(own, used):
    rng = np.random.default_rng(0)
    points, labels = rng.normal([[0, 0]] * 90 + [[1, 1]] * 10), ["a"] * 90 + ["b"] * 10
    model = train(Pool.from_arrays(points), np.arange(100), labels).with_tau(own)
    test = Pool.from_arrays(rng.normal([[0, 0]] * 200 + [[1, 1]] * 200))
    true = ["a"] * 200 + ["b"] * 200

    result = evaluate(model, test, true)

    assert result.corrected_accuracy == macro_accuracy(true, model.with_tau(used).predict(test))
    assert result.accuracy == macro_accuracy(true, model.with_tau(0).predict(test))


def test_every_figure_is_that_of_scikit_learn(model):
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    rng = np.random.default_rng(1)
    test, true = Pool.from_arrays(rng.normal(size=(60, 2)) + 1), rng.choice(["up", "right", "left"], 60)
    classes = ["left", "right", "up"]

    result = evaluate(model, test, true)

    own = model.predict(test)
    precision, recall, f1, _ = precision_recall_fscore_support(true, own, labels=classes, zero_division=0)
    assert [one.name for one in result.classes] == classes
    assert [one.precision for one in result.classes] == pytest.approx(precision)
    assert [one.recall for one in result.classes] == pytest.approx(recall)
    assert [one.f1 for one in result.classes] == pytest.approx(f1)
    assert result.macro_f1 == pytest.approx(f1.mean())
    assert result.overall_accuracy == pytest.approx(accuracy_score(true, own))
    pairs = {(pair.true, pair.predicted): pair.n for pair in result.confusions}
    expected = {(t, p): int(((true == t) & (own == p)).sum()) for t in classes for p in classes if t != p}
    assert pairs == {pair: n for pair, n in expected.items() if n}
    assert [pair.n for pair in result.confusions] == sorted(pairs.values(), reverse=True)


def test_images_of_one_group_are_one_piece_of_evidence(model):
    points, true = [[0, 2], [2, 0], [2, 0.1], [0.1, 2]], ["up", "right", "up", "up"]
    alone = evaluate(model, Pool.from_arrays(points), true)
    fivefold = Pool.from_arrays(np.repeat(points, 5, axis=0), groups=np.repeat(np.arange(4), 5))

    result = evaluate(model, fivefold, np.repeat(true, 5))

    assert (result.n_images, result.n_groups, alone.n_groups) == (20, 4, 4)
    for name in ("accuracy", "corrected_accuracy", "overall_accuracy", "macro_f1"):
        assert getattr(result, name) == pytest.approx(getattr(alone, name))
    for name in ("accuracy_half_width", "corrected_half_width", "overall_half_width", "f1_half_width"):
        assert getattr(result, name) == pytest.approx(getattr(alone, name))
    assert [(one.low, one.high) for one in result.classes] == [(one.low, one.high) for one in alone.classes]


def test_a_class_that_differs_in_case_from_one_of_the_classifier_is_named(model):
    result = evaluate(model, Pool.from_arrays([[0, 2], [2, 0]]), ["Up", "right"])

    assert result.misspelt == (("Up", "up"),)
    assert "Class 'Up' counts 0; the classifier knows 'up': write both the same way." in result.sentences
    assert result.worst_first[0].name == "Up"


def test_no_interval_passes_what_a_share_can_be(model):
    said = evaluate(model, Pool.from_arrays([[0, 2], [2, 0]]), ["up", "right"]).sentences

    assert said[0] == "On 2 test images (classes: 2); in brackets: from, to, nineteen times in twenty:"
    spans = re.findall(r"100\.0% \((\d+\.\d)% to (\d+\.\d)%\)", " ".join(said))
    assert len(spans) == 4  # macro accuracy with and without, overall accuracy, F1
    assert all(0 <= float(low) < 100 and high == "100.0" for low, high in spans)
    assert "±" not in " ".join(said)
