"""ONNX files in the forms that people have, brought into the one form that is used here.

That form has one input (n, 3, height, width) and an output `features` (n, d); an encoder with classes has an output
`logits` (n, k) too, one without has none. All are float32, and the weights lie in the file.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EvenpickError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

# What exporters call the vector of an image, the best first. Of tokens the first one stands for the image.
FEATURES = ("features", "image_embeds", "image_features", "pooler_output", "last_hidden_state")
LOGITS = ("logits",)


@dataclass(frozen=True)
class OutputNames:
    """Which outputs of a file are features and logits; None: by the usual names, '' for logits: it has none."""

    features: str | None = None
    logits: str | None = None


USUAL = OutputNames()


def image_size(file: Path) -> int | None:
    """The side of the square images that a file says it takes; None if it says nothing of them."""
    import onnx

    try:
        graph = onnx.load(str(file), load_external_data=False).graph
        sides = {side for side in _shape(_image_of(graph, file))[1:] if side != 3}
    except Exception:  # noqa: BLE001 (what is wrong with the file is told where it is loaded)
        return None
    side = sides.pop() if len(sides) == 1 else None
    return side if isinstance(side, int) else None


def fingerprint_of(file: Path, names: OutputNames = USUAL) -> str:
    """Hash of an ONNX file, of the files beside it that hold its weights, and after a / of outputs other than the usual ones."""
    digest = hashlib.sha256(file.read_bytes())
    for other in external_files(file):
        digest.update(other.read_bytes())
    weights, chosen = digest.hexdigest()[:16], _chosen(file, names)
    if chosen == _chosen(file, USUAL):
        return weights
    return f"{weights}/{hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:8]}"


def used_form(file: Path, names: OutputNames) -> bytes | None:
    """The network of a file in the form above; None if the file has it already.

    Raises
    ------
    EvenpickError
        If the file is no network, has more than one input, or no output that can be taken for features.
    """
    import onnx

    try:
        model = onnx.load(str(file))
    except Exception as error:  # protobuf and onnx raise their own kinds
        reason = " ".join(str(error).split())[:120]
        raise EvenpickError(f"'{file}' is no ONNX network, or lacks its weights: {reason}") from error
    image, outputs = _image_of(model.graph, file), {value.name: value for value in model.graph.output}
    features = _named("features", names.features, FEATURES, outputs, file)
    logits = None if names.logits == "" else _named("logits", names.logits, LOGITS, outputs, file)
    assert features is not None
    if _is_used_form(model, image, features, logits) and not external_files(file):
        return None
    try:
        return bytes(_rewritten(model, image, features, logits).SerializeToString())
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise EvenpickError(f"'{file}' cannot be used as a source: {reason}") from error


def external_files(file: Path) -> list[Path]:
    """The files that hold weights of this one; none if it is no network, which is told where it is loaded."""
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    try:
        graph = onnx.load(str(file), load_external_data=False).graph
    except Exception:  # noqa: BLE001 (protobuf's own kinds)
        return []
    outside = [ExternalDataInfo(tensor).location for tensor in graph.initializer if uses_external_data(tensor)]
    return [file.parent / name for name in sorted(set(outside))]


def _chosen(file: Path, names: OutputNames) -> list[str | None]:
    """Which outputs are features and logits, as far as they are there."""
    import onnx

    try:
        graph = onnx.load(str(file), load_external_data=False).graph
    except Exception:  # noqa: BLE001 (protobuf's own kinds; what is wrong is told where it is loaded)
        return []
    there = {value.name for value in graph.output}
    usual = [next((one for one in known if one in there), None) for known in (FEATURES, LOGITS)]
    return [usual[0] if names.features is None else names.features, usual[1] if names.logits is None else names.logits]


def _image_of(graph: "GraphProto", file: Path) -> "ValueInfoProto":
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1 or len(inputs[0].type.tensor_type.shape.dim) != 4:
        shapes = {value.name: _shape(value) for value in inputs}
        raise EvenpickError(f"'{file}' must have one input, a batch of images of 4 dimensions; has {shapes}")
    image: ValueInfoProto = inputs[0]
    return image


def _named(
    what: str, name: str | None, usual: tuple[str, ...], outputs: Mapping[str, "ValueInfoProto"], file: Path
) -> "ValueInfoProto | None":
    """The output that is features or logits; None only for logits that nobody named."""
    if name is not None and name not in outputs:
        raise EvenpickError(f"'{file}' has no output '{name}' to take {what} from; has {sorted(outputs)}")
    found = next((one for one in ([name] if name else usual) if one in outputs), None)
    if found is None and what == "features":
        beside = file.with_suffix(".json").name
        raise EvenpickError(
            f"'{file}' has no output for features ({', '.join(FEATURES)}); has {sorted(outputs)}: "
            f'name one in \'{beside}\' as {{"features": "NAME"}}'
        )
    return outputs[found] if found else None


def _shape(value: "ValueInfoProto") -> list[int | str]:
    return [dim.dim_value or dim.dim_param or "?" for dim in value.type.tensor_type.shape.dim]


def _is_used_form(
    model: "ModelProto", image: "ValueInfoProto", features: "ValueInfoProto", logits: "ValueInfoProto | None"
) -> bool:
    names = [value.name for value in model.graph.output]
    return (
        _shape(image)[3] != 3
        and image.type.tensor_type.elem_type == 1  # float32
        and features.name == "features"
        and len(_shape(features)) in (0, 2)
        and (logits.name == "logits" if logits else "logits" not in names)
    )


def _rewritten(
    model: "ModelProto", image: "ValueInfoProto", features: "ValueInfoProto", logits: "ValueInfoProto | None"
) -> "ModelProto":
    """The same network with a node or two before its input and behind its outputs."""
    from onnx import TensorProto, compose, helper

    batch, *sizes = _shape(image)
    last = sizes[-1] == 3 and sizes[0] != 3
    height, width = sizes[:2] if last else sizes[1:]
    kind, rank = image.type.tensor_type.elem_type, len(_shape(features))
    ends = {"image": image.name, "features": features.name, "logits": logits.name if logits else ""}
    compose.add_prefix(model, "network/", inplace=True)
    graph = model.graph
    before = [
        helper.make_node("Cast", ["image"], ["image/cast"], to=kind),
        helper.make_node(
            "Transpose", ["image/cast"], [f"network/{ends['image']}"], perm=[0, 2, 3, 1] if last else [0, 1, 2, 3]
        ),
    ]
    behind = _vector(f"network/{ends['features']}", rank)
    outputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, None])]
    if logits:
        behind.append(helper.make_node("Cast", [f"network/{ends['logits']}"], ["logits"], to=TensorProto.FLOAT))
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, None))
    if rank == 3:
        graph.initializer.append(helper.make_tensor("first", TensorProto.INT64, [], [0]))
    nodes = [*before, *graph.node, *behind]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.output.extend(outputs)
    kept = [value for value in graph.input if value.name != f"network/{ends['image']}"]
    del graph.input[:]
    image_info = helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, height, width])
    graph.input.extend([image_info, *kept])
    return model


def _vector(name: str, rank: int) -> list["NodeProto"]:
    """Nodes from an output to `features`: of tokens (n, t, d) the first, of maps (n, d, h, w) the mean."""
    from onnx import TensorProto, helper

    nodes, value = [], name
    if rank == 3:
        nodes.append(helper.make_node("Gather", [name, "first"], ["features/token"], axis=1))
        value = "features/token"
    if rank == 4:
        nodes.append(helper.make_node("GlobalAveragePool", [name], ["features/mean"]))
        nodes.append(helper.make_node("Flatten", ["features/mean"], ["features/flat"]))
        value = "features/flat"
    return [*nodes, helper.make_node("Cast", [value], ["features"], to=TensorProto.FLOAT)]
