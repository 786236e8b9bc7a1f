"""Copies anywhere in a pool."""

import numpy as np

from evenpick.pool.auto_groups import join_copies
from evenpick.pool.copies import copies
from evenpick.pool.sequences import sequences
from evenpick.vectors import normalised

UNIT = 0.4


def with_copies(n, copied, noise, seed=0):
    """Random directions, of which the last `copied` are the first ones again, changed a little."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 64)).astype(np.float32)
    features[n - copied :] = features[:copied] + noise * rng.normal(size=(copied, 64))
    return features


def found(features, unit=UNIT):
    names = [f"{row}.jpg" for row in range(len(features))]
    return list(copies(features, sequences(names, None, None, 60), unit))


def test_copies_far_from_each_other_in_the_pool_are_found():
    features = with_copies(3000, 100, 0.1)

    pairs = {tuple(sorted(pair)) for pair in found(features)}

    assert pairs == {(i, 2900 + i) for i in range(100)}


def test_the_pairs_are_those_of_a_search_that_compares_all():
    features = with_copies(1500, 300, 0.31)
    looks = normalised(features)
    squared = np.triu(2 - 2 * looks @ looks.T, 1)
    exact = {(i, j) for i, j in np.argwhere(squared <= (0.8 * UNIT) ** 2).tolist() if i < j}

    pairs = {tuple(sorted(pair)) for pair in found(features)}

    assert 200 < len(exact) < 300
    assert pairs <= exact
    assert len(pairs) >= 0.98 * len(exact)


def test_nearest_pairs_come_first():
    features = with_copies(500, 50, 0.1)
    looks = normalised(features)

    distances = [np.linalg.norm(looks[i] - looks[j]) for i, j in found(features)]

    assert len(distances) == 50
    assert np.all(np.diff(distances) > -1e-4)


def test_where_different_images_look_as_alike_nothing_is_a_copy():
    features = 1 + 0.1 * with_copies(1000, 100, 0.1)

    assert found(features) == []


def test_few_images_are_no_trouble():
    assert found(with_copies(1, 0, 0)) == []
    assert found(np.ones((2, 3), np.float32)) == []  # nothing else is there to compare with


def at(*degrees):
    turn = np.radians(np.array(degrees, float))
    return np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)


def test_copies_join_if_all_of_a_group_are_near():
    group = np.arange(4)

    copied = join_copies(at(0, 5, 10, 90), group, [(0, 1), (1, 2)], widest=np.radians(11))

    assert group.tolist() == [0, 0, 0, 3]
    assert copied.tolist() == [True, True, True, False]

    group = np.arange(4)
    join_copies(at(0, 5, 10, 90), group, [(0, 1), (1, 2)], widest=np.radians(8))

    assert group.tolist() == [0, 0, 2, 3]


def test_a_copy_joins_a_burst_but_two_bursts_are_never_joined():
    group = np.array([0, 0, 2, 2, 4])

    copied = join_copies(at(0, 1, 2, 3, 4), group, [(1, 2), (4, 0), (3, 4)], widest=1.0)

    assert group.tolist() in ([0, 0, 2, 2, 0], [4, 4, 2, 2, 4])
    assert copied.tolist() == [False, False, False, False, True]
