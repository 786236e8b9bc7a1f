"""What the audit labels tell: accuracy, the recall of each class and the classes not found, each with an interval of 90 %.

The macro accuracy is over **all** classes of the pool, those not found 0. `benchmarks/audit.md` says how often the intervals hold.
"""

import warnings
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np

from ..arrays import Values
from ..labels import RecordedLabels
from ..pool import Pool
from .audit_sample import UNTOLD, AuditSample, audit_sample
from .expectation import Estimate
from .missing_classes import CONFIDENCE
from .recall_posterior import Recalls, missing_mass, recalls
from .sequential import total_of

# What the replicates leave out, as a standard error: the probabilities that they begin with are not those of every pool. Set by
# hand on the sets of benchmarks/audit.md, which says what they would be without each of these. What is true there is that of the
# quick classifier; what `train` makes is not judged.
BEYOND, BEYOND_OPEN = 0.02, 0.04
_NORMAL = 1.645  # a standard error as half an interval of 90 %
FEWEST_FOR_A_CLASS = 5  # audit labels, from which on a recall is said to be measured
# A class that was not found has as many pieces as those with fewest labels, or as few as six tenths of that: set by hand too.
_SMALLER = 0.6


@dataclass(frozen=True)
class ClassFigure:
    """A class that was found: its labels, those of them that were drawn, its recall and its share of the pool."""

    name: str
    labels: int
    drawn: int
    recall: Estimate
    share: Estimate

    @property
    def measured(self) -> bool:
        """Whether draws say its recall; else mostly how sure the classifier is."""
        return self.drawn >= FEWEST_FOR_A_CLASS


@dataclass(frozen=True)
class AuditEstimate:
    """Figures that hold for the pieces (images, or groups) of this pool; shares between 0 and 1.

    Attributes
    ----------
    n_draws, n_untold : int
        Draws that were answered, and those of them that nobody could tell.
    n_skipped : int
        Pieces that nobody could tell, drawn or not.
    n_pieces, n_open : int
        Pieces of the pool, and those without an answer.
    macro : Estimate
        Macro accuracy over all classes and pieces; labelled ones are judged by a classifier trained without them.
    macro_open : Estimate or None
        The same over pieces without an answer; None if there are none.
    accuracy : Estimate
        The share of all pieces that are right; what nobody could tell is not. Assumes nothing of the pieces.
    classes : tuple of ClassFigure
        In the order in which they were found.
    missing_mass : Estimate
        The share of the pieces without an answer that are of a class without a label.
    missing : Estimate
        The number of such classes.
    """

    n_draws: int
    n_untold: int
    n_skipped: int
    n_pieces: int
    n_open: int
    macro: Estimate
    macro_open: Estimate | None
    accuracy: Estimate
    classes: tuple[ClassFigure, ...]
    missing_mass: Estimate
    missing: Estimate

    @property
    def n_told(self) -> int:
        """Audit labels: draws but those that nobody could tell."""
        return self.n_draws - self.n_untold

    @property
    def worst(self) -> list[ClassFigure]:
        """The classes whose recall draws say, the worst first."""
        return sorted((one for one in self.classes if one.measured), key=lambda one: one.recall.value)


def audit_estimate(pool: Pool, labels: RecordedLabels, random_state: int = 0) -> AuditEstimate | None:
    """What the draws of a record tell; None where fewer than 20 have a label or only one class is found."""
    sample = audit_sample(pool, labels)
    return None if sample is None else estimate_of(sample, np.random.default_rng(random_state))


def estimate_of(sample: AuditSample, rng: np.random.Generator) -> AuditEstimate:
    """The same of a sample that is made already."""
    found, k = recalls(sample, rng), len(sample.classes)
    mass = _mass(sample)
    missing = _missing(sample, found, rng)
    with warnings.catch_warnings():  # a replicate of a pool that is almost labelled may have no class that is open
        warnings.simplefilter("ignore", RuntimeWarning)
        still_open = np.nansum(found.still_open, axis=1) / (np.isfinite(found.still_open).sum(axis=1) + missing)
    drawn = sample.labels[sample.places]
    return AuditEstimate(
        len(drawn), int((drawn == UNTOLD).sum()), int((sample.labels == UNTOLD).sum()), sample.n_pieces, sample.n_open,
        _macro(found.whole.sum(axis=1) / (k + missing), BEYOND),
        _macro(still_open[np.isfinite(still_open)], BEYOND_OPEN) if sample.n_open else None,
        _accuracy(sample), _classes(sample, found), mass, _number(missing, mass, sample),
    )  # fmt: skip


