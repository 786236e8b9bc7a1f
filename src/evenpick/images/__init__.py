"""Image files: found below a folder, opened as upright RGB, cut and batched for a network."""

from .addresses import resolve_addresses
from .batches import Logits, all_cut, decoded, logits_of_parts, random_cut
from .decoding import (
    Reading,
    UnreadableImageError,
    deep_sample,
    page_count,
    plain_picture,
    read_image_file,
    upright_size,
)
from .deep import range_of
from .exif import captured
from .finding import find_images
from .kinds import NEVER_DEEP, NOT_READ
from .parts import MARGIN, Part, box_text, cut_part, open_part
from .preprocessing import Batch, Preprocessing
from .thumbnails import data_address

__all__ = [
    "MARGIN",
    "NEVER_DEEP",
    "NOT_READ",
    "Batch",
    "Logits",
    "Part",
    "Preprocessing",
    "Reading",
    "UnreadableImageError",
    "all_cut",
    "box_text",
    "captured",
    "cut_part",
    "data_address",
    "decoded",
    "deep_sample",
    "find_images",
    "logits_of_parts",
    "open_part",
    "page_count",
    "plain_picture",
    "random_cut",
    "range_of",
    "read_image_file",
    "resolve_addresses",
    "upright_size",
]
