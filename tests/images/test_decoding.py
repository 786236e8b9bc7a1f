"""Real files of every format, whole and broken, and the search for them in real folders."""

import io
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, features
from skimage.data import astronaut

import evenpick.images.decoding
from evenpick.images import Part, Preprocessing, Reading, UnreadableImageError, open_part
from evenpick.images.decoding import cut_image, decode_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
FORMATS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "BMP": {},
    "TIFF": {},
    "GIF": {},
    "PPM": {},
}


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def quarters():
    """Red and green above, blue and white below, 8 pixels each way."""
    image = Image.new("RGB", (16, 16), RED)
    for colour, corner in ((GREEN, (8, 0)), (BLUE, (0, 8)), (WHITE, (8, 8))):
        image.paste(colour, (*corner, corner[0] + 8, corner[1] + 8))
    return image


def grays(data):
    """The pixels of an image that must be gray, row by row."""
    pixels = np.asarray(decode_image(data))
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0].tolist()


def colours(data):
    return [tuple(pixel) for pixel in np.asarray(decode_image(data)).reshape(-1, 3).tolist()]


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(bytes(100)))


# --- decoding ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_opens_as_rgb(kind):
    image = decode_image(encoded(quarters(), kind, **FORMATS[kind]))

    assert (image.mode, image.size) == ("RGB", (16, 16))
    difference = np.asarray(image, dtype=int) - np.asarray(quarters(), dtype=int)
    assert np.abs(difference).max() <= (8 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_counts(kind):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (BLUE, RED, GREEN)]
    options = {"lossless": True} if kind == "WEBP" else {}

    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)

    assert set(colours(data)) == {BLUE}


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(1, "abcd"), (2, "badc"), (3, "dcba"), (4, "cdab"), (5, "acbd"), (6, "cadb"), (7, "dbca"), (8, "bdac")],
)
def test_exif_orientation_is_applied(orientation, upright):
    gray = dict(zip("abcd", (0, 80, 160, 240), strict=True))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.array([[gray["a"], gray["b"]], [gray["c"], gray["d"]]], dtype=np.uint8))

    data = encoded(stored, "PNG", exif=exif)

    above, below = grays(data)
    assert above + below == [gray[letter] for letter in upright]


def test_a_turned_photograph_changes_its_sides():
    exif = Image.Exif()
    exif[0x0112] = 6

    assert decode_image(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif)).size == (20, 40)


def test_cmyk_jpeg_keeps_its_colours():
    red = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)

    assert np.abs(np.array(colours(red)) - RED).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_gray_keeps_its_scale(kind):
    values = np.array([[0, 100 * 257, 200 * 257]], dtype=np.uint16)

    image = Image.fromarray(values)
    assert grays(encoded(image.convert("I") if kind == "PPM" else image, kind)) == [[0, 100, 200]]


def test_floating_values_are_stretched_from_smallest_to_largest():
    values = np.array([[-2.0, 0.0, 2.0, 8.0]], dtype=np.float32)

    assert grays(encoded(Image.fromarray(values), "TIFF")) == [[0, 51, 102, 255]]


def test_floating_values_that_are_not_finite_are_black_and_leave_the_others_alone():
    values = np.array([[9.0, np.nan, np.inf, 14.0, -np.inf, 10.0]], dtype=np.float32)

    assert grays(encoded(Image.fromarray(values), "TIFF")) == [[0, 0, 0, 255, 0, 51]]


def test_a_constant_floating_image_is_black():
    assert grays(encoded(Image.fromarray(np.full((1, 2), 7, np.float32)), "TIFF")) == [[0, 0]]


def test_32_bit_integers_are_stretched():
    values = np.array([[1000, 2000, 6000]], dtype=np.int32)

    assert grays(encoded(Image.fromarray(values), "TIFF")) == [[0, 51, 255]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
def test_one_bit_is_black_and_white(kind):
    image = Image.new("1", (2, 1), 0)
    image.putpixel((1, 0), 1)

    assert grays(encoded(image, kind)) == [[0, 255]]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_palette_colours_are_looked_up(kind):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)

    assert colours(encoded(image, kind)) == [RED, GREEN]


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(kind):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)

    assert colours(encoded(image, kind, transparency=1)) == [RED, WHITE]


