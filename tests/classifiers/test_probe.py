"""The probe against scikit-learn's own answer on the features themselves."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evenpick.classifiers import fit_probe
from evenpick.classifiers.probe import C
from evenpick.vectors import normalised


def labelled(n=60, d=8, classes=4, seed=0, spread=0.4):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return normalised(rng.normal(size=(classes, d))[labels] + spread * rng.normal(size=(n, d))), labels


@pytest.mark.parametrize(("n", "d", "classes"), [(60, 8, 4), (20, 50, 4), (30, 8, 2)])
def test_probabilities_are_those_of_logistic_regression_divided_by_the_class_frequencies(n, d, classes):
    features, labels = labelled(n, d, classes, spread=1.5)
    labels = np.where(np.arange(n) < n // 2, 0, labels)
    plain = LogisticRegression(C=C, max_iter=2000, tol=1e-8).fit(features, labels).predict_proba(features)
    expected = plain / np.bincount(labels)

    found = fit_probe(features, labels).probabilities(features)

    assert found == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=0.02)


def test_probabilities_without_the_correction_are_the_plain_ones():
    features, labels = labelled(spread=1.5)
    labels = np.where(np.arange(60) < 30, 0, labels)
    plain = LogisticRegression(C=C, max_iter=2000, tol=1e-8).fit(features, labels).predict_proba(features)

    assert fit_probe(features, labels).probabilities(features, corrected=False) == pytest.approx(plain, abs=0.02)
