"""Open image files as upright RGB; what cannot be read is told, not fatal."""

import io
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import EvenpickError

# Pillow goes by the content, whatever the name: without this list it would try rare decoders too. JPEG takes MPO.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM", "AVIF", "JPEG2000")

# What Pillow's decoders raise on broken files (UnidentifiedImageError is an OSError).
_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError,
    AttributeError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip

_LARGE = 24_000_000  # pixels, 4 bytes each in memory and twice that while a photograph is turned
# One thread and not a lock: allocators keep what each thread has given back for that thread alone.
_large_images = ThreadPoolExecutor(1, "large images")


class UnreadableImageError(EvenpickError):
    """A file that is named like an image and cannot be opened as one."""


def decode_image(data: bytes, enough: int | None = None, page: int = 1) -> Image.Image:
    """An encoded image as 8-bit RGB, upright: one page or frame, EXIF orientation applied, alpha over white.

    16-bit values keep their scale (65,535 is white); 32-bit and floating values are stretched from
    their smallest to their largest. A JPEG whose short side has twice, four or eight times as many pixels as
    are `enough` is reduced so far while it is decoded.

    Raises
    ------
    UnreadableImageError
        With the reason in one line, for whatever cannot be decoded.
    """
    if not data:
        raise UnreadableImageError("the file is empty")
    try:
        with _opened(data, enough) as image:
            if page > 1:
                image.seek(page - 1)
            image.load()
            # 16 bits are the most that these formats hold, whatever Pillow opens them as.
            deep_gray = image.mode == "I" and image.format in ("PNG", "PPM")
            upright = image.convert("I;16") if deep_gray else image
            ImageOps.exif_transpose(upright, in_place=True)  # a copy would double the memory
            return _to_rgb(upright)
    except _BROKEN as error:
        raise UnreadableImageError(_one_line(error)) from error


def cut_image(
    data: bytes, cut: Callable[[Image.Image], Image.Image], enough: int | None = None, page: int = 1
) -> Image.Image:
    """What `cut` makes of the decoded image; of large images one at a time is in memory.

    Raises
    ------
    UnreadableImageError
        As `decode_image`.
    """

    def work() -> Image.Image:
        return cut(decode_image(data, enough, page))

    return _large_images.submit(work).result() if _pixels(data, enough) > _LARGE else work()


def _opened(data: bytes, enough: int | None) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=_FORMATS)
    if enough:
        image.draft(image.mode, (enough, enough))  # formats other than JPEG have none
    return image


def _pixels(data: bytes, enough: int | None) -> int:
    """What will be decoded; 0 if the header cannot be read, of which `decode_image` gives the reason."""
    try:
        with _opened(data, enough) as image:
            return image.width * image.height
    except _BROKEN:
        return 0


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return _gray_to_8_bit(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _gray_to_8_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        scaled = values.astype(np.float64) / 257
    else:
        finite = np.where(np.isfinite(values), values, 0).astype(np.float64)
        low, high = finite.min(), finite.max()
        scaled = (finite - low) * (255 / (high - low)) if high > low else np.zeros_like(finite)
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def _one_line(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not an image, whatever its name says"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
