"""The k-center rule: no image may lie far from a chosen one. First the rule as it is stated, then a fast way to follow it."""

import numpy as np

from ..arrays import IndexArray, Values
from ..machine import Run, map_in_threads, one_blas_thread
from ..pool import Pool
from ..vectors import squared_distances
from .nearest_centres import NearestCentres

_CANDIDATES = 384  # the farthest images, among which the greedy rule is followed


def greedy_k_center(points: Values, permutation: IndexArray, budget: int) -> IndexArray:
    """The rule itself: begin anywhere, then keep adding the point farthest from those chosen (Gonzalez, 1985).

    It looks at every point for every choice. `core_set` gives the same answer sooner; tests hold it to this one.
    """
    chosen = [permutation[0]]
    nearest = np.full(len(points), np.inf)  # squared distance to the nearest chosen point
    while len(chosen) < budget:
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen] = -1  # copies of a chosen point, at distance 0, come before it
        chosen.append(permutation[np.argmax(nearest[permutation])])  # of equals the first in the permutation
    return np.array(chosen)


def core_set(pool: Pool, budget: int, rng: np.random.Generator, run: Run = map_in_threads) -> IndexArray:
    """Images that leave no other image far from a chosen one (Sener & Savarese, 2018; Eq. 7 of the paper).

    Greedy k-center on features as they are: the first image u_1 is drawn, and

        u_(m+1) = argmax over images x of  min over chosen u of  |f(x) - f(u)|

    Distances to the nearest chosen image only fall, so an old one is an upper bound: the rule is
    followed among the farthest few hundred images alone for as long as none outside can be farther.
    Only then are the images that may still come next compared with all the new centres at once, in
    float32; the distances of the farthest are settled in float64.

    Parameters
    ----------
    pool : Pool
    budget : int
        1 to `len(pool)`; trusted.
    rng : numpy.random.Generator
        Draws the first image, and the order of equally far ones.
    run : Run
        Spreads over cores or machines what is done to many images.

    Returns
    -------
    array of shape (budget,), intp
        Rows of the pool, first choice first, no repeats.
    """
    permutation = rng.permutation(len(pool))
    rank = np.empty(len(pool), np.intp)
    rank[permutation] = np.arange(len(pool))
    with one_blas_thread():
        chosen = batch = permutation[:1]
        nearest = NearestCentres(pool.features, run)
        while len(chosen) < budget:
            nearest.add(batch, _CANDIDATES)
            batch = _greedy_among_farthest(nearest, rank, budget - len(chosen))
            chosen = np.concatenate([chosen, batch])
    return chosen


def _greedy_among_farthest(nearest: NearestCentres, rank: IndexArray, wanted: int) -> IndexArray:
    """The next centres, at least one, that the greedy rule surely takes."""
    candidates, bound = _farthest(nearest.bounds.high, rank)
    while nearest.settle(candidates):
        candidates, bound = _farthest(nearest.bounds.high, rank)
    points, distances = nearest.points(candidates), nearest.bounds.high[candidates]
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


def _farthest(nearest: Values, rank: IndexArray) -> tuple[IndexArray, tuple[float, int]]:
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
