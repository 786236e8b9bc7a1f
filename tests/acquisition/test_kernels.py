"""How well images cover each other: widths, radii and tables of kernels against exact distances."""

import numpy as np
import pytest
from plain_coverage import covered_by, unit_points

from evenpick.acquisition import ByteTable, gaussian, kernel_width, kernels
from evenpick.acquisition.kernels import ComputedRows, pure_radius


def test_the_width_is_one_and_a_half_times_the_mean_distance_to_five_neighbours():
    points = unit_points(0, n=30)
    exact = points.astype(np.float64)
    distances = np.sqrt(((exact[:, None] - exact) ** 2).sum(axis=2))
    expected = 1.5 * np.sort(distances, axis=1)[:, 1:6].mean()

    assert kernel_width(points, np.random.default_rng(0)) == pytest.approx(expected, rel=1e-4)


def test_the_radius_leaves_at_most_a_twentieth_of_the_balls_impure():
    points, classes = unit_points(3, n=200, d=3), np.random.default_rng(0).integers(0, 2, size=200)
    exact = points.astype(np.float64)
    distances = np.sqrt(((exact[:, None] - exact) ** 2).sum(axis=2))

    def impure(radius):
        return np.mean([(classes[distances[i] <= radius] != classes[i]).any() for i in range(200)])

    radius = pure_radius(points, classes)

    assert impure(radius) <= 0.05 < impure(radius * 1.01)


@pytest.mark.parametrize("at_once", [7, 256])
@pytest.mark.parametrize("columns", [5, 2048])
def test_the_table_holds_every_value_rounded_to_a_255th(at_once, columns, monkeypatch):
    monkeypatch.setattr(kernels, "ROWS_AT_ONCE", at_once)
    monkeypatch.setattr(kernels, "_COLUMNS_AT_ONCE", columns)
    points, vectors = unit_points(5, n=83), unit_points(6, n=20)
    exact, table = ComputedRows(points, gaussian(0.8)), ByteTable(points, gaussian(0.8))
    matrix = np.array([*table.rows(np.arange(83))])

    assert (matrix == matrix.T).all()
    assert (np.diag(matrix) == 1).all()
    assert np.abs(matrix - np.array([*exact.rows(np.arange(83))])).max() <= 0.5 / 255 + 1e-5
    assert np.abs(table.best(vectors) - covered_by(vectors, points, gaussian(0.8))).max() <= 0.5 / 255 + 1e-5
    assert (table.best_of_points(np.array([3, 70, 12])) == matrix[[3, 70, 12]].max(axis=0)).all()
    assert table.best(points[[3, 70, 12]]) == pytest.approx(matrix[[3, 70, 12]].max(axis=0), abs=1.01 / 255)
    assert (table.best(points[:0]) == 0).all()
    assert (table.best_of_points(np.arange(0)) == 0).all()
