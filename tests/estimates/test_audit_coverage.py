"""The promise of an audit, tried as MAPIE tries its own: pools whose truth is known, many audits, and how many intervals hold.

The classifier is fixed and its recalls are those of the pool, so that nothing but the draws and what is made of them is on trial.
These pools fit the model of the estimate: every class is found, and the scores are those of the classes, but for a temperature.
What becomes of pools that do not fit it, `benchmarks/audit.md` tells.
Classes are 1:50; labels are chosen where the classifier is unsure; audits are drawn among them with the chances of a session.
"""

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import default_rng
from scipy import stats

from evenpick.estimates import recall_posterior
from evenpick.estimates.audit import estimate_of
from evenpick.estimates.audit_sample import AuditSample
from evenpick.estimates.missing_classes import CONFIDENCE
from evenpick.session.audit import chances_of
from evenpick.session.steering import Predicted

N_PIECES, N_CLASSES, RATIO = 1000, 8, 50
FIGURES = ("macro", "macro_open", "accuracy")


def audited_pool(seed, n_labels=200, n_audit=60):
    """The sample of one audit, and the true value of each figure and recall."""
    rng = default_rng(seed)
    shares = RATIO ** -np.linspace(0, 1, N_CLASSES)
    true = np.concatenate([np.arange(N_CLASSES), rng.choice(N_CLASSES, N_PIECES - N_CLASSES, p=shares / shares.sum())])
    scores = scores_of(true, rng)
    predicted = scores.argmax(axis=1)
    order, drawn, chances, known = answered(predicted, margins_of(scores), n_labels, n_audit, rng)
    still = np.setdiff1d(np.arange(N_PIECES), order)
    names = tuple(f"class {c}" for c in range(N_CLASSES))
    sample = AuditSample(
        names, true[order], scores[order], scores[still], len(still), drawn, chances, known, np.zeros(n_labels)
    )
    right = predicted == true
    recalls = np.array([right[true == c].mean() for c in range(N_CLASSES)])
    of_open = [right[still][true[still] == c].mean() for c in np.unique(true[still])]
    return sample, {
        "macro": recalls.mean(),
        "macro_open": np.mean(of_open),
        "accuracy": right.mean(),
        "recalls": recalls,
    }


def scores_of(true, rng):
    """Between 0 and 1, as of a linear classifier that takes rare classes for common ones more often than the other way."""
    centres = rng.normal(size=(N_CLASSES, 6))
    points = centres[true] + rng.normal(size=(len(true), 6))
    squares = ((points[:, None] - centres) ** 2).sum(axis=2)
    likely = np.exp(-squares / 2) * RATIO ** -np.linspace(0, 0.5, N_CLASSES)
    return 0.2 * np.log(likely / likely.sum(axis=1, keepdims=True)).clip(-5) + 1


def margins_of(scores):
    highest = np.sort(scores, axis=1)
    return highest[:, -1] - highest[:, -2]


def answered(predicted, margins, n_labels, n_audit, rng):
    """The pieces in the order of their answers: one of each class, then by margin; and the draws spread evenly among them."""
    order, drawn, chances, known = list(range(N_CLASSES)), [], [], np.zeros((n_audit, n_labels), dtype=bool)
    turns = {int((m + 0.5) * (n_labels - N_CLASSES) / n_audit) + N_CLASSES for m in range(n_audit)}
    unsure_first = iter(np.argsort(margins))
    is_open = np.arange(len(predicted)) >= N_CLASSES
    for turn in range(N_CLASSES, n_labels):
        if turn in turns:
            rows = np.flatnonzero(is_open)
            of_each = chances_of(rows, Predicted(np.arange(len(predicted)), predicted))
            place = rng.choice(len(rows), p=of_each / of_each.sum())
            known[len(drawn), :turn] = True
            drawn.append(turn)
            chances.append(of_each[place])
            order.append(int(rows[place]))
        else:
            order.append(next(int(row) for row in unsure_first if is_open[row]))
        is_open[order[-1]] = False
    return np.array(order), np.array(drawn), np.array(chances), known


