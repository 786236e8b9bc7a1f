"""core_set against the plain greedy loop."""

import numpy as np
import pytest

from evenpick import coverage
from evenpick.coverage import core_set
from evenpick.pool import Pool


def reference(pool, budget, rng):
    """Greedy k-centre as Eq. 7 states it; among equals the first in a drawn permutation."""
    points = np.asarray(pool.features, dtype=float)
    permutation = rng.permutation(len(points)).tolist()
    chosen = [permutation[0]]
    while len(chosen) < budget:
        best, farthest = None, -1.0
        for row in permutation:
            nearest = min(((points[row] - points[other]) ** 2).sum() for other in chosen)
            if row not in chosen and nearest > farthest:
                best, farthest = row, nearest
        chosen.append(best)
    return chosen


@pytest.mark.parametrize("candidates", [1, 2, 5, 512])
@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_the_plain_loop_on_ties_and_duplicates(seed, candidates, tied_pool, monkeypatch):
    monkeypatch.setattr(coverage, "_CANDIDATES", candidates)
    pool = tied_pool(seed)

    fast = core_set(pool, len(pool), np.random.default_rng(seed))

    assert fast.tolist() == reference(pool, len(pool), np.random.default_rng(seed))


@pytest.mark.parametrize("candidates", [3, 16, 512])
def test_agrees_with_the_plain_loop_on_random_features(candidates, make_pool, monkeypatch):
    monkeypatch.setattr(coverage, "_CANDIDATES", candidates)
    pool = make_pool(n=120, seed=1)

    fast = core_set(pool, 50, np.random.default_rng(2))

    assert fast.tolist() == reference(pool, 50, np.random.default_rng(2))


def test_reaches_every_cluster_before_any_twice(make_pool):
    pool = make_pool(features=[[0.0], [0.1], [9.9], [10.0], [-5.0]])

    chosen = core_set(pool, 3, np.random.default_rng(0))

    assert {round(float(x)) for x in pool.features[chosen, 0]} == {0, 10, -5}


def test_copies_of_one_image_come_last():
    rng = np.random.default_rng(0)
    distinct = rng.normal(size=(20, 1280)) * 3
    pool = Pool.from_arrays(np.vstack([distinct, np.repeat(distinct[:1], 30, axis=0)]))

    chosen = core_set(pool, 20, rng)

    assert len({tuple(row) for row in pool.features[chosen]}) == 20
