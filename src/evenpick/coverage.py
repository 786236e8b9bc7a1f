"""Acquisition functions that look at where images lie in feature space."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from .distances import squared_distances
from .machine import Run, map_in_threads, one_blas_thread
from .pool import Features, IndexArray, Pool, feature_blocks, single_blocks

_CANDIDATES = 512


def core_set(pool: Pool, budget: int, rng: np.random.Generator, run: Run = map_in_threads) -> IndexArray:
    """Images that leave no other image far from a chosen one (Sener & Savarese, 2018; Eq. 7 of the paper).

    Greedy k-centre: start at a random image, then keep adding the one farthest from those already
    chosen. Distances to the nearest chosen image only fall, so a stale one is an upper bound: the rule is
    followed among the farthest few hundred images alone for as long as none outside can be farther,
    and only then is every image brought up to date, with one matrix product for all the new centres.
    Equally far images come in the order of a drawn permutation. `run` spreads the blocks of that product.
    """
    rank = np.empty(len(pool), np.intp)
    permutation = rng.permutation(len(pool))
    rank[permutation] = np.arange(len(pool))
    nearest = np.full(len(pool), np.inf)  # squared distance to the nearest chosen image; -1 once chosen
    chosen: list[int] = []
    batch = permutation[:1]
    while True:
        chosen.extend(batch.tolist())
        if len(chosen) >= budget:
            return np.array(chosen[:budget], dtype=np.intp)
        _bring_up_to_date(nearest, pool.features, batch, run)
        nearest[batch] = -1
        batch = _greedy_among_farthest(pool.features, nearest, rank, budget - len(chosen))


def _greedy_among_farthest(
    features: Features, nearest: NDArray[np.float64], rank: IndexArray, wanted: int
) -> IndexArray:
    """The next centres, at least one, that the greedy rule surely takes."""
    candidates, bound = _farthest(nearest, rank)
    points = np.asarray(features[candidates], dtype=np.float64)
    distances = nearest[candidates].copy()
    picks: list[int] = []
    while len(picks) < wanted:
        best = int(np.argmax(distances))  # candidates lie in the order of rank: the first of equals wins
        beaten = (-distances[best], rank[candidates[best]]) >= bound
        if distances[best] < 0 or (picks and beaten):
            break
        picks.append(best)
        np.minimum(distances, squared_distances(points, points[best : best + 1])[:, 0], out=distances)
        distances[picks] = -1
    return candidates[picks]


def _farthest(nearest: NDArray[np.float64], rank: IndexArray) -> tuple[IndexArray, tuple[float, int]]:
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


def _bring_up_to_date(nearest: NDArray[np.float64], features: Features, centres: IndexArray, run: Run) -> None:
    points = np.asarray(features[centres], dtype=np.float64)
    first = 0
    # Rounding depends on how many threads share a product: with one each, it is the same wherever a block is.
    with one_blas_thread():
        for distances in run(partial(_to_nearest, points), single_blocks(features)):
            part = nearest[first : first + len(distances)]
            np.minimum(part, distances, out=part)
            first += len(distances)


def _to_nearest(points: NDArray[np.float64], part: Features) -> NDArray[np.float64]:
    """The block step: squared distance of each image of the part to the nearest of the points."""
    blocks = [squared_distances(block.astype(np.float64), points).min(axis=1) for _, block in feature_blocks(part)]
    return np.concatenate(blocks)
