"""From a pool and labels to a `Model`: strategies compared on folds, fine-tuning, evaluation, export as ONNX."""

from .evaluation import Evaluation, evaluate
from .fine_tuning_plan import FineTuningOptions, clear_checkpoints
from .fine_tuning_task import FineTuningSettings
from .model import Model
from .onnx_export import export_classifier, source_of
from .strategies import train

__all__ = [
    "Evaluation",
    "FineTuningOptions",
    "FineTuningSettings",
    "Model",
    "clear_checkpoints",
    "evaluate",
    "export_classifier",
    "source_of",
    "train",
]
