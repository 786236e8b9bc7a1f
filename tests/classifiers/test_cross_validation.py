"""Nested accuracies are those of what never saw the fold that is judged."""

from dataclasses import replace

import numpy as np
import pytest

from evenpick.classifiers import (
    SHALLOW_HEADS,
    TUNED_TAUS,
    cross_validate,
    deal_nested_folds,
)
from evenpick.classifiers.choice import Choice
from evenpick.classifiers.cross_validation import FoldJudge, validated
from evenpick.classifiers.folds import N_INNER_FOLDS
from evenpick.vectors import normalised


@pytest.mark.slow
def test_what_is_stated_is_chosen_without_the_fold_that_is_judged():
    """On labels that say nothing, the best of many settings looks good on the folds that chose it."""
    nested, chosen = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        features, labels = normalised(rng.normal(size=(60, 20))), np.arange(60) % 2
        folds = deal_nested_folds(labels, 10, rng)
        found = cross_validate(SHALLOW_HEADS["svm"], features, labels, folds, TUNED_TAUS).cross_validation
        nested.append(found.corrected_accuracy)
        chosen.append(max(found.accuracy_of_c.values()))

    assert np.mean(chosen) > np.mean(nested) + 0.02
    assert np.mean(nested) == pytest.approx(0.5, abs=0.06)


def test_inner_folds_see_nothing_of_the_fold_that_is_judged():
    seen = []
    head = SHALLOW_HEADS["nearest_mean"]
    spy = replace(head, fit=lambda f, y, g: (seen.append(f[:, 0].tolist()), head.fit(f, y, g))[1])
    features, labels = np.arange(1, 41, dtype=np.float32)[:, None] * np.ones((1, 2), np.float32), np.arange(40) % 2
    nested = deal_nested_folds(labels, 4, np.random.default_rng(0))
    folds, told = nested.outer, []

    cross_validate(spy, features, labels, nested, (1.0,), lambda done, total: told.append((done, total)))

    assert told == [(done, 8) for done in range(9)]  # four folds trained, then judged

    assert len(seen) == 4 + 4 * N_INNER_FOLDS
    blind = [
        sum(not set((np.flatnonzero(folds == fold) + 1.0).tolist()) & set(fitted) for fitted in seen)
        for fold in range(4)
    ]
    assert blind == [1 + N_INNER_FOLDS] * 4  # what judges the fold, and all that chooses for it


@pytest.mark.parametrize("name", SHALLOW_HEADS)
def test_a_single_fold_has_no_others_to_take_a_temperature_from(name):
    # The second group holds the only image of its class, and is never held out.
    labels, groups = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    nested = deal_nested_folds(labels, 10, np.random.default_rng(0), groups)
    features = normalised(np.random.default_rng(0).normal(size=(4, 3)))

    found = cross_validate(SHALLOW_HEADS[name], features, labels, nested, TUNED_TAUS)

    assert np.unique(nested.outer).tolist() == [-1, 0]
    assert found.predicted[nested.outer < 0].tolist() == [-1, -1]
    assert found.cross_validation.n_held_out == 2


def test_a_fold_is_corrected_by_the_class_frequencies_of_the_others():
    """Outside the fold both classes have one label, so nothing is to correct; inside it class 0 has three of four."""
    labels, folds = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, -1, 0, -1])
    judge = FoldJudge(0, np.tile([0.5, 0.0], (6, 1)), Choice(1.0, temperature=1.0, tau=1.0))

    found = validated(judge.choice, {}, labels, folds, [judge])

    assert found.predicted.tolist() == [0, 0, 0, -1, 0, -1]
