"""The pool: what a source model saw of every image, on disk or in memory, and how it is made."""

from .blocks import BLOCK_ROWS, Features, check_finite, feature_blocks, single_blocks
from .box_settings import forget_other_boxes, kept_boxes, options_for_other
from .changes_csv import MOVED, REPLACED, Change, read_changes
from .checking import check_blocks
from .embedding import Embedded, embed
from .given_labels import given_pool, labelled_rows
from .grouping import check_grouping, group_as, group_images, hint_of, limits_of
from .groups import group_means, middle_of_each
from .images_csv import read_images_csv
from .options import EmbedOptions
from .overlap import overlap_with_labels
from .pool import Pool, groups_in_words
from .present_files import embedded_already, pool_of_files, rows_of_files
from .ready_made import take_features
from .skipped import read_skipped
from .storage import kept_words, read_state

__all__ = [
    "BLOCK_ROWS",
    "MOVED",
    "REPLACED",
    "Change",
    "EmbedOptions",
    "Embedded",
    "Features",
    "Pool",
    "check_blocks",
    "check_finite",
    "check_grouping",
    "embed",
    "embedded_already",
    "feature_blocks",
    "forget_other_boxes",
    "given_pool",
    "group_as",
    "group_images",
    "group_means",
    "groups_in_words",
    "hint_of",
    "kept_boxes",
    "kept_words",
    "labelled_rows",
    "limits_of",
    "middle_of_each",
    "options_for_other",
    "overlap_with_labels",
    "pool_of_files",
    "read_changes",
    "read_images_csv",
    "read_skipped",
    "read_state",
    "rows_of_files",
    "single_blocks",
    "take_features",
]
