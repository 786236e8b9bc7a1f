"""When and by which camera: from every format, and from EXIF that is broken beside it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, features

from evenpick.images.exif import captured, exif_block, orientation

NOTHING = ("", "")
WITH_AVIF = pytest.param(
    "AVIF", marks=pytest.mark.skipif("avif" not in features.get_supported(), reason="Pillow without AVIF")
)


def exif_with(taken="2021:06:03 14:05:09", fraction="123", make="Canon", model="EOS 5D", serial="042"):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = make, model, 6
    exif[0x8769] = {0x9003: taken, 0x9291: fraction, 0xA431: serial}
    read_back = Image.Exif()  # Pillow writes the inner directory of one that it has read into a TIFF, of no other
    read_back.load(exif.tobytes())
    return read_back


def encoded(kind, **options):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), "red").save(buffer, kind, **options)
    return buffer.getvalue()


def block(*entries, order="<", inside=()):
    """A block of EXIF by hand: (tag, type, count, the four bytes of its value), and those of the directory within."""
    within = 8 + 2 + 12 * (len(entries) + 1) + 4
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    directories = [*entries, (0x8769, 4, 1, struct.pack(order + "I", within))], list(inside)
    for directory in directories:
        head += struct.pack(order + "H", len(directory))
        head += b"".join(struct.pack(order + "HHI4s", *entry) for entry in directory) + bytes(4)
    return head


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", WITH_AVIF, "MPO"])
def test_time_and_camera_are_read_from_every_format_that_holds_exif(kind):
    data = encoded(kind, exif=exif_with())

    assert captured(data) == ("2021-06-03T14:05:09.123", "Canon EOS 5D 042")


def test_exif_as_imagemagick_writes_it_into_a_png_is_read():
    from PIL.PngImagePlugin import PngInfo

    body = b"Exif\0\0" + exif_with().tobytes().removeprefix(b"Exif\0\0")
    info = PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(body):8d}\n{body.hex()}\n", zip=True)

    assert captured(encoded("PNG", pnginfo=info)) == ("2021-06-03T14:05:09.123", "Canon EOS 5D 042")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"fraction": ""}, ("2021-06-03T14:05:09", "Canon EOS 5D 042")),
        ({"fraction": "x"}, ("2021-06-03T14:05:09", "Canon EOS 5D 042")),
        ({"fraction": "07  "}, ("2021-06-03T14:05:09.07", "Canon EOS 5D 042")),
        ({"taken": "0000:00:00 00:00:00"}, ("", "Canon EOS 5D 042")),
        ({"taken": "yesterday"}, ("", "Canon EOS 5D 042")),
        ({"make": " Canon\n ", "serial": ""}, ("2021-06-03T14:05:09.123", "Canon EOS 5D")),
        ({"model": "a\x1bb\0c"}, ("2021-06-03T14:05:09.123", "Canon ab 042")),
        ({"model": "x" * 5000}, ("2021-06-03T14:05:09.123", f"Canon {'x' * 100} 042")),
    ],
)
def test_what_a_camera_left_out_or_wrote_wrong_is_empty_and_the_rest_is_read(said, read):
    assert captured(encoded("JPEG", exif=exif_with(**said))) == read


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"hello", b"II*\0", encoded("PNG"), encoded("BMP")])
def test_files_without_exif_say_nothing(data):
    assert captured(data) == NOTHING


def test_broken_values_beside_it_do_not_matter():
    zero_denominator = (0x011A, 5, 1, struct.pack("<I", 200))
    beyond_the_end = (0x010E, 2, 2**31, b"\xff\xff\xff\x7f")
    text_for_a_number = (0x0112, 2, 4, b"six\0")
    unknown_type = (0x9999, 77, 5, b"abcd")
    model = (0x0110, 2, 3, b"X1\0\0")

    data = block(zero_denominator, beyond_the_end, text_for_a_number, unknown_type, model)

    assert captured(data) == ("", "X1")
    assert orientation(data) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("number", "turned"), [(1, 1), (6, 6), (8, 8), (0, 1), (9, 1), (65535, 1)])
def test_the_orientation_is_a_number_from_one_to_eight(order, number, turned):
    assert orientation(block((0x0112, 3, 1, struct.pack(order + "HH", number, 0)), order=order)) == turned


def test_a_directory_within_that_leads_back_or_nowhere_is_none():
    for place in (8, 0, 2**32 - 1):
        data = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x8769, 4, 1, place) + bytes(4)

        assert captured(data) == NOTHING


def test_no_mutation_makes_it_raise():
    rng = np.random.default_rng(0)
    whole = [encoded(kind, exif=exif_with()) for kind in ("JPEG", "PNG", "WEBP", "TIFF")]

    for i in range(4000):
        data = bytearray(whole[i % 4])
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(256)
        cut = bytes(data[: rng.integers(1, len(data) + 1)])

        taken, camera = captured(cut)

        assert isinstance(taken, str)
        assert isinstance(camera, str)
        assert 1 <= orientation(exif_block(cut)) <= 8
