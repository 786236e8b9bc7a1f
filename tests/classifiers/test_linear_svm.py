"""Our optimum against scikit-learn's `LinearSVC`, which solves the same problem one class at a time."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.svm import LinearSVC

from evenpick.classifiers import LinearHead, in_own_basis, linear_svm
from evenpick.classifiers.linear_svm import C_GRID, fit_path
from evenpick.vectors import normalised


def objectives(svm, features, labels, c):
    """|w|^2 / 2 + c * sum(max(0, 1 - sign * margin)^2) of each class, the intercept a weight like the others."""
    signs = np.where(labels[:, None] == np.arange(len(svm.weights)), 1, -1)
    slack = np.maximum(0, 1 - signs * svm.scores(features))
    return (svm.weights**2).sum(axis=1) / 2 + svm.intercepts**2 / 2 + c * (slack**2).sum(axis=0)


def sklearn_machine(features, labels, n_classes, c):
    weights, intercepts = [], []
    for number in range(n_classes):
        one = LinearSVC(C=c, tol=1e-7, max_iter=100_000, dual=True, random_state=0)
        one.fit(features, labels == number)
        weights.append(one.coef_[0])
        intercepts.append(one.intercept_[0])
    return LinearHead(np.array(weights), np.array(intercepts))


def problem(n, d, n_classes, seed=0, repeats=1):
    """Overlapping clouds, of length 1 as `train` gives them; every class has an image."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, size=n - n_classes)])
    features = normalised(rng.normal(size=(n_classes, d))[labels] + rng.normal(size=(n, d)))
    return np.repeat(features, repeats, axis=0).astype(np.float64), np.repeat(labels, repeats)


PROBLEMS = {
    "more images than features": problem(60, 5, 4),
    "fewer images than features": problem(20, 50, 4),
    "two classes": problem(40, 8, 2),
    "every image three times": problem(15, 10, 3, repeats=3),
    "one image a class": problem(4, 6, 4),
    "a feature that is always zero": (np.hstack([problem(40, 5, 3)[0], np.zeros((40, 1))]), problem(40, 5, 3)[1]),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_optimum_is_that_of_scikit_learn(name):
    features, labels = PROBLEMS[name]
    n_classes = int(labels.max()) + 1
    cs = (1e-3, 1e-1, 1.0, 1e1)

    for c, ours in zip(cs, fit_path(features, labels, n_classes, cs), strict=True):
        theirs = sklearn_machine(features, labels, n_classes, c)
        assert objectives(ours, features, labels, c) == pytest.approx(objectives(theirs, features, labels, c), rel=1e-3)
        assert ours.scores(features) == pytest.approx(theirs.scores(features), abs=5e-3)


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_c_of_the_grid_leaves_a_worse_objective_than_scikit_learn(name):
    """At the largest C liblinear stops early itself, so ours may only be lower."""
    features, labels = PROBLEMS[name]
    n_classes = int(labels.max()) + 1

    for c, ours in zip(C_GRID, fit_path(features, labels, n_classes), strict=True):
        theirs = objectives(sklearn_machine(features, labels, n_classes, c), features, labels, c)
        assert (objectives(ours, features, labels, c) <= theirs * (1 + 1e-3)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("share", "kept"), [(0.0, 4000), (1.0, 4000), (1.0, 10)])
def test_each_way_to_a_step_leads_to_the_same_optimum(share, kept, monkeypatch):
    """By conjugate gradients alone, by the equations of the active images alone, and without their products kept."""
    features, labels = problem(300, 40, 12)
    monkeypatch.setattr(linear_svm, "_FEW_ACTIVE", share)
    monkeypatch.setattr(linear_svm, "_GRAM_LIMIT", kept)

    for c, ours in zip(C_GRID, fit_path(features, labels, 12), strict=True):
        theirs = objectives(sklearn_machine(features, labels, 12, c), features, labels, c)
        assert (objectives(ours, features, labels, c) <= theirs * (1 + 1e-4)).all()


def test_a_machine_found_in_the_features_own_basis_is_the_same():
    features, labels = PROBLEMS["fewer images than features"]
    points, basis = in_own_basis(features)

    assert points.shape == (20, 20)
    for plain, rotated in zip(fit_path(features, labels, 4), fit_path(points, labels, 4), strict=True):
        assert rotated.out_of(basis).scores(features) == pytest.approx(plain.scores(features), abs=1e-3)
        assert rotated.out_of(basis).scores(features) == pytest.approx(rotated.scores(points), abs=1e-9)


def test_an_easy_case_by_hand():
    # One feature, images at 1 (class 0) and -1 (class 1), C = 1: by symmetry no intercept, and
    # w^2 / 2 + 2 (1 - w)^2 is least at w = 4 / 5.
    (svm,) = fit_path(np.array([[1.0], [-1.0]]), np.array([0, 1]), 2, [1.0])

    assert svm.weights == pytest.approx(np.array([[0.8], [-0.8]]), abs=1e-5)
    assert svm.intercepts == pytest.approx([0, 0], abs=1e-5)
    assert svm.scores(np.array([[0.5]])) == pytest.approx(np.array([[0.4, -0.4]]), abs=1e-5)


def test_a_start_from_the_last_c_changes_nothing():
    features, labels = PROBLEMS["more images than features"]
    path = fit_path(features, labels, 4, (1e-4, 1e-2, 1.0))
    (alone,) = fit_path(features, labels, 4, (1.0,))

    assert path[-1].scores(features) == pytest.approx(alone.scores(features), abs=1e-3)


@pytest.mark.slow
def test_a_class_without_an_image_has_margins_below_zero_everywhere():
    features, labels = PROBLEMS["more images than features"]
    anywhere = normalised(np.random.default_rng(5).normal(size=(500, 5)))

    for c, svm in zip(C_GRID, fit_path(features, labels, 5), strict=True):
        assert (svm.scores(anywhere)[:, 4] < 0).all()

        def loss(weights, c=c):
            slack = np.maximum(0, 1 + features @ weights[:-1] + weights[-1])
            return weights @ weights / 2 + c * (slack**2).sum()

        least = minimize(loss, np.zeros(6), method="L-BFGS-B", options={"ftol": 1e-14, "maxiter": 5000}).fun
        assert objectives(svm, features, labels, c)[4] == pytest.approx(least, rel=1e-3)


def test_features_in_single_precision_give_the_same_machine():
    features, labels = PROBLEMS["fewer images than features"]

    double = fit_path(features, labels, 4, (1.0,))[0]
    single = fit_path(features.astype(np.float32), labels, 4, (1.0,))[0]

    assert single.weights.dtype == np.float64
    assert single.scores(features) == pytest.approx(double.scores(features), abs=1e-3)
