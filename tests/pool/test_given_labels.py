"""Rows of a pool and their labels, as Python callers hand them in."""

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.pool import labelled_rows


def test_rows_and_labels_come_back_plain(make_pool):
    rows, labels = labelled_rows("train", make_pool(n=40), np.array([39, 0], np.uint8), np.array([2, 1], np.int8))

    assert (rows.tolist(), rows.dtype, labels) == ([39, 0], np.intp, [2, 1])


def test_no_rows_are_no_labels(make_pool):
    rows, labels = labelled_rows("train", make_pool(n=40), [], [])

    assert (rows.tolist(), labels) == ([], [])


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ([0, 1], ["a"], "status: each row needs one label; got 2 rows and 1 labels"),
        ([0, 1], "ab", "status: each row needs one label; got 2 rows and 1 labels"),
        ([0, [1]], ["a", "b"], "each row needs one label"),
        ([0, 40], ["a", "b"], "rows must be whole numbers from 0 to 39"),
        ([-1], ["a"], "rows must be whole numbers from 0 to 39"),
        ([True], ["a"], "rows must be whole numbers"),
        ([5, 6, 5, 6], ["a"] * 4, "an image must be labelled once; labelled twice: '5', '6'"),
        ([5, 6], ["a", None], r"status: row 6: the label is missing \(None\)"),
        ([5, 6], ["a", 1], r"status: labels must be of one type; row 5 has 'a' \(str\), row 6 1 \(int\)"),
    ],
)
def test_what_does_not_fit_the_pool_is_refused(rows, labels, message, make_pool):
    with pytest.raises(EvenpickError, match=message):
        labelled_rows("status", make_pool(n=40), rows, labels)


@pytest.mark.parametrize("labels", [{"a", "b"}, frozenset("ab"), {"a": 1, "b": 2}])
def test_labels_without_an_order_are_refused(labels, make_pool):
    with pytest.raises(EvenpickError, match="test: labels must be in the order of their rows; got a "):
        labelled_rows("test", make_pool(), [0, 1], labels)
