"""Files of boxes, whatever their form."""

from pathlib import Path

from ..errors import EvenpickError
from .boxes_table import table_detections
from .camtrap_dp import camtrap_detections, is_camtrap_dp, read_camtrap_dp
from .coco import coco_detections, is_coco
from .detection import Detections
from .json_files import read_json
from .megadetector import is_megadetector, megadetector_detections


def read_detections(path: Path) -> Detections:
    """The boxes of a file, or of the folder of a Camtrap DP package.

    Raises
    ------
    EvenpickError
        If it has none of the forms, or is wrong: with the place in it.
    """
    if not path.exists():
        raise EvenpickError(f"file of boxes '{path}' does not exist")
    if is_camtrap_dp(path):
        return camtrap_detections(read_camtrap_dp(path))
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return table_detections(path)
    if path.is_dir():
        raise EvenpickError(f"'{path}' is a folder: boxes are a file, or a Camtrap DP package with media.csv in it")
    content = read_json(path)
    if is_megadetector(content):
        return megadetector_detections(path, content)
    if is_coco(content):
        return coco_detections(path, content)
    raise EvenpickError(
        f"'{path}' must be MegaDetector's output (with images and detection_categories), COCO (with images and "
        f"annotations) or a CSV with image,x,y,width,height; it has {_what(content)}"
    )


def _what(content: object) -> str:
    return ", ".join(map(repr, content)) or "nothing" if isinstance(content, dict) else f"a {type(content).__name__}"
