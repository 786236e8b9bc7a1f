"""Several views of one image, the same for every image: which part each shows, and whether it is mirrored."""

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A part `scale` times as wide and high as the source's own, but no larger than the whole, at a place from 0 (left,
    top) to 1 (right, bottom)."""

    scale: float = 1.0
    x: float = 0.5
    y: float = 0.5
    mirrored: bool = False


# The first is what the source sees anyway; so many of them as are asked for, in this order.
VIEWS = (
    View(),
    View(8 / 7, mirrored=True),
    View(1, 0, 0),
    View(1, 1, 1, mirrored=True),
    View(mirrored=True),
    View(8 / 7),
    View(0.8, 0, 0),
    View(0.8, 1, 1, mirrored=True),
)


def place(at: float, image_side: int, side: float) -> float:
    """Where a part begins: anywhere inside the image, or centred if it is larger."""
    return (at if image_side > side else 0.5) * (image_side - side)
