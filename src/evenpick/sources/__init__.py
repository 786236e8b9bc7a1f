"""Source models: pretrained networks by name, run by ONNX Runtime; what needs PyTorch is `torch_networks`."""

from .description import READY_MADE, SourceDescription
from .onnx_networks import onnx_session
from .source_model import SourceModel
from .table import SOURCES, SourceKind, weights_fingerprint
from .text_encoders import TextEncoder, absolute_name, check_at_hand, text_encoder_beside
from .trainable_networks import new_network, torch_seed, trainable
from .word_pairs import with_encoder_beside
from .words import PROMPT, WordClasses, Words, check_one_pair, read_class_names, vector_of_words, word_classes

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
    "absolute_name",
    "check_at_hand",
    "check_one_pair",
    "new_network",
    "onnx_session",
    "read_class_names",
    "text_encoder_beside",
    "torch_networks",
    "torch_seed",
    "trainable",
    "vector_of_words",
    "weights_fingerprint",
    "with_encoder_beside",
    "word_classes",
]
