"""Files as cameras, scanners, phones and satellites write them: the pixels that are right, or a refusal that says why."""

import io
import struct
import threading
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin, features

from evenpick.images import Reading, UnreadableImageError, memory, read_image_file
from evenpick.images.decoding import MAX_PIXELS, cut_image, decode_image, deep_sample
from evenpick.images.deep import range_of
from evenpick.images.exif import png_chunks

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (40, 60), dtype=np.uint8)
RGB = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, metadata=None, **options)
    return buffer.getvalue()


def read(data, **reading):
    """The pixels, and what was said of the file."""
    said = []
    pixels = np.asarray(cut_image(data, lambda image: image, Reading(**reading), said.append))
    return pixels, said


def same_gray(pixels, expected, within=0):
    return np.abs(pixels.astype(int) - np.asarray(expected, int)[..., None]).max() <= within


def reason(data, **reading):
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(data, Reading(**reading))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- metadata that is broken beside whole pixels ----------------------------------------------------


def exif_block(*entries):
    """Entries (tag, type, count, four bytes) in a block of EXIF, then eight bytes that values may point at."""
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries))
    return block + b"".join(struct.pack("<HHI4s", *entry) for entry in entries) + bytes(4) + bytes(8)


TURNED = (0x0112, 3, 1, b"\x06\0\0\0")
BROKEN_EXIF = {
    "a zero denominator": [(0x011A, 5, 1, struct.pack("<I", 50)), (0x0128, 3, 1, b"\2\0\0\0")],
    "text for a number": [(0x011A, 2, 4, b"abc\0"), (0x0128, 2, 2, b"x\0\0\0")],
    "not a number": [(0x011A, 11, 1, struct.pack("<f", float("nan"))), (0x0128, 3, 1, b"\2\0\0\0")],
    "values beyond the end": [(0x010E, 2, 2**31, b"\xff\xff\xff\x7f")],
    "an unknown type": [(0x9999, 99, 3, b"abcd")],
    "a directory in itself": [(0x8769, 4, 1, struct.pack("<I", 8))],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("what", BROKEN_EXIF)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_neither_costs_a_picture_nor_its_orientation(what, kind):
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    picture = Image.fromarray(np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 40, 0).repeat(3, 2))
    entries = sorted([TURNED, *BROKEN_EXIF[what]])

    pixels, said = read(encoded(picture, kind, exif=exif_block(*entries), **options))

    assert pixels.shape == (60, 40, 3)
    assert np.abs(pixels[:, 0, 0].astype(int) - np.arange(0, 240, 4)).max() <= 4  # left is above
    assert said == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_xmp_that_is_no_utf8_does_not_matter_and_its_orientation_counts_where_exif_has_none(kind):
    xmp = b'\xff\xfe\x80 tiff:Orientation="6" \xc3'
    if kind == "PNG":
        data = encoded(Image.fromarray(RGB), kind)
        chunk = b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + xmp
        data = data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    elif kind == "JPEG":
        segment = b"http://ns.adobe.com/xap/1.0/\0" + xmp
        data = encoded(Image.fromarray(RGB), kind)
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    else:
        data = encoded(Image.fromarray(RGB), kind, xmp=xmp)

    assert read(data)[0].shape == (60, 40, 3)


def test_a_png_with_megabytes_of_text_is_read():
    info = PngImagePlugin.PngInfo()
    for key in ("one", "two"):
        info.add_text(key, "x" * 2_000_000, zip=True)

    pixels, said = read(encoded(Image.fromarray(RGB), "PNG", pnginfo=info))

    assert (pixels == RGB).all()
    assert said == []


