"""Greedy coverage against the rule as it is stated, and the rule by hand."""

import numpy as np
import pytest
from plain_coverage import by_the_rule, covered_by, unit_points

from evenpick.acquisition import ByteTable, GreedyCoverage, gaussian, greedy_coverage, kernels
from evenpick.acquisition.greedy_coverage import cover_greedily
from evenpick.acquisition.kernels import ComputedRows, ball
from evenpick.vectors import normalised


def test_the_rule_by_hand():
    matrix = np.array([[1, 0.5, 0, 0], [0.5, 1, 0.5, 0], [0, 0.5, 1, 0], [0, 0, 0, 1]])
    permutation, even, bare = np.array([3, 2, 1, 0]), np.ones(4), np.zeros(4)

    # 1 adds 2; then 3 adds 1, and 0 and 2 a half each, 2 before 0 by the permutation
    assert cover_greedily(matrix, permutation, even, bare, 4).tolist() == [1, 3, 2, 0]
    # 0 is worth 4: it adds 4.5 itself, 1 only 3.5; after it all others add 1
    assert cover_greedily(matrix, permutation, np.array([4.0, 1, 1, 1]), bare, 2).tolist() == [0, 3]
    # 1 is covered and half of its neighbours: 0 and 2 add a half, 3 one
    assert cover_greedily(matrix, permutation, even, matrix[1], 1).tolist() == [3]


@pytest.mark.parametrize("most_kept", [1, 300, 1 << 20])
@pytest.mark.parametrize("kernel", [gaussian(0.7), gaussian(1.2), ball(0.5)])
@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_plain_rule(seed, kernel, most_kept, monkeypatch):
    monkeypatch.setattr(greedy_coverage, "_MOST_KEPT", most_kept)
    for module in (kernels, greedy_coverage):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 4)
    points, permutation = unit_points(seed), np.random.default_rng(seed).permutation(60)

    fast = GreedyCoverage(ComputedRows(points, kernel), permutation).choose(25)

    assert fast.tolist() == by_the_rule(points, kernel, permutation, 25)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_plain_rule_on_weights_and_vectors_chosen_before(seed):
    rng = np.random.default_rng(seed)
    points, permutation, weights = unit_points(seed), rng.permutation(60), rng.random(60)
    chosen = unit_points(seed + 100, n=5)

    covered = covered_by(chosen, points, gaussian(0.8))
    fast = GreedyCoverage(ComputedRows(points, gaussian(0.8)), permutation, weights, covered).choose(20)

    assert fast.tolist() == by_the_rule(points, gaussian(0.8), permutation, 20, weights, chosen)


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
    assert greedy._rows.count <= 400


def test_the_first_choice_is_the_middle_of_the_biggest_group_and_the_next_another_group():
    angles = np.array([0.0, 0.1, 0.2, 1.5, 1.6, 3.0])
    points = normalised(np.column_stack([np.cos(angles), np.sin(angles)]))

    chosen = GreedyCoverage(ComputedRows(points, gaussian(0.3)), np.arange(6)).choose(3).tolist()

    assert chosen[0] == 1
    assert chosen[1] in (3, 4)
    assert chosen[2] == 5


@pytest.mark.parametrize("seed", range(4))
def test_by_the_table_the_picks_are_those_of_the_plain_rule_on_its_values(seed):
    points, permutation = unit_points(seed), np.random.default_rng(seed).permutation(60)

    def rounded(squared):
        return np.rint(255 * gaussian(0.7)(squared)) / 255

    fast = GreedyCoverage(ByteTable(points, gaussian(0.7)), permutation).choose(25)

    assert fast.tolist() == by_the_rule(points, rounded, permutation, 25)
