"""How well each image covers each other one: a kernel k(x, y) of their distance, on features of length 1.

A greedy rule asks for rows of the n x n matrix of k. `ComputedRows` computes them whenever they are asked for, as exact
as float32 is; `ByteTable` computes all of them once, in a byte each.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Singles
from ..machine import in_threads, one_blas_thread
from .greedy_coverage import ROWS_AT_ONCE

Kernel: TypeAlias = Callable[[Singles], Singles]  # from squared distances to coverage, falling from 1 to 0

NEIGHBOURS = 5
PURE = 0.95  # share of ProbCover's balls that hold one pseudo-class only, as its paper has it
BANDWIDTH = 1.5  # of the Gaussian kernel, in mean distances to the nearest neighbours

_COLUMNS_AT_ONCE = 2048  # of their distances; they stay in the processor's cache
_SAME_POINT = 1e-5  # squared distances below this, between points of length 1, are rounding
_SAMPLE = 1000  # images whose nearest neighbours tell the kernel's width
_STEPS = 255  # of a byte


class ComputedRows:
    """No row is kept. `points` have shape (n, d)."""

    at_hand = False

    def __init__(self, points: Singles, kernel: Kernel) -> None:
        self.n_points: int = len(points)
        self._points, self._kernel, self._squares = points, kernel, squared_lengths(points)

    def rows(self, points: IndexArray) -> Iterator[Singles]:
        for _, squared in squared_distance_rows(self._points, self._squares, points):
            yield from self._kernel(squared)


class ByteTable:
    """All rows, each value rounded to a 255th: n^2 bytes. `points` have shape (n, d)."""

    at_hand = True

    def __init__(self, points: Singles, kernel: Kernel) -> None:
        n = len(points)
        self.n_points: int = n
        self._points, self._kernel, self._squares = points, kernel, squared_lengths(points)
        self._steps = np.empty((n, n), np.uint8)
        with one_blas_thread():
            in_threads(self._fill, range(0, n, ROWS_AT_ONCE))

    def _fill(self, start: int) -> None:
        """These rows from the diagonal on, and by symmetry the columns below it."""
        here = slice(start, start + ROWS_AT_ONCE)
        for column in range(start, self.n_points, _COLUMNS_AT_ONCE):
            there = slice(column, column + _COLUMNS_AT_ONCE)
            squared = _tile(self._points[here], self._squares[here], self._points[there], self._squares[there])
            tile = _in_steps(self._kernel(squared)).astype(np.uint8)
            self._steps[there, here] = tile.T
            self._steps[here, there] = tile

    def rows(self, points: IndexArray) -> Iterator[Singles]:
        for point in points:
            yield _from_steps(self._steps[point])

    def best(self, vectors: Singles) -> Singles:
        """How well these vectors (m, d) together cover every point (n,); 0 with none."""
        best = np.zeros(self.n_points, np.float32)
        for start in range(0, len(vectors), ROWS_AT_ONCE):
            part = vectors[start : start + ROWS_AT_ONCE]
            squared = _squared(part, squared_lengths(part), self._points, self._squares)
            np.maximum(best, self._kernel(squared).max(axis=0), out=best)
        return _from_steps(_in_steps(best))

    def best_of_points(self, points: IndexArray) -> Singles:
        """As `best`, of some of the n points themselves."""
        best = np.zeros(self.n_points, np.uint8)
        for start in range(0, len(points), ROWS_AT_ONCE):
            np.maximum(best, self._steps[points[start : start + ROWS_AT_ONCE]].max(axis=0), out=best)
        return _from_steps(best)


def _in_steps(values: Singles) -> Singles:
    values *= _STEPS
    return np.rint(values, out=values)


def _from_steps(steps: NDArray[np.uint8] | Singles) -> Singles:
    values: Singles = steps.astype(np.float32)
    values *= np.float32(1 / _STEPS)
    return values


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
    for start, squared in squared_distance_rows(points, squared_lengths(points), sample):
        here = np.arange(len(squared))
        squared[here, sample[start : start + len(squared)]] = np.inf
        nearest = np.partition(squared, neighbours - 1, axis=1)[:, :neighbours]
        distances.append(np.sqrt(nearest).mean(axis=1))
    width = BANDWIDTH * float(np.concatenate(distances).mean())
    return width if width > 1e-6 else 1.0  # nothing but copies: any width will do


def pure_radius(points: Singles, classes: IndexArray) -> float:
    """The largest radius with which at most 5 % of the balls around the points hold two classes."""
    nearest_other = np.empty(len(points), np.float32)
    for start, squared in squared_distance_rows(points, squared_lengths(points), np.arange(len(points))):
        part = slice(start, start + len(squared))
        squared[classes[part, None] == classes] = np.inf
        nearest_other[part] = squared.min(axis=1)
    rank = int((1 - PURE) * len(points))  # so many balls may be impure
    limit = float(np.sort(nearest_other)[rank])
    return float(np.sqrt(limit)) * (1 - 1e-4) if np.isfinite(limit) else 2.0  # the ball itself is closed


def squared_distance_rows(points: Singles, squares: Singles, of: IndexArray) -> Iterator[tuple[int, Singles]]:
    """Squared distances in float32 from the points `of` to all points, a few at a time, with the place of the first in `of`.

    `squares` (n,) are the squared lengths of all points.
    """
    for start in range(0, len(of), ROWS_AT_ONCE):
        part = of[start : start + ROWS_AT_ONCE]
        yield start, _squared(points[part], squares[part], points, squares)


def _squared(some: Singles, squares_of_some: Singles, points: Singles, squares: Singles) -> Singles:
    squared = np.empty((len(some), len(points)), np.float32)

    def fill(start: int) -> None:
        part = slice(start, start + _COLUMNS_AT_ONCE)
        squared[:, part] = _tile(some, squares_of_some, points[part], squares[part])

    with one_blas_thread():
        in_threads(fill, range(0, len(points), _COLUMNS_AT_ONCE))
    return squared


def _tile(some: Singles, squares_of_some: Singles, others: Singles, squares_of_others: Singles) -> Singles:
    products: Singles = some @ others.T
    products *= -2
    products += squares_of_others
    products += squares_of_some[:, None]
    np.copyto(products, 0, where=products < _SAME_POINT)
    return products


def squared_lengths(points: Singles) -> Singles:
    """Of every point; 1 but for a zero vector, if they were normalised."""
    lengths: Singles = np.einsum("ij,ij->i", points, points)
    return lengths
