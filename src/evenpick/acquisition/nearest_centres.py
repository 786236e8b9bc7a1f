"""How far each image is from the nearest of a growing set of centres, known only as exactly as `core_set` needs it."""

from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from ..arrays import IndexArray, Singles, Values
from ..machine import Run, map_in_threads
from ..pool import Features
from ..vectors import paired_squared_distances, squared_distances
from .bounded_distances import ROWS_AT_ONCE, BoundedDistances, Ends

_LIKELY = 3  # times as many images as are candidates tell how far an image must be to be one
_CENTRES_AT_ONCE = 256  # that an image is compared with, before it is asked whether it is still far enough
_MOST_DISTANCES = 1 << 20  # held at once


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

    def take_note(self, rows: IndexArray, start: int, distances: Singles, error: Values) -> None:
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


_Part: TypeAlias = tuple[IndexArray, Singles, _Bounds]  # rows, lengths and bounds of some images


class NearestCentres:
    """The centre nearest to each image, and the bounds between which its squared distance lies.

    An image that is too near to a centre to come next is not compared with later ones, which could only lower
    its upper bound. A distance is settled when its bounds are equal and no other centre can be nearer.
    """

    def __init__(self, features: Features, run: Run) -> None:
        n = len(features)
        self._features, self._run = features, run
        self._distances = BoundedDistances(features, run)
        self.bounds: _Bounds = _Bounds(*np.full((3, n), np.inf), *np.zeros((2, n), np.intp))
        self._centres = np.empty((0, features.shape[1]))
        self._ends = self._distances.ends(self._centres)

    def add(self, rows: IndexArray, n_candidates: int) -> None:
        """Make these images centres, and bring those up to date that may be among the `n_candidates` farthest."""
        points, high = self.points(rows), self.bounds.high
        self._centres = np.concatenate([self._centres, points])
        self._ends += self._distances.ends(points)
        self.bounds.low[rows] = high[rows] = -1
        n_likely = min(_LIKELY * n_candidates, len(high))
        likely = np.argpartition(-high, n_likely - 1)[:n_likely]
        self._compare(likely, -np.inf)
        last = max(n_likely - n_candidates, 0)
        # As many images as are candidates are at least this far, so no image nearer than it is one.
        far_enough = float(np.partition(high[likely], last)[last])
        self._compare(np.arange(len(high)), far_enough, self._run)

    def settle(self, rows: IndexArray) -> bool:
        """Settle the distances of these images; whether there was one to settle."""
        bounds = self.bounds
        unseen = bounds.seen[rows] < len(self._centres)
        rows = rows[unseen | (np.minimum(bounds.low[rows], bounds.others[rows]) < bounds.high[rows])]
        self._compare(rows, -np.inf)
        points = self.points(rows)
        exact = paired_squared_distances(points, self._centres[bounds.nearest[rows]])
        doubtful = np.flatnonzero(exact > bounds.others[rows])
        for part in np.array_split(doubtful, 1 + len(doubtful) * len(self._centres) // _MOST_DISTANCES):
            nearest = squared_distances(points[part], self._centres).argmin(axis=1)
            bounds.nearest[rows[part]] = nearest
            exact[part] = paired_squared_distances(points[part], self._centres[nearest])
        bounds.low[rows] = bounds.high[rows] = exact
        bounds.others[rows] = np.maximum(bounds.others[rows], exact)
        return len(rows) > 0

    def points(self, rows: IndexArray) -> Values:
        """The features of these images."""
        return np.asarray(self._features[rows], dtype=np.float64)

    def _compare(self, rows: IndexArray, far_enough: float, run: Run = map_in_threads) -> None:
        """Compare these images with the centres that they have not seen, as long as they may be far enough."""
        seen = self.bounds.seen
        rows = rows[(seen[rows] < len(self._centres)) & (self.bounds.high[rows] >= far_enough)]
        rows = rows[np.lexsort((rows, seen[rows]))]
        alike = np.split(rows, np.flatnonzero(np.diff(seen[rows])) + 1) if len(rows) else []
        groups = (group[i : i + ROWS_AT_ONCE] for group in alike for i in range(0, len(group), ROWS_AT_ONCE))
        parts = ((group, self._distances.lengths[group], self.bounds[group]) for group in groups)
        for here, bounds in run(partial(_compared, self._distances, self._ends, far_enough), parts):
            self.bounds[here] = bounds


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
