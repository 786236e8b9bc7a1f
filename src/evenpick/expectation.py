"""What to expect: the test accuracy of the labels so far, and of twice as many, with intervals.

The accuracy meant is that of `train` by default, macro over **all** classes, undiscovered ones 0:
(accuracy over the classes found) x (classes found / all classes). The second is from Chao1. The first is
cross-validated, and carried over to the images without a label by how sure the probe is of them: labels that were
chosen, for coverage or because a probe was unsure, are easier or harder than the rest of the pool. A fast probe
stands in for the SVM: least squares on one target a class, all classes weighing the same, which has one closed
solution a fold. `benchmarks/expectation.md` says how often the intervals hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, log2
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from .cross_validation import deal_folds
from .errors import check_seed
from .given_labels import checked_labels
from .linear_head import normalised
from .pool import IndexArray, Pool
from .probabilities import FloatArray
from .unseen_classes import CONFIDENCE, ENOUGH, UnseenClasses, unseen_classes

Values: TypeAlias = NDArray[np.float64]
_Judged: TypeAlias = tuple[Values, NDArray[np.bool_], IndexArray]  # margins, whether right, and the classes they are of

N_FOLDS = 5
RIDGE = 0.3  # of kernel values near 1; between 0.1 and 1 the probe hardly changes
FRACTIONS = (1.0, 0.5, 0.25)  # of a fold's training images: the learning curve
MOST_LOOKED_AT = 4000  # images without a label, drawn
_NO_MARGIN = 1e-6  # smaller ones, as of copies in two classes, have no logarithm to speak of
EXPONENTS = np.linspace(0.1, 1.0, 10)

WELL_KNOWN = 0.02  # standard error of the accuracy, up to which a curve that does not rise says to stop

# The probe is neither the SVM nor self-trained, and its margins tell only so much of chosen labels: how far that puts off
# the accuracy over the classes found, beyond its standard error. Measured in benchmarks/expectation.md.
BIAS = 0.06


@dataclass(frozen=True)
class Estimate:
    """A share between 0 and 1 with its 90 % interval."""

    value: float
    low: float
    high: float


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
    curve: "Curve"


@dataclass(frozen=True)
class Curve:
    """Accuracy over the classes found.

    `on_found` is that on images without a label, `error` its standard error; `points` are cross-validated on the labels,
    trained on all of a fold, half and a quarter.
    """

    on_found: float
    error: float
    points: tuple[float, ...]

    def gain(self, times: float = 2.0) -> float:
        """What so many times the labels add, by the inverse power law a - b n^-c through the points; at least 0."""
        _, later = min(_power_law(c, self.points, times) for c in EXPONENTS)
        return max(later, 0.0)

    def largest_gain(self, times: float = 2.0) -> float:
        """A learning curve flattens: twice the labels add no more than the last doubling did."""
        return max((self.points[0] - self.points[1]) * log2(times), self.gain(times))


def expected_accuracy(
    pool: Pool, indices: ArrayLike, labels: Sequence[str], random_state: int = 0
) -> Expectation | None:
    """Estimate what a classifier trained on these labels reaches on new images, and what twice as many would.

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
    rows, names = checked_labels("status", pool, indices, labels)
    unseen = unseen_classes(names, len(pool))
    if unseen is None or unseen.found < 2 or unseen.found == len(rows):
        return None
    number_of: dict[str, int] = {}  # in the order of discovery: another name for a class changes nothing
    numbers = np.array([number_of.setdefault(name, len(number_of)) for name in names], dtype=np.intp)
    rng = np.random.default_rng(random_state)
    others = np.setdiff1d(np.arange(len(pool)), rows)
    others = np.sort(rng.choice(others, min(len(others), MOST_LOOKED_AT), replace=False))
    curve = learning_curve(normalised(pool.features[rows]), numbers, rng, normalised(pool.features[others]))
    return expectation_of(curve, unseen)


