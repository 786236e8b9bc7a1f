"""core_set against the rule as it is stated."""

import numpy as np
import pytest

from evenpick.acquisition import BoundedDistances, core_set, k_center, nearest_centres
from evenpick.acquisition.k_center import greedy_k_center
from evenpick.pool import Pool


def by_the_rule(pool, budget, rng):
    return greedy_k_center(pool.features.astype(float), rng.permutation(len(pool)), budget).tolist()


def test_the_rule_by_hand():
    points = np.array([[0.0], [0.0], [4.0], [9.0], [6.0]])

    chosen = greedy_k_center(points, np.array([1, 4, 3, 2, 0]), 5)

    # From 0: 9 is farthest; then 4, at distance 4, before 6, at distance 3; then 6, at 2, and the copy last.
    assert chosen.tolist() == [1, 3, 2, 4, 0]
    # Both at distance 4: of equals the first in the permutation.
    assert greedy_k_center(np.array([[0.0], [4.0], [-4.0]]), np.array([0, 2, 1]), 3).tolist() == [0, 2, 1]


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [1, 2, 5, 512])
@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_the_rule_on_ties_and_duplicates(seed, candidates, tied_pool, monkeypatch):
    monkeypatch.setattr(k_center, "_CANDIDATES", candidates)
    pool = tied_pool(seed)

    fast = core_set(pool, len(pool), np.random.default_rng(seed))

    assert fast.tolist() == by_the_rule(pool, len(pool), np.random.default_rng(seed))


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [3, 16, 512])
def test_agrees_with_the_rule_on_random_features(candidates, make_pool, monkeypatch):
    monkeypatch.setattr(k_center, "_CANDIDATES", candidates)
    pool = make_pool(n=120, seed=1)

    fast = core_set(pool, 50, np.random.default_rng(2))

    assert fast.tolist() == by_the_rule(pool, 50, np.random.default_rng(2))


@pytest.mark.slow
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_agrees_with_the_rule_where_images_are_compared_with_few_centres_at_a_time(offset, monkeypatch):
    """Clusters, outliers and near ties; an offset leaves float32 few digits."""
    monkeypatch.setattr(k_center, "_CANDIDATES", 4)
    monkeypatch.setattr(nearest_centres, "_CENTRES_AT_ONCE", 2)
    monkeypatch.setattr(nearest_centres, "_MOST_DISTANCES", 8)
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(9, 8)) * 4
    features = centres[rng.integers(0, 9, size=200)] + rng.normal(size=(200, 8)) * 0.01 + offset
    features[150:] = features[:50] + rng.normal(size=(50, 8)) * 1e-5
    pool = Pool.from_arrays(features)

    fast = core_set(pool, 80, np.random.default_rng(3))

    assert fast.tolist() == by_the_rule(pool, 80, np.random.default_rng(3))


def test_a_pool_on_disk_gives_the_same_picks_as_one_in_memory(make_workspace):
    pool = Pool.open(make_workspace(n=40))

    picks = [core_set(p, 30, np.random.default_rng(0)).tolist() for p in (pool, pool.take(np.arange(40)))]

    assert picks[0] == picks[1]


@pytest.mark.slow
def test_most_images_are_not_compared_with_most_centres(monkeypatch):
    features = np.random.default_rng(0).normal(size=(3000, 16))
    compared = []
    squared = BoundedDistances.squared

    def counted(self, vectors, lengths, ends):
        compared.append(len(vectors) * len(ends))
        return squared(self, vectors, lengths, ends)

    monkeypatch.setattr(BoundedDistances, "squared", counted)
    monkeypatch.setattr(k_center, "_CANDIDATES", 32)
    monkeypatch.setattr(nearest_centres, "_CENTRES_AT_ONCE", 16)

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
