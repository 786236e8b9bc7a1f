"""Linear support vector machines, one against the rest, all classes at once.

The optimum is that of scikit-learn's `LinearSVC` (squared hinge loss, L2 penalty, the intercept a weight
of a constant 1). It is found for all classes together by Newton's method, from the solution of the last smaller C.
One liblinear run a class would dominate every benchmark: a grid of seven C on ten folds is seventy fits.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ..arrays import Singles, Values
from .linear_head import LinearHead

C_GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)  # section 3.4 of the paper

_GRADIENT_TOLERANCE = 1e-6  # of the gradient at zero weights
_CG_TOLERANCE = 1e-1  # of a Newton direction; a better one costs more than the steps it saves
_MAX_NEWTON_STEPS = 30
_MAX_CG_STEPS = 100
_ROUNDING = 1e-4  # of a margin: products are in single precision
_RISE = 1e-6  # of an objective, for the same reason
# Times the root of images x features: so many images inside the margin have their equations solved sooner than
# conjugate gradients converge (measured for 450 and 1,800 images, 513 and 1,281 features).
_FEW_ACTIVE = 0.3
_GRAM_LIMIT = 4000  # images whose inner products are kept, 64 MB; those of more are computed where needed


def fit_path(
    features: NDArray[np.floating], labels: NDArray[np.intp], n_classes: int, cs: Sequence[float] = C_GRID
) -> list[LinearHead]:
    """The machine for each C, ascending.

    It is found soonest for features in their own basis (`in_own_basis`): a small C needs fewer steps there.

    Parameters
    ----------
    features : array of shape (n, n_features)
        Of length 1 at most: products are in single precision.
    labels : array of shape (n,)
        Class numbers, 0 to n_classes - 1. A class without an image gets margins below zero everywhere.
    n_classes : int
    cs : sequence of float
        Ascending, > 0.
    """
    points = _Points(np.hstack([features, np.ones((len(features), 1))]).astype(np.float32))
    signs = np.where(labels[:, None] == np.arange(n_classes), 1, -1).astype(np.float64)
    weights = np.zeros((points.rows.shape[1], n_classes))
    machines = []
    for c in cs:
        weights = _newton(points, signs, c, weights)
        machines.append(LinearHead(weights[:-1].T.copy(), weights[-1].copy()))
    return machines


class _Points:
    """The images, a row each with its constant 1, and their inner products."""

    def __init__(self, rows: Singles) -> None:
        self.rows = rows
        self._gram = rows @ rows.T if len(rows) <= _GRAM_LIMIT else None

    def products(self, some: NDArray[np.intp]) -> Values:
        """Inner products of some images, an array of its own."""
        if self._gram is None:
            return (self.rows[some] @ self.rows[some].T).astype(np.float64)
        return self._gram[some][:, some].astype(np.float64)

    def times(self, weights: Values) -> Values:
        """Margins (n, k) of weights (n_features + 1, k), in single precision as all large products."""
        return np.asarray(self.rows @ weights.astype(np.float32), np.float64)

    def summed(self, parts: Values) -> Values:
        """Sums (n_features + 1, k) of the images times their parts (n, k)."""
        return np.asarray(self.rows.T @ parts.astype(np.float32), np.float64)


def _newton(points: _Points, signs: Values, c: float, start: Values) -> Values:
    """Weights (n_features + 1, n_classes) that minimise |w|^2 / 2 + c * sum(max(0, 1 - sign * point @ w)^2)."""
    weights, margins = start.copy(), points.times(start)
    goal = _GRADIENT_TOLERANCE * np.linalg.norm(2 * c * points.summed(signs), axis=0)
    moving = np.arange(signs.shape[1])
    for _ in range(_MAX_NEWTON_STEPS):
        w, y = weights[:, moving], signs[:, moving]
        slack = np.maximum(1 - y * margins[:, moving], 0)
        gradient = w - 2 * c * points.summed(y * slack)
        rough = np.linalg.norm(gradient, axis=0) > goal[moving]
        if not rough.any():
            break
        moving, w, y, slack = moving[rough], w[:, rough], y[:, rough], slack[:, rough]
        active = slack > 0
        few = active.sum(axis=0) <= _FEW_ACTIVE * np.sqrt(points.rows.size)
        step = _directions(points, y, active, few, c, w, gradient[:, rough])
        moved = points.times(step)
        lengths = _step_lengths(c, w, step, y, margins[:, moving], moved)
        weights[:, moving] += lengths * step
        margins[:, moving] += lengths * moved
        left = 1 - y * margins[:, moving]
        same = (((left > 0) == active) | (np.abs(left) < _ROUNDING)).all(axis=0)
        moving = moving[~(few & same & (lengths == 1))]  # these stand at the minimum of the images that still count
    return weights


def _directions(
    points: _Points,
    signs: Values,
    active: NDArray[np.bool_],
    few: NDArray[np.bool_],
    c: float,
    weights: Values,
    gradient: Values,
) -> Values:
    """Newton's direction for each class: to the least squares of its active images, those inside the margin."""
    step = np.empty_like(weights)
    step[:, few] = _least_squares(points, signs[:, few], active[:, few], c) - weights[:, few]
    if not few.all():
        step[:, ~few] = _conjugate_gradients(points.rows, active[:, ~few], c, -gradient[:, ~few].astype(np.float32))
    return step


def _least_squares(points: _Points, signs: Values, active: NDArray[np.bool_], c: float) -> Values:
    """Weights that minimise |w|^2 / 2 + c * sum((sign - point @ w)^2) over the active images, exactly.

    They are points.T @ a with (K + I / 2c) a = signs, K the inner products of the active images: a system of as many
    equations as there are such images, and at a large C these are few.
    """
    parts = np.zeros_like(signs)
    for of_class in range(signs.shape[1]):
        rows = np.flatnonzero(active[:, of_class])
        if len(rows):
            system = points.products(rows)
            system[np.diag_indices_from(system)] += 1 / (2 * c)
            lower = linalg.cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
            parts[rows, of_class] = linalg.cho_solve(lower, signs[rows, of_class], check_finite=False)
    return points.summed(parts)


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


def _step_lengths(c: float, weights: Values, step: Values, signs: Values, margins: Values, moved: Values) -> Values:
    """1 for each class, halved until its objective does not rise; `moved` is by how much a whole step moves margins."""

    def objectives(lengths: Values) -> Values:
        at = weights + lengths * step
        slack = np.maximum(1 - signs * (margins + lengths * moved), 0)
        return np.asarray(np.einsum("ij,ij->j", at, at) / 2 + c * np.einsum("ij,ij->j", slack, slack))

    lengths = np.ones(weights.shape[1])
    before = objectives(np.zeros_like(lengths))
    for _ in range(30):
        rises = objectives(lengths) > before * (1 + _RISE)
        if not rises.any():
            break
        lengths[rises] /= 2
    return lengths
