"""How far apart photographs look: L2 distances of features at length 1, and how near different ones come."""

from dataclasses import dataclass

import numpy as np

from ..arrays import IndexArray, Singles, Values
from ..vectors import normalised
from .blocks import Features
from .sequences import Sequences

REFERENCES = 1000  # other images that one is compared with
_NEAREST = 0.01  # of them are the nearest
_ELSEWHERE = 30  # places from an image: there the references are of something else


def evenly(n: int, most: int) -> IndexArray:
    """Up to so many of n rows, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))


def distances_between(left: Singles, right: Singles) -> Singles:
    """L2 distance of each pair of rows of length 1."""
    squared = 2 - 2 * np.einsum("ij,ij->i", left, right)
    return np.asarray(np.sqrt(np.maximum(squared, 0)), np.float32)


def nearest_hundredth(squared: Singles) -> Values:
    """How near the nearest hundredth of the references is, at least the third, by squared distances (n, m) to them."""
    m = squared.shape[1]
    nth = min(max(3, round(_NEAREST * m)), m)
    return np.asarray(np.sqrt(np.partition(squared, nth - 1, axis=1)[:, nth - 1].astype(np.float64)))


@dataclass(frozen=True)
class References:
    """Up to 1,000 images of the pool that others are compared with: how near do different images come?"""

    looks: Singles  # (m, d), at length 1
    place: IndexArray
    run: IndexArray
    run_at: IndexArray  # of every place of the pool

    @classmethod
    def of(cls, features: Features, taken: Sequences) -> "References":
        """References spread evenly over the rows."""
        rows = evenly(len(features), REFERENCES)
        place_of = np.empty(len(taken.order), np.intp)
        place_of[taken.order] = np.arange(len(taken.order))
        return cls(normalised(features[rows]), place_of[rows], taken.run[place_of[rows]], taken.run)

    def room(self, looks: Singles, places: IndexArray, whole_runs: bool = True) -> Values:
        """How near the nearest hundredth of the references of something else is to each image; 0 if too few are there.

        Something else is what is not of the same run; with `whole_runs` off, or where hardly any other is left, what is
        30 places away (in a small pool a quarter of it).
        """
        m, elsewhere = len(self.looks), min(_ELSEWHERE, len(self.run_at) // 4)
        squared = np.maximum(2 - 2 * looks @ self.looks.T, 0)
        own = self.run == self.run_at[places][:, None]
        near = np.abs(self.place - places[:, None]) <= elsewhere
        few = (~own).sum(axis=1) < max(elsewhere, m // 5)
        squared[np.where((few | ~np.bool_(whole_runs))[:, None], near, own)] = np.inf
        nearest = nearest_hundredth(squared)
        return np.where(np.isfinite(nearest), nearest, 0.0)