def _macro(replicates: Values, beyond: float) -> Estimate:
    inner, more = _interval(replicates), _NORMAL * beyond
    low, high = hypot(inner.value - inner.low, more), hypot(inner.high - inner.value, more)
    return Estimate(inner.value, max(inner.value - low, 0.0), min(inner.value + high, 1.0))


def _interval(replicates: Values) -> Estimate:
    low, middle, high = np.quantile(replicates, [(1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2])
    return Estimate(float(middle), float(low), float(high))


def _accuracy(sample: AuditSample) -> Estimate:
    """With the interval of Wilson (1927) for as many even draws as would have the same error."""
    from scipy import stats

    right, n = sample.right.astype(np.float64), sample.n_pieces
    total, error = total_of(sample, right, np.where(sample.right, 1.0, sample.gains))
    known = right.sum() / n
    most = known + sample.n_open / n
    share = float(np.clip(total / n, known, most))
    as_sure = _draws_as_sure(sample, share, error / n)
    z = float(stats.t.ppf((1 + CONFIDENCE) / 2, max(len(sample.places) / 2, 2)))  # half: chances, and so errors, differ
    middle = (share + z**2 / (2 * as_sure)) / (1 + z**2 / as_sure)
    half = z / (1 + z**2 / as_sure) * sqrt(share * (1 - share) / as_sure + (z / (2 * as_sure)) ** 2)
    return Estimate(share, float(max(middle - half, known)), float(min(middle + half, most)))


def _draws_as_sure(sample: AuditSample, share: float, error: float) -> float:
    if error > 0 and 0 < share < 1:
        return max(share * (1 - share) / error**2, 1.0)
    return 1 / float((sample.weights_by_chance**2).sum())


def _mass(sample: AuditSample) -> Estimate:
    """As Clopper & Pearson (1934); without a lone draw the interval has one end: about 2.3 / n."""
    from scipy import stats

    value, n = missing_mass(sample)
    if not sample.n_open:
        return Estimate(0.0, 0.0, 0.0)
    lone, tail = value * n, (1 - CONFIDENCE) / 2
    if lone <= 0:
        return Estimate(0.0, 0.0, float(1 - (1 - CONFIDENCE) ** (1 / n)))
    low, high = stats.beta.ppf(tail, lone, n - lone + 1), stats.beta.ppf(1 - tail, lone + 1, max(n - lone, 1e-9))
    return Estimate(value, float(low), float(high))


def _missing(sample: AuditSample, found: Recalls, rng: np.random.Generator) -> Values:
    """Replicates of the number of classes not found: the pieces in them, by the size of the classes with fewest labels."""
    few = np.argsort(sample.counts, kind="stable")[: max(3, int((sample.counts == 1).sum()))]
    size = np.median(found.sizes[:, few], axis=1) * _SMALLER ** rng.uniform(size=len(found.sizes))
    return np.asarray(np.minimum(found.not_found, found.not_found / np.maximum(size, 1)))


def _number(missing: Values, mass: Estimate, sample: AuditSample) -> Estimate:
    number = _interval(missing)
    if not sample.n_open:
        return number
    high = max(number.high, 1.0)  # nothing rules out one more
    return Estimate(number.value, number.low, high) if mass.value else Estimate(0.0, 0.0, high)


def _classes(sample: AuditSample, found: Recalls) -> tuple[ClassFigure, ...]:
    drawn = sample.labels[sample.places]
    drawn = np.bincount(drawn[drawn != UNTOLD], minlength=len(sample.classes))
    shares = found.sizes / sample.n_pieces
    return tuple(
        ClassFigure(
            name, int(sample.counts[c]), int(drawn[c]), _interval(found.whole[:, c]), _interval(shares[:, c])
        )
        for c, name in enumerate(sample.classes)
    )  # fmt: skip
