"""Several views of an image, on a ramp whose colours tell the place."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.images.views import VIEWS, View


def ramp(width, height):
    """Red tells the column, green the row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(width), np.arange(height)[:, None]
    return Image.fromarray(pixels)


def corners(image):
    """Column and row of the pixels at the first and the last corner."""
    return [image.getpixel((0, 0))[:2], image.getpixel((image.width - 1, image.height - 1))[:2]]


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("size", [(120, 64), (64, 120), (3, 90), (1, 1)])
def test_the_first_view_is_what_is_seen_without_views_and_all_have_the_size_of_the_network(fit, size):
    preprocessing, image = Preprocessing(size=16, fit=fit), ramp(*size)
    eight = replace(preprocessing, views=8).cuts(image)

    assert [cut.size for cut in eight] == [(16, 16)] * 8
    assert eight[0].tobytes() == preprocessing.cut(image).tobytes()
    assert [cut.tobytes() for cut in preprocessing.cuts(image)] == [eight[0].tobytes()]


@pytest.mark.parametrize("views", range(1, 9))
def test_fewer_views_are_the_first_of_more(views):
    image, all_of_them = ramp(60, 40), Preprocessing(size=16, views=8)

    fewer = replace(all_of_them, views=views).cuts(image)

    assert [cut.tobytes() for cut in fewer] == [cut.tobytes() for cut in all_of_them.cuts(image)[:views]]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), [(60, 20), (139, 99)]),
        (View(mirrored=True), [(139, 20), (60, 99)]),
        (View(1.25), [(50, 10), (149, 109)]),
        (View(2), [(40, 0), (159, 119)]),  # the whole of the short side, and no more
        (View(1, 0, 0), [(0, 0), (79, 79)]),
        (View(1, 1, 1, mirrored=True), [(199, 40), (120, 119)]),
        (View(0.5, 1, 0), [(160, 0), (199, 39)]),
    ],
)
def test_each_view_shows_the_part_that_it_names(view, expected):
    image, side = ramp(200, 120), expected[1][1] - expected[0][1] + 1
    preprocessing = Preprocessing(size=side, crop=2 / 3)

    assert corners(preprocessing.cut_view(view, image)) == expected


def test_with_borders_a_view_never_leaves_the_image_on_its_long_side():
    preprocessing = Preprocessing(size=40, fit="pad", crop=1.0, mean=(1.0, 1.0, 1.0))

    seen = preprocessing.cut_view(View(0.5, 1, 0), ramp(200, 80))  # a square of 100 at the right end, 80 pixels high

    assert seen.getpixel((20, 0)) == seen.getpixel((20, 39)) == (255, 255, 255)
    assert seen.getpixel((39, 20))[0] > 195
    assert seen.getpixel((0, 20))[0] == pytest.approx(101, abs=2)


def test_no_two_views_of_an_image_are_alike():
    cuts = {cut.tobytes() for cut in Preprocessing(size=16, views=len(VIEWS)).cuts(ramp(60, 40))}

    assert len(cuts) == len(VIEWS) == 8


@pytest.mark.parametrize("views", [0, 9, 2.0, True, "4"])
def test_other_numbers_of_views_are_refused(views):
    with pytest.raises(EvenpickError, match="views must be a whole number from 1 to 8; got"):
        Preprocessing(views=views)


def test_views_are_stated_only_where_there_are_several():
    several = Preprocessing(views=4)

    assert "views" not in Preprocessing().to_dict()
    assert Preprocessing.from_dict(several.to_dict()) == several
