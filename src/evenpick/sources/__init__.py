"""Source models: pretrained networks by name, run by ONNX Runtime; what needs PyTorch is `torch_networks`."""

from .description import READY_MADE, SourceDescription
from .onnx_networks import onnx_session
from .source_model import SourceModel
from .table import SOURCES, SourceKind, weights_fingerprint
from .trainable_networks import new_network, torch_seed, trainable

__all__ = [
    "READY_MADE",
    "SOURCES",
    "SourceDescription",
    "SourceKind",
    "SourceModel",
    "new_network",
    "onnx_session",
    "torch_networks",
    "torch_seed",
    "trainable",
    "weights_fingerprint",
]
