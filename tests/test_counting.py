"""Numbers with their nouns."""

import pytest

from evenpick.counting import counted


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (counted(1, "image"), "1 image"),
        (counted(0, "image"), "0 images"),
        (counted(2000, "image"), "2,000 images"),
        (counted(1, "image has", "images have"), "1 image has"),
        (counted(3, "image has", "images have"), "3 images have"),
    ],
)
def test_a_noun_is_in_the_number_that_is_counted(said, expected):
    assert said == expected