def test_a_png_whose_text_has_a_wrong_checksum_is_read_and_told():
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "somebody")
    data = bytearray(encoded(Image.fromarray(RGB), "PNG", pnginfo=info))
    _, _, end = next(chunk for chunk in png_chunks(bytes(data)) if chunk[0] == b"tEXt")
    data[end] ^= 1

    pixels, said = read(bytes(data))

    assert (pixels == RGB).all()
    assert said == ["read, although the checksum of its text is wrong"]


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_jpeg_that_lacks_only_its_end_marker_is_read_and_told(progressive, subsampling):
    whole = encoded(
        Image.fromarray(RGB).resize((300, 200)), "JPEG", quality=90, progressive=progressive, subsampling=subsampling
    )

    pixels, said = read(whole[:-2])

    assert (pixels == read(whole)[0]).all()
    assert said == ["read, although it ends before its end marker"]
    assert "truncated" in reason(whole[: len(whole) // 2])


# --- bits and bands ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_gray_of_any_depth_fills_the_range_that_its_folder_has(bits, kind):
    values = (GRAY.astype(np.uint16) << (bits - 8)) if bits > 8 else GRAY
    top = 255 << (bits - 8)

    pixels, _ = read(encoded(Image.fromarray(values), kind), depth=(0, top))

    assert same_gray(pixels, GRAY)


def test_values_beyond_the_range_of_the_folder_are_black_and_white():
    values = np.array([[0, 1000, 2000, 3000, 60000]], np.uint16)

    assert read(tiff(values), depth=(1000, 3000))[0][0, :, 0].tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("nodata", ["-9999", "nan", "-3.4028234663852886e+38"])
def test_nodata_and_nan_are_black_and_stretch_nothing(nodata):
    """GDAL's tag names the value; the others, 5 to 9, fill the range."""
    values = np.array([[5, 6, 7, 8, 9, float(nodata), np.nan, np.inf]], np.float32)

    data = tiff(values, extratags=[(42113, 2, len(nodata) + 1, nodata, True)])

    assert read(data)[0][0, :, 0].tolist() == [0, 64, 128, 191, 255, 0, 0, 0]
    assert set(deep_sample(data)) == {5, 6, 7, 8, 9}


def test_whole_numbers_have_nodata_too():
    values = np.array([[100, 250, 300, 65535]], np.uint16)

    data = tiff(values, extratags=[(42113, 2, 6, "65535", True)])

    assert read(data, depth=(100, 300))[0][0, :, 0].tolist() == [0, 191, 255, 0]
    assert set(deep_sample(data)) == {100, 250, 300}


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_where_the_least_is_white_it_is_white(kind):
    values = np.array([[0, 100, 200]]).astype(kind)

    pixels, _ = read(tiff(values, photometric="miniswhite"), depth=None if kind == "u1" else (0, 200))

    assert pixels[0, :, 0].tolist() == ([255, 155, 55] if kind == "u1" else [255, 128, 0])


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_the_bands_that_are_asked_for_are_red_green_and_blue(planar, kind, tile, compression):
    """Eight bands, each with a value of its own; the byte order is the other one than usual."""
    bands = np.stack([np.full((40, 60), 10 * (i + 1)) for i in range(8)], -1).astype(kind)
    bands[..., 3] += GRAY.astype(kind) // 4
    stored = bands.transpose(2, 0, 1) if planar == "separate" else bands
    data = tiff(
        stored, photometric="minisblack", planarconfig=planar, tile=tile, compression=compression, byteorder=">"
    )

    pixels, _ = read(data, bands=(4, 3, 2), depth=(0, 255))

    assert (pixels == bands[..., [3, 2, 1]].astype(np.uint8)).all()
    assert same_gray(read(data, bands=(7,), depth=(0, 255))[0], np.full((40, 60), 70))


@pytest.mark.parametrize(("kind", "words"), [("u1", "5 bands of 8 bits"), ("i2", r"5 bands of 16 bits (signed)")])
def test_bands_of_which_nobody_knows_the_colours_are_refused_with_their_number_and_depth(kind, words):
    data = tiff(np.zeros((8, 8, 5), kind), photometric="minisblack", planarconfig="contig")

    assert reason(data) == f"it has {words}; say which of them are red, green and blue, such as --bands 3,2,1"
    assert reason(data, bands=(9,)) == f"it has {words}; --bands asks for band 9"


@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_near_infrared_that_is_marked_as_alpha_covers_nothing(kind, planar):
    """GDAL marks a fourth band so; a band that is a mask, 0 or 255 everywhere, is alpha indeed."""
    geographic = [(33550, 12, 3, (1.0, 1.0, 0.0), True)]
    bands = np.dstack([RGB, GRAY]).astype(kind)
    stored = bands.transpose(2, 0, 1) if planar == "separate" else bands
    options = {"photometric": "rgb", "planarconfig": planar, "extrasamples": ["unassalpha"], "extratags": geographic}

    pixels, _ = read(tiff(stored, **options), depth=(0, 255))

    assert (pixels == RGB).all()
    assert (read(tiff(stored, **options), bands=(4, 1, 2), depth=(0, 255))[0] == bands[..., [3, 0, 1]]).all()
    if kind == "u1":
        mask = np.dstack([RGB, np.where(GRAY > 127, 255, 0)]).astype(np.uint8)
        stored = mask.transpose(2, 0, 1) if planar == "separate" else mask
        assert (read(tiff(stored, **options))[0] == np.where(GRAY[..., None] > 127, RGB, 255)).all()


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bits_of_each_colour_keep_what_the_range_of_the_folder_shows(planar):
    """12 bits in 16: by their upper 8 alone they would be nearly black."""
    values = RGB.astype(np.uint16) << 4
    stored = values.transpose(2, 0, 1) if planar == "separate" else values

    assert (read(tiff(stored, photometric="rgb", planarconfig=planar), depth=(0, 255 << 4))[0] == RGB).all()


def test_16_bits_of_each_colour_of_a_png_are_read_whole():
    """Made by hand, for Pillow writes none: a filter of 0 before each row, big-endian."""
    values = (RGB.astype(np.uint16) << 4).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 60, 40, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)

    assert (read(data, depth=(0, 255 << 4))[0] == RGB).all()
    assert set(deep_sample(data)) <= set(range(0, 256 << 4, 16))
    assert (read(data)[0] == RGB >> 4).all()


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_numbers_that_are_packed_without_padding_are_unpacked(bits):
    """A row of bits by hand, the first one first."""
    values = (np.arange(60) * 4).astype(np.uint16)
    digits = "".join(f"{value:0{bits}b}" for value in values)
    row = bytes(int(digits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(digits), 8))
    tags = [
        (256, 3, 60), (257, 3, 2), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 3, 2),
        (279, 4, 2 * len(row)),
    ]  # fmt: skip
    place = 8 + 2 * len(row)
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    data = b"II*\0" + struct.pack("<I", place) + row * 2 + struct.pack("<H", len(tags)) + directory + bytes(4)

    pixels, _ = read(data, depth=(0, 236))

    assert pixels[1, :, 0].tolist() == np.rint(values * (255 / 236)).tolist()


