"""A few images at a time: read, decoded and run through the source model."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..detections import BoxError, Detection, pixel_box
from ..images import Part, Preprocessing, UnreadableImageError, box_text, captured, cut_part, read_image_file
from ..probabilities import PREDICTION, softmax, summarise_probabilities, summarise_views
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


class Wanted(NamedTuple):
    """A row that is to be seen: it says only id, file and part, and of a new package of camera traps the time; of a box
    that is not known in pixels yet, what was said of it."""

    row: ImageRow
    detection: Detection | None = None

    @property
    def file(self) -> str:
        """The path of its file."""
        return self.row.file or self.row.image

    @property
    def is_box(self) -> bool:
        """Whether it is cut out of the whole image."""
        return self.detection is not None or "," in self.row.part


See: TypeAlias = Callable[[Iterable[Sequence[Wanted]]], Iterator[tuple[list["Seen"], list[Skipped]]]]


def see_batch(
    folder: Path, source: SourceModel, margin: float, images: Sequence[Wanted]
) -> tuple[list[Seen], list[Skipped]]:
    """What the source model sees of these images, and what is left out; boxes are seen with a margin."""
    opened: list[_Opened] = []
    broken: list[Skipped] = []
    for _, same_file in groupby(images, key=lambda wanted: wanted.file):
        wanted = list(same_file)
        try:
            found, lost = _open_file(folder, source.preprocessing, margin, wanted)
            opened += found
            broken += lost
        except UnreadableImageError as error:
            broken += [Skipped(one.row.image, str(error)) for one in wanted]
        except OSError as error:
            broken += [Skipped(one.row.image, error.strerror or str(error)) for one in wanted]
    seen: list[Seen] = []
    for start in range(0, len(opened), BATCH):
        now, lost = _seen(source, opened[start : start + BATCH])
        seen += now
        broken += lost
    return seen, broken


_Opened: TypeAlias = tuple[ImageRow, list[Image.Image], str]  # all views of a row, and what is to be said


def _open_file(
    folder: Path, preprocessing: Preprocessing, margin: float, wanted: Sequence[Wanted]
) -> tuple[list[_Opened], list[Skipped]]:
    """What the network is to see of the rows of one file, which is read once, and decoded once for all its boxes.

    It is cut at once: large photographs must not pile up until the batch is full.
    """
    facts, data = _read(folder, wanted[0])
    file, reading = folder / wanted[0].file, preprocessing.reading
    opened: list[_Opened] = []
    broken: list[Skipped] = []
    notes = list[str]()
    for one in wanted:
        if not one.is_box:
            part = Part.from_text(file, one.row.part, reading=reading)
            try:  # whoever asks for pages knows that there are more, and one that is broken costs no other
                pixels = cut_part(
                    part, preprocessing.cuts, data, (lambda words: None) if one.row.part else notes.append
                )
            except UnreadableImageError as error:
                broken.append(Skipped(one.row.image, str(error)))
                continue
            opened.append((facts._replace(image=one.row.image, file=one.row.file, part=one.row.part), pixels, ""))
    boxes = [one for one in wanted if one.is_box]

    def cut_boxes(whole: Image.Image) -> None:
        for one in boxes:
            try:
                text = one.row.part if one.detection is None else box_text(pixel_box(one.detection, whole.size))
            except BoxError as error:
                broken.append(Skipped(one.row.image, str(error)))
                continue
            seen = preprocessing.cuts(Part.from_text(file, text, margin).cropped(whole))
            opened.append((facts._replace(image=one.row.image, file=one.row.file, part=text), seen, ""))

    if boxes:  # which are in pixels of the whole image, so that it is not reduced while it is decoded
        cut_part(Part(file, reading=replace(reading, enough=None)), cut_boxes, data, notes.append)
    return [(row, pixels, "; ".join(notes)) for row, pixels, _ in opened], broken


def _seen(source: SourceModel, opened: Sequence[_Opened]) -> tuple[list[Seen], list[Skipped]]:
    """What the source model says of some images."""
    broken = list[Skipped]()
    features, logits = source.see([cuts for _, cuts, _ in opened])
    finite = np.asarray(np.isfinite(np.hstack([features, logits.reshape(len(opened), -1)])).all(axis=1))
    predictions = np.zeros(len(opened), PREDICTION)  # of an encoder without classes nobody reads them
    if source.describe().has_predictions:
        predictions = _summarised(np.where(finite[:, None, None], logits, 0))
    seen = []
    for i, (image, _, note) in enumerate(opened):
        if finite[i]:
            seen.append(Seen(image, features[i], predictions[i], note))
        else:
            broken.append(Skipped(image.image, "the source model gives features that are not finite"))
    return seen, broken


def _summarised(logits: NDArray[np.float32]) -> NDArray[np.void]:
    """The predictions of logits of shape (n, views, class_count)."""
    n, views, classes = logits.shape
    probabilities = softmax(logits.reshape(n * views, classes))
    if views == 1:
        return summarise_probabilities(probabilities)
    return summarise_views(probabilities.reshape(logits.shape))


def _read(folder: Path, wanted: Wanted) -> tuple[ImageRow, bytes]:
    """The row with all that is known of its file, and the file's content."""
    file, row = folder / wanted.file, wanted.row
    stat = file.stat()  # before it is read: what is written meanwhile is seen as a change the next time
    data = read_image_file(file)
    said, digest = captured(data), hashlib.sha256(data).hexdigest()
    told = "" if row.sha256 else row.taken  # of a row that was seen before, it is what its file said then
    row = row._replace(
        sha256=digest,
        size=str(len(data)),
        mtime_ns=str(stat.st_mtime_ns),
        taken=told or said.taken,
        camera=said.camera,
        gone="",
    )
    return row, data
