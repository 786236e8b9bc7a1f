"""A few images at a time: read, decoded and run through the source model."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..images import Part, UnreadableImageError, captured, cut_part, read_image_file
from ..probabilities import PREDICTION, softmax, summarise_probabilities
from ..sources import SourceModel
from .images_csv import ImageRow
from .skipped import Skipped

BATCH = 8  # measured on two cores: 4 to 16 images a call are equally fast, and 8 keeps memory small


@dataclass(frozen=True)
class Seen:
    """An image as the source model sees it."""

    image: ImageRow
    features: NDArray[np.float32]
    prediction: NDArray[np.void]
    note: str


def see_batch(folder: Path, source: SourceModel, images: Sequence[ImageRow]) -> tuple[list[Seen], list[Skipped]]:
    """What the source model sees of these images, of which the rows say only id, file and part; and what is left out."""
    opened, broken = [], []
    for wanted in images:
        try:
            image, data = _read(folder, wanted)
            # Cut at once: large photographs must not pile up until the batch is full.
            part = Part.from_text(
                folder / (image.file or image.image), image.part, reading=source.preprocessing.reading
            )
            notes = list[str]()
            cut = cut_part(part, source.preprocessing.cut, data, notes.append)
            opened.append((image, cut, "; ".join(notes)))
        except UnreadableImageError as error:
            broken.append(Skipped(wanted.image, str(error)))
        except OSError as error:
            broken.append(Skipped(wanted.image, error.strerror or str(error)))
    if not opened:
        return [], broken
    features, logits = source.network(source.preprocessing.batch([cut for _, cut, _ in opened]))
    finite = np.asarray(np.isfinite(np.hstack([features, logits])).all(axis=1))
    predictions = np.zeros(len(opened), PREDICTION)  # of an encoder without classes nobody reads them
    if source.class_count:
        predictions = summarise_probabilities(softmax(np.where(finite[:, None], logits, 0)))
    seen = []
    for i, (image, _, note) in enumerate(opened):
        if finite[i]:
            seen.append(Seen(image, features[i], predictions[i], note))
        else:
            broken.append(Skipped(image.image, "the source model gives features that are not finite"))
    return seen, broken


def _read(folder: Path, wanted: ImageRow) -> tuple[ImageRow, bytes]:
    """The row with all that is known of its file, and the file's content."""
    file = folder / (wanted.file or wanted.image)
    stat = file.stat()  # before it is read: what is written meanwhile is seen as a change the next time
    data = read_image_file(file)
    said, digest = captured(data), hashlib.sha256(data).hexdigest()
    row = wanted._replace(
        sha256=digest,
        size=str(len(data)),
        mtime_ns=str(stat.st_mtime_ns),
        taken=said.taken,
        camera=said.camera,
        gone="",
    )
    return row, data
