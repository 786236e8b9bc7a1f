"""What to expect: the test accuracy of the labels so far, and of twice as many, with intervals.

The accuracy meant is that of `train` by default, macro over **all** classes, undiscovered ones 0:
(accuracy over the classes found) x (classes found / all classes). The first is from `learning_curve`, the second from
Chao1. `benchmarks/expectation.md` says how often the intervals hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import ArrayLike

from ..errors import check_seed
from ..label_values import Label
from ..pool import Pool, labelled_rows
from ..vectors import normalised
from .groups import n_pieces, one_of_each_group, rows_of_other_groups
from .learning_curve import Curve, learning_curve
from .missing_classes import CONFIDENCE, UnseenClasses, unseen_classes

MOST_LOOKED_AT = 4000  # images without a label, drawn

# The ridge classifier is neither the SVM nor self-trained, and its margins say only so much of chosen labels: how far that
# puts off the accuracy over the classes found, beyond its standard error. Measured in benchmarks/expectation.md.
BIAS = 0.06
LITTLE = 0.01  # of accuracy: what labels bring less than is not worth them


@dataclass(frozen=True)
class Estimate:
    """A share between 0 and 1 with its 90 % interval."""

    value: float
    low: float
    high: float


def points_between(now: float, later: float) -> int:
    """By how many points two shares differ that are shown in whole percent: what a reader subtracts."""
    return int(f"{100 * later:.0f}") - int(f"{100 * now:.0f}")


def with_gain(shown: float, now: float, later: float) -> float:
    """A share that is shown and what a curve gains from `now` to `later`; none is above 1."""
    return min(shown + later - now, 1.0)


def points_gained(shown: float, now: float, later: float) -> int:
    """How many points what a curve gains adds to a share that is shown; 0 where that is less than one."""
    reached = with_gain(shown, now, later)
    return points_between(shown, reached) if reached - shown >= LITTLE else 0


@dataclass(frozen=True)
class Expectation:
    """Macro test accuracy over all classes, with the labels so far and with twice as many.

    Attributes
    ----------
    n_labels : int
    n_more : int
        As many labels again, or what the pool has left.
    now, doubled : Estimate
        With `n_labels`, and with `n_more` on top.
    gained_by_discovery : float
        The part of `doubled` - `now` that classes found meanwhile would bring.
    curve : Curve
        Accuracy over the classes found alone.
    """

    n_labels: int
    n_more: int
    now: Estimate
    doubled: Estimate
    gained_by_discovery: float
    curve: Curve


def expected_accuracy(
    pool: Pool, indices: ArrayLike, labels: Sequence[str], random_state: int = 0
) -> Expectation | None:
    """Estimate what a classifier trained on these labels reaches on new images, and what twice as many would.

    Where images are in groups, one label of each group is looked at, and the estimate holds for new groups.

    Parameters
    ----------
    pool : Pool
    indices : array of shape (n_labels,)
        Rows of the pool.
    labels : sequence of str, shape (n_labels,)
    random_state : int
        Draws the folds.

    Returns
    -------
    Expectation or None
        None with fewer than two classes, or while no class has two labels: nothing can be held out.

    Raises
    ------
    EvenpickError
        If the lengths differ, or a row is no row of the pool or is named twice.
    """
    check_seed("status", random_state)
    rows, names = one_of_each_group(pool, *labelled_rows("status", pool, indices, labels))
    unseen = unseen_classes(names, n_pieces(pool, rows))
    if unseen is None or unseen.found < 2 or unseen.found == len(rows):
        return None
    number_of: dict[Label, int] = {}  # in the order of discovery: another name for a class changes nothing
    numbers = np.array([number_of.setdefault(name, len(number_of)) for name in names], dtype=np.intp)
    rng = np.random.default_rng(random_state)
    others = rows_of_other_groups(pool, rows)
    others = np.sort(rng.choice(others, min(len(others), MOST_LOOKED_AT), replace=False))
    curve = learning_curve(normalised(pool.features[rows]), numbers, rng, normalised(pool.features[others]))
    return expectation_of(curve, unseen)


def expectation_of(curve: Curve, unseen: UnseenClasses, bias: float = BIAS) -> Expectation:
    """Accuracy over the classes found times the share of classes found, now and with twice the labels."""
    from scipy import stats

    found, n = unseen.found, unseen.n_labels
    n_more = n if unseen.unlabelled is None else min(n, unseen.unlabelled)
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, found - 1))
    normal = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    noise = hypot(quantile * curve.error, normal * bias)

    def share_found(undiscovered: float, n_more: int) -> float:
        return 1 - unseen.still_undiscovered(n_more, undiscovered) / (found + undiscovered)

    # Labels chosen for coverage may have found every class, whatever Chao1 says.
    shares = [tuple(share_found(k, more) for k in (unseen.undiscovered, unseen.high, 0.0)) for more in (0, n_more)]
    gain, largest = curve.gain(1 + n_more / n), curve.largest_gain(1 + n_more / n)
    later = min(curve.on_found + gain, 1.0)
    now = _product(curve.on_found, (noise, noise), shares[0])
    # The labels to come are chosen too, and differ from these once more.
    ahead = hypot(noise, normal * bias)
    doubled = _product(later, (hypot(ahead, gain), hypot(ahead, largest - gain)), shares[1])
    return Expectation(n, n_more, now, doubled if n_more else now, later * (shares[1][0] - shares[0][0]), curve)


def _product(value: float, widths: tuple[float, float], shares: tuple[float, ...]) -> Estimate:
    """Accuracy over the classes found times the share found, their deviations added in quadrature."""
    share, fewest, most = shares
    low = value * share - hypot(widths[0] * share, value * (share - fewest))
    high = value * share + hypot(widths[1] * share, value * (most - share))
    return Estimate(value * share, max(low, 0.0), min(high, 1.0))
