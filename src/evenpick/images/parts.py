"""What a row of the pool shows: a whole file, a box in it or one of its pages; all that opens its pixels begins here."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from ..errors import EvenpickError
from .decoding import AS_IT_IS, Note, Reading, T, cut_image, read_image_file

Box: TypeAlias = tuple[int, int, int, int]  # x, y, width, height in pixels of the upright image

MARGIN = 0.1  # of the longer side of a box, on every side of it
_BEYOND = (
    124,
    116,
    104,
)  # the mean colour of ImageNet, which networks take for nothing; for what lies beyond the image


@dataclass(frozen=True)
class Part:
    """A file, and which part of it is meant: all of it, a box, or one page.

    Attributes
    ----------
    file : Path
    box : (x, y, width, height), optional
        In pixels of the upright image. The square around it with the margin is seen.
    page : int
        From 1.
    margin : float
        Of a box, on every side, as a share of its longer side.
    reading : Reading
        How the file is decoded; its `page` is this one's.
    """

    file: Path
    box: Box | None = None
    page: int = 1
    margin: float = MARGIN
    reading: Reading = AS_IT_IS

    def __str__(self) -> str:
        return str(self.file) + (f" ({text})" if (text := self.text) else "")

    @property
    def text(self) -> str:
        """As `images.csv` states it: empty, `x,y,width,height` or `page=N`."""
        if self.box is not None:
            return box_text(self.box)
        return f"page={self.page}" if self.page > 1 else ""

    @classmethod
    def from_text(cls, file: Path, text: str, margin: float = MARGIN, reading: Reading = AS_IT_IS) -> "Part":
        """What `text` has stated.

        Raises
        ------
        EvenpickError
            If the text states neither a box nor a page.
        """
        try:
            if not text:
                return cls(file, reading=reading)
            if text.startswith("page="):
                return cls(file, page=int(text.removeprefix("page=")), reading=reading)
            x, y, width, height = map(int, text.split(","))
        except ValueError:
            raise EvenpickError(f"a part must be 'x,y,width,height' or 'page=N'; got {text!r}") from None
        return cls(file, (x, y, width, height), margin=margin, reading=reading)

    def cropped(self, image: Image.Image) -> Image.Image:
        """What is seen of the decoded page: all of it, or the square around the box."""
        if self.box is None:
            return image
        left, top, side = square_around(self.box, image.size, self.margin)
        if left >= 0 and top >= 0 and left + side <= image.width and top + side <= image.height:
            return image.crop((left, top, left + side, top + side))
        square = Image.new("RGB", (side, side), _BEYOND)
        square.paste(image, (-left, -top))
        return square


def box_text(box: Box) -> str:
    """A box as `images.csv` states it."""
    return ",".join(map(str, box))


def square_around(box: Box, size: tuple[int, int], margin: float) -> tuple[int, int, int]:
    """Left, top and side of the square around a box, moved into the image; what is larger than the image lies about it."""
    x, y, width, height = box
    side = max(1, math.ceil(max(width, height) * (1 + 2 * margin)))
    left, top = (
        _moved_inside(start + (length - side) // 2, side, whole)
        for start, length, whole in ((x, width, size[0]), (y, height, size[1]))
    )
    return left, top, side


def _moved_inside(start: int, side: int, whole: int) -> int:
    return (whole - side) // 2 if side > whole else min(max(start, 0), whole - side)


def open_part(part: Part) -> Image.Image:
    """The pixels of a part, upright and as 8-bit RGB.

    Raises
    ------
    UnreadableImageError
        If the file is missing or cannot be decoded.
    """
    return cut_part(part, lambda image: image)


def cut_part(
    part: Part,
    cut: Callable[[Image.Image], T],
    data: bytes | None = None,
    note: Note = lambda words: None,
) -> T:
    """What `cut` makes of a part, within the budget of `cut_image`; `data` is the file's content if known.

    Raises
    ------
    UnreadableImageError
        As `open_part`.
    """
    content = read_image_file(part.file) if data is None else data
    # A box is in pixels of the whole image, so this is not reduced while it is decoded.
    enough = part.reading.enough if part.box is None else None
    reading = replace(part.reading, page=part.page - 1, enough=enough)
    return cut_image(content, lambda image: cut(part.cropped(image)), reading, note)
