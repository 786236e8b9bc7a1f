"""Acquisition functions that cover the pool: every chosen image covers those near it in feature space.

How well image x covers image y is a kernel k(x, y) of their distance, and a set of images covers y as
well as its best member. The next image is the one that adds most coverage over the whole pool. What
an image can add only falls as others are chosen, so an old figure is an upper bound and few images need a
new one (lazy greedy; Minoux, 1978): the picks are those of the plain rule. Rows of its n x n matrix are
computed as they are needed, and 256 MB of them are kept.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .clustering import clusters_of
from .linear_head import normalised
from .machine import in_threads, one_blas_thread
from .pool import IndexArray, Pool

Singles: TypeAlias = NDArray[np.float32]
Kernel: TypeAlias = Callable[[Singles], Singles]  # from squared distances to coverage, falling from 1 to 0

MOST_COVERED = 20_000  # images; of a larger pool a random sample this large is covered, and chosen from
FEW_COVERED = 8_000  # as many by `auto`: the time grows with the square, and people wait for it
NEIGHBOURS = 5
BANDWIDTH = 1.5  # of the Gaussian kernel, in mean distances to the nearest neighbours
PURE = 0.95  # share of ProbCover's balls that hold one pseudo-class only, as its paper has it

_MOST_CLUSTERS = 500
_ROWS_AT_ONCE = 256  # candidates whose kernel is computed together
_COLUMNS_AT_ONCE = 2048  # of their distances; they stay in the processor's cache
_FIRST_LOOK = 8  # bounds that are renewed first; then twice as many, and so on
_CACHE_BYTES = 256 << 20  # kernel rows that are kept: all of them up to 8,000 points
_MOSTLY_NEW = 0.7  # share of the points that one choice covers better
_SAME_POINT = 1e-6  # squared distances below this, between points of length 1, are rounding
_TIE = 1e-6  # steps that gains are rounded to, relative to the first one: among equals the permutation decides
_SAMPLE = 1000  # images whose nearest neighbours tell the kernel's width


def max_herding(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Images whose Gaussian kernels cover the pool best on average (Bae et al., 2024).

    k(x, y) = exp(-d^2 / h^2) on features of length 1, h being 1.5 times the mean distance of an image to
    its five nearest neighbours. Exact up to 20,000 images; of a larger pool a drawn sample of 20,000
    is covered.
    """
    return _covering(pool, budget, rng, None)


