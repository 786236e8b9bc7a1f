"""Acquisition functions that look at where images lie in feature space."""

from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values
from ..machine import Run, map_in_threads, one_blas_thread
from ..pool import Features, Pool
from ..vectors import paired_squared_distances, squared_distances
from .bounded_distances import ROWS_AT_ONCE, BoundedDistances, Ends

_CANDIDATES = 384  # the farthest images, among which the greedy rule is followed
_LIKELY = 3 * _CANDIDATES  # images with the largest bounds, which tell how far an image must be to be a candidate
_CENTRES_AT_ONCE = 256  # that an image is compared with, before it is asked whether it is still far enough
_MOST_DISTANCES = 1 << 20  # held at once


def core_set(pool: Pool, budget: int, rng: np.random.Generator, run: Run = map_in_threads) -> IndexArray:
    """Images that leave no other image far from a chosen one (Sener & Savarese, 2018; Eq. 7 of the paper).

    Greedy k-centre: start at a random image, then keep adding the one farthest from those already
    chosen. Distances to the nearest chosen image only fall, so a stale one is an upper bound: the rule is
    followed among the farthest few hundred images alone for as long as none outside can be farther.
    Only then are the images that may still come next compared with all the new centres at once, in
    float32; the distances of the farthest are settled in float64. Equally far images come in the order
    of a drawn permutation. `run` spreads what is done to many images.
    """
    rank = np.empty(len(pool), np.intp)
    permutation = rng.permutation(len(pool))
    rank[permutation] = np.arange(len(pool))
    with one_blas_thread():
        chosen = batch = permutation[:1]
        nearest = _Nearest(pool.features, run)
        while len(chosen) < budget:
            nearest.add(batch)
            batch = _greedy_among_farthest(nearest, rank, budget - len(chosen))
            chosen = np.concatenate([chosen, batch])
    return chosen


@dataclass(frozen=True, eq=False)
class _Bounds:
    """What is known of some images; all arrays have the shape (n,).

    Attributes
    ----------
    low, high : array
        Between which the squared distance to the nearest centre lies; -1 for a centre.
    others : array
        No other centre that was seen is nearer than this.
    nearest : array of intp
        Place of the nearest centre among the centres.
    seen : array of intp
        How many centres, from the first, the image was compared with.
    """

    low: Values
    high: Values
    others: Values
    nearest: IndexArray
    seen: IndexArray

    def __getitem__(self, rows: IndexArray) -> "_Bounds":
        return _Bounds(self.low[rows], self.high[rows], self.others[rows], self.nearest[rows], self.seen[rows])

    def __setitem__(self, rows: IndexArray, new: "_Bounds") -> None:
        for name in ("low", "high", "others", "nearest", "seen"):
            getattr(self, name)[rows] = getattr(new, name)

    def take_note(self, rows: IndexArray, start: int, distances: NDArray[np.float32], error: Values) -> None:
        """Of distances (n_rows, m) to the centres from `start` on; they are overwritten."""
        here, best = np.arange(len(rows)), distances.argmin(axis=1)
        distance = distances[here, best].astype(np.float64)
        distances[here, best] = np.inf
        low, high, second = distance - error, distance + error, distances.min(axis=1) - error
        nearer = high < self.high[rows]
        not_nearest = np.where(nearer, self.low[rows], low)
        self.others[rows] = np.minimum(self.others[rows], np.minimum(second, not_nearest))
        self.low[rows] = np.where(nearer, low, self.low[rows])
        self.high[rows] = np.where(nearer, high, self.high[rows])
        self.nearest[rows] = np.where(nearer, start + best, self.nearest[rows])
        self.seen[rows] = start + distances.shape[1]


_Part: TypeAlias = tuple[IndexArray, NDArray[np.float32], _Bounds]  # rows, lengths and bounds of some images


