"""Greedy coverage against the plain rule with the whole kernel matrix."""

import numpy as np
import pytest

from evenpick.acquisition import ByteTable, GreedyCoverage, gaussian, greedy_coverage, herding, kernel_width, kernels
from evenpick.acquisition.herding import cover_by_balls, max_herding, prob_cover, uncertainty_herding
from evenpick.acquisition.kernels import ComputedRows, ball, pure_radius
from evenpick.pool import Pool
from evenpick.vectors import normalised


def reference(points, kernel, permutation, budget, weights=None, chosen=None):
    """The rule as it is stated: every gain of every candidate anew before each choice."""
    weights = np.ones(len(points)) if weights is None else weights
    exact = points.astype(np.float64)
    squared = ((exact[:, None] - exact) ** 2).sum(axis=2)
    matrix = kernel(squared.astype(np.float32)).astype(np.float64)
    coverage = np.zeros(len(points)) if chosen is None else covered_by(chosen, points, kernel).astype(np.float64)
    picks = []
    for _ in range(budget):
        gains = {x: weights @ np.maximum(matrix[x] - coverage, 0) for x in permutation.tolist() if x not in picks}
        best = max(gains.values())
        picks.append(next(x for x, gain in gains.items() if gain >= best - 1e-6))
        coverage = np.maximum(coverage, matrix[picks[-1]])
    return picks


def covered_by(vectors, points, kernel):
    far = ((vectors.astype(np.float64)[:, None] - points.astype(np.float64)) ** 2).sum(axis=2)
    return kernel(far.astype(np.float32)).max(axis=0)


def unit_points(seed, n=60, d=5):
    return normalised(np.random.default_rng(seed).normal(size=(n, d)))


@pytest.mark.parametrize("most_kept", [1, 300, 1 << 20])
@pytest.mark.parametrize("kernel", [gaussian(0.7), gaussian(1.2), ball(0.5)])
@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_plain_rule(seed, kernel, most_kept, monkeypatch):
    monkeypatch.setattr(greedy_coverage, "_MOST_KEPT", most_kept)
    for module in (kernels, greedy_coverage):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 4)
    points, permutation = unit_points(seed), np.random.default_rng(seed).permutation(60)

    fast = GreedyCoverage(ComputedRows(points, kernel), permutation).choose(25)

    assert fast.tolist() == reference(points, kernel, permutation, 25)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_plain_rule_on_weights_and_vectors_chosen_before(seed):
    rng = np.random.default_rng(seed)
    points, permutation, weights = unit_points(seed), rng.permutation(60), rng.random(60)
    chosen = unit_points(seed + 100, n=5)

    covered = covered_by(chosen, points, gaussian(0.8))
    fast = GreedyCoverage(ComputedRows(points, gaussian(0.8)), permutation, weights, covered).choose(20)

    assert fast.tolist() == reference(points, gaussian(0.8), permutation, 20, weights, chosen)


def test_where_nothing_is_worth_covering_all_points_are_alike():
    rows, permutation = ComputedRows(unit_points(0), gaussian(0.8)), np.arange(60)

    weighted = GreedyCoverage(rows, permutation, np.zeros(60)).choose(20)

    assert weighted.tolist() == GreedyCoverage(rows, permutation).choose(20).tolist()


def test_vectors_covered_later_count_as_if_they_had_been_chosen_before():
    permutation, rows = np.arange(60), ComputedRows(unit_points(1), gaussian(0.8))
    covered = covered_by(unit_points(2, n=30), unit_points(1), gaussian(0.8))
    before = GreedyCoverage(rows, permutation, coverage=covered)
    later = GreedyCoverage(rows, permutation)

    later.cover(covered)

    assert later.choose(15).tolist() == before.choose(15).tolist()


def test_excluded_points_are_never_chosen():
    greedy = GreedyCoverage(ComputedRows(unit_points(0), gaussian(0.8)), np.arange(60))

    greedy.exclude(np.arange(50))

    assert sorted(greedy.choose(60).tolist()) == list(range(50, 60))


@pytest.mark.parametrize("rows", [ComputedRows, ByteTable])
def test_of_copies_the_first_of_the_permutation_comes_first_and_the_others_last(rows):
    points = normalised(np.array([[1.0, 0], [1, 0], [1, 0], [0, 1], [-1, 0]]))

    chosen = GreedyCoverage(rows(points, gaussian(0.5)), np.array([2, 0, 1, 4, 3])).choose(5)

    assert chosen[0] == 2
    assert set(chosen[:3].tolist()) == {2, 3, 4}


