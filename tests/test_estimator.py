"""`EvenpickClassifier` by scikit-learn's own checks, and by what `train` makes of the same labels."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from evenpick import EvenpickClassifier, macro_accuracy, train


def clouds(counts, seed=0):
    rng = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(len(counts)), counts)
    return np.eye(len(counts), 6)[numbers] + 0.5 * rng.normal(size=(len(numbers), 6)), np.array(["a", "b", "c"])[
        numbers
    ]


@pytest.mark.slow
@parametrize_with_checks([EvenpickClassifier(n_folds=2), EvenpickClassifier("nearest_mean", n_folds=2)])
def test_it_keeps_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_it_predicts_as_the_model_of_the_same_labels():
    features, labels = clouds([30, 12, 6])
    own = EvenpickClassifier("svm", n_folds=4, random_state=3).fit(features, labels)

    model = train(features, np.arange(48), labels, "svm", random_state=3, n_folds=4)

    new, true = clouds([10, 10, 10], seed=1)
    assert own.classes_.tolist() == list(model.classes)
    assert own.predict_proba(new) == pytest.approx(model.predict_proba(new))
    assert own.predict(new).tolist() == model.predict(new).tolist()
    assert own.score(new, true) == model.score(new, true) == macro_accuracy(true, model.predict(new))
    assert own.decision_function(new).argmax(axis=1).tolist() == model.predict_proba(new).argmax(axis=1).tolist()


def test_of_two_classes_the_decision_is_one_number_that_is_above_zero_for_the_second():
    features, labels = clouds([30, 12])
    own = EvenpickClassifier("nearest_mean", n_folds=3).fit(features, labels)

    decision = own.decision_function(features)

    assert decision.shape == (42,)
    assert decision == pytest.approx(np.log(own.predict_proba(features)) @ [-1, 1])


def test_a_search_clones_it_and_judges_by_macro_accuracy():
    features, labels = clouds([30, 12, 6])
    search = GridSearchCV(EvenpickClassifier(n_folds=2), {"strategy": ["svm", "nearest_mean"]}, cv=2)

    search.fit(features, labels)

    assert set(search.classes_) == {"a", "b", "c"}
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()


def test_what_cannot_train_is_refused_as_scikit_learn_refuses():
    features, labels = clouds([10, 10])
    with pytest.raises(ValueError, match="strategy 'svn' does not exist; did you mean 'svm'"):
        EvenpickClassifier("svn").fit(features, labels)
