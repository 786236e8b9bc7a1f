"""What a browser gets to see of an image file."""

import io

import pytest
from PIL import Image

from evenpick.images import Part, UnreadableImageError
from evenpick.web.displayed_image import LONGEST_SIDE, displayed_image


def shown(file):
    data, media_type = displayed_image(Part(file))
    image = Image.open(io.BytesIO(data))
    assert media_type == f"image/{image.format.lower()}"
    return image, data == file.read_bytes()


@pytest.mark.parametrize(("mode", "extension"), [("RGB", "jpg"), ("L", "jpg"), ("RGB", "png"), ("L", "webp")])
def test_what_every_browser_shows_alike_is_left_as_it_is(tmp_path, mode, extension):
    file = tmp_path / f"a.{extension}"
    Image.new(mode, (60, 40)).save(file)

    assert shown(file)[1]


@pytest.mark.parametrize(
    ("mode", "extension"),
    [("CMYK", "jpg"), ("P", "png"), ("RGBA", "png"), ("I;16", "png"), ("1", "bmp"), ("RGB", "ppm"), ("F", "tif")],
)
def test_anything_else_becomes_a_jpeg(tmp_path, mode, extension):
    file = tmp_path / f"a.{extension}"
    Image.new(mode, (60, 40)).save(file)
    image, untouched = shown(file)

    assert (image.format, image.mode, image.size, untouched) == ("JPEG", "RGB", (60, 40), False)


def test_the_name_of_a_file_says_nothing(tmp_path):
    file = tmp_path / "photo.jpg"
    Image.new("RGB", (60, 40)).save(file, "BMP")

    assert shown(file)[0].format == "JPEG"


def test_a_turned_photograph_is_upright_when_converted(tmp_path):
    file = tmp_path / "turned.jpg"
    turned = Image.Exif()
    turned[0x0112] = 6  # to be shown a quarter turn clockwise
    Image.new("RGB", (2 * LONGEST_SIDE, LONGEST_SIDE)).save(file, exif=turned)

    assert shown(file)[0].size == (LONGEST_SIDE // 2, LONGEST_SIDE)


@pytest.mark.parametrize("content", [None, b"", b"<svg onload='alert(1)'/>", b"\xff\xd8\xff\xe0 cut short"])
def test_what_is_no_image_is_told(tmp_path, content):
    file = tmp_path / "a.jpg"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(UnreadableImageError):
        displayed_image(Part(file))