def test_a_transparent_colour_without_alpha_channel_is_white():
    rgb = Image.new("RGB", (2, 1), RED)
    rgb.putpixel((1, 0), GREEN)
    gray = Image.new("L", (2, 1), 10)
    gray.putpixel((1, 0), 20)

    assert colours(encoded(rgb, "PNG", transparency=GREEN)) == [RED, WHITE]
    assert grays(encoded(gray, "PNG", transparency=20)) == [[10, 255]]


@pytest.mark.parametrize(
    ("mode", "pixel", "kind", "expected"),
    [
        ("RGBA", (255, 0, 0, 255), "PNG", RED),
        ("RGBA", (255, 0, 0, 0), "PNG", WHITE),
        ("RGBA", (255, 0, 0, 51), "TIFF", (255, 204, 204)),  # 51 / 255 = a fifth of red, four of white
        ("RGBA", (255, 0, 0, 51), "WEBP", (255, 204, 204)),
        ("LA", (0, 51), "PNG", (204, 204, 204)),
    ],
)
def test_alpha_lies_over_white(mode, pixel, kind, expected):
    options = {"lossless": True} if kind == "WEBP" else {}

    assert colours(encoded(Image.new(mode, (1, 1), pixel), kind, **options)) == [expected]


# --- what cannot be read ----------------------------------------------------------------------------


