"""Boxes as CSV: `image,x,y,width,height` in pixels, a line for each box; other columns are kept."""

from pathlib import Path

from .csv_rows import confidence_in, number_in, rows_of
from .detection import Detection, Detections

COLUMNS = ("image", "x", "y", "width", "height")
_KNOWN = {*COLUMNS, "category", "confidence"}


def table_detections(file: Path) -> Detections:
    """The box of each line; a line without numbers names an image that has none.

    Raises
    ------
    EvenpickError
        If a column is missing, or a number is none: with the line.
    """
    images: dict[str, list[Detection]] = {}
    for place, row in rows_of(file, COLUMNS):
        boxes = images.setdefault(row["image"].removeprefix("./"), [])
        if any(row[name].strip() for name in COLUMNS[1:]):
            x, y, width, height = (number_in(place, row, name) for name in COLUMNS[1:])
            confidence = confidence_in(place, row, "confidence")
            other = {name: value for name, value in row.items() if name not in _KNOWN}
            category = row.get("category", "").strip()
            boxes.append(Detection((x, y, width, height), place, False, category, confidence, None, other))
    return Detections(file, images)
