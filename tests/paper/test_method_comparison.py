import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evenpick.paper.method_comparison import differences, friedman, nemenyi, ranks, shared


def runs(**methods):
    """A table of runs on two data sets, one budget and three seeds."""
    index = pd.MultiIndex.from_product([["x", "y"], [100], [0, 1, 2]], names=["data_set", "budget", "seed"])
    return pd.DataFrame(methods, index=index, dtype=float)


@pytest.mark.slow
def test_differences_are_paired_and_each_seed_counts_once():
    found = differences(runs(ours=[3, 5, 4, 13, 15, 17]), runs(other=[1, 2, 3, 10, 11, 12])["other"])["ours"]

    assert found.mean == pytest.approx((2.5 + 3.5 + 3) / 3)
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 2) * 0.5 / np.sqrt(3))
    assert (found.pairs, found.wins) == (6, 6)
    assert found.p == pytest.approx(2 / 2**6)  # all six signs the same, two-sided


@pytest.mark.slow
def test_holm_multiplies_the_smallest_p_by_the_number_of_differences():
    base = runs(random=[0, 0, 0, 0, 0, 0])["random"]
    found = differences(runs(good=[1, 2, 3, 4, 5, 6], bad=[1, -2, 3, -4, 5, -6], same=[0] * 6), base)

    assert found["good"].p == pytest.approx(3 * 2 / 2**6)
    assert found["bad"].p == 1
    assert found["same"].p == 1


@pytest.mark.slow
def test_columns_of_the_same_name_are_compared_where_both_have_a_run():
    found = differences(runs(a=[1, 2, np.nan, 4, 5, 6], b=[1] * 6), runs(a=[0] * 6, b=[2] * 6))

    assert found["a"].pairs == 5
    assert (found["b"].mean, found["b"].wins) == (-1, 0)


def test_a_method_without_a_common_run_is_left_out():
    assert differences(runs(a=[np.nan] * 6), runs(a=[1] * 6)) == {}


def test_a_method_is_never_compared_with_one_of_another_name():
    assert differences(runs(a=[1] * 6), runs(b=[0] * 6)) == {}


@pytest.mark.slow
def test_budgets_of_one_seed_are_one_pair():
    index = pd.MultiIndex.from_product([["x"], [100, 200, 400], range(6)], names=["data_set", "budget", "seed"])
    values = pd.DataFrame({"a": np.arange(18) % 6 + 1.0}, index=index)

    found = differences(values, values * 0)["a"]

    assert (found.pairs, found.wins) == (6, 6)
    assert found.p == pytest.approx(2 / 2**6)


def test_one_method_beyond_the_grid_leaves_the_others_in():
    table = pd.DataFrame({"a": [1.0, 2, 3], "b": [1, 2, np.nan], "c": [1, 2, np.nan], "d": [1, np.nan, np.nan]})

    assert shared(table).to_dict("list") == {"a": [1, 2], "b": [1, 2], "c": [1, 2]}


def test_the_best_method_has_rank_one_and_equals_share_a_rank():
    found = ranks(runs(a=[9] * 6, b=[1, 2, 3, 5, 5, 5], c=[2, 2, 2, 4, 4, 4], d=[np.nan] * 3 + [8] * 3))

    assert found.loc["x"].tolist() == [1, 2.5, 2.5]
    assert found.loc["y"].tolist() == [1, 2, 3]
    assert list(found.columns) == ["a", "b", "c"]


@pytest.mark.slow
def test_nemenyi_is_that_of_the_studentized_range():
    of_ranks = pd.DataFrame([[1, 2, 3]] * 6 + [[2, 1, 3]] * 2, columns=["a", "b", "c"], dtype=float)
    means = of_ranks.mean()

    found = nemenyi(of_ranks)

    q = (means["c"] - means["a"]) / np.sqrt(3 * 4 / (6 * 8)) * np.sqrt(2)
    assert found.loc["a", "c"] == pytest.approx(stats.studentized_range.sf(q, 3, np.inf), rel=1e-3)
    assert found.loc["a", "b"] > 0.5


def test_friedmans_test_finds_an_order_that_all_sets_share():
    same = pd.DataFrame([[1, 2, 3]] * 8, columns=["a", "b", "c"], dtype=float)
    mixed = pd.DataFrame([[1, 2, 3], [2, 3, 1], [3, 1, 2]] * 3, columns=["a", "b", "c"], dtype=float)

    assert friedman(same) < 0.001
    assert friedman(mixed) == 1
