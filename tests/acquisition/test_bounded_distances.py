"""The bound holds, and it is a narrow one."""

import numpy as np
import pytest

from evenpick.acquisition import BoundedDistances


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("d", [3, 1280])
def test_exact_distances_lie_within_the_bound(d, offset):
    rng = np.random.default_rng(d)
    features = (rng.normal(size=(700, d)) + offset).astype(np.float32)  # more than one part
    points = np.concatenate([features[:5], rng.normal(size=(4, d)) * 3 + offset]).astype(np.float64)
    distances = BoundedDistances(features)
    ends = distances.ends(points)

    rows = np.arange(700)
    vectors, lengths = distances.vectors(rows), distances.lengths[rows]
    found = distances.squared(vectors, lengths, ends)
    error = distances.error(lengths, ends.longest)

    exact = ((features.astype(np.float64)[:, None] - points) ** 2).sum(axis=2)
    assert (np.abs(found - exact) <= error[:, None]).all()
    assert error.max() < 1e-3 * exact.max()  # an offset that all share costs no digits


def test_ends_can_be_added_and_cut():
    features = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    distances = BoundedDistances(features)
    first, second = (distances.ends(features[part].astype(np.float64)) for part in (slice(0, 3), slice(3, 9)))

    both = first + second

    assert len(both) == 9
    assert both[3:].vectors.tolist() == second.vectors.tolist()
    assert both.longest == max(first.longest, second.longest)
    assert both[:0].longest == 0
