"""An image file as every browser can show it."""

import io

from PIL import Image

from ..images import Part, decode_image, open_part

LONGEST_SIDE = 2048
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


def _converted(image: Image.Image) -> tuple[bytes, str]:
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=_QUALITY, subsampling=0)
    return encoded.getvalue(), "image/jpeg"
