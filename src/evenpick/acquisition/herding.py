"""Acquisition functions that cover the pool: every chosen image covers those near it in feature space.

How well image x covers image y is a kernel k(x, y) of their distance, and a set of images covers y as
well as its best member. The next image is the one that adds most coverage over the whole pool.
"""

from collections.abc import Iterator

import numpy as np

from ..arrays import IndexArray, Singles, Values
from ..pool import BLOCK_ROWS, Pool
from ..vectors import normalised
from .clustering import clusters_of
from .greedy_coverage import ROWS_AT_ONCE, GreedyCoverage, KernelRows
from .kernels import ByteTable, ComputedRows, ball, gaussian, kernel_width, pure_radius

MOST_COVERED = 20_000  # images; of a larger pool a random sample this large is covered, and chosen from

_MOST_CLUSTERS = 500


def max_herding(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Images whose Gaussian kernels cover the pool best on average (Bae et al., 2024).

    k(x, y) = exp(-d^2 / h^2) on features of length 1, h being 1.5 times the mean distance of an image to
    its five nearest neighbours. Exact up to 20,000 images; of a larger pool a drawn sample of 20,000
    is covered.
    """
    return _covering(pool, budget, rng, None)


def uncertainty_herding(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """`max_herding` with each image worth one minus the source's margin (Bae et al., 2025).

    The paper's uncertainty is that of a model retrained on the labels; before any label it is the source's.
    """
    return _covering(pool, budget, rng, np.maximum(1 - pool.margin.astype(np.float64), 0))  # probabilities are rounded


def prob_cover(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Images whose balls of one radius hold the most images that no other ball holds (Yehuda et al., 2022).

    The radius is the largest with which 95 % of the balls hold images of one pseudo-class only. The
    paper's pseudo-classes are as many k-means clusters as there are classes; their number is not
    known here, so it is the budget, from 2 to 500.
    """
    rows, points = part_to_cover(pool, budget, rng)
    classes = clusters_of(points, min(max(budget, 2), _MOST_CLUSTERS, len(points)), rng)
    kernel = ball(pure_radius(points, classes))
    # A byte holds 0 and 1 as they are.
    balls = ByteTable(points, kernel) if len(points) <= MOST_COVERED else ComputedRows(points, kernel)
    return rows[cover_by_balls(balls, rng.permutation(len(rows)), budget)]


def cover_by_balls(balls: KernelRows, permutation: IndexArray, budget: int) -> IndexArray:
    """The choice of `GreedyCoverage` for a kernel of 0 and 1, in time that goes with n^2, not with what is looked at again.

    No point is covered twice: once it is, every ball around it is worth one less.
    """
    n = balls.n_points
    parts = (np.arange(start, min(start + ROWS_AT_ONCE, n)) for start in range(0, n, ROWS_AT_ONCE))
    gains = np.array([row.sum() for part in parts for row in balls.rows(part)], dtype=np.float64)
    covered = np.zeros(n, bool)
    chosen = np.empty(budget, np.intp)
    for i in range(budget):
        best = chosen[i] = permutation[np.argmax(gains[permutation])]
        new = np.flatnonzero((next(iter(balls.rows(np.array([best])))) > 0) & ~covered)
        covered[new] = True
        for start in range(0, len(new), ROWS_AT_ONCE):
            for row in balls.rows(new[start : start + ROWS_AT_ONCE]):
                gains -= row
        gains[best] = -np.inf
    return chosen


def part_to_cover(pool: Pool, budget: int, rng: np.random.Generator) -> tuple[IndexArray, Singles]:
    """The rows that are covered and chosen from, and their features at length 1."""
    rows = rows_to_cover(pool, budget, rng)
    return rows, unit_features(pool, rows)


def rows_to_cover(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Ascending, one of a group."""
    rows, most = pool.representatives, max(MOST_COVERED, budget)
    if len(rows) > most:
        rows = rows[np.sort(rng.choice(len(rows), size=most, replace=False))]
    return rows


def unit_features(pool: Pool, rows: IndexArray) -> Singles:
    """Their features scaled to length 1, a zero vector left as it is."""
    return normalised(np.asarray(pool.features[rows]))


def unit_blocks(pool: Pool, rows: IndexArray) -> Iterator[Singles]:
    """The same of any number of rows, a block of them at a time."""
    for start in range(0, len(rows), BLOCK_ROWS):
        yield unit_features(pool, rows[start : start + BLOCK_ROWS])


def _covering(pool: Pool, budget: int, rng: np.random.Generator, weights: Values | None) -> IndexArray:
    rows, points = part_to_cover(pool, budget, rng)
    kernel = gaussian(kernel_width(points, rng))
    of_rows = None if weights is None else weights[rows]
    return rows[GreedyCoverage(ComputedRows(points, kernel), rng.permutation(len(rows)), of_rows).choose(budget)]
