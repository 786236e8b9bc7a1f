"""The commands of `evenpick`, a file a stage: each is one call of a workspace's method, and printing."""

from .benchmarks import benchmark
from .classifiers import compare_sources, evaluate, predict, train
from .labelling import audit, backup, export, import_, label, review, select, simulate
from .pool import diagnose, embed, find, sources
from .reports import demo, report, status

__all__ = [
    "audit",
    "backup",
    "benchmark",
    "compare_sources",
    "demo",
    "diagnose",
    "embed",
    "evaluate",
    "export",
    "find",
    "import_",
    "label",
    "predict",
    "report",
    "review",
    "select",
    "simulate",
    "sources",
    "status",
    "train",
]
