"""Open image files as upright RGB; what cannot be read is told, not fatal."""

import stat
import struct
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import EvenpickError
from . import formats
from .deep import Deep, Depth
from .header import Header
from .kinds import HEAD, kind_of, why_not_read
from .memory import BUDGET, room_for

Note: TypeAlias = Callable[[str], object]
T = TypeVar("T")

MAX_PIXELS = 200_000_000  # the largest phone cameras have as many; turned upright they take all of the budget

# What Pillow's decoders and NumPy raise on broken files.
_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, LookupError, ArithmeticError, AttributeError, RuntimeError,
    AssertionError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip

# What they then say; each in words of its own, which tell a person nothing.
_CUT_SHORT = (
    "runcated", "end of file", "EOF", "unpack", "size too small", "could not create decoder", "broken data stream",
    "unrecognized data stream", "decoder error", "but only got", "less than expected", "outside of file bounds", "parsing failed",
    "Cannot read full", "no more images", "index out of range", "not identified by this driver",
)  # fmt: skip

_LARGE = 24_000_000  # pixels, 4 bytes each in memory and twice that while a photograph is turned
# One thread and not a lock: allocators keep what each thread has given back for that thread alone.
_large_images = ThreadPoolExecutor(1, "large images")
_COPIES = 3  # of the file itself, while it is decoded
_ROWS = 512  # laid over white at once

_TURNS: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


class UnreadableImageError(EvenpickError):
    """A file that is named like an image and cannot be opened as one."""


@dataclass(frozen=True)
class Reading:
    """What is settled about reading, beyond the file itself.

    Attributes
    ----------
    enough : int, optional
        A JPEG whose short side has twice, four or eight times as many pixels is reduced so far while it is decoded.
    bands : tuple of int
        Of a TIFF with more than three bands, those that are red, green and blue, or the one that is gray, from 1.
    depth : pair of float, optional
        The values of more than 8 bits that become black and white. Without it, 65,535 is white in 16 bits, and other
        numbers are stretched from the smallest to the largest of their image.
    max_pixels : int
        Files that declare more are refused.
    page : int
        Of a file with several, from 0.
    """

    enough: int | None = None
    bands: tuple[int, ...] = ()
    depth: Depth | None = None
    max_pixels: int = MAX_PIXELS
    page: int = 0


AS_IT_IS = Reading()


