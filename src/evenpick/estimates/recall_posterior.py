"""The recall of every class: what the draws say, beside what the classifier is sure of.

Of the pieces without an answer some are taken for class c, and a share of these is right; of class c some are taken for others.
Both are looked for: they begin with the classifier's own probabilities for these very pieces, worth a few draws. The draws were
among more pieces, those that have their answer by now too. Of them all is known, so that a draw is as likely as they and what is
looked for together make it. Temperature and class frequencies of the probabilities are fitted to the draws, again for each of some
hundred Bayesian bootstraps (Rubin, 1981). So a class without a draw is as wide as the classifier is unsure, and one without a failure
is never certain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..arrays import FloatArray, IndexArray, Values
from ..probabilities import softmax
from .audit_sample import UNTOLD, AuditSample

REPLICATES = 400
# All below are set by hand on the sets of benchmarks/audit.md, which says what each would be without each of the sets. First the
# draws that the probabilities are worth, of what is taken for a class and of what is not.
OWN, MISSED = 2.0, 4.0
HALF = 0.5  # a failure at least, as of Jeffreys: else a class would be without any, or bad, and nothing between
# One class in ten may be missed far more often than the probabilities say: its factor has this shape and rate (mean 10).
WIDE, WIDE_SHAPE, WIDE_RATE = 0.1, 0.5, 0.05
RARE = 0.3  # the first parameter of the Beta of what is of no class found; the other is 1
LEAST = 0.01  # that any other class has at least, together
TEMPERATURES = np.exp(np.linspace(np.log(0.03), np.log(0.4), 10))  # ridge scores lie between 0 and 1
FREQUENCIES = (0.0, 0.5, 1.0, 1.5)  # powers of how often classes are predicted
# The ends of cells that shares and factors lie in, close where little is right or missed, and nearly all.
_SHARES = np.concatenate([[0], special.expit(np.linspace(-7, 9, 66)), [1]])
_FACTORS = np.concatenate([[0], np.geomspace(1e-3, 800, 72)])
_NONE = 1e-9


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
    not_found : array of shape (r,)
        Pieces of classes without a label.
    """

    whole: Values
    still_open: Values
    sizes: Values
    not_found: Values


def recalls(sample: AuditSample, rng: np.random.Generator) -> Recalls:
    """Replicates of the recall of each class found.

    Each piece without an answer is right, or missed, or of a class not found, so that what is missed is what the others leave.
    """
    e = _evidence(sample)
    resampled = rng.exponential(size=(REPLICATES, len(e.draw_weights))) * e.draw_weights
    share, missed = _by_setting(e, (resampled @ e.likelihoods.T).argmax(axis=1), rng)
    right = rng.binomial(e.n_open, share).astype(np.float64)
    wrong = e.n_open.sum() - right.sum(axis=1)
    not_found = wrong * _parts(
        e.lone, e.untold + e.missed.sum(), e.later_lone, e.later_untold + e.later_missed.sum(), wrong, rng
    )
    told = wrong - not_found
    told = told * (1 - _parts(e.untold, e.missed.sum(), e.later_untold, e.later_missed.sum(), told, rng))
    missed *= (told / np.maximum(missed.sum(axis=1), _NONE))[:, None]
    missed = rng.poisson(missed).astype(np.float64)
    with np.errstate(invalid="ignore"):
        still_open = np.where(right + missed > 0, right / (right + missed), np.nan)
    sizes = e.counts + right + missed
    return Recalls((e.right_known + right) / sizes, still_open, sizes, not_found)