def learning_curve(
    features: FloatArray, labels: NDArray[np.intp], rng: np.random.Generator, others: FloatArray | None = None
) -> Curve:
    """Stratified cross-validation of the probe on sub-samples of the labels, twice over for small sets.

    `others` are features of images without a label, of which the accuracy is told if they are given: labels that were
    chosen are harder or easier than they are.
    """
    points = _with_one(features)
    kernel = points @ points.T if len(labels) <= points.shape[1] else None
    correct, tested = (np.zeros((len(FRACTIONS), len(labels))) for _ in range(2))
    lone: list[bool] = []  # held-out images whose class has one training image
    judged: list[_Judged] = []
    for _ in range(2 if len(labels) <= 2000 else 1):
        folds = deal_folds(labels, N_FOLDS, rng)
        for fold in range(N_FOLDS):
            held = np.flatnonzero(folds == fold)
            order = rng.permutation(np.flatnonzero(folds != fold))
            for i, fraction in enumerate(FRACTIONS):
                train = order[: int(np.ceil(fraction * len(order)))]
                if not len(train) or not len(held):
                    continue
                support = np.bincount(labels[train], minlength=labels.max() + 1)[labels[held]]
                rows = points[held] if kernel is None else kernel[np.ix_(held, train)]
                classes, scores = _scores(points, kernel, labels, train, rows)
                right = classes[scores.argmax(axis=1)] == labels[held]
                correct[i, held] += right & (support > 0)
                tested[i, held] += support > 0
                if i == 0:
                    lone += right[support == 1].tolist()
                    judged.append((_margins(scores)[support > 0], right[support > 0], labels[held][support > 0]))
    curve = _curve(labels, correct, tested, lone)
    if others is None or not len(others):
        return curve
    train = np.arange(len(labels))
    rows = _with_one(others)
    classes, scores = _scores(points, kernel, labels, train, rows if kernel is None else rows @ points.T)
    margins, right, of = map(np.concatenate, zip(*judged, strict=True))
    on_others = _accuracy_by_margin(margins, right, of, _margins(scores), classes[scores.argmax(axis=1)])
    return curve if on_others is None else replace(curve, on_found=on_others)


def in_words(expectation: Expectation | None, unseen: UnseenClasses | None) -> list[str]:
    """Sentences on what is still to be found, what is reached, and what more labels would buy."""
    if unseen is None:
        return ["Nothing can be said before the first label."]
    said = [_still_to_find(unseen)]
    if unseen.found > 1 and unseen.mostly_lone:
        return [*said, "Without that, neither can the accuracy over all classes."]
    if expectation is None:
        return [*said, "The accuracy cannot be told yet: it needs two classes, and one of them with two labels."]
    now, doubled = expectation.now, expectation.doubled
    if unseen.too_early:
        span = f"{now.low:.0%} and {now.high:.0%}"
        return [*said, f"The macro accuracy over all classes lies between {span}; more labels will tell."]
    n, n_more = expectation.n_labels, expectation.n_more
    reached = f"Trained on these {n} labels, expect a macro accuracy of {_share(now)} over all classes"
    if not n_more:
        return [*said, f"{reached}. Every image has a label."]
    more = "Twice the labels" if n_more == n else "Labels of all images"
    said.append(f"{reached}; with {n + n_more} labels {_share(doubled)}.")
    said.append(_worth(more, doubled.value - now.value, expectation.gained_by_discovery, expectation.curve.error))
    return said


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


def _curve(labels: IndexArray, correct: Values, tested: Values, lone: list[bool]) -> Curve:
    """Averages over classes; one that cannot be held out is taken for one whose last training image is left."""
    hits = np.stack([np.bincount(labels, weights=row) for row in correct])
    trials = np.stack([np.bincount(labels, weights=row) for row in tested])
    shares = np.divide(hits, trials, out=np.zeros_like(hits), where=trials > 0)
    weights = trials / np.maximum(trials[0], 1)  # at a fraction: how often the class was known
    totals = weights.sum(axis=1)
    points = np.where(totals > 0, (weights * shares).sum(axis=1) / np.maximum(totals, 1e-9), 0.0)
    fallback = float(np.mean(lone)) if lone else float(points[0])
    of_class = np.where(np.bincount(labels) > 1, shares[0], fallback)
    return Curve(float(of_class.mean()), _standard_error(of_class, np.bincount(labels)), tuple(points.tolist()))


def _standard_error(of_class: Values, counts: NDArray[np.intp]) -> float:
    """Of the mean over classes: as a sample of classes, and as counts of images, whichever says more.

    Among few classes that happen to be alike the first says nothing. The second adds a success and a failure to
    each class (Agresti & Coull, 1998); a class with one label has no image that counts.
    """
    between = of_class.std(ddof=1) / np.sqrt(len(counts))
    tested = np.where(counts > 1, counts, 0)
    share = (of_class * tested + 1) / (tested + 2)
    within = np.sqrt((share * (1 - share) / (tested + 2)).sum()) / len(counts)
    return float(max(between, within))


def _power_law(exponent: float, points: tuple[float, ...], times: float) -> tuple[float, float]:
    """Squared misfit of a - b n^-c with c = `exponent`, and what it adds with so many times the labels."""
    sizes = np.array(FRACTIONS) ** -exponent
    slope, level = np.polyfit(sizes, points, 1)
    misfit = float(((slope * sizes + level - points) ** 2).sum())
    return misfit, float(slope * (times**-exponent - 1))


def _with_one(features: FloatArray) -> Values:
    """With a column of ones, whose weight is the intercept."""
    return np.column_stack([features.astype(np.float64), np.ones(len(features))])


def _margins(scores: Values) -> Values:
    """The largest score less the second largest of each row, shape (n,)."""
    best = np.partition(scores, -2, axis=1) if scores.shape[1] > 1 else np.hstack([0 * scores, scores])
    return np.asarray(best[:, -1] - best[:, -2])


def _accuracy_by_margin(
    margins: Values, right: NDArray[np.bool_], of: IndexArray, others: Values, predicted: IndexArray
) -> float | None:
    """Macro accuracy on other images, by the margins of their predictions; None where right and wrong cannot be told.

    A logistic regression says from the log of the margin how likely a held-out prediction is right, all classes
    weighing the same; its mean over the images `predicted` to be of each class stands for the accuracy of the class.
    """
    from sklearn.linear_model import LogisticRegression

    if right.all() or not right.any():
        return None
    one_a_class = 1 / np.bincount(of)[of]
    logarithms = [np.log(np.maximum(values, _NO_MARGIN))[:, None] for values in (margins, others)]
    model = LogisticRegression(C=1e3).fit(logarithms[0], right, sample_weight=one_a_class / one_a_class.mean())
    chance = model.predict_proba(logarithms[1])[:, 1]
    return float(np.average(chance, weights=1 / np.bincount(predicted)[predicted]))


def _scores(
    points: Values, kernel: Values | None, labels: IndexArray, train: IndexArray, rows: Values
) -> tuple[IndexArray, Values]:
    """Classes in training, and the scores of rows for each by weighted least squares, shape (n_rows, n_classes).

    The same solution from the kernel of all points or, without one, from the points: the smaller system is solved.
    `rows` are the kernel of the images with those in training, or their points.
    """
    classes, numbers, counts = np.unique(labels[train], return_inverse=True, return_counts=True)
    loss = counts[numbers] * (len(classes) / len(train))  # 1 / weight: every class weighs the same
    targets = (numbers[:, None] == np.arange(len(classes))).astype(np.float64)
    if kernel is None:
        weighted: Values = points[train] / loss[:, None]
        system, right_side = weighted.T @ points[train], weighted.T @ targets
        ridge: FloatArray | float = RIDGE
    else:
        system, right_side = kernel[np.ix_(train, train)], targets
        ridge = RIDGE * loss
    system[np.diag_indices(len(system))] += ridge
    solution = linalg.solve(system, right_side, assume_a="pos", overwrite_a=True, check_finite=False)
    return classes, rows @ solution


def _still_to_find(unseen: UnseenClasses) -> str:
    if unseen.unlabelled == 0:
        return f"All {unseen.found} classes of the pool are found: every image has a label."
    if unseen.n_labels < ENOUGH:
        return f"How many classes are still to be found cannot be told from fewer than {ENOUGH} labels."
    if unseen.too_early:
        return (
            f"How many classes are still to be found cannot be told yet: {unseen.singletons} of {unseen.n_labels} "
            "labels are the only one of their class."
        )
    return (
        f"About {unseen.undiscovered:.0f} more classes are to be found ({unseen.low:.0f} to {unseen.high:.0f}), "
        f"and a random image is of one of them with a chance of {unseen.unseen_mass:.1%} "
        f"({unseen.mass_low:.1%} to {unseen.mass_high:.1%}). Both take the labels for drawn at random; labels chosen "
        "for coverage find classes faster, so that there are probably fewer."
    )


def _share(estimate: Estimate) -> str:
    return f"{estimate.value:.0%} ({estimate.low:.0%} to {estimate.high:.0%})"


def _worth(more: str, gain: float, by_discovery: float, error: float) -> str:
    if gain < 0.01 and error > WELL_KNOWN:
        return (
            f"By the learning curve {more[0].lower()}{more[1:]} would buy less than a point, but these labels tell that "
            f"curve to about {100 * error:.0f} points only."
        )
    if gain < 0.01:
        return f"{more} would buy little: less than a point. This is a good place to stop."
    part = f", {100 * by_discovery:.0f} of them by finding classes" if by_discovery >= 0.01 else ""
    points = f"{100 * gain:.0f}"
    return f"{more} would buy about {points} {'point' if points == '1' else 'points'}{part}."