def auto(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """`max_herding`, of a pool of more than 8,000 images on a drawn sample of 8,000."""
    return _covering(pool, budget, rng, None, FEW_COVERED)


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
    greedy = GreedyCoverage(points, ball(pure_radius(points, classes)), rng.permutation(len(rows)))
    return rows[greedy.choose(budget)]


def part_to_cover(
    pool: Pool, budget: int, rng: np.random.Generator, most: int | None = None
) -> tuple[IndexArray, Singles]:
    """The rows that are covered and chosen from, ascending, and their features at length 1."""
    n, most = len(pool), most or MOST_COVERED
    rows = np.arange(n) if n <= most else np.sort(rng.choice(n, size=max(most, budget), replace=False))
    return rows, unit_features(pool, rows)


def unit_features(pool: Pool, rows: IndexArray) -> Singles:
    """Their features scaled to length 1, a zero vector left as it is."""
    return normalised(np.asarray(pool.features[rows]))


def gaussian(width: float) -> Kernel:
    """k(d^2) = exp(-d^2 / width^2)."""
    factor = np.float32(-1 / width**2)

    def kernel(squared: Singles) -> Singles:
        squared *= factor
        return np.exp(squared, out=squared)

    return kernel


def ball(radius: float) -> Kernel:
    """k(d^2) = 1 up to the radius, 0 beyond it."""
    squared_radius = np.float32(radius**2)
    return lambda squared: (squared <= squared_radius).astype(np.float32)


def kernel_width(points: Singles, rng: np.random.Generator) -> float:
    """1.5 times the mean distance to the five nearest neighbours, of a drawn thousand points."""
    n = len(points)
    neighbours = min(NEIGHBOURS, n - 1)
    if not neighbours:
        return 1.0
    sample = np.sort(rng.choice(n, size=min(_SAMPLE, n), replace=False))
    distances = []
    for start, squared in squared_distances(points, squared_lengths(points), sample):
        here = np.arange(len(squared))
        squared[here, sample[start : start + len(squared)]] = np.inf
        nearest = np.partition(squared, neighbours - 1, axis=1)[:, :neighbours]
        distances.append(np.sqrt(nearest).mean(axis=1))
    width = BANDWIDTH * float(np.concatenate(distances).mean())
    return width if width > 1e-6 else 1.0  # nothing but copies: any width will do


def pure_radius(points: Singles, classes: IndexArray) -> float:
    """The largest radius with which at most 5 % of the balls around the points hold two classes."""
    nearest_other = np.empty(len(points), np.float32)
    for start, squared in squared_distances(points, squared_lengths(points), np.arange(len(points))):
        part = slice(start, start + len(squared))
        squared[classes[part, None] == classes] = np.inf
        nearest_other[part] = squared.min(axis=1)
    rank = int((1 - PURE) * len(points))  # so many balls may be impure
    limit = float(np.sort(nearest_other)[rank])
    return float(np.sqrt(limit)) * (1 - 1e-4) if np.isfinite(limit) else 2.0  # the ball itself is closed


def squared_distances(points: Singles, lengths: Singles, of: IndexArray) -> Iterator[tuple[int, Singles]]:
    """Squared distances of some points to all, a few rows at a time, each with the position of its first.

    `lengths` (n,) are the squared lengths of the points.
    """
    for start in range(0, len(of), _ROWS_AT_ONCE):
        part = of[start : start + _ROWS_AT_ONCE]
        yield start, _squared(points[part], lengths[part], points, lengths)


def _squared(some: Singles, lengths_of_some: Singles, points: Singles, lengths: Singles) -> Singles:
    squared = np.empty((len(some), len(points)), np.float32)

    def fill(start: int) -> None:
        part = slice(start, start + _COLUMNS_AT_ONCE)
        products = some @ points[part].T
        products *= -2
        products += lengths[part]
        products += lengths_of_some[:, None]
        np.copyto(products, 0, where=products < _SAME_POINT)
        squared[:, part] = products

    with one_blas_thread():
        in_threads(fill, range(0, len(points), _COLUMNS_AT_ONCE))
    return squared


def squared_lengths(points: Singles) -> Singles:
    """Of every point; 1 but for a zero vector, if they were normalised."""
    lengths: Singles = np.einsum("ij,ij->i", points, points)
    return lengths


class GreedyCoverage:
    """Adds the point that raises most the weighted sum, over all points, of the best kernel to a chosen one.

    Parameters
    ----------
    points : array of shape (n, d), float32
    kernel : callable
        From squared distances to coverage.
    permutation : array of shape (n,), intp
        Of points that add equally much the first in it is taken.
    weights : array of shape (n,), optional
        What it is worth to cover each point, >= 0; 1 by default.
    chosen : array of shape (m, d), float32, optional
        Vectors that cover already, be they among the points or not.
    """

    def __init__(
        self,
        points: Singles,
        kernel: Kernel,
        permutation: IndexArray,
        weights: NDArray[np.float64] | None = None,
        chosen: Singles | None = None,
    ) -> None:
        n = len(points)
        self._points, self._kernel, self._lengths = points, kernel, squared_lengths(points)
        self._weights = np.ones(n, np.float32) if weights is None else weights.astype(np.float32)
        self._coverage = np.zeros(n, np.float32)
        self._cache: dict[int, Singles] = {}  # kernel rows of candidates, by position
        self._most_cached = max(_CACHE_BYTES // (4 * n), 2 * _ROWS_AT_ONCE)
        # Candidates in the order of the permutation, and what each adds at most; -1 once chosen.
        self._candidates = permutation
        self._position = np.empty(n, np.intp)
        self._position[permutation] = np.arange(n)
        if chosen is not None:
            self._raise_coverage(chosen)
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

    def cover(self, vectors: Singles) -> None:
        """Take note of vectors (m, d) that were chosen elsewhere, be they among the points or not."""
        before = self._coverage.copy()
        self._raise_coverage(vectors)
        self._follow(before)

    def exclude(self, points: IndexArray) -> None:
        """Never choose these points."""
        self._gains[self._position[points]] = -1

    def _choose_one(self) -> int:
        fresh = self._gains == 0  # it cannot fall: copies of what is chosen need no new figure
        few = _FIRST_LOOK
        while not fresh[best := int(np.argmax(self._gains))]:
            stale = self._most_promising(fresh, few)
            few = min(2 * few, _ROWS_AT_ONCE)
            self._gains[stale] = self._rounded([self._gain(row) for row in self._kernel_rows(stale)])
            fresh[stale] = True
        before = self._coverage
        self._coverage = np.maximum(before, self._kernel_rows(np.array([best]))[0])
        self._gains[best] = -1
        self._follow(before)
        return int(self._candidates[best])

    def _raise_coverage(self, vectors: Singles) -> None:
        for start in range(0, len(vectors), _ROWS_AT_ONCE):
            part = vectors[start : start + _ROWS_AT_ONCE]
            rows = self._kernel(_squared(part, squared_lengths(part), self._points, self._lengths))
            np.maximum(self._coverage, rows.max(axis=0), out=self._coverage)

    def _follow(self, before: Singles) -> None:
        """Where most of the coverage is new, as after the first choice, every bound is loose: renew them at once."""
        if (self._coverage > before).mean() > _MOSTLY_NEW:
            renewed = self._rounded(self._all_gains())
            self._gains = np.where(self._gains >= 0, renewed, -1)

    def _all_gains(self) -> NDArray[np.float64]:
        gains = np.empty(len(self._candidates))
        for start in range(0, len(gains), _ROWS_AT_ONCE):
            positions = np.arange(start, min(start + _ROWS_AT_ONCE, len(gains)))
            gains[positions] = [self._gain(row) for row in self._kernel_rows(positions)]
        return gains

    def _most_promising(self, fresh: NDArray[np.bool_], few: int) -> IndexArray:
        """The best stale candidates of those that may beat the best fresh one."""
        may = np.flatnonzero(~fresh & (self._gains >= max(self._gains[fresh].max(initial=0), 0)))
        if len(may) > few:
            may = may[np.argpartition(-self._gains[may], few)[:few]]
        return may

    def _kernel_rows(self, positions: IndexArray) -> list[Singles]:
        missing = [position for position in positions.tolist() if position not in self._cache]
        if missing:
            self._fetch(missing)
        for position in positions.tolist():
            self._cache[position] = self._cache.pop(position)  # asked for last, dropped last
        rows = [self._cache[position] for position in positions.tolist()]
        while len(self._cache) > self._most_cached:
            del self._cache[next(iter(self._cache))]
        return rows

    def _fetch(self, missing: list[int]) -> None:
        positions = np.array(missing, dtype=np.intp)
        for start, squared in squared_distances(self._points, self._lengths, self._candidates[positions]):
            for position, row in zip(missing[start:], self._kernel(squared), strict=False):
                self._cache[position] = row.copy()

    def _gain(self, row: Singles) -> float:
        return float(np.maximum(row - self._coverage, 0) @ self._weights)

    def _rounded(self, gains: object) -> NDArray[np.float64]:
        return np.asarray(np.rint(np.asarray(gains, dtype=np.float64) / self._step))


def _covering(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    weights: NDArray[np.float64] | None,
    most: int | None = None,
) -> IndexArray:
    rows, points = part_to_cover(pool, budget, rng, most)
    kernel = gaussian(kernel_width(points, rng))
    of_rows = None if weights is None else weights[rows]
    greedy = GreedyCoverage(points, kernel, rng.permutation(len(rows)), of_rows)
    return rows[greedy.choose(budget)]
