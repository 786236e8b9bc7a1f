"""Groups of a pool: numbered in the order of their first rows, whatever they were called."""

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.pool import Pool


def in_groups(groups):
    return Pool.from_arrays(np.zeros((len(groups), 2)), groups=groups)


@pytest.mark.parametrize(
    "groups",
    [["b", "a", "b", "c"], [7, 3, 7, 1], np.array([2.5, -1, 2.5, 0]), [("x", 1), "x", ("x", 1), 1], iter("xyxz")],
)
def test_groups_of_any_kind_are_numbered_in_the_order_of_their_first_rows(groups):
    pool = Pool.from_arrays(np.zeros((4, 2)), groups=groups)

    assert pool.groups.tolist() == [0, 1, 0, 2]
    assert pool.groups.dtype == np.intp


def test_a_pool_in_which_every_image_stands_for_itself_has_no_groups():
    assert in_groups(["a", "b", "c"]).groups is None
    assert Pool.from_arrays(np.zeros((3, 2))).groups is None


def test_taking_rows_numbers_their_groups_anew():
    pool = in_groups(["a", "b", "c", "b", "a"])

    assert pool.take([4, 3, 1, 0]).groups.tolist() == [0, 1, 1, 0]
    assert pool.take([3, 2, 0]).groups is None


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["a", "b"], "3 images need 3 groups; got 2"),
        (["a", None, "a"], "row 1 has none"),
        ([1.0, 1.0, np.nan], "row 2 has none"),
        (["a", "a", " "], "row 2 has none"),
    ],
)
def test_each_image_needs_one_group(groups, said):
    with pytest.raises(EvenpickError, match=said):
        Pool.from_arrays(np.zeros((3, 2)), groups=groups)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([0, 0, 2], "row 2 has 2"),
        ([1, 0, 1], "row 0 has 1"),
        ([0, -1, 1], "row 1 has -1"),
        ([0, 0], "3 whole numbers; got int64 of shape"),
        ([0.0, 0.0, 1.0], "3 whole numbers; got float64"),
    ],
)
def test_a_pool_made_without_from_arrays_takes_numbered_groups_alone(groups, said):
    with pytest.raises(EvenpickError, match=said):
        Pool(np.zeros((3, 2), np.float32), ["a", "b", "c"], groups=np.array(groups))


def test_a_pool_says_how_many_groups_it_has():
    assert repr(in_groups(list("abacbd"))).splitlines()[1] == "4 images in 2 groups that show the same thing each"
