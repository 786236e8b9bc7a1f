"""Image files through a network, decoded in threads a few batches ahead of their use."""

import contextlib
import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import EvenpickError
from ..machine import cores
from .decoding import T, UnreadableImageError
from .parts import Part, cut_part
from .preprocessing import Batch, Preprocessing
from .views import place

Cut: TypeAlias = Callable[[Image.Image], T]
Logits: TypeAlias = NDArray[np.float64]

_SMALLEST_CROP = 0.6  # share of the area of the largest square
_AHEAD = 2  # batches decoded while one is used


def _cut(part: Part, cut: Cut[T]) -> T:
    try:
        return cut_part(part, cut)
    except UnreadableImageError as error:
        raise EvenpickError(
            f"image '{part}' cannot be read: {error}; put it back, or say that it cannot be told in `evenpick review`"
        ) from error


def decoded(
    jobs: Sequence[Sequence[tuple[Part, Cut[Image.Image]]]], preprocessing: Preprocessing
) -> Generator[Batch, None, None]:
    """The batch of each list of parts and cuts, in order, a few batches ahead of their use."""
    with contextlib.closing(all_cut(jobs)) as cuts:
        yield from map(preprocessing.batch, cuts)


def all_cut(jobs: Sequence[Sequence[tuple[Part, Cut[T]]]]) -> Generator[list[T], None, None]:
    """What is cut of the parts of each list, in order, a few lists ahead of their use."""
    executor = ThreadPoolExecutor(cores(), "decoding")
    ahead: deque[list[Future[T]]] = deque()
    todo = iter(jobs)
    try:
        while True:
            while len(ahead) <= _AHEAD and (job := next(todo, None)) is not None:
                ahead.append([executor.submit(_cut, part, cut) for part, cut in job])
            if not ahead:
                return
            yield [future.result() for future in ahead.popleft()]
    finally:
        executor.shutdown(cancel_futures=True)


def random_cut(draws: NDArray[np.float64], preprocessing: Preprocessing) -> Cut[Image.Image]:
    """0.6 to 1 of the area of the largest part, anywhere, mirrored half the time; four draws from [0, 1)."""
    area, x, y, mirror = draws.tolist()
    whole = replace(preprocessing, crop=1.0)

    def cut(image: Image.Image) -> Image.Image:
        share = math.sqrt(_SMALLEST_CROP + (1 - _SMALLEST_CROP) * area)
        wide, high = (share * side for side in whole.part_of(image))
        left, top = (
            place(at, image_side, side) for at, image_side, side in zip((x, y), image.size, (wide, high), strict=True)
        )
        part = preprocessing.resized(image, (left, top, left + wide, top + high))
        return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror < 0.5 else part

    return cut


def logits_of_parts(network: Callable[[Batch], Any], parts: Sequence[Part], preprocessing: Preprocessing) -> Logits:
    """What the network says of the central square of each part; no parts give the shape (0, n_classes)."""
    size = preprocessing.size
    if not parts:
        return np.asarray(network(np.zeros((1, 3, size, size), np.float32))[:0], np.float64)
    cuts = [(part, preprocessing.cut) for part in parts]
    jobs = [cuts[i : i + 32] for i in range(0, len(cuts), 32)]
    with contextlib.closing(decoded(jobs, preprocessing)) as batches:
        return np.concatenate([network(batch) for batch in batches]).astype(np.float64)
