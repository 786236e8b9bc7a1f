"""The greedy rule of coverage: add the point that covers best what is not covered yet. First the rule, then a fast way.

The fast way rests on two facts. What a point can add only falls as others are chosen, so an old figure is an upper bound
and few points need a new one (lazy greedy; Minoux, 1978). And it adds only where it covers better than what is chosen,
which after a choice or two is a small part of the pool: of rows that have to be computed those parts are kept then, and
none is computed again.
"""

from collections.abc import Iterable, Iterator
from math import ceil, inf
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import IndexArray, Singles, Values
from ..machine import in_threads, one_blas_thread

ROWS_AT_ONCE = 256  # that are asked for
_FIRST_LOOK = 8  # bounds that are renewed first; then twice as many, and so on
_TIE = 1e-6  # steps that gains are rounded to, relative to the first one: among equals the permutation decides
_MOST_KEPT = 1 << 25  # improvements, of 8 bytes


def cover_greedily(
    matrix: Values, permutation: IndexArray, weights: Values, coverage: Values, count: int
) -> IndexArray:
    """The rule itself, for a kernel matrix (n, n) in memory; `GreedyCoverage` follows it sooner, and tests hold it to this.

    The next point is the x with the largest gain, sum over y of weights[y] * max(0, matrix[x, y] - coverage[y]), where
    coverage[y] is the best kernel of a chosen point to y; of equal gains the first in the permutation.
    """
    chosen: list[int] = []
    step = _TIE * (np.maximum(matrix - coverage, 0) @ weights).max()
    while len(chosen) < count:
        gains = np.rint(np.maximum(matrix - coverage, 0) @ weights / step)
        gains[chosen] = -1
        chosen.append(permutation[np.argmax(gains[permutation])])
        coverage = np.maximum(coverage, matrix[chosen[-1]])
    return np.array(chosen)


class KernelRows(Protocol):
    """How well each of n points covers each other one; `at_hand` if that is not computed anew each time."""

    n_points: int
    at_hand: bool

    def rows(self, points: IndexArray) -> Iterable[Singles]:
        """How well each of these points covers every point: arrays of shape (n_points,), from 0 to 1."""
        ...


class GreedyCoverage:
    """Adds the point that raises most the weighted sum, over all points, of the best kernel to a chosen one.

    Parameters
    ----------
    kernel : KernelRows
        Of n points.
    permutation : array of shape (n,), intp
        Of points that add equally much the first in it is taken.
    weights : array of shape (n,), optional
        What it is worth to cover each point, >= 0; 1 by default, and where nothing would be worth anything.
    coverage : array of shape (n,), float32, optional
        How well each point is covered already; 0 by default.
    """

    def __init__(
        self,
        kernel: KernelRows,
        permutation: IndexArray,
        weights: Values | None = None,
        coverage: Singles | None = None,
    ) -> None:
        n = kernel.n_points
        even = weights is None or not weights.any()
        self._weights = np.ones(n, np.float32) if even else np.asarray(weights, dtype=np.float32)
        self._coverage = np.zeros(n, np.float32) if coverage is None else coverage
        # A candidate is a place in the permutation: so the first of equals has the lowest number.
        self._permutation = permutation
        self._candidate_of = np.empty(n, np.intp)
        self._candidate_of[permutation] = np.arange(n)
        self._whole_rows = _WholeRows(kernel, permutation)
        self._rows: _WholeRows | _Improvements = self._whole_rows
        self._times_covered = 0
        self._keep_at = inf if kernel.at_hand else 1  # so many times covered; before anything is, everything improves
        gains = self._whole_rows.all_gains(self._coverage, self._weights)
        self._step = _TIE * max(float(gains.max()), float(np.finfo(np.float32).tiny))
        self._bounds = self._rounded(gains)  # what each candidate adds at most; -1 once chosen

    def choose(self, count: int) -> IndexArray:
        """The next points, best first; fewer than asked for only when none are left."""
        chosen: list[int] = []
        with one_blas_thread():
            while len(chosen) < count and (self._bounds >= 0).any():
                chosen.append(self._choose_one())
        return np.array(chosen, dtype=np.intp)

    def cover(self, coverage: Singles) -> None:
        """Take note of what was chosen elsewhere, and how well it covers each point (n,)."""
        first = not self._coverage.any()
        self._coverage = np.maximum(self._coverage, coverage)
        self._times_covered += 1
        if self._times_covered >= self._keep_at:
            self._keep_improvements()
        elif first:  # every bound is loose now
            self._renew_bounds(self._whole_rows.all_gains(self._coverage, self._weights))

    def exclude(self, points: IndexArray) -> None:
        """Never choose these points."""
        self._bounds[self._candidate_of[points]] = -1

    def _choose_one(self) -> int:
        fresh = self._bounds == 0  # it cannot fall: copies of what is chosen need no new figure
        few = _FIRST_LOOK
        while not fresh[best := int(np.argmax(self._bounds))]:
            stale = self._most_promising(fresh, few)
            few = min(2 * few, ROWS_AT_ONCE)
            self._bounds[stale] = self._rounded(self._rows.gains(stale, self._coverage, self._weights))
            fresh[stale] = True
        self._bounds[best] = -1
        self.cover(self._rows.row(best))
        return int(self._permutation[best])

    def _most_promising(self, fresh: NDArray[np.bool_], few: int) -> IndexArray:
        """The best stale candidates of those that may beat the best fresh one."""
        may = np.flatnonzero(~fresh & (self._bounds >= max(self._bounds[fresh].max(initial=0), 0)))
        if len(may) > few:
            may = may[np.argpartition(-self._bounds[may], few)[:few]]
        return may

    def _keep_improvements(self) -> None:
        """Renew all bounds and keep what each candidate improves, to look at nothing else from now on, if there is room."""
        kept = _Improvements(len(self._bounds))
        with one_blas_thread():
            all_rows = kept.noting(self._whole_rows.all(), self._coverage)
            self._renew_bounds(np.array([_gain(row, self._coverage, self._weights) for row in all_rows]))
        if kept.complete:
            self._rows, self._keep_at = kept, inf
        else:  # with twice as many choices about half of them are left
            self._keep_at = self._times_covered * ceil(1.2 * kept.count / _MOST_KEPT)

    def _renew_bounds(self, all_gains: Values) -> None:
        self._bounds = np.where(self._bounds >= 0, self._rounded(all_gains), -1)

    def _rounded(self, gains: ArrayLike) -> Values:
        return np.asarray(np.rint(np.asarray(gains, dtype=np.float64) / self._step))


