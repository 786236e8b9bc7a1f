"""The balancing step (section 3.3 of the paper): when to switch, which class to ask for, which image next.

n_c counts the labels of each discovered class c. Classes below the mean of n_c are under-represented
(ur), the others over-represented (or). All of it is derived from the labels so far.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .pool import BLOCK_ROWS, Features, IndexArray, feature_blocks

_MOST_PREPARED = 16  # images looked at while their distances wait, each 4 bytes an image of the pool
_ROWS_AT_ONCE = 256  # few enough that a part of a block, less the pool's mean, stays in the processor's cache
_TIE = 1e-9  # scores this close, relative to their size, are a tie: the permutation decides, not rounding

Counts: TypeAlias = NDArray[np.intp]
Values: TypeAlias = NDArray[np.float64]


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


def _ratio(to_target: Values, to_other: Values) -> Values:
    """The quotient; 0 / 0, an image that lies on every mean, counts as 0."""
    scores = np.where(to_target > 0, np.inf, 0.0)
    return np.divide(to_target, to_other, out=scores, where=to_other > 0)


BALANCINGS: dict[str, BalancingForm] = {
    # d(mu_target, x) / max over or-classes of d(mu_j, x): Eq. 9 as printed.
    "ratio_max": BalancingForm(np.maximum, _ratio),
    # d(mu_target, x) - min over or-classes of d(mu_j, x): the authors' later form.
    "diff_min": BalancingForm(np.minimum, np.subtract),
}


class NextImage:
    """The unlabelled image that the balancing form likes best, exactly, at the price of one class a label.

    Squared distances of every image to every class mean are kept in float32, and only a class whose
    mean moved is computed again. Vectors are taken from the mean of the pool, so that what all of them
    share costs no digits. What float32 rounding could hide is bounded; the few images within the
    bound of the best are computed again in float64, so the answer is that of exact arithmetic. Scores
    that tie go to the image that comes first in the given permutation.

    `prepare` reads the pool for an image that a person still looks at, in any thread; whatever its class
    turns out to be, `add` then moves that class without reading the pool again.
    """

    def __init__(self, features: Features, form: BalancingForm, rank: IndexArray) -> None:
        n, d = features.shape
        self._features, self._form, self._rank = features, form, rank
        self._means = np.empty((0, d))
        self._squared = np.empty((0, n), np.float32)  # (classes or more, images)
        self._moves = np.empty(0, np.intp)  # (classes or more,), moves by `add` since the pool was read
        self._centre = np.empty(0, np.float32)  # (d,), the pool's mean, filled on first use
        self._lengths = np.empty(0)  # (images,), from the centre, filled on first use
        self._longest_added = 0.0
        self._prepared: dict[int, NDArray[np.float32]] = {}
        self._lock = threading.Lock()
        # Worst case of a float32 dot product of d terms, twice, and of the differences and sums around it.
        self._rounding = 2 * d + 16

    def pick(self, means: Values, target: int, others: Sequence[int], free: NDArray[np.bool_]) -> int:
        """The best free image.

        `means` (n_classes, d) are the class means, `others` the over-represented classes without the
        target, and `free` (n,) marks the rows that may be asked, at least one.
        """
        self.update(means)
        rows = self._shortlist(target, others, np.flatnonzero(free))
        scores, to_target = self._exact_scores(means, target, others, rows)
        tied = rows[scores <= scores.min() + _tie_width(scores, to_target)]
        return int(tied[np.argmin(self._rank[tied])])

    def update(self, means: Values) -> None:
        """Read the pool for the classes whose means are not those in the table."""
        with self._lock:
            known = min(len(means), len(self._means))  # an undo can take classes away
            moved = np.ones(len(means), dtype=bool)
            moved[:known] = (means[:known] != self._means[:known]).any(axis=1)
            self._make_room(len(means))
            self._means = means.copy()
            if moved.any():
                self._read_pool(means[moved], np.flatnonzero(moved))

    def prepare(self, row: int) -> None:
        """Read the pool for this image, so that `add` need not."""
        with self._lock:
            if row not in self._prepared:
                distances = self._squared_distances(np.asarray(self._features[[row]], np.float64))[0]
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
                self._squared[to], self._moves[to] = distances, 0
            else:
                # |f - after|^2 is a weighted mean of |f - before|^2 and |f - x|^2, less a constant.
                share, x = 1 / count, np.asarray(self._features[row], np.float64)
                step = share * (1 - share) * float(((before - x) ** 2).sum())
                moved = (1 - share) * self._squared[to] + share * distances - step
                self._means[to], self._squared[to] = after, moved
                self._moves[to] += 1
            self._longest_added = max(self._longest_added, float(self._lengths[row]))

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

    def _shortlist(self, target: int, others: Sequence[int], rows: IndexArray) -> IndexArray:
        """Rows whose score may be the smallest, given what float32 can have got wrong."""
        longest = _distances(self._means, self._centre.astype(np.float64)).max()
        moves = int(self._moves[: len(self._means)].max())  # each rounds a few times more
        rounding = (self._rounding + 8 * moves) * float(np.finfo(np.float32).eps)
        error = rounding * (self._lengths[rows] + max(longest, self._longest_added)) ** 2
        low, high = target_low, target_high = _root_bounds(self._squared[target, rows], error)
        if others:
            other = functools.reduce(self._form.reduce, (self._squared[j] for j in others))[rows]
            other_low, other_high = _root_bounds(other, error)
            low = self._form.score(target_low, other_high)
            high = self._form.score(target_high, other_low)
        short: IndexArray = rows[low <= high.min() + _tie_width(high, target_high)]
        return short

    def _make_room(self, classes: int) -> None:
        if classes > len(self._squared):
            more = max(classes - len(self._squared), len(self._squared))
            empty = np.empty((more, self._squared.shape[1]), np.float32)
            self._squared = np.vstack([self._squared, empty])
            self._moves = np.concatenate([self._moves, np.zeros(more, np.intp)])

    def _read_pool(self, means: Values, positions: IndexArray) -> None:
        self._squared[positions] = self._squared_distances(means)
        self._moves[positions] = 0

    def _squared_distances(self, points: Values) -> NDArray[np.float32]:
        """Of every image to each point, shape (points, images): the one pass over the whole pool."""
        if not self._lengths.size:
            self._centre = _mean(self._features)
            self._lengths = np.concatenate(
                [np.linalg.norm(part, axis=1) for _, part in self._from_centre()], dtype=np.float64
            )
        ends = (points - self._centre).astype(np.float32)
        end_lengths = np.einsum("ij,ij->i", ends, ends)[:, None]
        squared = np.empty((len(points), len(self._features)), np.float32)
        for start, part in self._from_centre():
            here = slice(start, start + len(part))
            lengths = self._lengths[here].astype(np.float32) ** 2
            squared[:, here] = lengths - 2 * (ends @ part.T) + end_lengths
        return squared

    def _from_centre(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Parts of the pool less its mean, each with the index of its first row; the next one overwrites it."""
        space = np.empty((_ROWS_AT_ONCE, self._features.shape[1]), np.float32)
        for first, block in feature_blocks(self._features):
            for start in range(0, len(block), _ROWS_AT_ONCE):
                rows = block[start : start + _ROWS_AT_ONCE]
                yield first + start, np.subtract(rows, self._centre, out=space[: len(rows)])


def _tie_width(scores: Values, to_target: Values) -> float:
    """How far apart two scores may be and still tie: relative to what they are made of."""
    return _TIE * max(abs(float(scores.min())), float(to_target.min()))


def _root_bounds(squared: NDArray[np.float32], error: Values) -> tuple[Values, Values]:
    exact = squared.astype(np.float64)
    return np.sqrt(np.maximum(exact - error, 0)), np.sqrt(np.maximum(exact, 0) + error)


def _distances(points: Values, mean: Values) -> Values:
    difference = points - mean
    distances: Values = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances


def _mean(features: Features) -> NDArray[np.float32]:
    total = np.zeros(features.shape[1])
    for _, block in feature_blocks(features):
        total += block.sum(axis=0)
    return (total / len(features)).astype(np.float32)
