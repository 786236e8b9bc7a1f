"""The learning curve of labels, cross-validated with a fast probe and carried over to images without a label.

Labels that were chosen, for coverage or because a probe was unsure, are easier or harder than the rest of the pool:
how sure the probe is of the others says by how much. The probe is least squares on one target a class, all classes
weighing the same, which has one closed solution a fold.
"""

from dataclasses import dataclass, replace
from math import log2
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ..arrays import FloatArray, IndexArray, Values
from ..classifiers import deal_folds
from ..probabilities import margins

_Judged: TypeAlias = tuple[Values, NDArray[np.bool_], IndexArray]  # margins, whether right, and the classes they are of

N_FOLDS = 5
RIDGE = 0.3  # of kernel values near 1; between 0.1 and 1 the probe hardly changes
FRACTIONS = (1.0, 0.5, 0.25)  # of a fold's training images: the learning curve
_NO_MARGIN = 1e-6  # smaller ones, as of copies in two classes, have no logarithm to speak of
EXPONENTS = np.linspace(0.1, 1.0, 10)


@dataclass(frozen=True)
class Curve:
    """Accuracy over the classes found, shares between 0 and 1.

    Attributes
    ----------
    on_found : float
        On images without a label, where they were given; else as cross-validated.
    error : float
        Standard error of the cross-validated accuracy, taken for that of `on_found` too.
    points : tuple of float
        Cross-validated on the labels, trained on all of a fold, half and a quarter.
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


def learning_curve(
    features: FloatArray, labels: IndexArray, rng: np.random.Generator, others: FloatArray | None = None
) -> Curve:
    """Stratified cross-validation of the probe on sub-samples of the labels, twice over for small sets.

    Parameters
    ----------
    features : array of shape (n, d)
        Of length 1.
    labels : array of intp, shape (n,)
        Class numbers 0 to k - 1, k >= 2, at least one of them twice.
    rng : numpy.random.Generator
    others : array of shape (m, d), optional
        Features of images without a label, of which the accuracy is then told: labels that were chosen are harder or
        easier than they are.
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
    certainty, right, of = map(np.concatenate, zip(*judged, strict=True))
    on_others = _accuracy_by_margin(certainty, right, of, _margins(scores), classes[scores.argmax(axis=1)])
    return curve if on_others is None else replace(curve, on_found=on_others)


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


def _standard_error(of_class: Values, counts: IndexArray) -> float:
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
    """Shape (n,); of one class alone the score itself."""
    return margins(scores if scores.shape[1] > 1 else np.hstack([0 * scores, scores]))


def _accuracy_by_margin(
    certainty: Values, right: NDArray[np.bool_], of: IndexArray, others: Values, predicted: IndexArray
) -> float | None:
    """Macro accuracy on other images, by the margins of their predictions; None where right and wrong cannot be told.

    A logistic regression says from the log of the margin how likely a held-out prediction is right, all classes
    weighing the same; its mean over the images `predicted` to be of each class stands for the accuracy of the class.
    """
    from sklearn.linear_model import LogisticRegression

    if right.all() or not right.any():
        return None
    one_a_class = 1 / np.bincount(of)[of]
    logarithms = [np.log(np.maximum(values, _NO_MARGIN))[:, None] for values in (certainty, others)]
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
