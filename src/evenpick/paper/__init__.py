"""The paper's benchmark: labelled image sets, the grid of runs, and its tables; `tables` and `pages` need an extra."""

from .data_set import DataSet, data_sets_in, open_data_set
from .download import download_data_set
from .grid import PAPER_ACQUISITIONS, Grid, run
from .imbalance import induce_imbalance
from .results import read_facts

__all__ = [
    "PAPER_ACQUISITIONS",
    "DataSet",
    "Grid",
    "data_sets_in",
    "download_data_set",
    "induce_imbalance",
    "open_data_set",
    "pages",
    "read_facts",
    "run",
    "tables",
]
