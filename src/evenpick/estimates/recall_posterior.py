"""The recall of every class: what the draws say, beside what the classifier is sure of.

A class c has pieces that are taken for it (how many, is known; the share that is right, a Beta) and pieces that are taken for
others (a Gamma). Both begin with the classifier's own probabilities, worth a few draws, and are updated by the draws. Temperature
and class frequencies of the probabilities are fitted to the draws, again for each of some hundred Bayesian bootstraps (Rubin,
1981). So a class without a draw is as wide as the classifier is unsure, and one without a failure is never certain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from ..arrays import FloatArray, Values
from ..probabilities import softmax
from .audit_sample import UNTOLD, AuditSample

REPLICATES = 400
# All below are set by hand on the sets of benchmarks/audit.md, which says how often the intervals hold with all of them; no page
# measures one alone. First the draws that the probabilities are worth, of what is taken for a class and of what is not.
OWN, MISSED = 2.0, 4.0
FEWEST_WRONG = 0.02  # of the pieces without an answer
# One class in ten may be missed far more often than the probabilities say: its factor has this shape and rate (mean 10).
WIDE, WIDE_SHAPE, WIDE_RATE = 0.1, 0.5, 0.05
SUREST, LEAST = 0.95, 0.01  # of what is taken for a class; that any other class has at least, together
TEMPERATURES = np.exp(np.linspace(np.log(0.03), np.log(0.4), 10))  # ridge scores lie between 0 and 1
FREQUENCIES = (0.0, 0.5, 1.0, 1.5)  # powers of how often classes are predicted


@dataclass(frozen=True, eq=False)
class Recalls:
    """Replicates, r of them, for k classes.

    Attributes
    ----------
    whole : array of shape (r, k)
        Recall over all pieces of the pool.
    still_open : array of shape (r, k)
        Over those without an answer; nan where none is of the class.
    sizes : array of shape (r, k)
        Pieces of each class in the pool.
    """

    whole: Values
    still_open: Values
    sizes: Values


def recalls(sample: AuditSample, rng: np.random.Generator) -> Recalls:
    """Replicates of the recall of each class found."""
    evidence = _evidence(sample)
    drawn = [_replicate(evidence, rng) for _ in range(REPLICATES)]
    right, missed, spread = (np.array(part) for part in zip(*drawn, strict=True))
    with np.errstate(invalid="ignore"):
        still_open = np.where(right + spread > 0, right / (right + spread), np.nan)
    sizes = evidence.counts + right + missed
    return Recalls((evidence.right_known + right) / sizes, still_open, sizes)


def missing_mass(sample: AuditSample) -> tuple[float, float]:
    """The share of pieces in classes without a label, and the number of draws, all alike, that would tell it as well.

    As Good (1953): a draw that is the only label of its class says how often a draw is of a class not found without it. Such
    pieces could get their answer later, too, and rather than others, as rare ones are sought: no larger share of them is left.
    """
    weights = _draw_weights(sample)
    left = sample.n_open / max(float(_could(sample).sum()), 1)
    return float(weights @ _lone(sample)) * min(left, 1.0), float(1 / (weights**2).sum())


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What replicates begin with; arrays of k classes, d draws, t settings of the probabilities.

    Attributes
    ----------
    counts, right_known : labels of each class, and those that the classifier without them has right
    before, right_before : the same before a draw, on average
    n_open : pieces without an answer that are taken for each class
    n_could : the same that could be drawn, on average
    tried, right : draws that were taken for each class, all alike, and those of them that are right
    missed, n_draws : draws of each class that were taken for another one; draws
    draw_weights (d,), likelihoods (t, d), own (t, k), elsewhere (t, k), expected (t, k) : by the probabilities, how likely the
        draws are, how sure of what is taken for a class, how many pieces of it are taken for others, and how many draws
    lost : the share of pieces of no class found
    """

    counts: FloatArray
    right_known: FloatArray
    before: FloatArray
    right_before: FloatArray
    n_open: FloatArray
    n_could: FloatArray
    tried: FloatArray
    right: FloatArray
    missed: FloatArray
    n_draws: float
    draw_weights: Values
    likelihoods: Values
    own: Values
    elsewhere: Values
    expected: Values
    lost: float


