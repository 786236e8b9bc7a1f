"""From an RGB image to the numbers that a network was trained on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import EvenpickError, unknown_name

Batch: TypeAlias = NDArray[np.float32]

INTERPOLATIONS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, repr=False)
class Preprocessing:
    """From an RGB image to what the network was trained on.

    The central square with `crop` times the short side is resized to `size` x `size` pixels, values
    are brought to 0..1, then `mean` is subtracted and the result divided by `std`, channel by channel
    in the network's own order. With `reduced_jpeg`, JPEG files are decoded at 1/2, 1/4 or 1/8 of their
    size where the square still has twice as many pixels a side as the network takes.
    """

    size: int = 224
    crop: float = 0.875
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    channels: str = "rgb"
    reduced_jpeg: bool = False

    def __post_init__(self) -> None:
        for name in ("mean", "std"):  # equal to what comes back from JSON, whatever sequence it was given as
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.interpolation not in INTERPOLATIONS:
            raise unknown_name("interpolation", self.interpolation, INTERPOLATIONS)
        if self.channels not in ("rgb", "bgr") or self.size < 1 or not 0 < self.crop <= 1:
            raise EvenpickError(
                "preprocessing: size must be >= 1, crop in (0, 1] and channels 'rgb' or 'bgr'; "
                f"got {self.size}, {self.crop}, {self.channels!r}"
            )

    def __repr__(self) -> str:
        kept = [field for field in fields(self) if getattr(self, field.name) != field.default]
        return f"Preprocessing({', '.join(f'{field.name}={getattr(self, field.name)!r}' for field in kept)})"

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "Preprocessing":
        """The preprocessing that `pool.json`, a model or a JSON file beside an ONNX file states."""
        known = [field.name for field in fields(cls)]
        for name in facts:
            if name not in known:
                raise unknown_name("preprocessing setting", name, known)
        return cls(**facts)

    @property
    def enough_pixels(self) -> int | None:
        """A short side that a JPEG may be reduced to while it is decoded; None if to none."""
        return math.ceil(2 * self.size / self.crop) if self.reduced_jpeg else None

    def __call__(self, images: Sequence[Image.Image]) -> Batch:
        """A batch of shape (n, 3, size, size), float32."""
        return self.batch([self.cut(image) for image in images])

    def batch(self, cuts: Sequence[Image.Image]) -> Batch:
        """The batch of images that `cut` gave."""
        pixels = np.stack([np.asarray(image) for image in cuts])
        if self.channels == "bgr":
            pixels = pixels[..., ::-1]
        scale = (1 / (255 * np.array(self.std))).astype(np.float32)
        offset = (np.array(self.mean) / np.array(self.std)).astype(np.float32)
        return np.ascontiguousarray((pixels * scale - offset).transpose(0, 3, 1, 2))

    def cut(self, image: Image.Image) -> Image.Image:
        """The central square of an RGB image, resized: all of it that the network sees."""
        width, height = image.size
        side = self.crop * min(width, height)
        box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
        return image.resize((self.size, self.size), INTERPOLATIONS[self.interpolation], box=box)
