"""C, temperature and tau are those of a slow search."""

import numpy as np
import pytest

from evenpick.classifiers import (
    TUNED_TAUS,
    choose,
)
from evenpick.classifiers.choice import fit_temperature
from evenpick.metrics import macro_accuracy, macro_standard_error


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-4, 0.1, 1.0, 30.0])
def test_the_temperature_is_the_best_of_a_fine_grid(scale):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, size=200)
    margins = scale * (1.5 * np.eye(4)[labels] + rng.normal(size=(200, 4)))

    def loss(temperature):
        powers = np.exp((margins - margins.max(axis=1, keepdims=True)) / temperature)
        likely = np.log(powers / powers.sum(axis=1, keepdims=True))
        own = likely[np.arange(200), labels]
        return -((1 - 1 / 202) * own + 1 / 202 * (likely.sum(axis=1) - own) / 3).mean()

    found = fit_temperature(margins, labels)

    grid = scale * np.geomspace(0.01, 100, 4001)
    best = min(grid, key=loss)
    assert found == pytest.approx(best, rel=5e-3)
    assert loss(found) <= loss(best) + 1e-9


def test_c_temperature_and_tau_are_judged_together():
    """The smaller C is better by its raw scores, but the correction gives most of the common class away."""
    vague, labels = scores_with_doubts(30)
    vague[0, 49] *= -1  # by its raw scores one more is right
    good, _ = scores_with_doubts(0)

    choice, accuracy_of_c = choose(np.concatenate([vague, good]), labels, (0.1, 1.0), (1.0,))

    raw = [macro_accuracy(labels, scores.argmax(axis=1)) for scores in (vague[0], good[0])]
    assert raw[0] > raw[1]
    assert choice.c == 1.0
    assert accuracy_of_c[1.0] > accuracy_of_c[0.1]


@pytest.mark.parametrize("seed", range(8))
def test_the_printed_correction_stands_unless_a_weaker_one_is_better_by_half_a_standard_error(seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [60, 20, 6])
    scores = rng.normal(size=(1, 86, 3)) + 1.5 * np.eye(3)[labels] + np.log([6, 2, 1]) * rng.uniform(-0.5, 1)
    taus, sizes = (0.0, 0.5, 1.0), np.array([60, 20, 6])
    told, temperature = {}, fit_temperature(scores[0], labels)
    for tau in taus:
        told[tau] = (scores[0] / temperature - tau * np.log(sizes / 86)).argmax(axis=1) == labels
    shares = {tau: np.bincount(labels, weights=right) / sizes for tau, right in told.items()}
    best = max(taus, key=lambda tau: (shares[tau].mean(), tau))
    error = macro_standard_error(shares[best], sizes)

    choice, _ = choose(scores, labels, (1.0,), taus)

    assert choice.tau == max(tau for tau in taus if shares[tau].mean() >= shares[best].mean() - error / 2)


def scores_with_doubts(doubtful):
    """Held-out scores of 40 common and 10 rare images, one of each told wrong.

    Of the common ones some are so doubtful that a correction with tau = 1 gives them to the rare class.
    """
    labels = np.repeat([0, 1], [40, 10])
    lead = np.where(labels == 0, 3.0, -3.0)
    lead[[39, 49]] *= -1
    lead[:doubtful] = 0.5
    return np.stack([lead / 2, -lead / 2], axis=1)[None], labels


def test_the_printed_correction_stands_within_a_standard_error():
    few, labels = scores_with_doubts(2)
    many, _ = scores_with_doubts(30)

    assert choose(few, labels, (1.0,), TUNED_TAUS)[0].tau == 1
    assert choose(many, labels, (1.0,), TUNED_TAUS)[0].tau < 1
    assert choose(many, labels, (1.0,), (1.0,))[0].tau == 1  # as printed, whatever the folds say
