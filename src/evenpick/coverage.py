"""Acquisition functions that look at where images lie in feature space."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .bounded_distances import ROWS_AT_ONCE, BoundedDistances
from .distances import paired_squared_distances, squared_distances
from .machine import in_threads, one_blas_thread
from .pool import Features, IndexArray, Pool

Values: TypeAlias = NDArray[np.float64]

_CANDIDATES = 384  # the farthest images, among which the greedy rule is followed
_LIKELY = 3 * _CANDIDATES  # images with the largest bounds, which tell how far an image must be to be a candidate
_CENTRES_AT_ONCE = 256  # that an image is compared with, before it is asked whether it is still far enough
_MOST_DISTANCES = 1 << 20  # held at once


def core_set(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Images that leave no other image far from a chosen one (Sener & Savarese, 2018; Eq. 7 of the paper).

    Greedy k-centre: start at a random image, then keep adding the one farthest from those already
    chosen. Distances to the nearest chosen image only fall, so a stale one is an upper bound: the rule is
    followed among the farthest few hundred images alone for as long as none outside can be farther.
    Only then are the images that may still come next compared with all the new centres at once, in
    float32; the distances of the farthest are settled in float64. Equally far images come in the order
    of a drawn permutation.
    """
    rank = np.empty(len(pool), np.intp)
    permutation = rng.permutation(len(pool))
    rank[permutation] = np.arange(len(pool))
    with one_blas_thread():
        chosen = batch = permutation[:1]
        nearest = _Nearest(pool.features)
        while len(chosen) < budget:
            nearest.add(batch)
            batch = _greedy_among_farthest(nearest, rank, budget - len(chosen))
            chosen = np.concatenate([chosen, batch])
    return chosen


class _Nearest:
    """The centre nearest to each image, and the bounds between which its squared distance lies; -1 for a centre.

    An image that is too near to a centre to come next is not compared with later ones, which could only lower
    its upper bound. A distance is settled when its bounds are equal and no other centre can be nearer.
    """

    def __init__(self, features: Features) -> None:
        n = len(features)
        self._features = features
        self._distances = BoundedDistances(features)
        self._low, self.high = np.full(n, np.inf), np.full(n, np.inf)
        self._others = np.full(n, np.inf)  # none of the other centres seen is nearer than this
        self._nearest = np.zeros(n, np.intp)  # its place among the centres
        self._seen = np.zeros(n, np.intp)  # how many centres, from the first, each image was compared with
        self._centres = np.empty((0, features.shape[1]))
        self._ends = self._distances.ends(self._centres)

    def add(self, rows: IndexArray) -> None:
        """Make these images centres, and bring those up to date that may be candidates."""
        points = self.points(rows)
        self._centres = np.concatenate([self._centres, points])
        self._ends += self._distances.ends(points)
        self._low[rows] = self.high[rows] = -1
        likely = np.argpartition(-self.high, min(_LIKELY, len(self.high)) - 1)[:_LIKELY]
        self._compare(likely, -np.inf)
        last = max(len(likely) - _CANDIDATES, 0)
        # As many images as are candidates are at least this far, so no image nearer than it is one.
        far_enough = float(np.partition(self.high[likely], last)[last])
        self._compare(np.arange(len(self.high)), far_enough)

    def settle(self, rows: IndexArray) -> bool:
        """Settle the distances of these images; whether there was one to settle."""
        unseen = self._seen[rows] < len(self._centres)
        rows = rows[unseen | (np.minimum(self._low[rows], self._others[rows]) < self.high[rows])]
        self._compare(rows, -np.inf)
        points = self.points(rows)
        exact = paired_squared_distances(points, self._centres[self._nearest[rows]])
        doubtful = np.flatnonzero(exact > self._others[rows])
        for part in np.array_split(doubtful, 1 + len(doubtful) * len(self._centres) // _MOST_DISTANCES):
            nearest = squared_distances(points[part], self._centres).argmin(axis=1)
            self._nearest[rows[part]] = nearest
            exact[part] = paired_squared_distances(points[part], self._centres[nearest])
        self._low[rows] = self.high[rows] = exact
        self._others[rows] = np.maximum(self._others[rows], exact)
        return len(rows) > 0

    def points(self, rows: IndexArray) -> Values:
        """The features of these images."""
        return np.asarray(self._features[rows], dtype=np.float64)

    def _compare(self, rows: IndexArray, far_enough: float) -> None:
        """Compare these images with the centres that they have not seen, as long as they may be far enough."""
        rows = rows[(self._seen[rows] < len(self._centres)) & (self.high[rows] >= far_enough)]
        rows = rows[np.lexsort((rows, self._seen[rows]))]
        alike = np.split(rows, np.flatnonzero(np.diff(self._seen[rows])) + 1)
        parts = (group[i : i + ROWS_AT_ONCE] for group in alike for i in range(0, len(group), ROWS_AT_ONCE))
        in_threads(lambda part: self._compare_part(part, far_enough), parts)

    def _compare_part(self, rows: IndexArray, far_enough: float) -> None:
        """Compare images that have seen the same centres."""
        vectors, lengths = self._distances.vectors(rows)
        for start in range(int(self._seen[rows[0]]) if len(rows) else 0, len(self._centres), _CENTRES_AT_ONCE):
            new = self._ends[start : start + _CENTRES_AT_ONCE]
            distances = self._distances.squared(vectors, lengths, new)
            self._take_note(rows, start, distances, self._distances.error(lengths, new.longest))
            far = self.high[rows] >= far_enough
            rows, vectors, lengths = rows[far], vectors[far], lengths[far]

    def _take_note(self, rows: IndexArray, start: int, distances: NDArray[np.float32], error: Values) -> None:
        """Of distances (n_rows, m) to the centres from `start` on; they are overwritten."""
        here, best = np.arange(len(rows)), distances.argmin(axis=1)
        distance = distances[here, best].astype(np.float64)
        distances[here, best] = np.inf
        low, high, second = distance - error, distance + error, distances.min(axis=1) - error
        nearer = high < self.high[rows]
        not_nearest = np.where(nearer, self._low[rows], low)
        self._others[rows] = np.minimum(self._others[rows], np.minimum(second, not_nearest))
        self._low[rows] = np.where(nearer, low, self._low[rows])
        self.high[rows] = np.where(nearer, high, self.high[rows])
        self._nearest[rows] = np.where(nearer, start + best, self._nearest[rows])
        self._seen[rows] = start + distances.shape[1]


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
