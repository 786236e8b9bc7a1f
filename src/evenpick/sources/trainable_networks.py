"""The pretrained network that a source names, built anew in PyTorch so that it can be trained."""

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import EvenpickError, MissingExtraError
from .description import SourceDescription
from .table import SOURCES, TorchSource

_NEEDED = tuple((package, "torch") for package in ("torch", "onnxscript"))


def trainable(source: SourceDescription) -> str | None:
    """None if this source can be fine-tuned here, else the reason in words."""
    try:
        _to_train(source)
    except EvenpickError as reason:
        return str(reason)
    return None


def _to_train(described: SourceDescription) -> TorchSource:
    name, n_networks = described.name, len(described.names)
    kind, _, argument = name.partition(":")
    if n_networks > 1:
        raise EvenpickError(
            f"source '{name}' is {n_networks} networks side by side, which cannot be trained as one; embed with one of them"
        )
    advice = "embed with efficientnet_lite0, resnet18:FILE or timm:NAME"
    if kind not in SOURCES:
        raise EvenpickError(f"source '{name}' cannot be built again from its name, so it cannot be trained; {advice}")
    if (source := SOURCES[kind].torch) is None:
        raise EvenpickError(f"source '{name}' is an ONNX file, which cannot be trained; {advice}")
    for package, extra in (*_NEEDED, *source.packages):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(f"fine-tuning source '{name}'", extra)
    if source.weights_in_file and not Path(argument).is_file():
        raise EvenpickError(
            f"source '{name}' cannot be trained: its weights '{argument}' are no file; put them back there"
        )
    return source


def new_network(source: SourceDescription, class_count: int) -> Any:
    """The pretrained source with a new head for the classes, on the best device there is."""
    to_train = _to_train(source)
    import torch

    from . import torch_networks

    module = to_train.pretrained(source.name).build()
    with torch.no_grad():
        features, _ = module(torch.zeros(1, 3, source.preprocessing.size, source.preprocessing.size))
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return torch_networks.WithNewHead(module, features.shape[1], class_count).to(device)


@contextlib.contextmanager
def torch_seed(seed: int) -> Iterator[None]:
    """PyTorch draws from this seed (new heads, drop-connect) and its global state is as before after it (CPU and CUDA)."""
    import torch

    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        torch.manual_seed(seed)
        yield
