"""Does the source model know this domain? Asked before any label, and measured once there are some.

Section 4.6 and Figure 1 of the paper read it from the source predictions of the pool.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import FloatArray, IndexArray, Values
from ..errors import EvenpickError
from ..pool import Pool, feature_blocks, labelled_rows
from ..vectors import normalised
from .missing_classes import ENOUGH

# Of 28 image sets, four and 24 parts of them (benchmarks/transferability.md), the functions on source predictions are
# ahead of random with 100 and 200 labels on the 14 above these cuts, and on one of the 14 below.
INFORMATIVE = 0.15
AGREEING = 0.15  # adjusted mutual information with random labels
_SAME_LIKENESS = 1e-6  # cosines this close are rounding


@dataclass(frozen=True)
class SourceKnowledge:
    """What the source predictions of a pool tell before any label.

    Attributes
    ----------
    shares : tuple of float
        Share of the pool predicted as each source class, falling, zeros left out (Figure 1 of the paper).
    entropy : float
        Of the shares, in nats.
    effective_classes : float
        exp(entropy): that many equally frequent source classes would be as diverse.
    confidence : float
        Mean largest probability.
    information : float
        1 - mean entropy of the predictions / entropy of the source classes: the part of the diversity that single
        predictions resolve. Near 1 the predictions are certain and of many classes; at 0 and below they are
        as unsure about an image as about the whole pool. Their difference is the mutual information of image
        and class (Bridle et al., 1991), with top-1 classes for the mean prediction. The entropy below the line is
        that of Chao & Shen (2003), since a small pool shows few of the classes. 0 with one class only.
    """

    shares: tuple[float, ...]
    entropy: float
    effective_classes: float
    confidence: float
    information: float

    @property
    def knows(self) -> bool:
        """Whether functions on source predictions can be expected to beat random with few labels."""
        return self.information >= INFORMATIVE


@dataclass(frozen=True)
class MeasuredTransfer:
    """What labels tell about the source; None where they cannot tell yet.

    Attributes
    ----------
    n_labels, n_classes : int
    agreement : float or None
        Adjusted mutual information of top-1 source classes and labels: 0 as by chance, 1 the same parts. None
        with fewer than 20 labels, which chance decides, and while most labelled images are the only one of their
        source class (as diversified functions choose them): such labels cannot agree or disagree.
    neighbour_accuracy : float or None
        Share of images whose nearest labelled neighbour (cosine) is of their class, averaged over the classes
        with two labels or more.
    guess_accuracy : float or None
        What guessing among the classes found would reach in that average.
    log_me : float or None
        Log evidence per label and class of a linear model on the features (You et al., 2021): compares sources
        on the same labels; its height has no meaning of its own.
    """

    n_labels: int
    n_classes: int
    agreement: float | None
    neighbour_accuracy: float | None
    guess_accuracy: float | None
    log_me: float | None


def source_knowledge(pool: Pool) -> SourceKnowledge:
    """How well the source knows the pool's domain, from its predictions alone (Figure 1 of the paper).

    Raises
    ------
    EvenpickError
        If the pool has no source predictions.
    """
    if pool.predictions is None:
        raise EvenpickError("diagnose: the pool has no source predictions; give Pool.from_arrays the probabilities")
    counts = np.unique(pool.source_class, return_counts=True)[1]
    shares = np.sort(counts)[::-1] / len(pool)
    entropy = float((shares * np.log(1 / shares)).sum())
    information = 0.0
    if len(shares) > 1:
        information = 1 - float(pool.entropy.mean(dtype=np.float64)) / coverage_adjusted_entropy(counts)
    confidence = float(pool.confidence.mean(dtype=np.float64))
    return SourceKnowledge(tuple(shares.tolist()), entropy, float(np.exp(entropy)), confidence, information)


def coverage_adjusted_entropy(counts: IndexArray) -> float:
    """Entropy in nats of what counts (k,) > 0 are drawn from, classes that were not drawn included (Chao & Shen, 2003).

    The classes drawn share what Good-Turing leaves them, and each weighs by the chance to have been drawn at all.
    """
    n = int(counts.sum())
    singletons = min(int((counts == 1).sum()), n - 1)  # else nothing would be left to the classes drawn
    shares = (1 - singletons / n) * counts / n
    return float((shares * np.log(1 / shares) / (1 - (1 - shares) ** n)).sum())


def measured_transfer(pool: Pool, indices: ArrayLike, labels: Sequence[str]) -> MeasuredTransfer:
    """How well the source's predictions and features fit the labels so far.

    Parameters
    ----------
    pool : Pool
    indices : array of shape (n_labels,)
        Rows of the pool.
    labels : sequence of str, shape (n_labels,)

    Raises
    ------
    EvenpickError
        If the lengths differ, or a row is no row of the pool or is named twice.
    """
    rows, names = labelled_rows("diagnose", pool, indices, labels)
    classes, numbers = np.unique(names, return_inverse=True)
    if len(classes) < 2:
        return MeasuredTransfer(len(rows), len(classes), None, None, None, None)
    features = normalised(pool.features[rows])
    neighbour = nearest_neighbour_accuracy(features, numbers)
    return MeasuredTransfer(
        len(rows),
        len(classes),
        _agreement(pool, rows, numbers),
        neighbour,
        None if neighbour is None else 1 / len(classes),
        log_me(features, numbers),
    )


def nearest_neighbour_accuracy(features: FloatArray, labels: IndexArray) -> float | None:
    """Leave-one-out macro accuracy of the nearest neighbour, over classes with two images or more.

    `features` of shape (n, d) have length 1; of several neighbours that are equally near, each counts its part. None if
    every class has one image.
    """
    counts = np.bincount(labels)
    correct = np.empty(len(labels))
    for start, block in feature_blocks(np.asarray(features, dtype=np.float32)):
        likeness = block @ features.T
        own = np.arange(len(block))
        likeness[own, start + own] = -np.inf
        nearest = likeness >= likeness.max(axis=1, keepdims=True) - _SAME_LIKENESS
        same = labels[start : start + len(block), None] == labels
        correct[start : start + len(block)] = (nearest & same).sum(axis=1) / nearest.sum(axis=1)
    hits = np.bincount(labels, weights=correct, minlength=len(counts))
    shared = counts > 1
    return float((hits[shared] / counts[shared]).mean()) if shared.any() else None


def log_me(features: FloatArray, labels: IndexArray) -> float:
    """Logarithm of maximum evidence: You, Liu, Wang & Long, ICML 2021, Algorithm 1.

    For the targets y of each class (1 or 0) the largest log N(y; 0, I / beta + F F^T / alpha) / n over alpha
    and beta, averaged over classes. For a ratio t = alpha / beta the best beta is known, which leaves one number
    to search; the paper's fixed point climbs to the same maximum.
    """
    left, singular, _ = np.linalg.svd(np.asarray(features, dtype=np.float64), full_matrices=False)
    squares = singular**2
    targets = (labels[:, None] == np.unique(labels)).astype(np.float64)
    inside = (left.T @ targets) ** 2
    outside = np.maximum((targets**2).sum(axis=0) - inside.sum(axis=0), 0)
    evidence = [_largest_evidence(squares, a, b, len(labels)) for a, b in zip(inside.T, outside, strict=True)]
    return float(np.mean(evidence))


def _agreement(pool: Pool, rows: IndexArray, labels: IndexArray) -> float | None:
    if pool.predictions is None or len(rows) < ENOUGH:
        return None
    source = pool.source_class[rows]
    _, numbers, counts = np.unique(source, return_inverse=True, return_counts=True)
    if (counts[numbers] > 1).mean() < 0.5:
        return None
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(labels, source))


def _largest_evidence(squares: Values, inside: Values, outside: float, n: int) -> float:
    """Largest log evidence per image of one class, over t = alpha / beta."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        scale = 1 + squares / np.exp(log_t)
        beta = n / float((inside / scale).sum() + outside)
        return float(np.log(scale).sum() / n - np.log(beta) + np.log(2 * np.pi) + 1) / 2

    # Bounded, because features that fit y without a rest, such as copies, have evidence without end.
    grid = np.log(max(squares.max(), np.finfo(float).tiny)) + np.linspace(-20, 20, 81)
    best = int(np.argmin([loss(value) for value in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    refined = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return -min(loss(grid[best]), float(refined.fun))
