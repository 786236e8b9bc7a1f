"""Linear support vector machines, one against the rest, all classes at once.

The optimum is that of scikit-learn's `LinearSVC` (squared hinge loss, L2 penalty, the intercept a weight
of a constant 1). It is found for all classes together by Newton's method with conjugate gradients, in the
basis of the training features' singular vectors, from the solution of the last smaller C. One
liblinear run a class would dominate every benchmark: a grid of seven C on ten folds is seventy fits.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from .linear_head import LinearHead

Values: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = NDArray[np.float32]

C_GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)  # section 3.4 of the paper

_GRADIENT_TOLERANCE = 1e-6  # of the gradient at zero weights
_CG_TOLERANCE = 1e-1  # of a Newton direction; a better one costs more than the steps it saves
_MAX_NEWTON_STEPS = 50
_MAX_CG_STEPS = 100


def fit_path(
    features: NDArray[np.floating], labels: NDArray[np.intp], n_classes: int, cs: Sequence[float] = C_GRID
) -> list[LinearHead]:
    """The machine for each C, ascending.

    Parameters
    ----------
    features : array of shape (n, n_features)
    labels : array of shape (n,)
        Class numbers, 0 to n_classes - 1. A class without an image gets margins below zero everywhere.
    n_classes : int
    cs : sequence of float
        Ascending, > 0.
    """
    constant = np.ones((len(features), 1))
    left, singular, right = linalg.svd(
        np.hstack([features.astype(np.float64), constant]), full_matrices=False, check_finite=False
    )
    points = left * singular  # the features in the basis `right`, exactly
    signs = np.where(labels[:, None] == np.arange(n_classes), 1.0, -1.0)
    rotated = np.zeros((len(singular), n_classes))
    machines = []
    for c in cs:
        rotated = _newton(points, signs, c, rotated)
        weights = (right.T @ rotated).T
        machines.append(LinearHead(weights[:, :-1], weights[:, -1]))
    return machines


def _newton(points: Values, signs: Values, c: float, start: Values) -> Values:
    """Weights (rank, n_classes) that minimise |w|^2 / 2 + c * sum(max(0, 1 - sign * point @ w)^2)."""
    weights = start.copy()
    single = points.astype(np.float32)  # a direction need not be exact, only what it is judged by
    goal = _GRADIENT_TOLERANCE * np.linalg.norm(2 * c * points.T @ signs, axis=0)
    moving = np.arange(signs.shape[1])
    for _ in range(_MAX_NEWTON_STEPS):
        w, y = weights[:, moving], signs[:, moving]
        slack = np.maximum(1 - y * (points @ w), 0)
        gradient = w - 2 * c * (points.T @ (y * slack))
        size = np.linalg.norm(gradient, axis=0)
        rough = size > goal[moving]
        if not rough.any():
            break
        moving, w, y, slack = moving[rough], w[:, rough], y[:, rough], slack[:, rough]
        step: Values = _conjugate_gradients(single, slack > 0, c, -gradient[:, rough].astype(np.float32)).astype(
            np.float64
        )
        weights[:, moving] = w + step * _step_lengths(points, y, c, w, step, slack)
    return weights


def _conjugate_gradients(points: Singles, active: NDArray[np.bool_], c: float, right: Singles) -> Singles:
    """Solve (I + 2 c points.T diag(active) points) step = right, a column a class, by Jacobi-scaled CG."""
    mask = active.astype(points.dtype)
    diagonal = 1 + 2 * c * ((points**2).T @ mask)
    step, residual = np.zeros_like(right), right.copy()
    scaled = residual / diagonal
    direction = scaled.copy()
    energy = np.einsum("ij,ij->j", residual, scaled)
    goal = _CG_TOLERANCE * np.linalg.norm(right, axis=0)
    for _ in range(_MAX_CG_STEPS):
        curved = direction + 2 * c * (points.T @ (mask * (points @ direction)))
        length = energy / np.maximum(np.einsum("ij,ij->j", direction, curved), np.finfo(right.dtype).tiny)
        step += length * direction
        residual -= length * curved
        if (np.linalg.norm(residual, axis=0) <= goal).all():
            break
        scaled = residual / diagonal
        previous, energy = energy, np.einsum("ij,ij->j", residual, scaled)
        direction = scaled + energy / np.maximum(previous, np.finfo(right.dtype).tiny) * direction
    return step


def _step_lengths(points: Values, signs: Values, c: float, weights: Values, step: Values, slack: Values) -> Values:
    """1 for each class, halved until its objective does not rise."""
    before = np.einsum("ij,ij->j", weights, weights) / 2 + c * (slack**2).sum(axis=0)
    lengths = np.ones(weights.shape[1])
    for _ in range(30):
        moved = weights + lengths * step
        left = np.maximum(1 - signs * (points @ moved), 0)
        after = np.einsum("ij,ij->j", moved, moved) / 2 + c * (left**2).sum(axis=0)
        rises = after > before * (1 + 1e-12)
        if not rises.any():
            break
        lengths[rises] /= 2
    return lengths
