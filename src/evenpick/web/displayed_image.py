"""An image file as every browser can show it."""

import io
from dataclasses import replace

from PIL import Image, ImageDraw

from ..images import Part, cut_part, plain_picture, read_image_file

LONGEST_SIDE = 2048
WHOLE_SIDE = 1024
THUMBNAIL_SIDE = 320
_QUALITY = 92
_AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def displayed_image(part: Part) -> tuple[bytes, str]:
    """The encoded image and its media type; one that browsers show alike is left as it is.

    Raises
    ------
    UnreadableImageError
        If the file is missing or broken.
    """
    data = read_image_file(part.file)
    plain = None if part.text else plain_picture(data)
    if plain and plain[0] in _AS_THEY_ARE and max(plain[1]) <= LONGEST_SIDE:
        return data, _AS_THEY_ARE[plain[0]]
    return _encoded(cut_part(part, lambda image: _reduced(image, LONGEST_SIDE), data))


def whole_image(part: Part) -> tuple[bytes, str]:
    """The whole image that a box lies in, with the box drawn, and its media type.

    Raises
    ------
    UnreadableImageError
        If the file is missing or broken.
    """

    def with_box(image: Image.Image) -> Image.Image:
        across = image.width
        reduced = _reduced(image, WHOLE_SIDE)
        if part.box is not None:
            x, y, width, height = (round(value * reduced.width / across) for value in part.box)
            draw = ImageDraw.Draw(reduced)
            line = max(3, max(reduced.size) // 110)  # so that it is seen in the corner of the page
            for colour, out, thick in (("black", line + 1, line + 2), ("white", line, line)):  # dark around light
                draw.rectangle((x - out, y - out, x + width + out, y + height + out), outline=colour, width=thick)
        return reduced

    return _encoded(cut_part(replace(part, box=None), with_box))


def thumbnail(part: Part) -> tuple[bytes, str]:
    """A small image for a strip or a gallery, and its media type.

    Raises
    ------
    UnreadableImageError
        If the file is missing or broken.
    """
    reduced = replace(part, reading=replace(part.reading, enough=THUMBNAIL_SIDE))
    return _encoded(cut_part(reduced, lambda image: _reduced(image, THUMBNAIL_SIDE)))


def _reduced(image: Image.Image, side: int) -> Image.Image:
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def _encoded(image: Image.Image) -> tuple[bytes, str]:
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=_QUALITY, subsampling=0)
    return encoded.getvalue(), "image/jpeg"
