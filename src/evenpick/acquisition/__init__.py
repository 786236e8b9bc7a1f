"""Acquisition functions: which images to label, from the pool alone; the one table of them is `ACQUISITIONS`."""

from .bounded_distances import BoundedDistances
from .greedy_coverage import GreedyCoverage
from .herding import MOST_COVERED, rows_to_cover, unit_blocks, unit_features
from .k_center import core_set
from .kernels import ByteTable, gaussian, kernel_width
from .table import ACQUISITIONS, AcquisitionFunction, check_budget, find_acquisition, ordered, select, select_more

__all__ = [
    "ACQUISITIONS",
    "MOST_COVERED",
    "AcquisitionFunction",
    "BoundedDistances",
    "ByteTable",
    "GreedyCoverage",
    "check_budget",
    "core_set",
    "find_acquisition",
    "gaussian",
    "kernel_width",
    "ordered",
    "rows_to_cover",
    "select",
    "select_more",
    "unit_blocks",
    "unit_features",
]
