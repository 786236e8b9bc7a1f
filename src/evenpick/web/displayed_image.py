"""An image file as every browser can show it."""

import io

from PIL import Image, ImageDraw

from ..images import Part, cut_part, decode_image, open_part

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
    if part.text:
        return _converted(open_part(part))
    try:
        data = part.file.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            plain = image.mode in ("RGB", "L") and "transparency" not in image.info
            still = getattr(image, "n_frames", 1) == 1
            if plain and still and max(image.size) <= LONGEST_SIDE and image.format in _AS_THEY_ARE:
                return data, _AS_THEY_ARE[image.format]
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        pass  # opening it in full tells what is wrong
    else:
        return _converted(decode_image(data))
    return _converted(open_part(part))


def whole_image(part: Part) -> tuple[bytes, str]:
    """The whole image that a box lies in, with the box drawn, and its media type.

    Raises
    ------
    UnreadableImageError
        If the file is missing or broken.
    """
    image = open_part(Part(part.file, page=part.page))
    across = image.width
    image.thumbnail((WHOLE_SIDE, WHOLE_SIDE), Image.Resampling.LANCZOS)
    if part.box is not None:
        x, y, width, height = (round(value * image.width / across) for value in part.box)
        draw = ImageDraw.Draw(image)
        # Dark around light is seen on any photograph.
        draw.rectangle((x - 3, y - 3, x + width + 3, y + height + 3), outline="black", width=5)
        draw.rectangle((x - 2, y - 2, x + width + 2, y + height + 2), outline="white", width=3)
    return _converted(image)


def thumbnail(part: Part) -> tuple[bytes, str]:
    """A small image for a strip or a gallery, and its media type.

    Raises
    ------
    UnreadableImageError
        If the file is missing or broken.
    """
    image = cut_part(part, lambda image: image, enough=THUMBNAIL_SIDE)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return _converted(image)


def _converted(image: Image.Image) -> tuple[bytes, str]:
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=_QUALITY, subsampling=0)
    return encoded.getvalue(), "image/jpeg"
