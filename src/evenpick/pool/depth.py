"""One range for all files of a folder with more than 8 bits, so that equal values look equal."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..images import NEVER_DEEP, Preprocessing, UnreadableImageError, deep_sample, range_of, read_image_file

LOOKED_AT = 256  # files, spread evenly over those that may have more than 8 bits
SAMPLED = 64  # of those, files that give values


def in_range_of_folder(preprocessing: Preprocessing, folder: Path, image_ids: Sequence[str]) -> Preprocessing:
    """The preprocessing with the range of values that a sample of the folder has; as it is where no file is deep."""
    may_be = [image_id for image_id in image_ids if PurePosixPath(image_id).suffix.lower() not in NEVER_DEEP]
    samples = []
    for image_id in may_be[:: max(1, -(-len(may_be) // LOOKED_AT))]:
        try:
            values = deep_sample(read_image_file(folder / image_id), preprocessing.reading)
        except UnreadableImageError:
            continue
        if values is not None:
            samples.append(values)
        if len(samples) == SAMPLED:
            break
    depth = range_of(samples)
    return replace(preprocessing, depth=depth) if depth else preprocessing
