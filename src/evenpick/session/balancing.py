"""The balancing step (section 3.3 of the paper): when to switch, which class to ask for, which image next.

n_c counts the labels of each discovered class c. Classes below the mean of n_c are under-represented
(ur), the others over-represented (or). All of it is derived from the labels so far.
"""

import functools
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..acquisition import BoundedDistances
from ..arrays import IndexArray, Values
from ..machine import in_threads
from ..pool import BLOCK_ROWS, Features

_MOST_PREPARED = 16  # images looked at while their distances wait, each 4 bytes an image of the pool
_MOST_IN_MEMORY = 512 << 20  # bytes of the table of distances; what is more lies in a temporary file
_SCORES_AT_ONCE = 1 << 16  # images whose bounds are computed together; they stay in the processor's cache
_TIE = 1e-9  # scores this close, relative to their size, are a tie: the permutation decides, not rounding

Counts: TypeAlias = NDArray[np.intp]


def should_switch(counts: Counts, budget: int) -> bool:
    """Whether the labels left are just enough to even out the classes (Eq. 8, with `<=`).

    Parameters
    ----------
    counts : array of shape (n_discovered,)
        Labels of each discovered class.
    budget : int
        All labels that will be spent.
    """
    if not counts.size:
        return False
    under = counts < counts.mean()
    gap = counts[~under].mean() - counts[under].mean() if under.any() else 0.0
    # Counts are whole: rounding in the means must not decide between < and <=.
    return bool(budget - counts.sum() <= under.sum() * gap + 1e-9)


class TargetChoice:
    """Which class to ask for: the fewest labels, then the least often targeted, then the oldest.

    With `patience` k > 0, a target missed k times in a row is passed over until every other
    under-represented class has been, or until it is hit.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._targeted: list[int] = []
        self._misses: list[int] = []
        self._passed_over: set[int] = set()

    def choose(self, counts: Counts) -> int:
        """The class (in order of discovery) to ask for now; asking changes nothing, only answers do."""
        under = np.flatnonzero(counts < counts.mean())
        eligible = under.tolist() if under.size else list(range(len(counts)))
        waiting = [c for c in eligible if c not in self._passed_over] or eligible
        return min(waiting, key=lambda c: (counts[c], self._targeted[c], c))

    def observe(self, target: int | None, label: int) -> None:
        """Take note of an answer: what was asked for, if anything, and what it was."""
        while len(self._targeted) <= label:
            self._targeted.append(0)
            self._misses.append(0)
        if target in self._passed_over:
            self._passed_over.clear()  # it was asked for again, so every other one has been passed over
        self._misses[label] = 0
        self._passed_over.discard(label)
        if target is None:
            return
        self._targeted[target] += 1
        if target != label:
            self._misses[target] += 1
            if 0 < self._patience <= self._misses[target]:
                self._misses[target] = 0
                self._passed_over.add(target)


@dataclass(frozen=True)
class BalancingForm:
    """How an image is scored, lowest best, from its distance to the target's mean and to the others'.

    `reduce` makes one distance of those to the over-represented classes; `score` grows with the
    distance to the target and falls with the other. Without an or-class the distance to the target is
    the score.
    """

    reduce: np.ufunc
    score: Callable[[Values, Values], Values]
    quotient: bool  # of distances; else a distance itself

    def tie_width(self, scores: Values, to_target: Values) -> float:
        """How far apart two scores may be and still tie: relative to what they are made of."""
        best = abs(float(scores.min()))
        return _TIE * (best if self.quotient else max(best, float(to_target.min())))


def _ratio(to_target: Values, to_other: Values) -> Values:
    """The quotient; 0 / 0, an image that lies on every mean, counts as 0."""
    scores = np.where(to_target > 0, np.inf, 0.0)
    return np.divide(to_target, to_other, out=scores, where=to_other > 0)


BALANCINGS: dict[str, BalancingForm] = {
    # d(mu_target, x) / max over or-classes of d(mu_j, x): Eq. 9 as printed.
    "ratio_max": BalancingForm(np.maximum, _ratio, quotient=True),
    # d(mu_target, x) - min over or-classes of d(mu_j, x): the authors' later form.
    "diff_min": BalancingForm(np.minimum, np.subtract, quotient=False),
}


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
