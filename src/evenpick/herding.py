"""Acquisition functions that cover the pool: every chosen image covers those near it in feature space.

How well image x covers image y is a kernel k(x, y) of their distance, and a set of images covers y as
well as its best member. The next image is the one that adds most coverage over the whole pool. What
an image can add only falls as others are chosen, so an old figure is an upper bound and few images need a
new one (lazy greedy; Minoux, 1978): the picks are those of the plain rule.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .clustering import clusters_of
from .coverage_kernel import (
    ROWS_AT_ONCE,
    ByteTable,
    KernelRows,
    LazyRows,
    Singles,
    ball,
    gaussian,
    kernel_width,
    pure_radius,
)
from .linear_head import normalised
from .machine import one_blas_thread
from .pool import IndexArray, Pool

MOST_COVERED = 20_000  # images; of a larger pool a random sample this large is covered, and chosen from

_MOST_CLUSTERS = 500
_FIRST_LOOK = 8  # bounds that are renewed first; then twice as many, and so on
_MOSTLY_NEW = 0.7  # share of the points that one choice covers better
_TIE = 1e-6  # steps that gains are rounded to, relative to the first one: among equals the permutation decides


def max_herding(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Images whose Gaussian kernels cover the pool best on average (Bae et al., 2024).

    k(x, y) = exp(-d^2 / h^2) on features of length 1, h being 1.5 times the mean distance of an image to
    its five nearest neighbours. Exact up to 20,000 images; of a larger pool a drawn sample of 20,000
    is covered.
    """
    return _covering(pool, budget, rng, None)


def uncertainty_herding(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """`max_herding` with each image worth one minus the source's margin (Bae et al., 2025).

    The paper's uncertainty is that of a model retrained on the labels; before any label it is the source's.
    """
    return _covering(pool, budget, rng, 1 - pool.margin.astype(np.float64))


def prob_cover(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Images whose balls of one radius hold the most images that no other ball holds (Yehuda et al., 2022).

    The radius is the largest with which 95 % of the balls hold images of one pseudo-class only. The
    paper's pseudo-classes are as many k-means clusters as there are classes; their number is not
    known here, so it is the budget, at most 500.
    """
    rows, points = part_to_cover(pool, budget, rng)
    classes = clusters_of(points, min(budget, _MOST_CLUSTERS), rng)
    kernel = ball(pure_radius(points, classes))
    # A byte holds 0 and 1 as they are.
    balls = ByteTable(points, kernel) if len(points) <= MOST_COVERED else LazyRows(points, kernel)
    return rows[cover_by_balls(balls, rng.permutation(len(rows)), budget)]


def cover_by_balls(balls: KernelRows, permutation: IndexArray, budget: int) -> IndexArray:
    """The choice of `GreedyCoverage` for a kernel of 0 and 1, in time that goes with n^2, not with what is looked at again.

    No point is covered twice: once it is, every ball around it is worth one less.
    """
    n = balls.n_points
    parts = (np.arange(start, min(start + ROWS_AT_ONCE, n)) for start in range(0, n, ROWS_AT_ONCE))
    gains = np.array([row.sum() for part in parts for row in balls.rows(part)], dtype=np.float64)
    covered = np.zeros(n, bool)
    chosen = np.empty(budget, np.intp)
    for i in range(budget):
        best = chosen[i] = permutation[np.argmax(gains[permutation])]
        new = np.flatnonzero((next(iter(balls.rows(np.array([best])))) > 0) & ~covered)
        covered[new] = True
        for start in range(0, len(new), ROWS_AT_ONCE):
            for row in balls.rows(new[start : start + ROWS_AT_ONCE]):
                gains -= row
        gains[best] = -np.inf
    return chosen


def part_to_cover(pool: Pool, budget: int, rng: np.random.Generator) -> tuple[IndexArray, Singles]:
    """The rows that are covered and chosen from, ascending, and their features at length 1."""
    n, most = len(pool), max(MOST_COVERED, budget)
    rows = np.arange(n) if n <= most else np.sort(rng.choice(n, size=most, replace=False))
    return rows, unit_features(pool, rows)


def unit_features(pool: Pool, rows: IndexArray) -> Singles:
    """Their features scaled to length 1, a zero vector left as it is."""
    return normalised(np.asarray(pool.features[rows]))


class GreedyCoverage:
    """Adds the point that raises most the weighted sum, over all points, of the best kernel to a chosen one.

    Parameters
    ----------
    kernel : KernelRows
        Of n points.
    permutation : array of shape (n,), intp
        Of points that add equally much the first in it is taken.
    weights : array of shape (n,), optional
        What it is worth to cover each point, >= 0; 1 by default.
    coverage : array of shape (n,), float32, optional
        How well each point is covered already; 0 by default.
    """

    def __init__(
        self,
        kernel: KernelRows,
        permutation: IndexArray,
        weights: NDArray[np.float64] | None = None,
        coverage: Singles | None = None,
    ) -> None:
        n = kernel.n_points
        self._kernel = kernel
        self._weights = np.ones(n, np.float32) if weights is None else weights.astype(np.float32)
        self._coverage = np.zeros(n, np.float32) if coverage is None else coverage
        # Candidates in the order of the permutation, and what each adds at most; -1 once chosen.
        self._candidates = permutation
        self._position = np.empty(n, np.intp)
        self._position[permutation] = np.arange(n)
        gains = self._all_gains()
        self._step = _TIE * max(float(gains.max()), float(np.finfo(np.float32).tiny))
        self._gains = self._rounded(gains)

    def choose(self, count: int) -> IndexArray:
        """The next points, best first; fewer than asked for only when none are left."""
        chosen: list[int] = []
        with one_blas_thread():
            while len(chosen) < count and (self._gains >= 0).any():
                chosen.append(self._choose_one())
        return np.array(chosen, dtype=np.intp)

    def cover(self, coverage: Singles) -> None:
        """Take note of what was chosen elsewhere, and how well it covers each point (n,)."""
        before = self._coverage
        self._coverage = np.maximum(before, coverage)
        self._follow(before)

    def exclude(self, points: IndexArray) -> None:
        """Never choose these points."""
        self._gains[self._position[points]] = -1

    def _choose_one(self) -> int:
        fresh = self._gains == 0  # it cannot fall: copies of what is chosen need no new figure
        few = _FIRST_LOOK
        while not fresh[best := int(np.argmax(self._gains))]:
            stale = self._most_promising(fresh, few)
            few = min(2 * few, ROWS_AT_ONCE)
            self._gains[stale] = self._rounded([self._gain(row) for row in self._kernel_rows(stale)])
            fresh[stale] = True
        before = self._coverage
        self._coverage = np.maximum(before, next(iter(self._kernel_rows(np.array([best])))))
        self._gains[best] = -1
        self._follow(before)
        return int(self._candidates[best])

    def _follow(self, before: Singles) -> None:
        """Where most of the coverage is new, as after the first choice, every bound is loose: renew them at once."""
        if (self._coverage > before).mean() > _MOSTLY_NEW:
            renewed = self._rounded(self._all_gains())
            self._gains = np.where(self._gains >= 0, renewed, -1)

    def _all_gains(self) -> NDArray[np.float64]:
        gains = np.empty(len(self._candidates))
        with one_blas_thread():
            for start in range(0, len(gains), ROWS_AT_ONCE):
                positions = np.arange(start, min(start + ROWS_AT_ONCE, len(gains)))
                gains[positions] = [self._gain(row) for row in self._kernel_rows(positions)]
        return gains

    def _most_promising(self, fresh: NDArray[np.bool_], few: int) -> IndexArray:
        """The best stale candidates of those that may beat the best fresh one."""
        may = np.flatnonzero(~fresh & (self._gains >= max(self._gains[fresh].max(initial=0), 0)))
        if len(may) > few:
            may = may[np.argpartition(-self._gains[may], few)[:few]]
        return may

    def _kernel_rows(self, positions: IndexArray) -> Iterable[Singles]:
        return self._kernel.rows(self._candidates[positions])

    def _gain(self, row: Singles) -> float:
        return float(np.maximum(row - self._coverage, 0) @ self._weights)

    def _rounded(self, gains: object) -> NDArray[np.float64]:
        return np.asarray(np.rint(np.asarray(gains, dtype=np.float64) / self._step))


def _covering(pool: Pool, budget: int, rng: np.random.Generator, weights: NDArray[np.float64] | None) -> IndexArray:
    rows, points = part_to_cover(pool, budget, rng)
    kernel = gaussian(kernel_width(points, rng))
    of_rows = None if weights is None else weights[rows]
    return rows[GreedyCoverage(LazyRows(points, kernel), rng.permutation(len(rows)), of_rows).choose(budget)]
