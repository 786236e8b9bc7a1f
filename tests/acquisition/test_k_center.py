"""core_set against the plain greedy loop."""

import numpy as np
import pytest

from evenpick.acquisition import BoundedDistances, core_set, k_center
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


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [1, 2, 5, 512])
@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_the_plain_loop_on_ties_and_duplicates(seed, candidates, tied_pool, monkeypatch):
    monkeypatch.setattr(k_center, "_CANDIDATES", candidates)
    pool = tied_pool(seed)

    fast = core_set(pool, len(pool), np.random.default_rng(seed))

    assert fast.tolist() == reference(pool, len(pool), np.random.default_rng(seed))


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [3, 16, 512])
def test_agrees_with_the_plain_loop_on_random_features(candidates, make_pool, monkeypatch):
    monkeypatch.setattr(k_center, "_CANDIDATES", candidates)
    pool = make_pool(n=120, seed=1)

    fast = core_set(pool, 50, np.random.default_rng(2))

    assert fast.tolist() == reference(pool, 50, np.random.default_rng(2))


@pytest.mark.slow
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_agrees_with_the_plain_loop_where_images_are_compared_with_few_centres_at_a_time(offset, monkeypatch):
    """Clusters, outliers and near ties; an offset leaves float32 few digits."""
    for name, value in {"_CANDIDATES": 4, "_LIKELY": 12, "_CENTRES_AT_ONCE": 2, "_MOST_DISTANCES": 8}.items():
        monkeypatch.setattr(k_center, name, value)
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(9, 8)) * 4
    features = centres[rng.integers(0, 9, size=200)] + rng.normal(size=(200, 8)) * 0.01 + offset
    features[150:] = features[:50] + rng.normal(size=(50, 8)) * 1e-5
    pool = Pool.from_arrays(features)

    fast = core_set(pool, 80, np.random.default_rng(3))

    assert fast.tolist() == reference(pool, 80, np.random.default_rng(3))


def test_a_pool_on_disk_gives_the_same_picks_as_one_in_memory(make_workspace):
    pool = Pool.open(make_workspace(n=40))

    picks = [core_set(p, 30, np.random.default_rng(0)).tolist() for p in (pool, pool.take(np.arange(40)))]

    assert picks[0] == picks[1]


def test_most_images_are_not_compared_with_most_centres(monkeypatch):
    features = np.random.default_rng(0).normal(size=(3000, 16))
    compared = []
    squared = BoundedDistances.squared

    def counted(self, vectors, lengths, ends):
        compared.append(len(vectors) * len(ends))
        return squared(self, vectors, lengths, ends)

    monkeypatch.setattr(BoundedDistances, "squared", counted)
    for name, value in {"_CANDIDATES": 32, "_LIKELY": 96, "_CENTRES_AT_ONCE": 16}.items():
        monkeypatch.setattr(k_center, name, value)

    core_set(Pool.from_arrays(features), 600, np.random.default_rng(0))

    assert sum(compared) < 0.5 * 3000 * 600


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
