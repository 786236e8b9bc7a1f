"""Vectors at length 1 and squared distances, where rounding, overflow and zeros lie in wait."""

import numpy as np
import pytest

from evenpick.vectors import normalised, paired_squared_distances, squared_distances


def test_vectors_get_length_one_and_a_zero_vector_stays():
    scaled = normalised(np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]]))

    assert scaled.dtype == np.float32
    assert scaled.tolist() == [pytest.approx([0.6, 0.8]), [0, 0], [0, -1]]


def test_vectors_get_length_one_however_small_they_are():
    rows = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    tiny = rows * np.array([[1], [1e-10], [1e-25], [1e-38]], np.float32)

    assert normalised(tiny) == pytest.approx(normalised(rows), abs=1e-6)
    assert normalised(np.zeros((2, 3), np.float32)).tolist() == [[0] * 3] * 2


def test_scaling_leaves_what_it_is_given_as_it_was():
    features = np.array([[3e-20, 4e-20]], dtype=np.float32)
    before = features.copy()

    normalised(features)

    assert (features == before).all()


def test_squared_distances_by_hand():
    found = squared_distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [3.0, 4.0], [3.0, 0.0]]))

    assert found.tolist() == [[1, 25, 9], [18, 0, 16]]


def test_points_that_are_not_related_count_as_orthogonal():
    related = np.array([[True, False]])

    found = squared_distances(np.array([[1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 1.0]]), related)

    assert found.tolist() == [[0, 4]]


def test_between_equal_points_far_from_zero_the_distance_is_exactly_zero():
    points = np.random.default_rng(0).normal(size=(50, 200)) + 1000

    assert (np.diag(squared_distances(points, points)) == 0).all()
    assert (paired_squared_distances(points, points) == 0).all()


def test_both_ways_agree():
    rng = np.random.default_rng(1)
    points, others = rng.normal(size=(20, 7)), rng.normal(size=(20, 7))

    paired = paired_squared_distances(points, others)

    assert paired == pytest.approx(np.diag(squared_distances(points, others)))
    assert paired == pytest.approx(((points - others) ** 2).sum(axis=1))


def test_paired_points_that_differ_by_rounding_only_are_equal():
    point = np.array([[1.0, 1.0]])

    assert paired_squared_distances(point, point + 1e-9).tolist() == [0]
    assert paired_squared_distances(point, point + 1e-3).tolist() == pytest.approx([2e-6])
