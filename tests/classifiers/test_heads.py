"""The shallow strategies against scikit-learn's."""

import numpy as np
import pytest

from evenpick.classifiers import (
    SHALLOW_HEADS,
)
from evenpick.vectors import normalised


def test_nearest_mean_is_scikit_learns_nearest_centroid():
    from sklearn.neighbors import NearestCentroid

    rng = np.random.default_rng(0)
    features, labels = normalised(rng.normal(size=(30, 4))), np.arange(30) % 3
    others = normalised(rng.normal(size=(50, 4)))

    scores = SHALLOW_HEADS["nearest_mean"].fit(features, labels, (1.0,))[0].scores(others)

    theirs = NearestCentroid().fit(features, labels)
    distances = ((others[:, None] - theirs.centroids_) ** 2).sum(axis=2)
    assert scores.argmax(axis=1).tolist() == theirs.predict(others).tolist()
    assert scores - (others**2).sum(axis=1, keepdims=True) == pytest.approx(-distances, abs=1e-5)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_logistic_regression_equals_scikit_learns_from_scratch(n_classes):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    labels = np.arange(120) % n_classes
    features = normalised(rng.normal(size=(120, 8)) + np.eye(8)[labels])

    for c, head in zip(
        (1.0, 10.0), SHALLOW_HEADS["logistic_regression"].fit(features, labels, (1.0, 10.0)), strict=True
    ):
        expected = LogisticRegression(C=c, tol=1e-8, max_iter=5000).fit(features, labels).predict_proba(features)
        powers = np.exp(head.scores(features))
        assert powers / powers.sum(axis=1, keepdims=True) == pytest.approx(expected, abs=0.02)