def missing_mass(sample: AuditSample) -> tuple[float, float]:
    """The share of pieces in classes without a label, and the number of draws, all alike, that would tell it as well.

    As Good (1953): a draw that is the only label of its class says how often a draw is of a class not found without it. Such
    pieces could get their answer later, too, and rather than others, as rare ones are sought: no larger share of them is left.
    """
    weights = _draw_weights(sample)
    left = sample.n_open / max(float(_could(sample).sum()), 1)
    return float(weights @ _lone(sample)[sample.places]) * min(left, 1.0), float(1 / (weights**2).sum())


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What replicates begin with; arrays of k classes, d draws, t settings of the probabilities.

    Attributes
    ----------
    counts, right_known : labels of each class, and those that the classifier without them has right
    n_open : pieces without an answer that are taken for each class
    later_right, later_wrong : pieces that had none before a draw, on average, and have one by now, by the class taken for
    tried, right : draws that were taken for each class, all alike, and those of them that are right
    missed, later_missed : draws of each class that were taken for another one, and pieces with an answer by now
    lone, later_lone : the same that are wrong as the only ones of their class
    untold, later_untold : the same that nobody could tell
    n_draws : draws, all alike
    draw_weights (d,), likelihoods (t, d), own (t, k), elsewhere (t, k) : by the probabilities, how likely the draws are, how sure
        of what is taken for a class, and how many pieces of it are taken for others
    """

    counts: FloatArray
    right_known: FloatArray
    n_open: IndexArray
    later_right: Values
    later_wrong: Values
    tried: Values
    right: Values
    missed: Values
    later_missed: Values
    lone: float
    later_lone: float
    untold: float
    later_untold: float
    n_draws: float
    draw_weights: Values
    likelihoods: Values
    own: Values
    elsewhere: Values


def _evidence(sample: AuditSample) -> _Evidence:
    k, labels, places = len(sample.classes), sample.labels, sample.places
    right, lone, untold = np.where(sample.right, 1.0, sample.gains), _lone(sample), sample.labels == UNTOLD
    missed, weights = ~(untold | lone), _draw_weights(sample)
    n_draws = float(1 / (weights**2).sum())
    later = np.maximum(1 - sample.weights @ sample.known, 0)
    # By piece: what its draws count, and whether it could be drawn and has its answer by now.
    drawn_wrong, later_wrong = (1 - right) * _sums(places, weights * n_draws, len(right)), (1 - right) * later
    fits = [_fit(sample, missed[places], *setting) for setting in _settings(sample)]
    likelihoods, own, elsewhere = (np.array(part) for part in zip(*fits, strict=True))
    tried, tried_right = _tried(sample, right[places])
    return _Evidence(
        sample.counts.astype(float), _sums(labels[sample.right], np.ones(int(sample.right.sum())), k),
        np.rint(_open_for(sample)).astype(np.int64),
        _sums(sample.predicted, later * right, k), _sums(sample.predicted, later_wrong, k), tried, tried_right,
        _sums(labels[missed], drawn_wrong[missed], k), _sums(labels[missed], later_wrong[missed], k),
        float(drawn_wrong[lone].sum()), float(later_wrong[lone].sum()),
        float(drawn_wrong[untold].sum()), float(later_wrong[untold].sum()),
        n_draws, sample.weights_by_chance, likelihoods,
        # No surer than all draws together could show: where nothing fails, a failure is still possible.
        np.minimum(own, 1 - 1 / (n_draws + 2)), elsewhere,
    )  # fmt: skip


def _sums(places: IndexArray, values: Values, n: int) -> Values:
    return np.asarray(np.bincount(places, values, minlength=n), dtype=np.float64)


def _tried(sample: AuditSample, right: Values) -> tuple[Values, Values]:
    """Draws that were taken for each class (k,), as many as would tell as much if all were alike, and those that are right."""
    k, usual, taken_for = len(sample.classes), sample.weights_by_chance, sample.predicted[sample.places]
    in_class, squares = np.bincount(taken_for, usual, minlength=k), np.bincount(taken_for, usual**2, minlength=k)
    tried = np.divide(in_class**2, squares, out=np.zeros(k), where=squares > 0)
    share = np.divide(np.bincount(taken_for, usual * right, k), in_class, out=np.zeros(k), where=in_class > 0)
    return tried, share * tried


def _by_setting(e: _Evidence, settings: IndexArray, rng: np.random.Generator) -> tuple[Values, Values]:
    """Of the pieces without an answer, by replicate and class: the share right of those taken for it, and how many are missed."""
    share, missed = np.empty((2, len(settings), len(e.counts)))
    for setting in np.unique(settings):
        of_it = np.flatnonzero(settings == setting)
        share[of_it] = _drawn(_SHARES, _shares(e, e.own[setting]), len(of_it), rng)
        elsewhere = e.elsewhere[setting]
        missed[of_it] = elsewhere * _drawn(_FACTORS, _factors(e, elsewhere), len(of_it), rng)
    return share, missed


def _shares(e: _Evidence, own: Values) -> Values:
    """How likely each cell of shares is (k, cells): by a Beta, and by the draws among these pieces and those that were still to come."""
    failures = np.maximum(OWN * (1 - own), HALF)[:, None]
    prior = np.diff(special.betainc(failures * (own / (1 - own))[:, None], failures, _SHARES), axis=1)
    share, n_open = _middles(_SHARES), e.n_open[:, None]
    right = e.later_right[:, None] + n_open * share
    wrong = e.later_wrong[:, None] + n_open * (1 - share)
    could = np.maximum(right + wrong, _NONE)
    of_right, of_wrong = e.right[:, None], (e.tried - e.right)[:, None]
    likely = of_right * np.log(right / could + _NONE) + of_wrong * np.log(wrong / could + _NONE)
    return _after(prior, likely)


def _factors(e: _Evidence, elsewhere: Values) -> Values:
    """The same of the factors by which classes are missed more often than the probabilities say: a mixture of two Gammas first."""
    usual, wide = special.gammainc(MISSED, MISSED * _FACTORS), special.gammainc(WIDE_SHAPE, WIDE_RATE * _FACTORS)
    could = e.n_open.sum() + e.later_right.sum() + e.later_wrong.sum()
    missed = e.later_missed[:, None] + elsewhere[:, None] * _middles(_FACTORS)
    expected = e.n_draws * missed / max(could, _NONE)
    return _after(np.diff((1 - WIDE) * usual + WIDE * wide), e.missed[:, None] * np.log(expected + _NONE) - expected)


def _parts(
    of_it: float, others: float, later_of_it: float, later_others: float, total: Values, rng: np.random.Generator
) -> Values:
    """The part of each `total` (r,) that is of a kind: by draws of this kind and others, among these and those with an answer by now."""
    part, n = _middles(_SHARES), total[:, None]
    all_of_it, all_others = later_of_it + part * n, later_others + (1 - part) * n
    could = np.maximum(all_of_it + all_others, _NONE)
    likely = of_it * np.log(all_of_it / could + _NONE) + others * np.log(all_others / could + _NONE)
    return np.asarray(_drawn(_SHARES, _after(np.diff(_SHARES**RARE), likely), 1, rng)[0])


def _after(prior: Values, log_likelihood: Values) -> Values:
    return np.asarray(prior * np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True)))


def _middles(ends: Values) -> Values:
    return np.asarray((ends[1:] + ends[:-1]) / 2)


def _drawn(ends: Values, likely: Values, n: int, rng: np.random.Generator) -> Values:
    """So many values of each class (n, k), by how likely the cells between `ends` are (k, cells)."""
    up_to = likely.cumsum(axis=1)
    times = rng.uniform(size=(len(likely), n)) * up_to[:, -1:]
    places = [np.searchsorted(of_class, time) for of_class, time in zip(up_to, times, strict=True)]
    return np.asarray(_middles(ends)[np.minimum(places, likely.shape[1] - 1)].T, dtype=np.float64)


def _settings(sample: AuditSample) -> list[tuple[float, Values]]:
    """Temperatures, with what is added to the log probability of each class."""
    counted = _open_for(sample) + np.bincount(sample.predicted, minlength=len(sample.classes))
    log_share = np.log((counted + 1) / (counted.sum() + len(counted)))
    return [(float(t), power * log_share) for t in TEMPERATURES for power in FREQUENCIES]


def _fit(
    sample: AuditSample, found: NDArray[np.bool_], temperature: float, added: Values
) -> tuple[Values, Values, Values]:
    """Log likelihood of the draws, of those whose class would be found without them, and what is said of the open pieces."""
    places, k = sample.places, len(sample.classes)
    of_draws = _never_none(softmax(sample.scores[places] / temperature + added))
    likely = np.log(of_draws[np.arange(len(places)), np.maximum(sample.labels[places], 0)] + 1e-9) * found
    of_open = _never_none(softmax(sample.open_scores / temperature + added))
    taken_for = sample.open_predicted
    own = np.bincount(taken_for, of_open[np.arange(len(of_open)), taken_for], minlength=k)
    elsewhere = np.maximum(of_open.sum(axis=0) - own, 0) * _scale(sample)
    return likely, np.maximum(own / np.maximum(np.bincount(taken_for, minlength=k), 1), LEAST), elsewhere


def _never_none(probabilities: Values) -> Values:
    return np.asarray((1 - LEAST) * probabilities + LEAST / probabilities.shape[1])


def _lone(sample: AuditSample) -> NDArray[np.bool_]:
    """Whether each piece with an answer is the only label of its class (n,)."""
    return np.where(sample.labels == UNTOLD, False, sample.counts[np.maximum(sample.labels, 0)] == 1)


def _draw_weights(sample: AuditSample) -> Values:
    """Post-stratified by the class that pieces are taken for: draws weigh as many pieces as could be drawn of it."""
    usual, could = sample.weights_by_chance, _could(sample)
    taken_for = sample.predicted[sample.places]
    in_class = np.bincount(taken_for, usual, minlength=len(could))
    weights = np.minimum(usual * (could / could.sum())[taken_for] / in_class[taken_for], 5 * usual)
    return np.asarray(weights / weights.sum())


def _could(sample: AuditSample) -> Values:
    """Pieces that are taken for each class and could be drawn, on average over the draws (k,)."""
    later = 1 - sample.weights @ sample.known
    return np.asarray(_open_for(sample) + np.bincount(sample.predicted, later, minlength=len(sample.classes)))


def _open_for(sample: AuditSample) -> Values:
    """Pieces without an answer that are taken for each class (k,)."""
    return np.asarray(np.bincount(sample.open_predicted, minlength=len(sample.classes)) * _scale(sample))


def _scale(sample: AuditSample) -> float:
    return sample.n_open / max(len(sample.open_scores), 1)