def _evidence(sample: AuditSample) -> _Evidence:
    k, told, places = len(sample.classes), sample.labels != UNTOLD, sample.places
    drawn, taken_for = sample.labels[places], sample.predicted[places]
    right = np.where(sample.right, 1.0, sample.gains)[places]
    usual = sample.weights_by_chance
    weights = _draw_weights(sample)
    n_draws = float(1 / (weights**2).sum())
    in_class = np.bincount(taken_for, usual, minlength=k)
    squares = np.bincount(taken_for, usual**2, minlength=k)
    tried = np.divide(in_class**2, squares, out=np.zeros(k), where=squares > 0)
    share = np.divide(np.bincount(taken_for, usual * right, k), in_class, out=np.zeros(k), where=in_class > 0)
    lone = _lone(sample)
    lost = lone | (drawn == UNTOLD)
    missed = np.bincount(np.maximum(drawn, 0), weights * (1 - right) * ~lost, minlength=k) * n_draws
    before = sample.weights @ sample.known
    open_for = np.bincount(sample.open_predicted, minlength=k) * _scale(sample)
    fits = [_fit(sample, weights * n_draws, lost, *setting) for setting in _settings(sample, open_for)]
    likelihoods, own, elsewhere, expected = (np.array(part) for part in zip(*fits, strict=True))
    return _Evidence(
        sample.counts.astype(float), np.bincount(sample.labels[sample.right], minlength=k).astype(float),
        np.bincount(sample.labels[told], before[told], minlength=k).astype(float),
        np.bincount(sample.labels[sample.right], before[sample.right], minlength=k).astype(float),
        np.rint(open_for).astype(float), _could(sample), tried, share * tried, missed, n_draws, usual, likelihoods, own, elsewhere,
        expected, float(weights @ lost),
    )  # fmt: skip


def _replicate(e: _Evidence, rng: np.random.Generator) -> tuple[Values, Values, Values]:
    """Pieces without an answer of each class that are taken for it; those that are not; and these shared out anew.

    Each of these pieces is right, or missed, or of a class not found, so that what is missed is what the others leave.
    Class by class it is what the probabilities and draws say, without the missed pieces that have their answer by now: for
    one class the small difference of two large numbers, often 0 where some are left. So over the pieces without an answer
    alone the classes share it as the probabilities of these pieces say.
    """
    best = int((e.likelihoods @ (rng.exponential(size=len(e.draw_weights)) * e.draw_weights)).argmax())
    own, tiny = e.own[best], 1e-3
    share = rng.beta(OWN * own + e.right + tiny, OWN * (1 - own) + e.tried - e.right + tiny)
    by_probability = e.elsewhere[best] * _factors(e.missed, e.expected[best], rng)
    n_could, n_open = e.n_could.sum(), e.n_open.sum()
    missed = by_probability * n_could / max(n_open, 1)
    # What got its answer after a draw could be drawn then, and is no longer open.
    right_open = np.clip(e.right_before + e.n_could * share - e.right_known, 0, e.n_open)
    missed_known = e.counts - e.right_known - (e.before - e.right_before)
    missed_open = np.maximum(missed - missed_known, 0)
    lost = rng.beta(e.lost * e.n_draws + 0.3, e.n_draws * (1 - e.lost) + 1) * n_open
    n_missed = max(n_open - right_open.sum() - lost, FEWEST_WRONG * n_open)
    spread = by_probability * n_missed / max(by_probability.sum(), 1e-9)
    # Where more of every class was missed since than the draws foretold, only the probabilities are left to share by.
    missed_open = missed_open * n_missed / missed_open.sum() if missed_open.any() else spread
    chance = np.divide(right_open, e.n_open, out=np.zeros(len(own)), where=e.n_open > 0)
    right = rng.binomial(e.n_open.astype(np.int64), chance).astype(np.float64)
    return right, rng.poisson(missed_open).astype(float), rng.poisson(spread).astype(float)