class _Nearest:
    """The centre nearest to each image, and the bounds between which its squared distance lies.

    An image that is too near to a centre to come next is not compared with later ones, which could only lower
    its upper bound. A distance is settled when its bounds are equal and no other centre can be nearer.
    """

    def __init__(self, features: Features, run: Run) -> None:
        n = len(features)
        self._features, self._run = features, run
        self._distances = BoundedDistances(features, run)
        self._bounds = _Bounds(*np.full((3, n), np.inf), *np.zeros((2, n), np.intp))
        self.high = self._bounds.high
        self._centres = np.empty((0, features.shape[1]))
        self._ends = self._distances.ends(self._centres)

    def add(self, rows: IndexArray) -> None:
        """Make these images centres, and bring those up to date that may be candidates."""
        points = self.points(rows)
        self._centres = np.concatenate([self._centres, points])
        self._ends += self._distances.ends(points)
        self._bounds.low[rows] = self.high[rows] = -1
        likely = np.argpartition(-self.high, min(_LIKELY, len(self.high)) - 1)[:_LIKELY]
        self._compare(likely, -np.inf)
        last = max(len(likely) - _CANDIDATES, 0)
        # As many images as are candidates are at least this far, so no image nearer than it is one.
        far_enough = float(np.partition(self.high[likely], last)[last])
        self._compare(np.arange(len(self.high)), far_enough, self._run)

    def settle(self, rows: IndexArray) -> bool:
        """Settle the distances of these images; whether there was one to settle."""
        unseen = self._bounds.seen[rows] < len(self._centres)
        rows = rows[unseen | (np.minimum(self._bounds.low[rows], self._bounds.others[rows]) < self.high[rows])]
        self._compare(rows, -np.inf)
        points = self.points(rows)
        exact = paired_squared_distances(points, self._centres[self._bounds.nearest[rows]])
        doubtful = np.flatnonzero(exact > self._bounds.others[rows])
        for part in np.array_split(doubtful, 1 + len(doubtful) * len(self._centres) // _MOST_DISTANCES):
            nearest = squared_distances(points[part], self._centres).argmin(axis=1)
            self._bounds.nearest[rows[part]] = nearest
            exact[part] = paired_squared_distances(points[part], self._centres[nearest])
        self._bounds.low[rows] = self.high[rows] = exact
        self._bounds.others[rows] = np.maximum(self._bounds.others[rows], exact)
        return len(rows) > 0

    def points(self, rows: IndexArray) -> Values:
        """The features of these images."""
        return np.asarray(self._features[rows], dtype=np.float64)

    def _compare(self, rows: IndexArray, far_enough: float, run: Run = map_in_threads) -> None:
        """Compare these images with the centres that they have not seen, as long as they may be far enough."""
        seen = self._bounds.seen
        rows = rows[(seen[rows] < len(self._centres)) & (self.high[rows] >= far_enough)]
        rows = rows[np.lexsort((rows, seen[rows]))]
        alike = np.split(rows, np.flatnonzero(np.diff(seen[rows])) + 1) if len(rows) else []
        groups = (group[i : i + ROWS_AT_ONCE] for group in alike for i in range(0, len(group), ROWS_AT_ONCE))
        parts = ((group, self._distances.lengths[group], self._bounds[group]) for group in groups)
        for here, bounds in run(partial(_compared, self._distances, self._ends, far_enough), parts):
            self._bounds[here] = bounds


def _compared(distances: BoundedDistances, ends: Ends, far_enough: float, part: _Part) -> tuple[IndexArray, _Bounds]:
    """The block step: images that have seen the same centres, compared with the others."""
    rows, lengths, bounds = part
    here, vectors = np.arange(len(rows)), distances.vectors(rows)
    bounds = bounds[here]  # a step may not write to what it is given
    for start in range(int(bounds.seen[0]), len(ends), _CENTRES_AT_ONCE):
        new = ends[start : start + _CENTRES_AT_ONCE]
        squared = distances.squared(vectors, lengths, new)
        bounds.take_note(here, start, squared, distances.error(lengths, new.longest))
        far = bounds.high[here] >= far_enough
        here, vectors, lengths = here[far], vectors[far], lengths[far]
    return rows, bounds


def _greedy_among_farthest(nearest: _Nearest, rank: IndexArray, wanted: int) -> IndexArray:
    """The next centres, at least one, that the greedy rule surely takes."""
    candidates, bound = _farthest(nearest.high, rank)
    while nearest.settle(candidates):
        candidates, bound = _farthest(nearest.high, rank)
    points, distances = nearest.points(candidates), nearest.high[candidates]
    between = squared_distances(points, points)
    picks: list[int] = []
    while len(picks) < wanted:
        best = int(np.argmax(distances))  # candidates lie in the order of rank: the first of equals wins
        beaten = (-distances[best], rank[candidates[best]]) >= bound
        if distances[best] < 0 or (picks and beaten):
            break
        picks.append(best)
        np.minimum(distances, between[best], out=distances)
        distances[best] = -1
    return candidates[picks]


def _farthest(nearest: NDArray[np.float64], rank: IndexArray) -> tuple[IndexArray, tuple[float, int]]:
    """The images that come first by (distance falling, rank), sorted by rank, and the key of the next one."""
    n_free = int((nearest >= 0).sum())
    k = min(_CANDIDATES, n_free)
    threshold = -np.partition(-nearest, k - 1)[k - 1]
    close_call = np.flatnonzero(nearest >= threshold)
    order = close_call[np.lexsort((rank[close_call], -nearest[close_call]))]
    candidates = order[:k]
    if len(order) > k:
        bound = (-nearest[order[k]], int(rank[order[k]]))
    elif n_free > k:
        bound = (-nearest[nearest < threshold].max(), -1)
    else:
        bound = (np.inf, -1)  # nobody is outside
    return candidates[np.argsort(rank[candidates])], bound
