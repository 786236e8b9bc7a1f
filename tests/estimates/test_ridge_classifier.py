"""The ridge classifier against the normal equations, and a case by hand."""

import numpy as np
import pytest

from evenpick.estimates.ridge_classifier import RIDGE, RidgeClassifier
from evenpick.probabilities import margins


@pytest.mark.parametrize("d", [5, 60])  # by the points, and by the kernel
def test_predictions_are_those_of_weighted_least_squares(d):
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(40, d)), rng.choice([0, 0, 0, 2, 3], size=40)
    training, held_out, others = np.arange(30), np.arange(30, 40), rng.normal(size=(7, d))
    classifier = RidgeClassifier(features, labels)

    def reference(rows, images):
        """Minimise sum w (x b - y)^2 + 0.3 |b|^2 with mean class weight 1."""
        classes, counts = np.unique(labels[rows], return_counts=True)
        weight = (len(rows) / len(classes) / counts)[np.searchsorted(classes, labels[rows])]
        x, y = np.hstack([features[rows], np.ones((len(rows), 1))]), (labels[rows][:, None] == classes).astype(float)
        solution = np.linalg.solve(x.T @ (weight[:, None] * x) + 0.3 * np.eye(d + 1), x.T @ (weight[:, None] * y))
        scores = np.hstack([images, np.ones((len(images), 1))]) @ solution
        return classes[scores.argmax(axis=1)].tolist(), margins(scores)

    for found, (best, certainty) in [
        (classifier.predict_held_out(training, held_out), reference(training, features[held_out])),
        (classifier.predict(others), reference(np.arange(40), others)),
    ]:
        assert found[0].tolist() == best
        assert found[1] == pytest.approx(certainty)


def test_two_images_by_hand():
    # x = (1, 1) and (-1, 1) with the ones: X'X = diag(2, 2), r = 0.3, so B = X'Y / 2.3 = [[1, -1], [1, 1]] / 2.3
    classifier = RidgeClassifier(np.array([[1.0], [-1.0]]), np.array([4, 7]))

    classes, certainty = classifier.predict(np.array([[0.5], [-2.0]]))

    assert classes.tolist() == [4, 7]
    assert certainty == pytest.approx([2 * 0.5 / 2.3, 2 * 2 / 2.3])


def test_of_one_class_alone_the_margin_is_its_score():
    classifier = RidgeClassifier(np.array([[1.0], [1.0], [3.0]]), np.array([0, 0, 1]))

    classes, certainty = classifier.predict_held_out(np.array([0, 1]), np.array([2]))

    # both x = (1, 1), weight 1: X'X + r = [[2.3, 2], [2, 2.3]], X'Y = (2, 2), so b = 2 / 4.3 each; x = (3, 1)
    assert classes.tolist() == [0]
    assert certainty == pytest.approx([4 * 2 / 4.3])


@pytest.mark.parametrize("width", [60, 6])
def test_scores_left_out_are_those_of_a_training_without_the_image(width):
    rng = np.random.default_rng(3)
    labels = np.array([0, *np.arange(4), *rng.integers(1, 4, size=25)])
    points = rng.normal(size=(30, width))
    features = points / np.linalg.norm(points, axis=1, keepdims=True)
    inputs = np.column_stack([features, np.ones(30)])
    counts = np.bincount(labels)

    def trained_without(out, weighing_as):
        """The scores of the images that are left out, by the system as it is written."""
        left = np.setdiff1d(np.arange(30), out)
        weights = counts[labels] * 4 / 30
        weights[labels == labels[out[0]]] *= weighing_as / counts[labels[out[0]]]
        targets = (labels[:, None] == np.arange(4)).astype(float)
        kernel = inputs @ inputs.T
        solved = np.linalg.solve(kernel[np.ix_(left, left)] + np.diag(RIDGE * weights[left]), targets[left])
        return kernel[np.ix_(out, left)] @ solved

    classifier = RidgeClassifier(features, labels)
    left_out, without_two = classifier.scores_left_out(), classifier.right_without_two(fewest=2, most=15)

    for row in range(30):
        n = counts[labels[row]]
        assert left_out[row] == pytest.approx(trained_without([row], n - 1)[0])
        others = [other for other in np.flatnonzero(labels == labels[row]) if other != row]
        right = [trained_without([row, other], n - 2)[0].argmax() == labels[row] for other in others]
        assert without_two[row] == pytest.approx(np.mean(right))
    assert np.array_equal(classifier.scores(features).argmax(axis=1), classifier.predict(features)[0])
