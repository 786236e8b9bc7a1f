"""Which pixels a row of the pool shows: a whole file, the square around a box, one page."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Part, Reading, UnreadableImageError, cut_part, open_part
from evenpick.images.parts import square_around

FILE = Path("photos/a.jpg")


@pytest.mark.parametrize("text", ["", "3,4,50,60", "page=2"])
def test_a_part_is_what_its_text_says(text):
    assert Part.from_text(FILE, text).text == text


@pytest.mark.parametrize("text", ["page=", "page=two", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4"])
def test_a_text_that_states_no_part_is_refused(text):
    with pytest.raises(EvenpickError, match=r"must be 'x,y,width,height' or 'page=N'; got"):
        Part.from_text(FILE, text)


@pytest.mark.parametrize(
    ("box", "margin", "expected"),
    [
        ((40, 30, 20, 10), 0.0, (40, 25, 20)),  # as high as it is wide, about the same centre
        ((40, 30, 20, 10), 0.1, (38, 23, 24)),  # two pixels more on each side
        ((0, 0, 20, 20), 0.1, (0, 0, 24)),  # moved into the image
        ((90, 70, 10, 10), 0.0, (90, 70, 10)),
        ((85, 75, 15, 5), 0.1, (82, 62, 18)),  # at the corner: ends where the image ends
        ((0, 30, 100, 20), 0.0, (0, -10, 100)),  # larger than the image is high: the image in the middle
        ((50, 50, 1, 1), 0.0, (50, 50, 1)),
    ],
)
def test_the_square_around_a_box_lies_in_the_image_where_it_can(box, margin, expected):
    assert square_around(box, (100, 80), margin) == expected


def test_a_box_is_seen_with_its_margin_as_a_square(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")

    seen = open_part(Part(tmp_path / "a.png", (40, 30, 20, 10), margin=0.1))

    assert np.array_equal(np.asarray(seen), pixels[23:47, 38:62])


def test_what_lies_beyond_the_image_is_the_mean_colour(tmp_path):
    Image.new("RGB", (100, 20), "red").save(tmp_path / "a.png")

    seen = np.asarray(open_part(Part(tmp_path / "a.png", (0, 0, 100, 20), margin=0)))

    assert seen.shape == (100, 100, 3)
    assert (seen[40:60] == (255, 0, 0)).all()
    assert (seen[:40] == (124, 116, 104)).all()
    assert (seen[60:] == (124, 116, 104)).all()


def test_a_box_is_in_pixels_of_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees clockwise: what is stored at the left is seen at the top
    image = Image.new("RGB", (40, 20), "white")
    image.paste("blue", (0, 0, 10, 20))
    image.save(tmp_path / "a.png", exif=exif)

    top = open_part(Part(tmp_path / "a.png", (5, 0, 10, 10), margin=0))

    assert (np.asarray(top) == (0, 0, 255)).all()


def test_a_page_is_seen_as_itself(tmp_path):
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])

    seen = [open_part(Part(tmp_path / "a.tif", page=page)).getpixel((0, 0)) for page in (1, 2, 3)]

    assert seen == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    with pytest.raises(UnreadableImageError):
        open_part(Part(tmp_path / "a.tif", page=4))


def test_a_cut_gets_the_part_and_a_box_of_a_jpeg_is_not_reduced_before(tmp_path):
    image = Image.new("RGB", (800, 800), "white")
    image.paste("black", (400, 400, 800, 800))
    image.save(tmp_path / "a.jpg", quality=95)
    sizes = []

    def cut(seen):
        sizes.append(seen.size)
        return seen

    black = cut_part(Part(tmp_path / "a.jpg", (500, 500, 100, 100), margin=0, reading=Reading(enough=16)), cut)
    cut_part(Part(tmp_path / "a.jpg", reading=Reading(enough=16)), cut)

    assert sizes == [(100, 100), (100, 100)]  # the whole one was reduced to an eighth
    assert np.asarray(black).max() < 20


def test_a_file_that_is_gone_says_so(tmp_path):
    for see in (open_part, lambda part: cut_part(part, lambda image: image)):
        with pytest.raises(UnreadableImageError, match=r"^No such file or directory$"):
            see(Part(tmp_path / "gone.jpg"))
