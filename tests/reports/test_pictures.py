"""Small pictures: which images have one, how large, and when a page is full."""

import base64
import io

import pytest
from PIL import Image

from evenpick.pool import Pool
from evenpick.reports import pictures
from evenpick.reports.pictures import LARGE, SMALL, Pictures


def opened(address):
    kind, _, data = address.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
def pool(make_workspace):
    return Pool.open(make_workspace(8))


def test_a_picture_is_the_image_made_small(pool):
    made = Pictures(pool, ["003.jpg"]).of("003.jpg")

    original = Image.open(pool.folder / "003.jpg")
    assert opened(made).size == (LARGE, 72)
    assert all(abs(a - b) < 6 for a, b in zip(opened(made).getpixel((5, 5)), original.getpixel((5, 5)), strict=True))


def test_many_pictures_are_smaller(pool, monkeypatch):
    monkeypatch.setattr(pictures, "FEW", 3)

    assert opened(Pictures(pool, pool.image_ids).of("000.jpg")).size == (SMALL, 48)


def test_a_full_page_names_the_last_images_only(pool, monkeypatch):
    one = len(Pictures(pool, ["000.jpg"]).of("000.jpg"))
    monkeypatch.setattr(pictures, "MOST_BYTES", int(3.5 * one))

    made = Pictures(pool, ["005.jpg", *pool.image_ids])

    assert made.of("005.jpg")
    assert made.of("007.jpg") is None
    assert made.n_left_out == 8 - sum(made.of(image) is not None for image in pool.image_ids)
    assert 2 <= 8 - made.n_left_out <= 4


def test_what_cannot_be_read_and_what_has_no_pixels_has_no_picture(pool):
    (pool.folder / "001.jpg").unlink()

    assert Pictures(pool, ["001.jpg", "elsewhere.jpg"]).of("001.jpg") is None
    assert Pictures(Pool.from_arrays([[1.0]]), ["0"]).of("0") is None
    assert Pictures(None, []).of("0") is None
