"""One box in an image as a file states it, and the same in whole pixels of the image as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ..errors import EvenpickError

_NOTHING: Mapping[str, str] = MappingProxyType({})
_ENOUGH_INSIDE = (
    0.5  # of its area: what is cut to less than half shows something else, or is of an image of another size
)


class BoxError(EvenpickError):
    """A box that shows no part of its image, in one line with its place in the file."""


class Detection(NamedTuple):
    """One box: x, y of its upper left corner, width and height."""

    box: tuple[float, float, float, float]
    place: str  # where it stands in the file
    relative: bool = False  # shares of the width and height of the image; else pixels
    category: str = ""  # a name; empty if the file has none
    confidence: float | None = None  # 0 to 1; None where nobody measured it, as of boxes that people drew
    size: tuple[int, int] | None = None  # width and height of the image, where the file states them
    other: Mapping[str, str] = _NOTHING  # what else the file says of it, by column


@dataclass(frozen=True)
class Detections:
    """What a file says of boxes.

    Attributes
    ----------
    file : Path
    images : mapping of str to sequence of Detection
        By what the file calls the image: all boxes of each, in the order of the file; empty for an image without one.
    failed : mapping of str to str
        Images that the detector could not read, and why.
    """

    file: Path
    images: Mapping[str, Sequence[Detection]]
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def categories(self) -> list[str]:
        """The names of categories that boxes have, sorted."""
        return sorted({box.category for boxes in self.images.values() for box in boxes if box.category})


def pixel_box(detection: Detection, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box in whole pixels of an upright image of this width and height, cut to what lies in it.

    Raises
    ------
    BoxError
        If it has no size, most of it lies outside, or the file speaks of an image of another size.
    """
    width, height = size
    if detection.size is not None and detection.size != size:
        raise BoxError(
            f"{detection.place}: the image has {_by(detection.size)} pixels there and {_by(size)} here; "
            "boxes must be of the upright image as it is here"
        )
    across, down = (width, height) if detection.relative else (1, 1)
    x, wide = detection.box[0] * across, detection.box[2] * across
    y, high = detection.box[1] * down, detection.box[3] * down
    if not (wide > 0 and high > 0):
        raise BoxError(f"{detection.place}: width and height of a box must be over 0; got {_in_words(detection.box)}")
    left, right, top, bottom = max(x, 0), min(x + wide, width), max(y, 0), min(y + high, height)
    if max(right - left, 0) * max(bottom - top, 0) < _ENOUGH_INSIDE * wide * high:
        raise BoxError(
            f"{detection.place}: most of the box {_in_words(detection.box)} lies outside its image of {_by(size)} pixels"
        )
    (first, columns), (upper, rows) = _whole(left, right, width), _whole(top, bottom, height)
    return first, upper, columns, rows


def _whole(start: float, end: float, length: int) -> tuple[int, int]:
    """The nearest pixel to begin with, and how many: at least one."""
    first = min(round(start), length - 1)
    return first, max(min(round(end), length) - first, 1)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _in_words(box: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in box)
