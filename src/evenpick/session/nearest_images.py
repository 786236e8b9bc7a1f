"""The image that a form of balancing likes best: exact, over the whole pool, at the price of one class a label."""

import functools
import os
import tempfile
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..acquisition import BoundedDistances
from ..arrays import IndexArray, Values
from ..machine import in_threads
from ..pool import BLOCK_ROWS, Features
from .balancing_rules import BalancingForm

_MOST_PREPARED = 16  # images looked at while their distances wait, each 4 bytes an image of the pool
_MOST_IN_MEMORY = 512 << 20  # bytes of the table of distances; what is more lies in a temporary file
_SCORES_AT_ONCE = 1 << 16  # images whose bounds are computed together; they stay in the processor's cache


class NextImage:
    """The unlabelled image that the balancing form likes best, exactly, at the price of one class a label.

    Squared distances of every image to every class mean are kept in float32, and only a class whose
    mean moved is computed again. What float32 rounding could hide is bounded; the few images within the
    bound of the best are computed again in float64, so the answer is that of exact arithmetic. Scores
    that tie go to the image that comes first in the given permutation.

    `prepare` reads the pool for an image that a person still looks at, in any thread; whatever its class
    turns out to be, `add` then moves that class without reading the pool again.
    """

    def __init__(self, features: Features, form: BalancingForm, rank: IndexArray) -> None:
        self._features, self._form, self._rank = features, form, rank
        self._means = np.empty((0, features.shape[1]))
        self._squared: list[NDArray[np.float32]] = []  # (images,) for each class, or more classes
        self._moves: list[int] = []  # for each of them, moves by `add` since the pool was read
        self._longest_added = 0.0
        self._prepared: dict[int, NDArray[np.float32]] = {}
        self._lock = threading.Lock()

    @functools.cached_property
    def _distances(self) -> BoundedDistances:
        """Made on first use: it reads the pool."""
        return BoundedDistances(self._features)

    def pick(self, means: Values, target: int, others: Sequence[int], free: NDArray[np.bool_]) -> int:
        """The best free image.

        `means` (n_classes, d) are the class means, `others` the over-represented classes without the
        target, and `free` (n,) marks the rows that may be asked, at least one.
        """
        self.update(means)
        rows = self._shortlist(target, others, free)
        scores, to_target = self._exact_scores(means, target, others, rows)
        tied = rows[scores <= scores.min() + self._form.tie_width(scores, to_target)]
        return int(tied[np.argmin(self._rank[tied])])

    def update(self, means: Values) -> None:
        """Read the pool for the classes whose means are not those in the table."""
        with self._lock:
            known = min(len(means), len(self._means))  # an undo can take classes away
            moved = np.ones(len(means), dtype=bool)
            moved[:known] = (means[:known] != self._means[:known]).any(axis=1)
            self._make_room(len(means))
            self._means = means.copy()
            positions = np.flatnonzero(moved).tolist()
            self._read_pool(means[moved], [self._squared[position] for position in positions])
            for position in positions:
                self._moves[position] = 0

    def prepare(self, row: int) -> None:
        """Read the pool for this image, so that `add` need not."""
        with self._lock:
            if row not in self._prepared:
                distances = np.empty(len(self._features), np.float32)
                self._read_pool(np.asarray(self._features[[row]], np.float64), [distances])
                self._prepared[row] = distances
            while len(self._prepared) > _MOST_PREPARED:
                del self._prepared[next(iter(self._prepared))]

    def is_prepared(self, row: int) -> bool:
        """Whether `add` can use this image."""
        return row in self._prepared

    def add(self, row: int, to: int, before: Values | None, after: Values, count: int) -> None:
        """Move class `to` by its `count`th image, from its mean `before` (None: a new class) to `after`.

        Without `prepare`, or if the table has the class elsewhere, nothing happens: `update` finds out.
        """
        with self._lock:
            distances = self._prepared.get(row)
            here = to == len(self._means) if before is None else self._has(to, before)
            if distances is None or not here:
                return
            self._make_room(to + 1)
            if before is None:
                self._means = np.vstack([self._means, after])
                self._squared[to][:], self._moves[to] = distances, 0
            else:
                # |f - after|^2 is a weighted mean of |f - before|^2 and |f - x|^2, less a constant.
                share, x = 1 / count, np.asarray(self._features[row], np.float64)
                step = share * (1 - share) * float(((before - x) ** 2).sum())
                squared = self._squared[to]
                squared *= 1 - share
                squared += share * distances
                squared -= step
                self._means[to] = after
                self._moves[to] += 1
            self._longest_added = max(self._longest_added, float(self._distances.lengths[row]))

    def _exact_scores(
        self, means: Values, target: int, others: Sequence[int], rows: IndexArray
    ) -> tuple[Values, Values]:
        """Scores of the rows and their distances to the target, in float64, one block of rows at a time."""
        to_target, to_other = np.empty(len(rows)), np.empty(len(rows))
        for start in range(0, len(rows), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            points = np.asarray(self._features[rows[part]], dtype=np.float64)
            to_target[part] = _distances(points, means[target])
            if others:
                each = (_distances(points, means[j]) for j in others)
                to_other[part] = functools.reduce(self._form.reduce, each)
        return (self._form.score(to_target, to_other) if others else to_target), to_target

    def _has(self, position: int, mean: Values) -> bool:
        return position < len(self._means) and bool((self._means[position] == mean).all())

    def _shortlist(self, target: int, others: Sequence[int], free: NDArray[np.bool_]) -> IndexArray:
        """Rows whose score may be the smallest, given what float32 can have got wrong."""
        longest = max(self._distances.ends(self._means).longest, self._longest_added)
        low = np.empty(len(free))
        least: list[tuple[float, float]] = []  # of each part: the smallest high score, and distance to the target

        def look(start: int) -> None:
            part = slice(start, start + _SCORES_AT_ONCE)
            low[part], high, target_high = self._bounds(part, target, others, longest)
            low[part][~free[part]] = np.inf
            least.append(tuple(values.min(where=free[part], initial=np.inf) for values in (high, target_high)))

        in_threads(look, range(0, len(free), _SCORES_AT_ONCE))
        scores, to_target = np.array(least).T
        return np.flatnonzero(low <= scores.min() + self._form.tie_width(scores, to_target))

    def _bounds(self, part: slice, target: int, others: Sequence[int], longest: float) -> tuple[Values, Values, Values]:
        """Least and largest score of the images of this part, and their largest distance to the target."""
        moves = max(self._moves[j] for j in (target, *others))  # each rounds a few times more
        error = self._distances.error(self._distances.lengths[part], longest, 8 * moves)
        low, high = target_low, target_high = _root_bounds(self._squared[target][part], error)
        if others:
            other = functools.reduce(self._form.reduce, (self._squared[j][part] for j in others))
            other_low, other_high = _root_bounds(other, error)
            low = self._form.score(target_low, other_high)
            high = self._form.score(target_high, other_low)
        return low, high, target_high

    def _make_room(self, classes: int) -> None:
        n = len(self._features)
        while len(self._squared) < classes:
            if 4 * n * (len(self._squared) + 1) <= _MOST_IN_MEMORY:
                self._squared.append(np.empty(n, np.float32))
            else:
                with tempfile.TemporaryFile() as file:
                    if hasattr(os, "posix_fallocate"):  # a full disk is an error here, and kills the process later
                        os.posix_fallocate(file.fileno(), 0, 4 * n)
                    self._squared.append(np.memmap(file, np.float32, "w+", shape=(n,)))
            self._moves.append(0)

    def _read_pool(self, points: Values, into: Sequence[NDArray[np.float32]]) -> None:
        """Fill one array (images,) for each point with squared distances: the one pass over the whole pool."""

        def note(rows: slice, squared: NDArray[np.float32]) -> None:
            for column, distances in zip(squared.T, into, strict=True):
                distances[rows] = column

        if into:
            self._distances.visit(self._distances.ends(points), note)


def _root_bounds(squared: NDArray[np.float32], error: Values) -> tuple[Values, Values]:
    exact = squared.astype(np.float64)
    return np.sqrt(np.maximum(exact - error, 0)), np.sqrt(np.maximum(exact, 0) + error)


def _distances(points: Values, mean: Values) -> Values:
    difference = points - mean
    distances: Values = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances
