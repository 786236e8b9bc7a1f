"""From a pool and labels to a `Model`: strategies compared on folds, fine-tuning, evaluation, export as ONNX."""

from .class_results import ClassResult
from .evaluation import Evaluation, evaluate
from .fine_tuning_plan import FineTuningOptions, clear_checkpoints
from .fine_tuning_task import FineTuningSettings
from .model import Model
from .onnx_export import export_classifier, source_of
from .source_comparison import SourceComparison, compare_sources
from .strategies import train

__all__ = [
    "ClassResult",
    "Evaluation",
    "FineTuningOptions",
    "FineTuningSettings",
    "Model",
    "SourceComparison",
    "clear_checkpoints",
    "compare_sources",
    "evaluate",
    "export_classifier",
    "source_of",
    "train",
]
