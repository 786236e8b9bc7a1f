"""From an RGB image to the numbers that a network was trained on."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import EvenpickError, unknown_name
from .decoding import MAX_PIXELS, Reading
from .views import VIEWS, View, place

Batch: TypeAlias = NDArray[np.float32]

INTERPOLATIONS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
FITS = ("crop", "squash", "pad")
_LARGEST = 4096  # pixels a side
_READING = ("bands", "depth", "max_pixels")
_LATER = ("fit", *_READING, "views", "others")
# Of sources side by side one for all, as a file is decoded once.
SHARED = ("reduced_jpeg", *_READING, "views")


@dataclass(frozen=True, repr=False)
class Preprocessing:
    """From an RGB image to what the network was trained on.

    A part of the image in its centre is resized to `size` x `size` pixels. `fit` says which: `crop`, a square of
    `crop` times the short side; `squash`, `crop` times each side, so that other shapes are squeezed; `pad`, a square
    of `crop` times the long side, with the colour `mean` where it stands out beyond the image. Values are brought to 0..1, then `mean` is subtracted and the result divided by `std`, channel by channel
    in the network's own order. With `reduced_jpeg`, JPEG files are decoded at 1/2, 1/4 or 1/8 of their
    size where the square still has twice as many pixels a side as the network takes. `bands`, `depth` and `max_pixels` say
    how files are decoded, see `Reading`. With `views` of 2 to 8, several parts of each image are seen, some of them mirrored: the first is that in
    the centre, see `views.py`. `others` are what the other networks were trained on where several look at each image: `SHARED` is one for all.
    """

    size: int = 224
    crop: float = 0.875
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    channels: str = "rgb"
    reduced_jpeg: bool = False
    fit: str = "crop"
    bands: tuple[int, ...] = ()
    depth: tuple[float, float] | None = None
    max_pixels: int = MAX_PIXELS
    views: int = 1
    others: tuple["Preprocessing", ...] = ()

    def __post_init__(self) -> None:
        for name in ("mean", "std", "bands"):  # equal to what comes back from JSON, whatever sequence it was given as
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.depth is not None:
            object.__setattr__(self, "depth", tuple(self.depth))
        if self.interpolation not in INTERPOLATIONS:
            raise unknown_name("interpolation", self.interpolation, INTERPOLATIONS)
        if self.fit not in FITS:
            raise unknown_name("fit", self.fit, FITS)
        if len(self.bands) not in (0, 1, 3) or min(self.bands, default=1) < 1:
            raise EvenpickError(f"preprocessing: bands must be one number or three, from 1; got {list(self.bands)}")
        if self.depth is not None and not (
            len(self.depth) == 2 and -math.inf < self.depth[0] < self.depth[1] < math.inf
        ):
            raise EvenpickError(
                "preprocessing: depth must be two numbers, the first less than the second; got "
                f"{', '.join(f'{value:g}' for value in self.depth)}"
            )
        if self.max_pixels < 1:
            raise EvenpickError(f"preprocessing: max_pixels must be >= 1; got {self.max_pixels}")
        size = self.size if isinstance(self.size, Integral) and not isinstance(self.size, bool) else 0
        if self.channels not in ("rgb", "bgr") or not 1 <= size <= _LARGEST or not 0 < self.crop <= 1:
            raise EvenpickError(
                f"preprocessing: size must be a whole number from 1 to {_LARGEST:,}, crop in (0, 1] and channels 'rgb' or "
                f"'bgr'; got {self.size}, {self.crop}, {self.channels!r}"
            )
        if type(self.views) is not int or not 1 <= self.views <= len(VIEWS):
            raise EvenpickError(
                f"preprocessing: views must be a whole number from 1 to {len(VIEWS)}; got {self.views!r}"
            )
        if not isinstance(self.reduced_jpeg, bool):
            raise EvenpickError(f"preprocessing: reduced_jpeg must be true or false; got {self.reduced_jpeg!r}")
        for name, lowest in (("mean", 0), ("std", 1e-6)):
            values = getattr(self, name)
            if len(values) != 3 or not all(isinstance(x, Real) and lowest <= float(x) <= 1 for x in values):
                raise EvenpickError(
                    f"preprocessing: {name} must be three numbers from {lowest:g} to 1, for pixel values from 0 to 1 (divide "
                    f"those for 0 to 255 by 255); got {list(values)}"
                )
        if self.others:
            if any(other.others for other in self.others):
                raise EvenpickError("preprocessing: one of others has others itself; state all of them in one list")
            shared = {name: getattr(self, name) for name in SHARED}
            object.__setattr__(self, "others", tuple(replace(other, **shared) for other in self.others))

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
        return cls(**{**facts, "others": tuple(map(cls.from_dict, facts.get("others", ())))})

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` takes; settings that came later are left out while they change nothing, as before they came."""
        facts = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in _LATER or getattr(self, field.name) != field.default
        }
        if self.others:
            own = (other.to_dict().items() for other in self.others)
            facts["others"] = [{name: value for name, value in items if name not in SHARED} for items in own]
        return facts

    @property
    def each(self) -> tuple["Preprocessing", ...]:
        """That of each network that looks at an image, one by one."""
        return (replace(self, others=()), *self.others)

    def beside(self, others: Sequence["Preprocessing"]) -> "Preprocessing":
        """This one and those of other networks that look at the same images.

        Raises
        ------
        EvenpickError
            If they differ in how files are decoded, or in the number of views.
        """
        if name := self.differing(others):
            said = ", ".join(str(value) for value in dict.fromkeys(getattr(one, name) for one in (self, *others)))
            raise EvenpickError(f"{name} must be the same for all, as a file is decoded once; got {said}")
        return replace(self, others=tuple(others))

    def differing(self, others: Sequence["Preprocessing"]) -> str | None:
        """The first of `SHARED` in which one of the others differs from this one."""
        return next((name for name in SHARED if any(getattr(one, name) != getattr(self, name) for one in others)), None)

    def fitted(self, fit: str) -> "Preprocessing":
        """The same with this `fit`; where it is another one and shows the whole shape, up to the borders."""
        own = self if fit == self.fit else replace(self, fit=fit, crop=self.crop if fit == "crop" else 1.0)
        return replace(own, others=tuple(other.fitted(fit) for other in own.others))

    def read_with(self, settings: Mapping[str, Any]) -> "Preprocessing":
        """The same with these of `bands`, `depth` and `max_pixels`; None changes nothing."""
        for name in settings:
            if name not in _READING:
                raise unknown_name("setting of reading", name, _READING)
        return replace(self, **{name: value for name, value in settings.items() if value is not None})

    @property
    def enough_pixels(self) -> int | None:
        """A short side that a JPEG may be reduced to while it is decoded; None if to none."""
        return max(math.ceil(2 * one.size / one.crop) for one in self.each) if self.reduced_jpeg else None

    @property
    def reading(self) -> Reading:
        """How files are decoded for this network."""
        return Reading(self.enough_pixels, self.bands, self.depth, self.max_pixels)

    @property
    def part(self) -> str:
        """In words, which part of an image the network sees."""
        return {
            "crop": f"the central square of {self.crop:g} times the short side",
            "squash": f"the central {self.crop:g} of width and height, squeezed into a square",
            "pad": f"the central square of {self.crop:g} times the long side, with the mean colour around the image",
        }[self.fit]

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
        """The central part of an RGB image, resized: all of it that the network sees."""
        width, height = image.size
        wide, high = self.part_of(image)
        return self.resized(image, ((width - wide) / 2, (height - high) / 2, (width + wide) / 2, (height + high) / 2))

    def cuts(self, image: Image.Image) -> list[Image.Image]:
        """All that is seen of an RGB image: `views` parts, the first of them as `cut` gives it, and then those of `others`."""
        return [cut(image) for one in self.each for cut in one._view_cuts]

    @property
    def _view_cuts(self) -> list[Callable[[Image.Image], Image.Image]]:
        return [self.cut, *(partial(self.cut_view, view) for view in VIEWS[1 : self.views])]

    def cut_view(self, view: View, image: Image.Image) -> Image.Image:
        """What the network sees of an RGB image in this view."""
        wide, high = replace(self, crop=min(1.0, view.scale * self.crop)).part_of(image)
        left, top = place(view.x, image.width, wide), place(view.y, image.height, high)
        right, bottom = left + wide, top + high
        if self.fit != "pad":  # by its last digit a part at the end may lie beyond the image
            right, bottom = min(right, image.width), min(bottom, image.height)
        part = self.resized(image, (left, top, right, bottom))
        return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if view.mirrored else part

    def part_of(self, image: Image.Image) -> tuple[float, float]:
        """Width and height of the part that is cut out, in pixels of the image; with `pad` one of them may be larger than it."""
        width, height = image.size
        if self.fit == "squash":
            return self.crop * width, self.crop * height
        side = self.crop * (max(image.size) if self.fit == "pad" else min(image.size))
        return side, side

    def resized(self, image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
        """The box of the image at the network's size; what of it lies outside the image has the colour `mean`."""
        left, top, right, bottom = box
        inner = max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)
        resample = INTERPOLATIONS[self.interpolation]
        if inner == box or self.fit != "pad":
            return image.resize((self.size, self.size), resample, box=box)
        x, y = self.size / (right - left), self.size / (bottom - top)
        # Whole pixels, and at least one of a side that is very short.
        size = max(1, round((inner[2] - inner[0]) * x)), max(1, round((inner[3] - inner[1]) * y))
        at = (
            min(round((inner[0] - left) * x), self.size - size[0]),
            min(round((inner[1] - top) * y), self.size - size[1]),
        )
        mean = self.mean if self.channels == "rgb" else self.mean[::-1]
        padded = Image.new("RGB", (self.size, self.size), tuple(round(255 * value) for value in mean))
        padded.paste(image.resize(size, resample, box=inner), at)
        return padded
