"""Pixels of more than 8 bits, and how they become gray or RGB of 8 bits."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Depth: TypeAlias = tuple[float, float]  # the values that are black and white

_SAMPLED = 20_000  # values that an image gives to the range of a folder
_TAIL = 0.001  # share of the values that may lie below the range, and above it: hot and dead pixels
_ROWS = 64  # scaled at once: the numbers in between take 8 bytes each


@dataclass(frozen=True, eq=False)
class Deep:
    """Numbers of shape (height, width, 1 or 3), those that count as none, and which end is white."""

    values: NDArray[Any]
    nodata: float | None = None
    least_is_white: bool = False
    window: Depth | None = None  # what the file itself states as black and white
    white: float | None = None  # what is white without a range of the folder; None: stretched over its own values

    def valid(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of the values are numbers that say something."""
        floating = values.dtype.kind == "f"
        kept: NDArray[np.bool_] = np.isfinite(values) if floating else np.ones(values.shape, bool)
        if self.nodata is None or np.isnan(self.nodata):
            return kept
        with np.errstate(over="ignore"):
            nodata = values.dtype.type(self.nodata) if floating else self.nodata
        return np.asarray(kept & (values != nodata))

    def sample(self) -> NDArray[np.float64]:
        """Valid values spread evenly over the image."""
        flat = self.values.reshape(-1)
        some = flat[:: max(1, flat.size // _SAMPLED)]
        return some[self.valid(some)].astype(np.float64)

    def to_rgb(self, depth: Depth | None) -> Image.Image:
        """The image with 8 bits; what does not count as a number is black."""
        height, width, bands = self.values.shape
        if depth is None and bands == 3 and self.white == 65535:
            return Image.fromarray((self.values >> 8).astype(np.uint8))  # as Pillow cuts them
        low, high = self.window or depth or self._range()
        out = np.zeros((height, width, bands), np.uint8)
        for top in range(0, height, _ROWS):
            rows = self.values[top : top + _ROWS]
            valid = self.valid(rows)
            numbers = np.where(valid, rows, 0).astype(np.float64)
            scaled = (
                np.zeros_like(numbers) if high <= low else (np.clip(numbers, low, high) - low) * (255 / (high - low))
            )
            if self.least_is_white:
                scaled = 255 - scaled
            out[top : top + _ROWS] = np.where(valid, np.rint(scaled), 0)
        image = Image.fromarray(out[..., 0] if bands == 1 else out)
        return image.convert("RGB")

    def _range(self) -> Depth:
        if self.white is not None:
            return 0.0, self.white
        low, high = np.inf, -np.inf
        for top in range(0, len(self.values), _ROWS):
            rows = self.values[top : top + _ROWS]
            numbers = rows[self.valid(rows)]
            if numbers.size:
                low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
        return low, high


def range_of(samples: Iterable[NDArray[np.float64]]) -> Depth | None:
    """The range that all but a thousandth of the values at each end lie in; None without any value, or if all are equal."""
    values = np.concatenate([np.zeros(0), *samples])
    if not values.size:
        return None
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL], method="nearest")
    return (float(low), float(high)) if high > low else None
