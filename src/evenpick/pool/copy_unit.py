"""The unit in which it is judged whether two images are near-copies.

It is how far a source model sees a photograph from itself after a small change: that differs from source to source, and
from small images to large ones. So it is measured on the pool's own images.
"""

import io

import numpy as np
from PIL import Image, ImageEnhance

from ..images import UnreadableImageError, cut_part
from ..sources import SourceModel
from ..vectors import normalised
from .blocks import Features
from .looks import REFERENCES, evenly
from .pool import Pool

SAMPLE = 64  # images whose changed copies are looked at
_SHARE = 0.9  # of them that are seen within one unit
_OF_RANDOM_PAIRS = 0.4  # the unit where there are no pixels: this share of the median distance, as measured


def changed(image: Image.Image) -> Image.Image:
    """The photograph as the next one of a burst might be: moved by 5 % and 3 %, a tenth brighter, saved again."""
    width, height = image.size
    moved = image.crop((round(0.05 * width), round(0.03 * height), width, height))
    file = io.BytesIO()
    ImageEnhance.Brightness(moved).enhance(1.1).save(file, "JPEG", quality=70)
    return Image.open(file)


def unit_of_copies(pool: Pool, source: SourceModel) -> float | None:
    """The distance within which nine of ten changed copies of the pool's images are; None if none can be opened."""
    cuts = source.preprocessing.cuts
    distances: list[float] = []
    for row in evenly(len(pool), SAMPLE).tolist():
        try:
            copy = cut_part(pool.part(row), lambda image: cuts(changed(image)))
        except UnreadableImageError:
            continue
        seen, _ = source.see([copy])
        pair = normalised(np.stack([pool.features[row], seen[0]]))
        distances.append(float(np.linalg.norm(pair[0] - pair[1])))
    return float(np.quantile(distances, _SHARE)) if distances else None


def unit_of_pairs(features: Features) -> float:
    """The unit where only features are there: a share of the median distance of random pairs."""
    sample = normalised(features[evenly(len(features), REFERENCES)])
    if len(sample) < 2:
        return 0.0
    i, j = np.triu_indices(len(sample), 1)
    squared = 2 - 2 * (sample @ sample.T)[i, j]
    return _OF_RANDOM_PAIRS * float(np.sqrt(max(np.median(squared), 0)))
