"""How good a labelled set and a classifier are, under imbalance."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import EvenpickError
from .label_values import is_missing


def imbalance_ratio(counts: ArrayLike) -> float:
    """Standard deviation over mean of the labels per class (Table 1 of the paper).

    Parameters
    ----------
    counts : array of shape (n_classes,)
        Labels of **every** class of the data set, zeros for classes not found.

    Returns
    -------
    float
        Population standard deviation (ddof = 0) / mean; 0 when all classes have as many.

    Raises
    ------
    EvenpickError
        If `counts` is empty, negative anywhere, or all zero.
    """
    values = np.asarray(counts, dtype=np.float64)
    if values.ndim != 1 or not values.size or (values < 0).any() or not values.sum() > 0:
        raise EvenpickError(
            f"imbalance_ratio: counts must be one number >= 0 a class, not all zero; got {values.tolist()}"
        )
    return float(values.std() / values.mean())


def macro_accuracy(
    y_true: Sequence[Hashable] | NDArray[Any],
    y_pred: Sequence[Hashable] | NDArray[Any],
    classes: Iterable[Hashable] | None = None,
) -> float:
    """Top-1 accuracy of each class, averaged over all classes (section 4.3 of the paper).

    Parameters
    ----------
    y_true, y_pred : sequences of shape (n,)
        The true and the predicted class of each image.
    classes : iterable, optional
        All classes that count. A class without an image in `y_true` has no accuracy and is an error.
        By default those of `y_true`: a class that was never discovered is never predicted and counts 0.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    EvenpickError
        If the lengths differ, nothing is given, a true class is missing (None, nan, blank text), one has text and the
        other numbers, or a class has no image.
    """
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    if true.shape != predicted.shape or true.ndim != 1 or not true.size:
        raise EvenpickError(
            f"macro_accuracy: y_true and y_pred must be equally long and not empty; "
            f"got shapes {true.shape} and {predicted.shape}"
        )
    if not _are_text(true) & _are_text(predicted):  # text and numbers are never equal
        raise EvenpickError(
            f"macro_accuracy: y_true and y_pred must be of one type; got {true[0]!r:.40} and {predicted[0]!r:.40}"
        )
    for row, label in enumerate(true.tolist() if true.dtype.kind not in "biu" else ()):  # whole numbers cannot miss
        if is_missing(label):
            raise EvenpickError(f"macro_accuracy: row {row} of y_true is missing ({label!r}); leave it out of both")
    counted = sorted(set(true.tolist())) if classes is None else list(classes)
    correct = true == predicted
    shares = []
    for name in counted:
        members = true == name
        if not members.any():
            raise EvenpickError(f"macro_accuracy: class {name!r} has no image in y_true")
        shares.append(correct[members].mean())
    return float(np.mean(shares))


def _are_text(values: NDArray[Any]) -> set[bool]:
    """Whether some of the values are text, and whether some are not."""
    return (
        {isinstance(value, str) for value in values.tolist()} if values.dtype == object else {values.dtype.kind == "U"}
    )


def expected_calibration_error(
    probabilities: NDArray[np.floating], labels: NDArray[np.intp], n_bins: int = 15
) -> float:
    """How far confidence is from accuracy: mean |accuracy - confidence| over bins of equal width (Guo et al., 2017).

    Parameters
    ----------
    probabilities : array of shape (n, n_classes)
        Rows sum to 1.
    labels : array of shape (n,)
        Class numbers.
    n_bins : int

    Returns
    -------
    float
        Between 0 and 1; bins weigh as many images as they hold.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * n_bins).astype(np.intp), n_bins - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(labels))


