"""The learning curve of labels, cross-validated with a ridge classifier and carried over to images without a label.

Labels that were chosen, for coverage or because a probe was unsure, are easier or harder than the rest of the pool:
how sure the classifier is of the others says by how much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray, IndexArray, Values
from ..classifiers import deal_folds
from .ridge_classifier import RidgeClassifier

# Training images of a fold in a drawn order, and its held-out ones: places among the labels.
_Split: TypeAlias = tuple[IndexArray, IndexArray]

N_FOLDS = 5
FRACTIONS = (1.0, 0.5, 0.25)  # of a fold's training images: the learning curve
_FEW_LABELS = 2000  # up to so many the folds are dealt twice
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

    @property
    def trained_on(self) -> tuple[float, ...]:
        """The share of the labels that each point was trained on, about."""
        return tuple((1 - 1 / N_FOLDS) * fraction for fraction in FRACTIONS[: len(self.points)])

    def gain(self, times: float = 2.0) -> float:
        """What so many times the labels add, by the inverse power law a - b n^-c through the points; at least 0."""
        _, later = min(_power_law(c, self.points, times) for c in EXPONENTS)
        return max(later, 0.0)

    def largest_gain(self, times: float = 2.0) -> float:
        """A learning curve flattens: twice the labels add no more than the last doubling did."""
        return max((self.points[0] - self.points[1]) * log2(times), self.gain(times))


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Held-out images whose class was in training, as they were predicted; all arrays have the shape (n,).

    Attributes
    ----------
    places : array of intp
        Among the labels. An image is there as often as it was held out.
    right : array of bool
    last_left : array of bool
        Whether one image of its class was in training.
    margins : array
        Of the predictions.
    """

    places: IndexArray
    right: NDArray[np.bool_]
    last_left: NDArray[np.bool_]
    margins: Values


def learning_curve(
    features: FloatArray, labels: IndexArray, rng: np.random.Generator, others: FloatArray | None = None
) -> Curve:
    """Stratified cross-validation of a ridge classifier on fractions of the labels, twice over for small sets.

    Parameters
    ----------
    features : array of shape (n, d)
        Of length 1.
    labels : array of intp, shape (n,)
        Class numbers 0 to k - 1, k >= 2, at least one of them twice.
    rng : numpy.random.Generator
        Deals the folds and draws the fractions.
    others : array of shape (m, d), optional
        Features of images without a label, whose accuracy is then predicted: labels that were chosen are harder or
        easier than they are.
    """
    classifier = RidgeClassifier(features, labels)
    splits = list(_splits(labels, rng))
    held_out = [_held_out(classifier, splits, fraction) for fraction in FRACTIONS]
    curve = _curve(labels, held_out)
    if others is None or not len(others):
        return curve
    predicted, margins = classifier.predict(others)
    whole = held_out[0]
    on_others = _accuracy_by_margin(whole.margins, whole.right, labels[whole.places], margins, predicted)
    return curve if on_others is None else replace(curve, on_found=on_others)


def _splits(labels: IndexArray, rng: np.random.Generator) -> Iterator[_Split]:
    for _ in range(2 if len(labels) <= _FEW_LABELS else 1):
        folds = deal_folds(labels, N_FOLDS, rng)
        for fold in range(N_FOLDS):
            training, held_out = rng.permutation(np.flatnonzero(folds != fold)), np.flatnonzero(folds == fold)
            if len(training) and len(held_out):
                yield training, held_out


def _held_out(classifier: RidgeClassifier, splits: Sequence[_Split], fraction: float) -> _HeldOut:
    """Of all folds, trained on the first so many of the training images."""
    parts = []
    for training, held_out in splits:
        training = training[: ceil(fraction * len(training))]
        predicted, margins = classifier.predict_held_out(training, held_out)
        labels = classifier.labels[held_out]
        support = np.bincount(classifier.labels[training], minlength=classifier.labels.max() + 1)[labels]
        known = support > 0
        parts.append((held_out[known], (predicted == labels)[known], (support == 1)[known], margins[known]))
    return _HeldOut(*map(np.concatenate, zip(*parts, strict=True)))


def _curve(labels: IndexArray, held_out: Sequence[_HeldOut]) -> Curve:
    """Averages over classes; one that cannot be held out is taken for one whose last training image is left."""
    counts = np.bincount(labels)
    n_classes = len(counts)
    hits = np.stack([np.bincount(labels[part.places[part.right]], minlength=n_classes) for part in held_out])
    trials = np.stack([np.bincount(labels[part.places], minlength=n_classes) for part in held_out])
    shares = np.divide(hits, trials, out=np.zeros(hits.shape), where=trials > 0)
    weights = trials / np.maximum(trials[0], 1)  # at a fraction: how often the class was known
    totals = weights.sum(axis=1)
    points = np.where(totals > 0, (weights * shares).sum(axis=1) / np.maximum(totals, 1e-9), 0.0)
    last_left = held_out[0].right[held_out[0].last_left]
    fallback = float(last_left.mean()) if len(last_left) else float(points[0])
    of_class = np.where(counts > 1, shares[0], fallback)
    return Curve(float(of_class.mean()), _standard_error(of_class, counts), tuple(points.tolist()))


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


def _accuracy_by_margin(
    certainty: Values, right: NDArray[np.bool_], of: IndexArray, others: Values, predicted: IndexArray
) -> float | None:
    """Macro accuracy on other images, by the margins of their predictions; None where all are right or all wrong.

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
