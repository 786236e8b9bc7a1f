"""Acquisition functions that cover the pool, against the rule on the whole kernel matrix."""

import numpy as np
import pytest
from plain_coverage import by_the_rule, unit_points

from evenpick.acquisition import ByteTable, gaussian, herding, kernel_width, kernels
from evenpick.acquisition.herding import cover_by_balls, max_herding, prob_cover, uncertainty_herding
from evenpick.acquisition.kernels import ComputedRows, ball
from evenpick.pool import Pool
from evenpick.vectors import normalised


@pytest.mark.parametrize("points", [[[1.0, 0.0]] * 9, [[1.0, 0.0]], [[0.0, 0.0]] * 3])
def test_nothing_but_copies_is_no_trouble(points):
    pool = Pool.from_arrays(np.array(points))

    for function in (max_herding, prob_cover):
        assert sorted(function(pool, len(points), np.random.default_rng(0)).tolist()) == list(range(len(points)))


def test_of_a_large_pool_a_sample_is_covered_that_follows_the_seed(monkeypatch):
    monkeypatch.setattr(herding, "MOST_COVERED", 50)
    pool = Pool.from_arrays(unit_points(0, n=300))

    first, again, other = (max_herding(pool, 20, np.random.default_rng(seed)) for seed in (0, 0, 1))

    assert first.tolist() == again.tolist() != other.tolist()
    assert first.max() > 50


@pytest.mark.parametrize("most_covered", [50, 20_000])
def test_uncertainty_herding_weighs_each_image_by_one_minus_its_margin(most_covered, monkeypatch):
    monkeypatch.setattr(herding, "MOST_COVERED", most_covered)
    rng = np.random.default_rng(0)
    points = unit_points(0, n=80)
    pool = Pool.from_arrays(points, rng.dirichlet(np.full(4, 0.3), size=80))

    chosen = uncertainty_herding(pool, 15, np.random.default_rng(3))

    again = np.random.default_rng(3)
    rows = np.sort(again.choice(80, 50, replace=False)) if most_covered == 50 else np.arange(80)
    kernel = gaussian(kernel_width(points[rows], again))
    expected = by_the_rule(points[rows], kernel, again.permutation(len(rows)), 15, 1 - pool.margin[rows])
    assert chosen.tolist() == rows[expected].tolist()


@pytest.mark.parametrize("sure", [[0.0, 1.0], [0.0, 1.0005]])
def test_images_that_the_source_is_sure_of_can_be_chosen_too(sure):
    points = unit_points(0, n=30)
    pool = Pool.from_arrays(points, [sure] * 30)
    mixed = Pool.from_arrays(points, [sure] * 10 + [[0.4, 0.6]] * 20)

    assert (
        uncertainty_herding(pool, 30, np.random.default_rng(0)).tolist()
        == max_herding(pool, 30, np.random.default_rng(0)).tolist()
    )
    assert sorted(uncertainty_herding(mixed, 30, np.random.default_rng(0)).tolist()) == list(range(30))


def test_one_ball_lies_in_a_group_and_the_first_in_the_biggest():
    sizes = [100, 20, 10, 5]
    points = normalised(np.repeat(np.eye(4), sizes, axis=0) + np.random.default_rng(0).normal(0, 0.02, (135, 4)))

    first = [prob_cover(Pool.from_arrays(points), 1, np.random.default_rng(seed))[0] for seed in range(8)]

    assert max(first) < 100


@pytest.mark.slow
def test_agrees_with_scikit_activeml(make_pool):
    pytest.importorskip("skactiveml", reason="scikit-activeml is not installed")
    from skactiveml.pool import MaxHerding

    pool = make_pool(n=150, seed=4)
    ours = max_herding(pool, 30, np.random.default_rng(0))
    width = kernel_width(normalised(pool.features), np.random.default_rng(0))

    theirs = MaxHerding(metric_dict={"gamma": 1 / width**2}, random_state=0)

    rows = theirs.query(np.asarray(pool.features, dtype=float), np.full(150, np.nan), batch_size=30)
    assert ours.tolist() == rows.tolist()


@pytest.mark.parametrize("rows", [ComputedRows, ByteTable])
@pytest.mark.parametrize(("seed", "radius"), [(0, 0.4), (1, 0.6), (2, 0.9), (3, 0.0)])
def test_balls_are_chosen_as_by_the_plain_rule_to_the_last_point(seed, radius, rows, monkeypatch):
    for module in (kernels, herding):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 4)
    points, permutation = unit_points(seed), np.random.default_rng(seed).permutation(60)
    points[7], points[30] = points[3], points[3]

    chosen = cover_by_balls(rows(points, ball(radius)), permutation, 60)

    assert chosen.tolist() == by_the_rule(points, ball(radius), permutation, 60)