@dataclass(frozen=True)
class CalibrationBin:
    """Predictions of about one confidence: how many, how sure on average, and the share that is right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def calibration_bins(
    confidence: ArrayLike, right: ArrayLike, n_bins: int = 10, weights: ArrayLike | None = None
) -> tuple[CalibrationBin, ...]:
    """The calibration curve: bins of equal width that hold a prediction, all arrays of shape (n,).

    With weights each prediction counts as many times in the means of its bin; `n` stays the number of predictions.
    """
    sure, hits = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    counted = np.ones(len(sure)) if weights is None else np.asarray(weights, dtype=np.float64)
    bins = np.minimum((sure * n_bins).astype(np.intp), n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    total, *sums = (
        np.bincount(bins, weights=counted * of, minlength=n_bins) for of in (np.ones(len(sure)), sure, hits)
    )
    return tuple(
        CalibrationBin(i / n_bins, (i + 1) / n_bins, int(counts[i]), *(float(of[i] / total[i]) for of in sums))
        for i in np.flatnonzero(counts).tolist()
    )


def macro_standard_error(accuracies: ArrayLike, sizes: ArrayLike) -> float:
    """Standard error of a macro accuracy, from each class's accuracy and images; shapes (n_classes,).

    That of the mean of independent shares, each with one success and one failure added (Agresti & Coull, 1998), so
    that a class with one image is not taken for certain.
    """
    counts = np.asarray(sizes, dtype=np.float64)
    shares = (np.asarray(accuracies) * counts + 1) / (counts + 2)
    return float(np.sqrt((shares * (1 - shares) / (counts + 2)).sum()) / len(counts))


def share_interval(share: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share of `n` independent cases, of Jeffreys' prior (Brown, Cai & DasGupta, 2001), in [0, 1]."""
    from scipy import stats

    tail, right = (1 - confidence) / 2, share * n
    low, high = stats.beta.ppf([tail, 1 - tail], right + 0.5, n - right + 0.5)
    return (float(low) if share > 0 else 0.0), (float(high) if share < 1 else 1.0)


def g_al(accuracies: ArrayLike, full: ArrayLike, best: float = 100.0) -> float:
    """How far partial labels stay behind full ones, over many configurations (Eq. 10 of the paper).

    Parameters
    ----------
    accuracies : array of shape (n_configurations,)
        Accuracy in percent of each configuration (data set and budget).
    full : float or array of shape (n_configurations,)
        Accuracy in percent with all labels, of each configuration's data set.
    best : float
        The best accuracy possible, in percent.

    Returns
    -------
    float
        Mean of (accuracy - full) / (best - full); 0 is as good as all labels, lower is worse.

    Raises
    ------
    EvenpickError
        If the shapes do not fit or `full` reaches `best`.
    """
    values, ceiling = np.asarray(accuracies, dtype=np.float64), np.asarray(full, dtype=np.float64)
    if values.ndim != 1 or not values.size or ceiling.shape not in ((), values.shape):
        raise EvenpickError(
            f"g_al: full must be one number, or one for each accuracy; got shapes {values.shape} and {ceiling.shape}"
        )
    if (ceiling >= best).any():
        raise EvenpickError(f"g_al: full must stay below best = {best}; got {ceiling.max()}")
    return float(np.mean((values - ceiling) / (best - ceiling)))


def classes_found(labels: Iterable[Hashable]) -> int:
    """Number of different classes among the labels."""
    return len(set(labels))


def class_counts(labels: Iterable[Hashable], classes: Iterable[Hashable]) -> NDArray[np.intp]:
    """Labels of each class, in the order of `classes`, zeros included; shape (n_classes,)."""
    position = {name: i for i, name in enumerate(classes)}
    counts = np.zeros(len(position), dtype=np.intp)
    for label in labels:
        counts[position[label]] += 1
    return counts


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Mean of repeated runs and the half width of its Student t interval; nan for a single run."""
    from scipy import stats

    runs = np.asarray(values, dtype=np.float64)
    if runs.size < 2:
        return float(runs.mean()), float("nan")
    half = stats.t.ppf((1 + confidence) / 2, runs.size - 1) * runs.std(ddof=1) / np.sqrt(runs.size)
    return float(runs.mean()), float(half)
