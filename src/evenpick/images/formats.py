"""What each kind of file says of its picture before it is decoded, and how it is decoded."""

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from .deep import Deep
from .exif import jpeg_segments, orientation, orientation_of_file
from .header import Header
from .kinds import why_not_read
from .metadata import jpeg_pixels_only, png_frames, png_pixels_only
from .tiff import TiffPage, page_places

# Bytes a pixel that decoders take beside the image: planes, coefficients and canvases of their own.
_BESIDE = {"WEBP": 14, "AVIF": 14, "HEIC": 14, "JPEG2000": 26, "GIF": 4}
_MODES = {
    "1": 1,
    "L": 1,
    "P": 1,
    "I;16": 2,
    "I;16B": 2,
    "I;16L": 2,
    "RGB": 4,
}  # bytes a pixel in Pillow; 4 of any other
_PROGRESSIVE = 8


class _Tiff(TiffImagePlugin.TiffImageFile):
    """A TIFF without Pillow's own limit of pixels, which a program cannot set for itself alone; ours is judged before."""

    def load_prepare(self) -> None:
        """Make room for the pixels."""
        ImageFile.ImageFile.load_prepare(self)


def deep_gray(image: Image.Image) -> Deep:
    """A gray image of 16 or 32 bits, or of floating values, as Pillow opened it."""
    # 16 bits are the most that these formats hold, whatever Pillow opens them as.
    if image.mode == "I" and image.format in ("PNG", "PPM"):
        image = image.convert("I;16")
    return Deep(np.asarray(image)[..., None], white=65535 if image.mode.startswith("I;16") else None)


def _by_pillow(kind: str, image: ImageFile.ImageFile, page: int = 0) -> Header:
    if page:
        image.seek(page)
    to_rgb = 0 if image.mode == "RGB" else 6  # and strips of what is laid over white
    if image.mode.startswith(("I", "F")):
        to_rgb = 8
    needed = _MODES.get(image.mode, 4) + to_rgb + _BESIDE.get(kind, 0)
    mode = "" if "transparency" in image.info else image.mode
    return Header(lambda: image.size, needed, partial(_loaded, image), deep=mode.startswith(("I", "F")), mode=mode)


def _loaded(image: ImageFile.ImageFile) -> Image.Image:
    image.load()
    return image


def _plugin(
    kind: str, opened: Callable[..., ImageFile.ImageFile], data: bytes, page: int, bands: Sequence[int]
) -> Header:
    image = opened(io.BytesIO(data))
    frames = getattr(image, "n_frames", 1)
    header = _by_pillow(kind, image, page)
    if kind == "AVIF":
        header = replace(
            header, orientation=orientation(bytes(image.info.get("exif") or b"").removeprefix(b"Exif\0\0"))
        )
    elif kind == "WEBP":
        header = replace(header, orientation=orientation_of_file(data))
    return replace(header, pages=frames)


def _jpeg(data: bytes, page: int, bands: Sequence[int]) -> Header:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(jpeg_pixels_only(data)))
    header = _by_pillow("JPEG", image)
    progressive = any(marker == 0xC2 for marker, _, _ in jpeg_segments(data))
    beside = _PROGRESSIVE * image.width * image.height if progressive else 0
    return replace(
        header,
        orientation=orientation_of_file(data),
        at_least=beside + 4 * image.width * image.height if progressive else 0,
        mended=partial(_jpeg_without_end, data, progressive),
        draft=lambda enough: image.draft(image.mode, (enough, enough)),
    )


def _jpeg_without_end(data: bytes, progressive: bool) -> Image.Image:
    """The picture of a JPEG that lacks its end marker, and at most its last rows of blocks."""
    clean = jpeg_pixels_only(data)
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(clean + b"\xff\xd9"))
    image.load()
    if progressive:
        # The last scan refines what is there: of the sharpest detail the last bit, as a rule.
        at = clean.rfind(b"\xff\xda")
        scan = clean[at + 4 : at + 2 + int.from_bytes(clean[at + 2 : at + 4], "big")]
        if scan[-2:-1] != b"\x3f" or scan[-1:] not in (b"\0", b"\x10"):
            raise OSError("image file is truncated")
        return image
    part = JpegImagePlugin.JpegImageFile(io.BytesIO(clean))
    with contextlib.suppress(OSError):
        part.load()
    part.tile = []  # what was decoded before the end stays
    above = max(0, image.height - 35)  # blocks are 8 or 16 rows high, and one row of them waits for the next
    row = (0, above, image.width, above + 1)
    if image.height > 35 and part.crop(row).tobytes() != image.crop(row).tobytes():
        raise OSError("image file is truncated")
    return image


def _png(data: bytes, page: int, bands: Sequence[int]) -> Header:
    clean, sound = png_pixels_only(data, animated=page > 0)
    header = _by_pillow("PNG", PngImagePlugin.PngImageFile(io.BytesIO(clean)), page)
    notes = () if sound else ("read, although the checksum of its text is wrong",)
    deep_colour = data[24:26] == b"\x10\x02" and not page
    if deep_colour:
        header = replace(header, load=partial(_deep_colour, clean), deep=True, bytes_a_pixel=24)
    return replace(header, orientation=orientation_of_file(data), notes=notes, pages=png_frames(data))


def _deep_colour(clean: bytes) -> Deep:
    """The 16 bits of each colour of a PNG: Pillow gives the upper 8, and the lower ones if it takes them for the upper."""
    upper, lower = (PngImagePlugin.PngImageFile(io.BytesIO(clean)) for _ in range(2))
    lower.tile = [(*tile[:3], "RGB;16L") for tile in lower.tile]  # type: ignore[misc]  # plain tuples in older Pillow
    values = np.asarray(upper).astype(np.uint16)
    values <<= 8
    values |= np.asarray(lower)
    return Deep(values, white=65535)


