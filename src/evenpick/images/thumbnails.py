"""An image small enough to be carried within a page."""

import base64
import io
from dataclasses import replace

from PIL import Image

from .decoding import UnreadableImageError
from .parts import Part, cut_part

SIDE = 96  # pixels of the longer side


def data_address(part: Part, side: int = SIDE) -> str | None:
    """The image as a small JPEG in a data address; None where its file is gone or broken."""

    def encoded(image: Image.Image) -> str:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=70, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()

    try:
        return cut_part(replace(part, reading=replace(part.reading, enough=side)), encoded)
    except UnreadableImageError:
        return None