def _factors(missed: FloatArray, expected: Values, rng: np.random.Generator) -> Values:
    """By how much classes are missed more often than the probabilities say: of a mixture of two Gammas, after the draws."""
    usual, wide = (_log_chance(missed, expected, *prior) for prior in ((MISSED, MISSED), (WIDE_SHAPE, WIDE_RATE)))
    is_wide = rng.uniform(size=len(missed)) < WIDE / (WIDE + (1 - WIDE) * np.exp(np.clip(usual - wide, -50, 50)))
    shape, rate = np.where(is_wide, WIDE_SHAPE, MISSED), np.where(is_wide, WIDE_RATE, MISSED)
    return np.asarray(rng.gamma(shape + missed) / (rate + expected))


def _log_chance(missed: FloatArray, expected: Values, shape: float, rate: float) -> Values:
    """Log probability, but for what is the same for all priors, of so many missed draws: a negative binomial."""
    return np.asarray(
        gammaln(shape + missed) - gammaln(shape) + shape * np.log(rate) - (shape + missed) * np.log(rate + expected)
    )


def _settings(sample: AuditSample, open_for: FloatArray) -> list[tuple[float, Values]]:
    """Temperatures, with what is added to the log probability of each class."""
    counted = open_for + np.bincount(sample.predicted, minlength=len(open_for))
    log_share = np.log((counted + 1) / (counted.sum() + len(counted)))
    return [(float(t), power * log_share) for t in TEMPERATURES for power in FREQUENCIES]


def _fit(
    sample: AuditSample, counted: Values, lost: NDArray[np.bool_], temperature: float, added: Values
) -> tuple[Values, Values, Values, Values]:
    """Log likelihood of the draws, and what the probabilities say of the open pieces and of the draws."""
    places, k = sample.places, len(sample.classes)
    of_draws = _never_none(softmax(sample.scores[places] / temperature + added))
    lines = np.arange(len(places))
    likely = np.log(of_draws[lines, np.maximum(sample.labels[places], 0)] + 1e-9) * ~lost
    of_open = _never_none(softmax(sample.open_scores / temperature + added))
    taken_for = sample.open_predicted
    own = np.bincount(taken_for, of_open[np.arange(len(of_open)), taken_for], minlength=k)
    elsewhere = np.maximum(of_open.sum(axis=0) - own, 0) * _scale(sample)
    n = np.bincount(taken_for, minlength=k)
    of_draws[lines, sample.predicted[places]] = 0
    # However sure it is: where nothing fails, a failure is still possible.
    return likely, np.minimum((own + 0.5) / (n + 1), SUREST), elsewhere, counted @ of_draws


def _never_none(probabilities: Values) -> Values:
    return np.asarray((1 - LEAST) * probabilities + LEAST / probabilities.shape[1])


def _lone(sample: AuditSample) -> NDArray[np.bool_]:
    """Whether each draw is the only label of its class."""
    drawn = sample.labels[sample.places]
    return np.where(drawn == UNTOLD, False, sample.counts[np.maximum(drawn, 0)] == 1)


def _draw_weights(sample: AuditSample) -> Values:
    """Post-stratified by the class that pieces are taken for: draws weigh as many pieces as could be drawn of it."""
    usual, could = sample.weights_by_chance, _could(sample)
    taken_for = sample.predicted[sample.places]
    in_class = np.bincount(taken_for, usual, minlength=len(could))
    weights = np.minimum(usual * (could / could.sum())[taken_for] / in_class[taken_for], 5 * usual)
    return np.asarray(weights / weights.sum())


def _could(sample: AuditSample) -> Values:
    """Pieces that are taken for each class and could be drawn, on average over the draws (k,)."""
    k = len(sample.classes)
    still_open = np.bincount(sample.open_predicted, minlength=k) * _scale(sample)
    later = 1 - sample.weights @ sample.known
    return np.asarray(still_open + np.bincount(sample.predicted, later, minlength=k), dtype=np.float64)


def _scale(sample: AuditSample) -> float:
    return sample.n_open / max(len(sample.open_scores), 1)
