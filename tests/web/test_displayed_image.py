"""What a browser gets to see of an image file."""

import contextlib
import io
import struct
import time

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from evenpick.images import Part, Reading, UnreadableImageError
from evenpick.web.displayed_image import LONGEST_SIDE, displayed_image, thumbnail, whole_image


def shown(file, reading=None):
    data, media_type = displayed_image(Part(file, reading=reading or Reading()))
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


def test_a_box_is_shown_cut_out_and_where_it_lies(tmp_path):
    file = tmp_path / "a.png"
    image = Image.new("RGB", (400, 200), "red")
    image.paste("blue", (300, 50, 340, 90))
    image.save(file)
    part = Part(file, box=(300, 50, 40, 40), margin=0)

    cut = Image.open(io.BytesIO(displayed_image(part)[0]))
    assert (cut.size, cut.getpixel((20, 20))) == ((40, 40), pytest.approx((0, 0, 255), abs=6))
    whole = Image.open(io.BytesIO(whole_image(part)[0]))
    assert whole.size == (400, 200)
    assert whole.getpixel((320, 70)) == pytest.approx((0, 0, 255), abs=6)
    assert whole.getpixel((298, 70)) == pytest.approx((255, 255, 255), abs=40)  # the frame, beside the box
    assert whole.getpixel((100, 100)) == pytest.approx((255, 0, 0), abs=6)


def test_where_a_box_lies_is_right_in_a_large_image_too(tmp_path):
    file = tmp_path / "a.png"
    image = Image.new("RGB", (4000, 2000), "red")
    image.paste("blue", (3000, 500, 3400, 900))
    image.save(file)
    whole = Image.open(io.BytesIO(whole_image(Part(file, box=(3000, 500, 400, 400)))[0]))

    assert whole.size == (1024, 512)
    assert whole.getpixel((819, 179)) == pytest.approx((0, 0, 255), abs=6)
    assert whole.getpixel((766, 179)) == pytest.approx((255, 255, 255), abs=60)


def test_a_thumbnail_is_small(tmp_path):
    file = tmp_path / "a.jpg"
    Image.new("RGB", (4000, 2000)).save(file)

    assert Image.open(io.BytesIO(thumbnail(Part(file))[0])).size == (320, 160)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_thumbnail_holds_nothing_of_the_file_but_its_pixels(tmp_path, kind):
    file, exif, text = tmp_path / "a.jpg", Image.Exif(), PngInfo()
    exif[0x010E] = "HIDDEN"
    text.add_text("Comment", "HIDDEN")
    options: dict[str, object] = {} if kind == "GIF" else {"exif": exif.tobytes(), "xmp": b"HIDDEN"}
    options |= {"pnginfo": text} if kind == "PNG" else {"comment": b"HIDDEN"}
    Image.new("RGB", (60, 40)).save(file, kind, **options)

    assert b"HIDDEN" in file.read_bytes()
    assert b"HIDDEN" not in thumbnail(Part(file))[0]


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


@pytest.mark.slow
def test_a_tiff_that_is_broken_or_has_very_many_pages_is_shown_or_told_at_once(tmp_path):
    """Its chain of directories leads through 200,000 of them; then bytes are damaged anywhere."""
    buffer = io.BytesIO()
    Image.new("L", (40, 30), 100).save(buffer, "TIFF", compression="raw")
    one = buffer.getvalue().ljust(len(buffer.getvalue()) + len(buffer.getvalue()) % 2, b"\0")
    (place,) = struct.unpack_from("<I", one, 4)
    (entries,) = struct.unpack_from("<H", one, place)
    links = b"".join(struct.pack("<H12xI", 1, len(one) + 18 * i) for i in range(1, 200_000)) + struct.pack(
        "<H12xI", 1, 0
    )
    linked = bytearray(one + links)
    struct.pack_into("<I", linked, place + 2 + 12 * entries, len(one))
    file = tmp_path / "pages.tif"
    file.write_bytes(linked)
    began = time.process_time()

    assert Image.open(io.BytesIO(displayed_image(Part(file))[0])).size == (40, 30)

    assert time.process_time() - began < 5
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(one)
        for at in rng.integers(0, len(one), 3):
            broken[at] = rng.integers(256)
        file.write_bytes(broken)
        with contextlib.suppress(UnreadableImageError):
            displayed_image(Part(file))


def test_the_page_shows_the_bands_and_the_range_that_the_network_saw(tmp_path):
    values = np.arange(0, 4000, 100, dtype=np.uint16).reshape(1, 40).repeat(30, 0)
    Image.fromarray(values).save(tmp_path / "a.png")

    image, untouched = shown(tmp_path / "a.png", Reading(depth=(0, 4000)))

    assert not untouched
    assert np.abs(np.asarray(image, int)[0, :, 0] - values[0] * (255 / 4000)).max() <= 3