def _tiff(data: bytes, page: int, bands: Sequence[int]) -> Header:
    places = page_places(data)
    if page >= len(places):
        raise EOFError("the page is not in the file" if places else "the file has no whole directory of a page")
    found = TiffPage.at(data, places[page])
    if found.raw_photograph:
        raise OSError(why_not_read("camera raw"))
    header = _plain_tiff(found, bands) if found.plain else _deep_tiff(found, bands)
    return replace(header, orientation=found.orientation, pages=len(places))


def _plain_tiff(page: TiffPage, bands: Sequence[int]) -> Header:
    header = _by_pillow("TIFF", _Tiff(io.BytesIO(page.pixels_only())))
    width, height = page.size
    header = replace(header, at_least=width * height * (header.bytes_a_pixel + page.bands))  # libtiff's strips
    if page.bands != 4 or page.photometric != 2:
        return header
    if bands:
        return replace(header, load=lambda: Image.merge("RGB", _chosen(header.load(), bands)))
    return replace(header, load=lambda: _colours(header.load())) if page.geographic else header


def _chosen(image: "Image.Image | Deep", bands: Sequence[int]) -> list[Image.Image]:
    assert isinstance(image, Image.Image)
    split = image.split()
    if max(bands) > len(split):
        raise ValueError(f"it has {len(split)} bands; --bands asks for band {max(bands)}")
    return [split[band - 1] for band in (bands if len(bands) == 3 else [bands[0]] * 3)]


def _colours(image: "Image.Image | Deep") -> "Image.Image | Deep":
    """RGB alone, if what is marked as alpha is a fourth band: near infrared, as a rule. A mask is 0 or 255 everywhere."""
    assert isinstance(image, Image.Image)
    if image.mode not in ("RGBA", "RGBa", "RGBX") or sum(image.getchannel(3).histogram()[1:255]) == 0:
        return image
    return Image.merge("RGB", image.split()[:3])


def _deep_tiff(page: TiffPage, bands: Sequence[int]) -> Header:
    page.check()
    wanted = _wanted(page, bands)
    each = page.bands * max(1, page.bits // 8)
    return Header(
        lambda: page.size,
        max(4 * each, each + 3 * len(wanted) + 5),  # the bytes taken apart; then numbers, 8 bits of them, and RGB
        partial(_deep_values, page, wanted),
        deep=page.bits > 8 or page.kind != "u",
    )


def _wanted(page: TiffPage, bands: Sequence[int]) -> list[int]:
    """The bands to read, from 0: those asked for, if the file has more than colours; else gray, or red, green and blue."""
    if bands and page.bands > 3:
        if max(bands) > page.bands:
            raise ValueError(f"it has {page.layout}; --bands asks for band {max(bands)}")
        return [band - 1 for band in bands]
    if page.bands <= 2:
        return [0]
    if page.bands == 3 or (page.bands == 4 and page.photometric == 2):
        return [0, 1, 2]
    raise ValueError(f"it has {page.layout}; say which of them are red, green and blue, such as --bands 3,2,1")


def _deep_values(page: TiffPage, wanted: Sequence[int]) -> Deep:
    parts = (_Tiff(io.BytesIO(page.as_gray_bytes(band))) for band in page.parts(wanted))
    values = page.values([np.asarray(part) for part in parts], wanted)
    white = float(2**page.bits - 1) if page.kind == "u" and page.bits <= 16 else None
    return Deep(values, page.nodata, page.photometric == 0, white=white)


Reader: TypeAlias = Callable[[bytes, int, Sequence[int]], Header]


def _avif(data: bytes, page: int, bands: Sequence[int]) -> Header:
    from PIL import AvifImagePlugin  # not in every version of Pillow

    return _plugin("AVIF", AvifImagePlugin.AvifImageFile, data, page, bands)


def _heic(data: bytes, page: int, bands: Sequence[int]) -> Header:
    from pillow_heif import HeifImageFile

    # A file of several pictures names the main one, which need not be the first.
    image = HeifImageFile(io.BytesIO(data))  # type: ignore[no-untyped-call]  # it ships no types
    frames, main = getattr(image, "n_frames", 1), image.tell()
    order = [main, *(frame for frame in range(frames) if frame != main)]
    if page >= frames:
        raise EOFError(f"the file has {frames} pictures")
    image.seek(order[page])
    return replace(_by_pillow("HEIC", image), pages=frames)


def _dicom(data: bytes, page: int, bands: Sequence[int]) -> Header:
    from . import dicom

    return dicom.read(data, page, bands)


READERS: Mapping[str, Reader] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "TIFF": _tiff,
    "WEBP": partial(_plugin, "WEBP", WebPImagePlugin.WebPImageFile),
    "GIF": partial(_plugin, "GIF", GifImagePlugin.GifImageFile),
    "BMP": partial(_plugin, "BMP", BmpImagePlugin.BmpImageFile),
    "DIB": partial(_plugin, "DIB", BmpImagePlugin.DibImageFile),
    "PPM": partial(_plugin, "PPM", PpmImagePlugin.PpmImageFile),
    "JPEG2000": partial(_plugin, "JPEG2000", Jpeg2KImagePlugin.Jpeg2KImageFile),
    "AVIF": _avif,
    "HEIC": _heic,
    "DICOM": _dicom,
}
