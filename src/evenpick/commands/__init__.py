"""The commands of `evenpick`, a file a stage: each calls the Python API and prints."""

from .benchmarks import benchmark
from .classifiers import evaluate, predict, report, train
from .options import ACQUISITION, BUDGET, FILE, FOLDER, JSON, RAY, SEED, SPLIT, WORKSPACE, embed_with_bar
from .terminal import print_json, print_table, progress_bars

__all__ = [
    "ACQUISITION",
    "BUDGET",
    "FILE",
    "FOLDER",
    "JSON",
    "RAY",
    "SEED",
    "SPLIT",
    "WORKSPACE",
    "benchmark",
    "embed_with_bar",
    "evaluate",
    "predict",
    "print_json",
    "print_table",
    "progress_bars",
    "report",
    "train",
]
