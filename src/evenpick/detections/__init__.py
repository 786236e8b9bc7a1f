"""Boxes in images, as detectors, annotation tools and camera trap packages write them."""

from .camtrap_dp import OBSERVATION_COLUMNS, LabelledMedia, is_camtrap_dp, observation_rows, read_camtrap_dp
from .coco import LabelledBox, coco_annotations, coco_content, is_coco
from .detection import BoxError, Detection, Detections, pixel_box
from .json_files import read_json
from .megadetector import is_megadetector, with_classifications
from .reading import read_detections

__all__ = [
    "OBSERVATION_COLUMNS",
    "BoxError",
    "Detection",
    "Detections",
    "LabelledBox",
    "LabelledMedia",
    "coco_annotations",
    "coco_content",
    "is_camtrap_dp",
    "is_coco",
    "is_megadetector",
    "observation_rows",
    "pixel_box",
    "read_camtrap_dp",
    "read_detections",
    "read_json",
    "with_classifications",
]