def broken_files():
    noise = np.random.default_rng(0).integers(0, 256, size=(60, 80, 3), dtype=np.uint8)
    photo = encoded(Image.fromarray(noise), "JPEG")
    return {
        "a truncated JPEG": (photo[: len(photo) // 2], "image file is truncated"),
        "a text named .jpg": (b"Dear diary,\n", "not an image, whatever its name says"),
        "zero bytes": (b"", "the file is empty"),
        "a decompression bomb": (
            png_header(100_000, 100_000),
            "100,000 x 100,000 pixels are more than 200,000,000; raise the limit by --max-pixels",
        ),
        "a PNG without its end": (png_header(500, 500), "truncated"),
        "a PNG that ends early": (png_header(500, 500), r"^the file is cut short or damaged \("),
    } | {
        f"half of a {kind}": (
            (whole := encoded(Image.fromarray(noise), kind))[: len(whole) // 2],
            r"^the file is cut short or damaged \(",
        )
        for kind in ("JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
        if kind != "AVIF" or "avif" in features.get_supported()
    }


@pytest.mark.parametrize("what", broken_files())
def test_an_unreadable_file_says_why_in_one_line(what, tmp_path):
    data, reason = broken_files()[what]
    file = tmp_path / "photo.jpg"
    file.write_bytes(data)

    with pytest.raises(UnreadableImageError, match=reason) as caught:
        open_part(Part(file))

    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    ("name", "reason"), [("gone.jpg", "No such file or directory"), ("folder.jpg", "Is a directory")]
)
def test_a_file_that_cannot_be_opened_says_why(name, reason, tmp_path):
    (tmp_path / "folder.jpg").mkdir()

    with pytest.raises(UnreadableImageError, match=f"^{reason}$"):
        open_part(Part(tmp_path / name))


def damaged(data, rng):
    """A copy that is cut short, or has bytes overwritten, put in or taken out, often in its header."""
    copy = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        end = len(copy) if rng.random() < 0.5 else min(len(copy), 120)
        place = int(rng.integers(0, end))
        kind = rng.integers(4)
        if kind == 0:
            copy[place] = int(rng.integers(256))
        elif kind == 1:
            copy[place : place + int(rng.integers(1, 9))] = rng.bytes(int(rng.integers(1, 9)))
        elif kind == 2:
            copy[place] ^= 1 << int(rng.integers(8))
        else:
            del copy[max(place, 1) :]
    return bytes(copy)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged metadata beside pixels that it can read
@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_opens_or_is_unreadable_and_nothing_else(kind):
    rng = np.random.default_rng(list(kind.encode()))
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = [encoded(quarters(), kind, exif=exif) if kind in ("JPEG", "PNG", "WEBP") else b""]
    whole += [encoded(quarters().convert(mode), kind) for mode in ("RGB", "L")]
    whole += [encoded(quarters().convert("P"), kind)] if kind in ("PNG", "GIF", "BMP", "TIFF") else []
    whole += [encoded(quarters(), kind, compression="tiff_lzw")] if kind == "TIFF" else []
    modes, reasons = set(), []
    for data in [data for data in whole if data] * 60:
        try:
            modes.add(decode_image(damaged(data, rng)).mode)
        except UnreadableImageError as error:
            reasons.append(str(error))

    assert modes == {"RGB"}
    assert reasons
    assert all(reason and "\n" not in reason for reason in reasons)


@pytest.mark.parametrize("kind", ["DDS", "SPIDER", "ICO", "PCX", "TGA"])
def test_a_rare_format_under_a_common_name_is_no_image_whole_or_damaged(kind):
    try:
        data = encoded(quarters(), kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow does not write {kind}")

    for part in (data, data[: len(data) * 2 // 3]):
        with pytest.raises(UnreadableImageError, match=r"^not (an image, whatever its name says|read: (DDS|icon))$"):
            decode_image(part)


def test_a_photograph_of_two_pictures_shows_the_first():
    data = encoded(quarters(), "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16), BLUE)], quality=95)

    assert np.abs(np.asarray(decode_image(data), int)[2, 2] - RED).max() < 10


def test_large_images_are_decoded_one_at_a_time(monkeypatch):
    monkeypatch.setattr(evenpick.images.decoding, "_LARGE", 200)
    small, large = (encoded(Image.new("RGB", (side, side)), "PNG") for side in (14, 15))
    inside, release = threading.Event(), threading.Event()
    order = []

    def hold(image):
        inside.set()
        assert release.wait(10)
        order.append("first")
        return image

    first = threading.Thread(target=cut_image, args=(large, hold))
    second = threading.Thread(target=cut_image, args=(large, lambda image: order.append("second") or image))
    first.start()
    assert inside.wait(10)
    second.start()
    assert cut_image(small, lambda image: image).size == (14, 14)
    release.set()
    first.join()
    second.join()

    assert order == ["first", "second"]


# --- JPEG files decoded at a part of their size -----------------------------------------------------


@pytest.mark.parametrize(
    ("enough", "size"),
    [(None, (640, 480)), (480, (640, 480)), (241, (640, 480)), (240, (320, 240)), (100, (160, 120)), (1, (80, 60))],
)
def test_a_jpeg_is_reduced_as_far_as_enough_pixels_are_left(enough, size):
    assert decode_image(encoded(Image.new("RGB", (640, 480)), "JPEG"), Reading(enough)).size == size


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"JPEG"}))
def test_other_formats_are_decoded_whole(kind):
    assert decode_image(encoded(Image.new("RGB", (64, 48)), kind), Reading(1)).size == (64, 48)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_reduced_jpeg_keeps_its_colours_and_stands_upright(mode):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    halves = Image.new("RGB", (64, 32), "white")
    halves.paste("black", (0, 0, 32, 32))

    image = decode_image(encoded(halves.convert(mode), "JPEG", exif=exif, quality=95), Reading(8))

    assert image.size == (8, 16)
    assert np.asarray(image)[:8].max() < 8
    assert np.asarray(image)[8:].min() > 247


def test_a_reduced_jpeg_looks_to_the_network_nearly_as_the_whole_one():
    cut = Preprocessing().cut
    data = encoded(
        Image.fromarray(np.tile(astronaut(), (3, 4, 1))[:1200, :1600]), "JPEG", quality=90
    )  # 1,600 x 1,200 pixels

    whole, reduced = (np.asarray(cut_image(data, cut, Reading(enough)), int) for enough in (None, 512))

    assert 0 < np.abs(whole - reduced).mean() < 1


def test_a_large_jpeg_that_is_reduced_waits_for_nobody(monkeypatch):
    monkeypatch.setattr(evenpick.images.decoding, "_LARGE", 100 * 100)
    data = encoded(Image.new("RGB", (160, 160)), "JPEG")
    threads = []

    for enough in (None, 80):
        cut_image(data, lambda image: threads.append(threading.current_thread()) or image, Reading(enough))

    assert threads[0] is not threading.current_thread()
    assert threads[1] is threading.current_thread()
