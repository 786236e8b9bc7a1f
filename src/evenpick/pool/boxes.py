"""Which rows a file of boxes makes of the images of a folder."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ..counting import counted
from ..detections import Detection, Detections, is_camtrap_dp, read_camtrap_dp, read_detections
from ..errors import EvenpickError, first_few, unknown_name
from ..images import MARGIN, resolve_addresses
from ..paths import Paths
from .box_settings import BoxSettings, find_kept_boxes, keep_boxes, kept_boxes, settled
from .images_csv import ImageRow
from .looking import Wanted
from .options import EmbedOptions
from .pages import rows_of_pages

Boxes: TypeAlias = Mapping[
    str, Sequence[Detection]
]  # all boxes of each image of the folder, in the order of their file


@dataclass(frozen=True)
class Plan:
    """Which rows to make of each file of a folder: its boxes, or all of it.

    Attributes
    ----------
    boxes : mapping of str to sequence of (id, Detection), optional
        The boxes of each file that are rows, `path#k`, where k counts all boxes of the image; None: no file has any.
    without : bool
        Whether a file without such a box is a row as a whole.
    margin : float
        What is seen around a box, as a share of its longer side.
    taken : mapping of str to str
        When photographs were taken, where a package of camera traps says it.
    said : sequence of str
        What is to be told, a sentence each.
    pages : callable
        How many pages of a file without boxes are rows.
    """

    boxes: Mapping[str, Sequence[tuple[str, Detection]]] = field(default_factory=dict)
    without: bool = True
    margin: float = MARGIN
    taken: Mapping[str, str] = field(default_factory=dict)
    said: Sequence[str] = ()
    pages: Callable[[str], int] = lambda file: 1

    def batches(self, files: Sequence[str], rows: Sequence[ImageRow], size: int) -> list[list[Wanted]]:
        """What is left to make, the rows of so many files at a time."""
        done, known = {row.image for row in rows}, {row.file or row.image for row in rows}
        in_pages = {row.file for row in rows if row.part.startswith("page=")}  # a run that was stopped may lack some
        wanted = []
        for file in files:
            new = ImageRow(file, "", taken=self.taken.get(file, ""))
            boxes = self.boxes.get(file, ())
            if not boxes and self.without and (file not in known or file in in_pages):
                wanted += self._whole(new, done)
            left = [(image_id, detection) for image_id, detection in boxes if image_id not in done]
            if left:
                wanted.append([Wanted(new._replace(image=image_id, file=file), box) for image_id, box in left])
        return [[row for rows in wanted[i : i + size] for row in rows] for i in range(0, len(wanted), size)]

    def _whole(self, new: ImageRow, done: Container[str]) -> list[list[Wanted]]:
        """The file, or those of its pages that are left."""
        count = self.pages(new.image)
        if count == 1:
            return [[Wanted(new)]]
        parts = rows_of_pages(new, count)
        left = [[Wanted(row) for row in rows if row.image not in done] for rows in parts]
        return [rows for rows in left if rows]


def planned(paths: Paths, options: EmbedOptions, image_ids: Sequence[str], done: set[str]) -> Plan:
    """The rows to make of these files of a folder: boxes where a file of them is given or was, else whole images.

    Raises
    ------
    EvenpickError
        If the file of boxes is wrong, names no image of the folder, or differs from the one that the rows
        which are `done` were made of.
    """
    settings = settled(paths, options, begun=bool(done))
    if settings is None:
        return Plan()
    given = Path(options.boxes) if options.boxes is not None else kept_boxes(paths)
    if given.is_file() and is_camtrap_dp(given):
        given = given.parent
    detections = read_detections(given)
    known = set(image_ids)
    boxes = _by_image(detections, image_ids, known)
    _check_categories(detections, settings)
    if options.boxes is not None and done:
        _check_same(paths, given, boxes, image_ids, known, done)
    if options.boxes is not None or not done:
        keep_boxes(paths, settings, given)
    return replace(_plan(settings, detections, boxes, image_ids), taken=_taken(given, image_ids))


def _by_image(detections: Detections, image_ids: Sequence[str], known: Container[str]) -> Boxes:
    """The boxes of each image that is in the folder."""
    found = resolve_addresses(list(detections.images), set(image_ids))
    boxes = dict(zip(found, detections.images.values(), strict=True))
    if not any(image_id in known for image_id in boxes):
        raise EvenpickError(
            f"'{detections.file}' names no image of the folder: it has {first_few(detections.images)}, "
            f"the folder {first_few(image_ids)}"
        )
    return boxes


def _check_same(
    paths: Paths, given: Path, boxes: Boxes, image_ids: Sequence[str], known: Container[str], done: Container[str],
) -> None:  # fmt: skip
    """Refuse a file that has other boxes for an image whose rows are made."""
    if (kept := find_kept_boxes(paths)) is None:
        return  # it was lost, and this one takes its place
    before = _by_image(read_detections(kept), image_ids, known)
    for image_id in image_ids:
        old, new = [[one.box for one in all_boxes.get(image_id, ())] for all_boxes in (before, boxes)]
        made = image_id in done or any(f"{image_id}#{k}" in done for k in range(1, len(old) + 1))
        if made and old != new:
            raise EvenpickError(
                f"'{given}' has other boxes for image '{image_id}' than the file that workspace '{paths.workspace}' was "
                "embedded with; use another workspace"
            )


def _check_categories(detections: Detections, settings: BoxSettings) -> None:
    for name in settings.box_category:
        if name not in detections.categories:
            raise unknown_name(f"'{detections.file}': category", name, detections.categories)


def _plan(settings: BoxSettings, detections: Detections, boxes: Boxes, image_ids: Sequence[str]) -> Plan:
    chosen = {}
    for image_id in image_ids:
        numbered = enumerate(boxes.get(image_id, ()), start=1)
        found = [(f"{image_id}#{k}", detection) for k, detection in numbered if _taken_in(detection, settings)]
        if found:
            chosen[image_id] = found
    keep = settings.without_boxes == "keep"
    without = [image_id for image_id in image_ids if image_id not in chosen]
    n = sum(map(len, chosen.values()))
    said = [
        f"{counted(n, 'box', 'boxes')} in {counted(len(chosen), 'image')}; "
        f"{counted(len(without), 'image without a box is', 'images without a box are')} {'kept whole' if keep else 'left out'}."
    ]
    silent = [image_id for image_id in without if image_id not in boxes]
    if silent:
        said.append(
            f"'{detections.file}' does not name {counted(len(silent), 'image')} of the folder: {first_few(silent)}."
        )
    if detections.failed:
        said.append(
            f"The detector could not read {counted(len(detections.failed), 'image')}: {first_few(detections.failed)}."
        )
    missing = sorted(boxes.keys() - set(image_ids))
    if missing:
        said.append(
            f"'{detections.file}' names {counted(len(missing), 'image that is', 'images that are')} not there: {first_few(missing)}."
        )
    return Plan(chosen, keep, settings.box_margin, said=said)


def _taken_in(detection: Detection, settings: BoxSettings) -> bool:
    sure = detection.confidence is None or detection.confidence >= settings.box_confidence
    return sure and (not settings.box_category or detection.category in settings.box_category)


def _taken(given: Path, image_ids: Sequence[str]) -> dict[str, str]:
    """When each image was taken, where a package of camera traps says it: in the time of the camera's place."""
    if not is_camtrap_dp(given):
        return {}
    media = list(read_camtrap_dp(given).media.values())
    found = resolve_addresses([one.path for one in media], set(image_ids))
    return {image_id: one.taken[:19] for image_id, one in zip(found, media, strict=True)}