def read_image_file(path: Path) -> bytes:
    """The bytes of a file, if it is a regular one of a size that can be an image.

    Raises
    ------
    UnreadableImageError
        If it is not, or cannot be read.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise UnreadableImageError("Is a directory")
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableImageError("no regular file")
        if found.st_size > BUDGET:
            raise UnreadableImageError(
                f"the file has {found.st_size / 2**30:,.1f} GiB; more than {BUDGET / 2**30:g} are not read"
            )
        return path.read_bytes()
    except (OSError, MemoryError) as error:
        raise UnreadableImageError(_one_line(error)) from error


def decode_image(data: bytes, reading: Reading = AS_IT_IS) -> Image.Image:
    """An encoded image as 8-bit RGB, upright: orientation applied, alpha over white; see `cut_image`."""
    return cut_image(data, lambda image: image, reading)


def cut_image(
    data: bytes,
    cut: Callable[[Image.Image], T],
    reading: Reading = AS_IT_IS,
    note: Note = lambda words: None,
) -> T:
    """What `cut` makes of the decoded image.

    All threads together hold no more than a budget of decoded images, of large ones one at a time. `note` is told what is
    to be said of a file that was read: that it ends early, or has further pages.

    Raises
    ------
    UnreadableImageError
        With the reason in one line, for whatever cannot be decoded.
    """
    header = _header(data, reading)
    further = [f"the first of {header.pages:,} pages"] if header.pages > 1 and not reading.page else []
    for words in (*further, *header.notes):
        note(words)

    def work() -> T:
        try:
            with room_for(header.needed + _COPIES * len(data)):
                return cut(_decoded(header, reading, note))
        except MemoryError:
            width, height = header.size
            raise UnreadableImageError(f"there is not enough memory to decode {width:,} x {height:,} pixels") from None

    return _large_images.submit(work).result() if header.pixels > _LARGE else work()


def deep_sample(data: bytes, reading: Reading = AS_IT_IS) -> NDArray[np.float64] | None:
    """Values of an image of more than 8 bits, spread evenly over it; None of any other, or of one that cannot be read."""
    try:
        header = _header(data, reading)
        if not header.deep:
            return None
        with room_for(header.needed):
            pixels = _pixels(header, lambda words: None)
    except (UnreadableImageError, *_BROKEN, MemoryError):
        return None
    return pixels.sample() if isinstance(pixels, Deep) else None


def upright_size(data: bytes, reading: Reading = AS_IT_IS) -> tuple[int, int]:
    """Width and height of an image once it is upright, by its header.

    Raises
    ------
    UnreadableImageError
        As `cut_image`.
    """
    header = _header(data, reading)
    width, height = header.size
    return (height, width) if header.orientation >= 5 else (width, height)


def page_count(data: bytes) -> int:
    """Pages or frames of a file; 1 of one that cannot be read."""
    try:
        return _header(data, AS_IT_IS).pages
    except UnreadableImageError:
        return 1


def plain_picture(data: bytes) -> tuple[str, tuple[int, int]] | None:
    """Kind and size of a file of one picture of 8-bit gray or RGB without transparency; None of any other."""
    try:
        header = _header(data, AS_IT_IS)
    except UnreadableImageError:
        return None
    plain = header.mode in ("L", "RGB") and not header.deep and not header.notes and header.pages == 1
    return (kind_of(data[:HEAD]), header.size) if plain else None


def _header(data: bytes, reading: Reading) -> Header:
    if not data:
        raise UnreadableImageError("the file is empty")
    kind = kind_of(data[:HEAD])
    if not kind:
        raise UnreadableImageError("not an image, whatever its name says")
    if reason := why_not_read(kind):
        raise UnreadableImageError(reason)
    try:
        header = formats.READERS[kind](data, reading.page, reading.bands)
        if reading.enough and header.draft:
            header.draft(reading.enough)
    except _BROKEN as error:
        raise UnreadableImageError(_one_line(error)) from error
    width, height = header.size
    if header.pixels > reading.max_pixels:
        raise UnreadableImageError(
            f"{width:,} x {height:,} pixels are more than {reading.max_pixels:,}; raise the limit by --max-pixels"
        )
    limit = max(BUDGET, 8 * reading.max_pixels)
    needed = header.needed + _COPIES * len(data)
    if needed > limit:
        raise UnreadableImageError(
            f"decoding {width:,} x {height:,} pixels would take {needed / 2**30:,.1f} GiB; the limit is "
            f"{limit / 2**30:,.1f}, raise it by --max-pixels"
        )
    return header


def _decoded(header: Header, reading: Reading, note: Note) -> Image.Image:
    try:
        pixels = _pixels(header, note)
        image = pixels.to_rgb(reading.depth if header.deep else None) if isinstance(pixels, Deep) else _to_rgb(pixels)
        turn = _TURNS.get(header.orientation)
        upright = image if turn is None else image.transpose(turn)
        upright.info = {}  # what is saved of it later says nothing of the file
        return upright
    except _BROKEN as error:
        raise UnreadableImageError(_one_line(error)) from error


def _pixels(header: Header, note: Note) -> "Image.Image | Deep":
    try:
        pixels = header.load()
    except OSError as error:
        if header.mended is None or "truncated" not in str(error):
            raise
        pixels = header.mended()
        note("read, although it ends before its end marker")
    if isinstance(pixels, Image.Image) and pixels.mode.startswith(("I", "F")):
        return formats.deep_gray(pixels)
    return pixels


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode not in ("RGBA", "LA", "PA", "La", "RGBa") and "transparency" not in image.info:
        return image.convert("RGB")
    over_white = Image.new("RGB", image.size)
    for top in range(0, image.height, _ROWS):
        rows = image.crop((0, top, image.width, min(top + _ROWS, image.height))).convert("RGBA")
        opaque = Image.new("RGBA", rows.size, "white")
        over_white.paste(Image.alpha_composite(opaque, rows).convert("RGB"), (0, top))
    return over_white


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = " ".join(str(error).split()) or type(error).__name__
    return f"the file is cut short or damaged ({words})" if any(sign in words for sign in _CUT_SHORT) else words
