"""The first row of an order that is open."""

import numpy as np
import pytest

from evenpick.session.steering import first_open


@pytest.mark.parametrize(
    ("order", "open_rows", "expected"),
    [([3, 1, 2], [0, 1, 2, 3], 3), ([3, 1, 2], [1, 2], 1), ([3, 1, 2], [0], None), ([], [0, 1], None)],
)
def test_the_first_open_row_by_hand(order, open_rows, expected):
    marks = np.zeros(4, bool)
    marks[open_rows] = True

    assert first_open(np.array(order, np.intp), marks) == expected
