"""Squared distances in float32 from images to points, with a bound on what rounding can have changed.

A product in float32 takes half the time of one in float64. Whoever compares such distances settles the few that
the bound leaves open in float64, and so decides as exact arithmetic would.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..arrays import IndexArray, Singles, Values
from ..machine import Run, in_threads, map_in_threads, one_blas_thread
from ..pool import Features, feature_blocks, single_blocks

ROWS_AT_ONCE = 512  # few enough that their vectors and distances stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Ends:
    """Points that distances are measured to.

    Attributes
    ----------
    vectors : array of shape (m, d), float32
        From the centre, times -2.
    squares : array of shape (m,), float32
        Squared lengths of the points, from the centre.
    """

    vectors: Singles
    squares: Singles

    def __len__(self) -> int:
        return len(self.squares)

    def __getitem__(self, part: slice) -> "Ends":
        return Ends(self.vectors[part], self.squares[part])

    def __add__(self, other: "Ends") -> "Ends":
        return Ends(np.concatenate([self.vectors, other.vectors]), np.concatenate([self.squares, other.squares]))

    @property
    def longest(self) -> float:
        """The length of the longest vector."""
        return float(np.sqrt(self.squares.max(initial=0)))


class BoundedDistances:
    """Squared distances of the images of a pool in float32, and how far off they may be.

    Vectors are taken from the mean of the pool, so that what all of them share costs no digits.

    Attributes
    ----------
    lengths : array of shape (n,), float32
        Of the images' vectors.
    """

    def __init__(self, features: Features, run: Run = map_in_threads) -> None:
        self._features = features
        total = np.zeros(features.shape[1])
        for block_sum in run(_sum, single_blocks(features)):
            total += block_sum
        self._centre = (total / len(features)).astype(np.float32)
        measured = run(partial(_lengths, self._centre), single_blocks(features))
        self.lengths: Singles = np.concatenate(list(measured))
        # Worst case of a float32 dot product of d terms, twice, and of the differences and sums around it.
        self._rounding = (2 * features.shape[1] + 16) * float(np.finfo(np.float32).eps)

    def __getstate__(self) -> dict[str, Any]:
        """Lengths are sent with the images that they belong to."""
        return {**self.__dict__, "lengths": None}

    def ends(self, points: Values) -> Ends:
        """For points of shape (m, d), not taken from the centre."""
        vectors = (points - self._centre).astype(np.float32)
        squares = np.einsum("ij,ij->i", vectors, vectors)
        vectors *= -2
        return Ends(vectors, squares)

    def visit(self, ends: Ends, step: Callable[[slice, Singles], None]) -> None:
        """Call `step(rows, squared)` for a few images at a time, all in all for all; see `squared`."""

        def look(part: tuple[slice, Singles]) -> None:
            rows, vectors = part
            step(rows, self.squared(vectors - self._centre, self.lengths[rows], ends))

        with one_blas_thread():
            in_threads(look, feature_parts(self._features))

    def vectors(self, rows: IndexArray) -> Singles:
        """Of these images, shape (n_rows, d)."""
        return self._features[rows] - self._centre

    def squared(self, vectors: Singles, lengths: Singles, ends: Ends) -> Singles:
        """Squared distances of shape (n_rows, m)."""
        distances: Singles = vectors @ ends.vectors.T
        distances += ends.squares
        distances += (lengths**2)[:, None]
        return distances

    def error(self, lengths: Singles, longest: float, roundings: float = 0) -> Values:
        """How far off the distances of images of these lengths to ends no longer than `longest` may be.

        `roundings` counts further operations on the distances.
        """
        rounding = self._rounding + roundings * float(np.finfo(np.float32).eps)
        return np.asarray(rounding * (lengths.astype(np.float64) + longest) ** 2)


def feature_parts(features: Features) -> Iterator[tuple[slice, Singles]]:
    """Parts of blocks, small enough for the processor's cache, each with its rows."""
    for first, block in feature_blocks(features):
        for start in range(0, len(block), ROWS_AT_ONCE):
            part = block[start : start + ROWS_AT_ONCE]
            yield slice(first + start, first + start + len(part)), part


def _sum(block: Features) -> Values:
    return np.asarray(sum(part.sum(axis=0, dtype=np.float64) for _, part in feature_parts(block)))


def _lengths(centre: Singles, block: Features) -> Singles:
    return np.concatenate([np.linalg.norm(part - centre, axis=1) for _, part in feature_parts(block)])
