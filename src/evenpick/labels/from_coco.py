"""Labels from COCO: each annotation is of the row that shows its box, or of the whole image."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..detections import coco_annotations
from ..images import resolve_addresses
from ..pool import Pool
from .tables import LabelRow, LabelTable, UnknownImagesError, label_table

_SAME = 1.5  # pixels that the corner and size of a box may differ, for boxes are kept in whole pixels


def read_coco(
    file: Path, content: Any, pool: Pool, skipped: Sequence[str] = (), skip_unknown: bool = False
) -> LabelTable:
    """The category of each annotation, as the label of the row with this box; without a box, of the whole image.

    Raises
    ------
    EvenpickError
        If an annotation is of a box or image that the pool does not hold, or one has two categories.
    """
    advice = "an annotation must have the box of a row, to the pixel, or be of a whole image"
    rows = list(_rows(file, content, pool))
    table = label_table(file, rows, set(pool.image_ids), set(skipped))
    if table.unknown and not skip_unknown:
        raise UnknownImagesError(file, table.unknown, advice)
    return table


def _rows(file: Path, content: Any, pool: Pool) -> Iterator[LabelRow]:
    of_file: dict[str, list[int]] = {}
    for row, name in enumerate(pool.files):
        of_file.setdefault(name, []).append(row)
    annotations = coco_annotations(file, content)
    names = resolve_addresses([annotation.file for annotation in annotations], of_file)
    for annotation, name in zip(annotations, names, strict=True):
        box = annotation.detection and annotation.detection.box
        found = _row_of(pool, of_file.get(name, []), box)
        shown = f"{name} with box {', '.join(f'{value:g}' for value in box)}" if box else name
        image = shown if found is None else pool.image_ids[found]
        yield LabelRow(annotation.place, image, annotation.category)


def _row_of(pool: Pool, rows: Sequence[int], box: tuple[float, float, float, float] | None) -> int | None:
    """Of these rows the one that shows the box, or that is a whole image."""
    if box is None:
        return next((row for row in rows if pool.part(row).box is None), None)
    differs = {
        row: max(abs(one - other) for one, other in zip(found, box, strict=True))
        for row in rows
        if (found := pool.part(row).box)
    }
    if not differs:  # labels of boxes, for a pool of whole images
        return rows[0] if rows else None
    nearest = min(differs, key=lambda row: differs[row])
    return nearest if differs[nearest] <= _SAME else None
