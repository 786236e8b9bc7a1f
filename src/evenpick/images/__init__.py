"""Image files: found below a folder, opened as upright RGB, cut and batched for a network."""

from .batches import Logits, decoded, logits_of_files, random_cut
from .decoding import UnreadableImageError, cut_image, decode_image, open_image
from .finding import find_images
from .kinds import NOT_READ
from .preprocessing import Batch, Preprocessing

__all__ = [
    "NOT_READ",
    "Batch",
    "Logits",
    "Preprocessing",
    "UnreadableImageError",
    "cut_image",
    "decode_image",
    "decoded",
    "find_images",
    "logits_of_files",
    "open_image",
    "random_cut",
]
