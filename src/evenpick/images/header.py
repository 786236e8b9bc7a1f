"""What is known of a picture before it is decoded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from PIL import Image

from .deep import Deep

Load: TypeAlias = Callable[[], Image.Image | Deep]


@dataclass(frozen=True)
class Header:
    """A picture that is not decoded yet.

    Attributes
    ----------
    image_size : callable
        Gives width and height as stored, less once they are reduced by `draft`.
    bytes_a_pixel : int
        That decoding takes, beside the turning of the image.
    load : callable
        Decodes it.
    orientation : int
        As EXIF numbers it.
    deep : bool
        Whether it may have more than 8 bits.
    notes : sequence of str
        What is to be said of the file.
    pages : int
        Pages or frames that it has.
    mended : callable, optional
        Decodes what there is of a file that is cut short; raises OSError if too little.
    draft : callable, optional
        Reduces it while it is decoded, to a short side of as many pixels at least.
    at_least : int
        Bytes that decoding takes in any case.
    mode : str
        Pillow's, of a picture without any transparency; else empty.
    """

    image_size: Callable[[], tuple[int, int]]
    bytes_a_pixel: int
    load: Load
    orientation: int = 1
    deep: bool = False
    notes: Sequence[str] = ()
    pages: int = 1
    mended: Load | None = None
    draft: Callable[[int], object] | None = None
    at_least: int = 0
    mode: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as they will be decoded."""
        return self.image_size()

    @property
    def pixels(self) -> int:
        """How many will be decoded."""
        return self.size[0] * self.size[1]

    @property
    def needed(self) -> int:
        """Bytes that decoding it will take, at most."""
        turned = 4 if self.orientation != 1 else 0
        return max(self.at_least, self.pixels * (self.bytes_a_pixel + turned))