def test_what_copies_of_chosen_points_add_is_computed_once(monkeypatch):
    points = np.repeat(unit_points(0, n=4), 100, axis=0)
    greedy = GreedyCoverage(ComputedRows(points, gaussian(0.5)), np.random.default_rng(0).permutation(400))
    gain, looked_at = greedy_coverage._gain, []
    monkeypatch.setattr(greedy_coverage, "_gain", lambda *given: looked_at.append(given) or gain(*given))

    assert len(set(greedy.choose(400).tolist())) == 400
    assert len(looked_at) < 1000


def test_what_rows_still_add_is_kept_as_soon_as_there_is_room_and_no_row_is_computed_again(monkeypatch):
    monkeypatch.setattr(greedy_coverage, "_MOST_KEPT", 400)  # of 3,600 pairs, about 160 after 23 choices at random
    rows, asked = ComputedRows(unit_points(0), gaussian(0.8)), []
    compute = rows.rows
    rows.rows = lambda points: asked.extend(points) or compute(points)
    greedy = GreedyCoverage(rows, np.arange(60))

    greedy.choose(25)
    until_there_was_room = len(asked)
    greedy.choose(35)

    assert len(asked) == until_there_was_room >= 3 * 60
    assert greedy._improvements.count <= 400


def test_the_first_choice_is_the_middle_of_the_biggest_group_and_the_next_another_group():
    angles = np.array([0.0, 0.1, 0.2, 1.5, 1.6, 3.0])
    points = normalised(np.column_stack([np.cos(angles), np.sin(angles)]))

    chosen = GreedyCoverage(ComputedRows(points, gaussian(0.3)), np.arange(6)).choose(3).tolist()

    assert chosen[0] == 1
    assert chosen[1] in (3, 4)
    assert chosen[2] == 5


def test_the_width_is_one_and_a_half_times_the_mean_distance_to_five_neighbours():
    points = unit_points(0, n=30)
    exact = points.astype(np.float64)
    distances = np.sqrt(((exact[:, None] - exact) ** 2).sum(axis=2))
    expected = 1.5 * np.sort(distances, axis=1)[:, 1:6].mean()

    assert kernel_width(points, np.random.default_rng(0)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("points", [[[1.0, 0.0]] * 9, [[1.0, 0.0]], [[0.0, 0.0]] * 3])
def test_nothing_but_copies_is_no_trouble(points):
    pool = Pool.from_arrays(np.array(points))

    for function in (max_herding, prob_cover):
        assert sorted(function(pool, len(points), np.random.default_rng(0)).tolist()) == list(range(len(points)))


def test_the_radius_leaves_at_most_a_twentieth_of_the_balls_impure():
    points, classes = unit_points(3, n=200, d=3), np.random.default_rng(0).integers(0, 2, size=200)
    exact = points.astype(np.float64)
    distances = np.sqrt(((exact[:, None] - exact) ** 2).sum(axis=2))

    def impure(radius):
        return np.mean([(classes[distances[i] <= radius] != classes[i]).any() for i in range(200)])

    radius = pure_radius(points, classes)

    assert impure(radius) <= 0.05 < impure(radius * 1.01)


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
    expected = reference(points[rows], kernel, again.permutation(len(rows)), 15, 1 - pool.margin[rows])
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


@pytest.mark.parametrize("rows", [ComputedRows, ByteTable])
@pytest.mark.parametrize(("seed", "radius"), [(0, 0.4), (1, 0.6), (2, 0.9), (3, 0.0)])
def test_balls_are_chosen_as_by_the_plain_rule_to_the_last_point(seed, radius, rows, monkeypatch):
    for module in (kernels, herding):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 4)
    points, permutation = unit_points(seed), np.random.default_rng(seed).permutation(60)
    points[7], points[30] = points[3], points[3]

    chosen = cover_by_balls(rows(points, ball(radius)), permutation, 60)

    assert chosen.tolist() == reference(points, ball(radius), permutation, 60)


@pytest.mark.parametrize("seed", range(4))
def test_by_the_table_the_picks_are_those_of_the_plain_rule_on_its_values(seed):
    points, permutation = unit_points(seed), np.random.default_rng(seed).permutation(60)

    def rounded(squared):
        return np.rint(255 * gaussian(0.7)(squared)) / 255

    fast = GreedyCoverage(ByteTable(points, gaussian(0.7)), permutation).choose(25)

    assert fast.tolist() == reference(points, rounded, permutation, 25)
