"""Find images in a folder tree and open them as RGB; what cannot be read is told, not fatal."""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import EvenpickError

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm"}
)

# What Pillow's decoders raise on broken files (UnidentifiedImageError is an OSError).
_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


class UnreadableImageError(EvenpickError):
    """A file that is named like an image and cannot be opened as one."""


def find_images(folder: Path) -> list[str]:
    """Image ids (paths relative to the folder, with `/`) of all images below it, sorted.

    Hidden files and folders are passed over, and so are folders that hold a `pool/pool.json`
    (workspaces). Linked folders are not entered, so that a loop of links cannot trap the search.

    Raises
    ------
    EvenpickError
        If the folder does not exist or holds no image.
    """
    if not folder.is_dir():
        raise EvenpickError(f"folder '{folder}' does not exist")
    image_ids = sorted(_walk(folder))
    if not image_ids:
        raise EvenpickError(
            f"folder '{folder}' holds no image; looked for {', '.join(sorted(EXTENSIONS))} in it and below"
        )
    return image_ids


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not Path(parent, name, "pool", "pool.json").exists()
        ]
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in EXTENSIONS:  # noqa: PTH122 (hot)
                yield Path(parent, name).relative_to(folder).as_posix()


def open_image(path: Path) -> Image.Image:
    """The image upright and as 8-bit RGB; see `decode_image`."""
    try:
        return decode_image(path.read_bytes())
    except OSError as error:
        raise UnreadableImageError(_one_line(error)) from error


def decode_image(data: bytes) -> Image.Image:
    """An encoded image as 8-bit RGB, upright: first frame, EXIF orientation applied, alpha over white.

    16-bit values keep their scale (65,535 is white); 32-bit and floating values are stretched from
    their smallest to their largest.

    Raises
    ------
    UnreadableImageError
        With the reason in one line, for whatever cannot be decoded.
    """
    if not data:
        raise UnreadableImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            # 16 bits are the most that these formats hold, whatever Pillow opens them as.
            deep_gray = image.mode == "I" and image.format in ("PNG", "PPM")
            return _to_rgb(ImageOps.exif_transpose(image.convert("I;16") if deep_gray else image))
    except _BROKEN as error:
        raise UnreadableImageError(_one_line(error)) from error


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