@pytest.mark.parametrize("predictor", [2, 3])
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_predictors_are_undone_as_libtiff_does_them(predictor, compression):
    values = RNG.random((40, 60)).astype(np.float32) if predictor == 3 else GRAY.astype(np.uint16) << 6
    if compression == "packbits":
        predictor = 1
    data = encoded(Image.fromarray(values), "TIFF", compression=compression, tiffinfo={317: predictor})

    pixels, _ = read(data, depth=(float(values.min()), float(values.max())))

    scaled = (values.astype(float) - values.min()) * (255 / (float(values.max()) - float(values.min())))
    assert same_gray(pixels, np.rint(scaled))


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
def test_big_tiff_is_read(byteorder, shape):
    values = RNG.integers(0, 256, shape, dtype=np.uint8)
    photometric = "rgb" if len(shape) == 3 else "minisblack"

    pixels, _ = read(tiff(values, bigtiff=True, byteorder=byteorder, photometric=photometric))

    assert (pixels == values.reshape(40, 60, -1)).all()


def test_a_tiff_may_be_turned_and_lose_its_resolution():
    data = tiff(GRAY, resolution=(0, 0), extratags=[(274, 3, 1, 6, True)])

    assert same_gray(read(data)[0], np.rot90(GRAY, -1))


def test_a_raw_photograph_is_not_its_preview():
    assert reason(tiff(GRAY, extratags=[(50706, 1, 4, b"\1\4\0\0", True)])) == "not read: camera raw"


def test_the_range_of_a_folder_leaves_out_a_thousandth_at_each_end():
    many = np.arange(10_001, dtype=float)
    many[0], many[-1] = -1e9, 1e9  # a dead and a hot pixel

    assert range_of([many]) == (10, 9990)
    assert range_of([np.array([3.0, 3.0])]) is None
    assert range_of([]) is None


# --- pages and size ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["TIFF", "GIF", "WEBP", "PNG", *(["AVIF"] if "avif" in features.get_supported() else [])]
)
def test_the_first_of_several_pages_is_read_and_their_number_told_and_any_can_be_asked_for(kind):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("blue", "red", "lime")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)

    pixels, said = read(data)

    assert said == ["the first of 3 pages"]
    for page, colour in enumerate([(0, 0, 255), (255, 0, 0), (0, 255, 0)]):
        pixels, _ = read(data, page=page)
        assert np.abs(pixels.astype(int) - colour).max() <= 12
    assert reason(data, page=3)