class _WholeRows:
    """How well each candidate covers every point, asked of the kernel each time."""

    def __init__(self, kernel: KernelRows, permutation: IndexArray) -> None:
        self._kernel, self._permutation = kernel, permutation

    def all(self) -> Iterator[Singles]:
        for start in range(0, len(self._permutation), ROWS_AT_ONCE):
            yield from self._kernel.rows(self._permutation[start : start + ROWS_AT_ONCE])

    def row(self, candidate: int) -> Singles:
        return next(iter(self._kernel.rows(self._permutation[[candidate]])))

    def gains(self, candidates: IndexArray, coverage: Singles, weights: Singles) -> list[float]:
        return [_gain(row, coverage, weights) for row in self._kernel.rows(self._permutation[candidates])]

    def all_gains(self, coverage: Singles, weights: Singles) -> Values:
        """Those of every candidate, shape (n,)."""
        gains = np.empty(len(self._permutation))

        def fill(start: int) -> None:
            part = np.arange(start, min(start + ROWS_AT_ONCE, len(gains)))
            gains[part] = self.gains(part, coverage, weights)

        starts = range(0, len(gains), ROWS_AT_ONCE)
        with one_blas_thread():
            if self._kernel.at_hand:
                in_threads(fill, starts)
            else:  # the rows are computed in threads
                for start in starts:
                    fill(start)
        return gains


class _Improvements:
    """For each candidate the points that it covers better than what is chosen, and how well: nothing else will matter.

    Attributes
    ----------
    count : int
        Of all improvements, kept or not.
    """

    def __init__(self, n_points: int) -> None:
        self.count = 0
        self._n_points = n_points
        self._ends = [0]
        self._points = np.empty(min(n_points**2, _MOST_KEPT), np.int32)
        self._values = np.empty_like(self._points, np.float32)

    @property
    def complete(self) -> bool:
        return self.count <= _MOST_KEPT

    def noting(self, all_rows: Iterable[Singles], coverage: Singles) -> Iterator[Singles]:
        """The rows as they are, of every candidate in turn; what each improves is kept on the way."""
        for row in all_rows:
            better = np.flatnonzero(row > coverage)
            start, self.count = self.count, self.count + len(better)
            if self.complete:
                self._ends.append(self.count)
                self._points[start : self.count], self._values[start : self.count] = better, row[better]
            yield row

    def row(self, candidate: int) -> Singles:
        """0 where it improves nothing."""
        points, values = self._of(candidate)
        row = np.zeros(self._n_points, np.float32)
        row[points] = values
        return row

    def gains(self, candidates: IndexArray, coverage: Singles, weights: Singles) -> list[float]:
        kept = map(self._of, candidates.tolist())
        return [_gain(values, coverage[points], weights[points]) for points, values in kept]

    def _of(self, candidate: int) -> tuple[NDArray[np.int32], Singles]:
        kept = slice(*self._ends[candidate : candidate + 2])
        return self._points[kept], self._values[kept]


def _gain(row: Singles, coverage: Singles, weights: Singles) -> float:
    return float(np.maximum(row - coverage, 0) @ weights)