def told(n_audits, changed=lambda sample: sample, first=0, **more):
    """What is true, and value, low and high of each figure of so many audits (n, 4), and of the recalls that are measured."""
    found = {figure: [] for figure in (*FIGURES, "recalls")}
    for seed in range(first, first + n_audits):
        sample, truth = audited_pool(seed, **more)
        estimate = estimate_of(changed(sample), default_rng(seed))
        for figure in FIGURES:
            found[figure].append((truth[figure], *numbers(getattr(estimate, figure))))
        found["recalls"] += [
            (recall, *numbers(one.recall))
            for one, recall in zip(estimate.classes, truth["recalls"], strict=True)
            if one.measured
        ]
    return {figure: np.array(values) for figure, values in found.items()}


def numbers(estimate):
    return estimate.value, estimate.low, estimate.high


def shares_held(found):
    """The share of the intervals of each figure that hold."""
    return {
        figure: float(np.mean((low - 1e-9 <= true) & (true <= high + 1e-9)))
        for figure, (true, _, low, high) in ((figure, values.T) for figure, values in found.items())
    }


def widths(found):
    return {figure: float(np.mean(values[:, 3] - values[:, 2])) for figure, values in found.items()}


def as_if_all_chances_were_even(sample):
    """What it would be without the weight 1 / chance of each draw."""
    return replace(sample, chances=1 / (sample.n_pieces - sample.known.sum(axis=1)))


def fewest(n_audits, one_in=1000):
    """The share below which intervals that hold nine times in ten would fall in one of a thousand such tests."""
    return stats.binom.ppf(1 / one_in, n_audits, CONFIDENCE) / n_audits


@pytest.mark.slow
def test_in_thirty_audits_of_known_truth_no_figure_holds_too_seldom():
    held = shares_held(told(30))

    assert min(held[figure] for figure in FIGURES) >= fewest(30), held


# Labels, audit labels, and the mean width of each figure's interval that is wide enough: about a sixth more than it is.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_labels", "n_audit", "most"),
    [(100, 20, (0.46, 0.55, 0.53)), (200, 60, (0.26, 0.39, 0.27)), (700, 70, (0.115, 0.5, 0.11))],
)
def test_nine_in_ten_intervals_hold_what_is_true_and_are_no_wider_than_that_takes(n_labels, n_audit, most):
    found = told(400, n_labels=n_labels, n_audit=n_audit)

    held, wide = shares_held(found), widths(found)
    assert min(held[figure] for figure in FIGURES) >= fewest(400), held
    assert held["recalls"] >= 0.87, held  # several of a pool, so that they are fewer than they seem
    assert all(wide[figure] <= bound for figure, bound in zip(FIGURES, most, strict=True)), wide


@pytest.mark.slow
def test_without_the_chances_of_the_draws_the_intervals_would_not_hold():
    held = shares_held(told(100, as_if_all_chances_were_even))

    assert held["accuracy"] < fewest(100), held


@pytest.mark.slow
def test_only_with_what_is_known_by_now_the_images_that_are_left_are_told_without_bias(monkeypatch):
    def off():
        true, value, _, _ = told(150, n_labels=700, n_audit=100)["macro_open"].T
        return float(np.mean(value - true))

    assert abs(off()) < 0.06

    evidence = recall_posterior._evidence
    none = {"later_right": 0.0, "later_wrong": 0.0, "later_missed": 0.0, "later_lone": 0.0, "later_untold": 0.0}
    monkeypatch.setattr(recall_posterior, "_evidence", lambda sample: without_these(evidence(sample), none))
    assert off() < -0.06


def without_these(evidence, values):
    return replace(evidence, **{name: getattr(evidence, name) * value for name, value in values.items()})
