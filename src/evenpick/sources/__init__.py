"""Source models: pretrained networks by name, run by ONNX Runtime; what needs PyTorch is `torch_networks`."""

from .description import READY_MADE, SourceDescription
from .onnx_networks import onnx_session
from .source_model import SourceModel
from .table import SOURCES, SourceKind, weights_fingerprint
from .text_encoders import TextEncoder, text_encoder_beside
from .trainable_networks import new_network, torch_seed, trainable
from .words import PROMPT, WordClasses, Words, read_class_names, word_classes

__all__ = [
    "PROMPT",
    "READY_MADE",
    "SOURCES",
    "SourceDescription",
    "SourceKind",
    "SourceModel",
    "TextEncoder",
    "WordClasses",
    "Words",
    "new_network",
    "onnx_session",
    "read_class_names",
    "text_encoder_beside",
    "torch_networks",
    "torch_seed",
    "trainable",
    "weights_fingerprint",
    "word_classes",
]
