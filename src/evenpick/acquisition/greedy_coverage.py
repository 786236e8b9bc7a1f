"""The greedy rule of coverage, exact: add the point that covers best what is not covered yet.

What a point can add only falls as others are chosen, so an old figure is an upper bound and few points need a new one
(lazy greedy; Minoux, 1978). And it adds only where it covers better than what is chosen, which after a choice or two is
a small part of the pool: of rows that have to be computed those parts are kept then, and none is computed again.
"""

from collections.abc import Iterable
from math import ceil, inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Singles, Values
from ..machine import one_blas_thread

ROWS_AT_ONCE = 256  # that are asked for
_FIRST_LOOK = 8  # bounds that are renewed first; then twice as many, and so on
_TIE = 1e-6  # steps that gains are rounded to, relative to the first one: among equals the permutation decides
_MOST_KEPT = 1 << 25  # improvements, of 8 bytes


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
        self._kernel = kernel
        even = weights is None or not weights.any()
        self._weights = np.ones(n, np.float32) if even else np.asarray(weights, dtype=np.float32)
        self._coverage = np.zeros(n, np.float32) if coverage is None else coverage
        # Candidates in the order of the permutation, and what each adds at most; -1 once chosen.
        self._candidates = permutation
        self._position = np.empty(n, np.intp)
        self._position[permutation] = np.arange(n)
        self._improvements: _Improvements | None = None
        self._times_covered = 0
        self._keep_at = inf if kernel.at_hand else 1  # so many times covered; before anything is, everything improves
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
        first = not self._coverage.any()
        self._coverage = np.maximum(self._coverage, coverage)
        self._times_covered += 1
        # After the first choice every bound is loose: they are renewed at once.
        if first or (self._improvements is None and self._times_covered >= self._keep_at):
            self._gains = np.where(self._gains >= 0, self._rounded(self._all_gains()), -1)

    def exclude(self, points: IndexArray) -> None:
        """Never choose these points."""
        self._gains[self._position[points]] = -1

    def _choose_one(self) -> int:
        fresh = self._gains == 0  # it cannot fall: copies of what is chosen need no new figure
        few = _FIRST_LOOK
        while not fresh[best := int(np.argmax(self._gains))]:
            stale = self._most_promising(fresh, few)
            few = min(2 * few, ROWS_AT_ONCE)
            self._gains[stale] = self._rounded(self._gains_of(stale))
            fresh[stale] = True
        self._gains[best] = -1
        self.cover(self._row(best))
        return int(self._candidates[best])

    def _most_promising(self, fresh: NDArray[np.bool_], few: int) -> IndexArray:
        """The best stale candidates of those that may beat the best fresh one."""
        may = np.flatnonzero(~fresh & (self._gains >= max(self._gains[fresh].max(initial=0), 0)))
        if len(may) > few:
            may = may[np.argpartition(-self._gains[may], few)[:few]]
        return may

    def _row(self, position: int) -> Singles:
        if self._improvements is None:
            return next(iter(self._kernel.rows(self._candidates[[position]])))
        points, values = self._improvements.of(position)
        row = np.zeros_like(self._coverage)
        row[points] = values
        return row

    def _gains_of(self, positions: IndexArray) -> list[float]:
        if self._improvements is None:
            rows = self._kernel.rows(self._candidates[positions])
            return [_gain(row, self._coverage, self._weights) for row in rows]
        kept = map(self._improvements.of, positions.tolist())
        return [_gain(values, self._coverage[points], self._weights[points]) for points, values in kept]

    def _all_gains(self) -> Values:
        """What every candidate adds; what it improves is kept from now on, if there is room for all."""
        gains = np.empty(len(self._candidates))
        kept = _Improvements(len(gains)) if self._times_covered >= self._keep_at else None
        with one_blas_thread():
            for start in range(0, len(gains), ROWS_AT_ONCE):
                part = self._candidates[start : start + ROWS_AT_ONCE]
                for position, row in enumerate(self._kernel.rows(part), start):
                    gains[position] = _gain(row, self._coverage, self._weights)
                    if kept is not None:
                        kept.append(row, self._coverage)
        if kept is not None and kept.complete:
            self._improvements = kept
        elif kept is not None:  # with twice as many choices about half of them are left
            self._keep_at = self._times_covered * ceil(1.2 * kept.count / _MOST_KEPT)
        return gains

    def _rounded(self, gains: object) -> Values:
        return np.asarray(np.rint(np.asarray(gains, dtype=np.float64) / self._step))


class _Improvements:
    """For each candidate the points that it covers better than what is chosen, and how well: nothing else will matter.

    Attributes
    ----------
    count : int
        Of all improvements, kept or not.
    """

    def __init__(self, n_points: int) -> None:
        self.count = 0
        self._ends = [0]
        self._points = np.empty(min(n_points**2, _MOST_KEPT), np.int32)
        self._values = np.empty_like(self._points, np.float32)

    def append(self, row: Singles, coverage: Singles) -> None:
        """Those of the next candidate."""
        better = np.flatnonzero(row > coverage)
        start, self.count = self.count, self.count + len(better)
        if self.complete:
            self._ends.append(self.count)
            self._points[start : self.count], self._values[start : self.count] = better, row[better]

    @property
    def complete(self) -> bool:
        return self.count <= _MOST_KEPT

    def of(self, candidate: int) -> tuple[NDArray[np.int32], Singles]:
        kept = slice(*self._ends[candidate : candidate + 2])
        return self._points[kept], self._values[kept]


def _gain(row: Singles, coverage: Singles, weights: Singles) -> float:
    return float(np.maximum(row - coverage, 0) @ weights)