def test_a_tiff_of_200_000_pages_is_read_at_once():
    one = tiff(GRAY)
    pages = np.zeros(200_000, np.dtype([("n", "<u2"), ("entry", "V12"), ("next", "<u4")]))
    pages["n"] = 1
    first = len(one) + len(one) % 2
    pages["next"][:-1] = first + pages.dtype.itemsize * np.arange(1, 200_000)
    (place,) = struct.unpack_from("<I", one, 4)
    (entries,) = struct.unpack_from("<H", one, place)
    linked = bytearray(one.ljust(first, b"\0"))
    struct.pack_into("<I", linked, place + 2 + 12 * entries, first)

    pixels, said = read(bytes(linked) + pages.tobytes())

    assert same_gray(pixels, GRAY)
    assert said == ["the first of 200,001 pages"]


def test_a_chain_of_pages_that_leads_back_ends():
    data = bytearray(tiff(GRAY))
    (place,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, place)
    struct.pack_into("<I", data, place + 2 + 12 * entries, place)

    assert read(bytes(data))[1] == []


def test_the_limit_of_pixels_can_be_raised_and_lowered():
    data = encoded(Image.fromarray(RGB), "PNG")

    assert reason(data, max_pixels=2399) == "60 x 40 pixels are more than 2,399; raise the limit by --max-pixels"
    assert (read(data, max_pixels=2400)[0] == RGB).all()
    assert MAX_PIXELS == 200_000_000


def test_a_file_whose_decoding_takes_too_much_is_refused_before_it_is_decoded():
    """64-bit numbers of 12 bands, 10,000 x 10,000, in a file of a few hundred bytes."""
    small = bytearray(tiff(np.zeros((16, 16, 12)), photometric="minisblack", planarconfig="contig", compression="zlib"))
    (place,) = struct.unpack_from("<I", small, 4)
    for i in range(struct.unpack_from("<H", small, place)[0]):
        at = place + 2 + 12 * i
        if struct.unpack_from("<H", small, at)[0] in (256, 257):
            struct.pack_into("<HII", small, at + 2, 4, 1, 10_000)

    assert "decoding 10,000 x 10,000 pixels would take 35.8 GiB; the limit is 1.5, raise it" in reason(
        bytes(small), bands=(1,)
    )


def test_a_large_tiff_needs_no_leave_of_pillow(monkeypatch):
    """Whose limit is for the whole program, and counts the bytes of the rows of a deep file as pixels."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    wide = tiff(np.dstack([GRAY] * 8).astype(np.uint16), photometric="minisblack", planarconfig="contig")

    for kind in ("JPEG", "PNG", "TIFF", "BMP", "PPM"):
        assert read(encoded(Image.fromarray(RGB), kind))[0].shape == (40, 60, 3)
    assert same_gray(read(wide, bands=(2,), depth=(0, 255))[0], GRAY)


def test_too_little_memory_leaves_a_file_out(monkeypatch):
    def out_of_memory(image, *arguments):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", out_of_memory)

    assert reason(encoded(Image.fromarray(GRAY), "PNG")) == "there is not enough memory to decode 60 x 40 pixels"


def test_too_little_memory_for_what_is_made_of_an_image_leaves_the_file_out():
    def too_large(image):
        raise MemoryError

    with pytest.raises(UnreadableImageError, match="there is not enough memory to decode 60 x 40 pixels"):
        cut_image(encoded(Image.fromarray(GRAY), "PNG"), too_large)


def test_all_threads_together_stay_within_the_budget(monkeypatch):
    data = encoded(Image.fromarray(RGB), "PNG")
    monkeypatch.setattr(
        memory, "BUDGET", 2 * (4 * 2400 + 3 * len(data))
    )  # two RGB images of this size, with their files
    inside, most, lock = 0, 0, threading.Lock()
    barrier = threading.Barrier(2, timeout=10)

    def hold(image):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        barrier.wait()  # two at a time can be here, and two must
        with lock:
            inside -= 1
        return image

    threads = [threading.Thread(target=cut_image, args=(data, hold)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 2


def test_a_huge_sparse_file_and_a_device_are_not_read(tmp_path):
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(40 << 30)
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")

    with pytest.raises(UnreadableImageError, match=r"^the file has 40\.0 GiB; more than 1\.5 are not read$"):
        read_image_file(tmp_path / "sparse.jpg")
    with pytest.raises(UnreadableImageError, match=r"^no regular file$"):
        read_image_file(tmp_path / "zero.jpg")


def test_what_a_file_says_of_itself_is_not_written_into_pictures_made_of_it():
    data = encoded(Image.fromarray(RGB), "JPEG", comment=b"secret", exif=exif_block((0x010E, 2, 4, b"abc\0")))

    image = decode_image(data)

    assert image.info == {}
    assert b"secret" not in encoded(image, "JPEG")
