"""A trained classifier as one ONNX file: from the pixels of an image to calibrated, corrected probabilities.

The pixels are prepared in float32 and in the order of `Preprocessing.batch`. What follows the network
is computed in double: at a small C the scores of two classes differ by thousandths, and a temperature of
1e-5 would blow the rounding of float32 up into another answer than the one reported.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..atomic_files import write_atomically
from ..classifiers import LinearHead
from ..errors import EvenpickError
from ..feature_transform import AT_CENTRE, UNIT_LENGTH, FeatureTransform
from ..images import Preprocessing
from ..label_values import Label
from ..paths import Paths
from ..sources import READY_MADE, SourceDescription, SourceModel
from .model import Model

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

_OLDEST_OPSET = 9  # the first with Where, and all other nodes used here are written alike since


@dataclass(frozen=True)
class ClassifierHead:
    """From what the network gives to probabilities: softmax(scores / temperature - shift).

    Attributes
    ----------
    weights : array of shape (n_classes, n_features), or None
        Scores are transform(features) @ weights.T + intercepts; None: they are the network's logits.
    intercepts : array of shape (n_classes,), or None
    temperature : float
        > 0.
    shift : array of shape (n_classes,)
        tau * log prior.
    classes : tuple of str, int, float or bool
    transform : FeatureTransform
    """

    weights: NDArray[np.float64] | None
    intercepts: NDArray[np.float64] | None
    temperature: float
    shift: NDArray[np.float64]
    classes: tuple[Label, ...]
    transform: FeatureTransform = UNIT_LENGTH


def onnx_classifier(
    network: bytes, preprocessing: Preprocessing, head: ClassifierHead, facts: Mapping[str, Any]
) -> bytes:
    """One ONNX model: `image` (n, size, size, 3), uint8 RGB, to `probabilities` (n, n_classes), float32.

    Parameters
    ----------
    network : bytes
        ONNX network with one input (n, 3, size, size) and the output `features`, or `logits` for a
        head without weights. One that takes only a batch of 1 gives a model that does so, too.
    preprocessing : Preprocessing
        `image` is what its `cut` gives, as an array.
    head : ClassifierHead
    facts : mapping
        Stored as JSON in the model's metadata, beside `classes` and `preprocessing`.

    Raises
    ------
    EvenpickError
        If the network is no such network.
    """
    import onnx
    from onnx import compose, helper

    model = onnx.load_from_string(network)
    image, output = _ends(model, "logits" if head.weights is None else "features")
    # So that no name of the network meets one of those added here.
    compose.add_prefix(model, "network/", inplace=True)
    model.graph.CopyFrom(_assemble(model.graph, image, f"network/{output}", preprocessing, head))
    model.ir_version = max(model.ir_version, 4)  # before, an initializer had to be an input
    model.producer_name, model.producer_version = "evenpick", ""
    kept = {entry.key: entry.value for entry in model.metadata_props}
    stated = {**facts, "classes": head.classes, "preprocessing": preprocessing.to_dict()}
    helper.set_model_props(model, kept | {key: json.dumps(value) for key, value in stated.items()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _ends(model: "ModelProto", output: str) -> tuple["ValueInfoProto", str]:
    """The network's image input and the name of the output, once both are known to be there."""
    from onnx.external_data_helper import uses_external_data

    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    outputs = [value.name for value in graph.output]
    if output not in outputs or len(inputs) != 1:
        raise EvenpickError(
            f"the ONNX network must have one input and the output '{output}'; "
            f"has {[value.name for value in inputs]} and {outputs}"
        )
    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    if opset < _OLDEST_OPSET:
        raise EvenpickError(f"the ONNX network must be of opset {_OLDEST_OPSET} or newer; is of {opset}")
    if any(uses_external_data(tensor) for tensor in graph.initializer):
        raise EvenpickError("the ONNX network must hold its weights itself; they lie in a file beside it")
    image = type(inputs[0])()
    image.CopyFrom(inputs[0])  # its name must not change with the prefix
    return image, output


def _assemble(
    network: "GraphProto", image: "ValueInfoProto", output: str, preprocessing: Preprocessing, head: ClassifierHead
) -> "GraphProto":
    """Pixels, the part of the network that leads to `output`, and the head, as one graph."""
    from onnx import GraphProto, TensorProto, helper

    tensor = image.type.tensor_type
    dimension = tensor.shape.dim[0] if tensor.shape.dim else None
    batch = (dimension.dim_value or dimension.dim_param or "n") if dimension else "n"
    size = preprocessing.size
    graph = GraphProto(name="classifier")
    graph.input.append(helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, size, size, 3]))
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, len(head.classes)]))
    _add_preprocessing(graph, preprocessing, tensor.elem_type)
    graph.node[-1].output[0] = f"network/{image.name}"
    _add_network(graph, network, output)
    _add_head(graph, output, head)
    graph.node[-1].output[0] = "probabilities"
    return graph


def _add_preprocessing(graph: "GraphProto", preprocessing: Preprocessing, kind: int) -> None:
    """`Preprocessing.batch`, its operations in the same order and precision; then the network's own type."""
    from onnx import TensorProto

    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    pixels = _add(graph, "Cast", "image", to=TensorProto.FLOAT)
    if preprocessing.channels == "bgr":
        pixels = _add(graph, "Gather", pixels, np.array([2, 1, 0]), axis=3)
    scaled = _add(graph, "Mul", pixels, (1 / (255 * std)).astype(np.float32))
    centred = _add(graph, "Sub", scaled, (mean / std).astype(np.float32))
    batch = _add(graph, "Transpose", centred, perm=[0, 3, 1, 2])
    if kind != TensorProto.FLOAT:
        _add(graph, "Cast", batch, to=kind)


def _add_network(graph: "GraphProto", network: "GraphProto", output: str) -> None:
    """The nodes that `output` depends on, with their weights; the other output's layers are left out."""
    needed, kept = {output}, []
    for node in reversed(network.node):  # ONNX demands that a node comes after those it reads
        if needed.intersection(node.output):
            needed.update(_reads(node))
            for notes in ("doc_string", "metadata_props"):  # PyTorch's stack traces, with the paths of this machine
                node.ClearField(notes)
            kept.append(node)
    made = {name for node in kept for name in node.output}
    graph.node.extend(reversed(kept))
    graph.initializer.extend(tensor for tensor in network.initializer if tensor.name in needed)
    graph.sparse_initializer.extend(tensor for tensor in network.sparse_initializer if tensor.values.name in needed)
    graph.value_info.extend(value for value in network.value_info if value.name in made)


def _reads(node: "NodeProto") -> set[str]:
    """What a node takes in, also what the branches of an If or the body of a Loop take from outside."""
    names = {name for name in node.input if name}
    for attribute in node.attribute:
        for branch in (attribute.g, *attribute.graphs):
            names.update(value.name for value in branch.output)
            names.update(*map(_reads, branch.node))
    return names


def _add_head(graph: "GraphProto", output: str, head: ClassifierHead) -> None:
    from onnx import TensorProto

    scores = _add(graph, "Cast", output, to=TensorProto.DOUBLE)
    if head.weights is not None and head.intercepts is not None:
        features = _add_transform(graph, scores, head.weights.shape[1], head.transform)
        scores = _add(graph, "MatMul", features, head.weights.T.astype(np.float64))
        scores = _add(graph, "Add", scores, head.intercepts.astype(np.float64))
    tempered = _add(graph, "Div", scores, np.array(head.temperature, np.float64))
    shifted = _add(graph, "Sub", tempered, head.shift.astype(np.float64))
    probabilities = _add(graph, "Softmax", shifted, axis=1)
    _add(graph, "Cast", probabilities, to=TensorProto.FLOAT)


def _add_transform(graph: "GraphProto", features: str, n_features: int, transform: FeatureTransform) -> str:
    """`FeatureTransform.__call__`, in double."""
    if transform.power != 1:
        powers = _add(graph, "Pow", _add(graph, "Abs", features), np.array(transform.power))
        features = _add(graph, "Mul", powers, _add(graph, "Sign", features))
    features = _add_unit_length(graph, features, n_features)
    if transform.centre is None:
        return features
    centred = _add(graph, "Sub", features, transform.centre.astype(np.float64))
    return _add_unit_length(graph, centred, n_features, AT_CENTRE)


def _add_unit_length(graph: "GraphProto", features: str, n_features: int, least: float = 0.0) -> str:
    """`vectors.normalised`: a vector of zeros, or no longer than `least`, is left as it is."""
    squares = _add(graph, "Mul", features, features)
    # A product with ones, because ReduceSum and ReduceL2 take their axes differently from opset to opset.
    lengths = _add(graph, "Sqrt", _add(graph, "MatMul", squares, np.ones((n_features, 1))))
    long = _add(graph, "Greater", lengths, np.array(least))
    return _add(graph, "Div", features, _add(graph, "Where", long, lengths, np.array(1.0)))


def _add(graph: "GraphProto", operator: str, *inputs: str | NDArray[Any], **attributes: Any) -> str:
    """Append a node, whose inputs are names or constants; the name of its output."""
    from onnx import helper, numpy_helper

    names = []
    for value in inputs:
        if not isinstance(value, str):
            constant = numpy_helper.from_array(value, f"constant_{len(graph.initializer)}")
            graph.initializer.append(constant)
            value = constant.name
        names.append(value)
    output = f"{operator.lower()}_{len(graph.node)}"
    graph.node.append(helper.make_node(operator, names, [output], name=output, **attributes))
    return output


def source_of(described: SourceDescription | None) -> SourceModel:
    """The source model that a model or pool describes, with the weights that it had then."""
    if described is None:
        raise EvenpickError("the model was trained on features whose source is not known: train it on an embedded pool")
    if described.name == READY_MADE:
        raise EvenpickError("the pool was made of ready-made features: evenpick has no network to look at other images")
    source = SourceModel.as_described(described)
    if source.fingerprint != described.fingerprint:
        raise EvenpickError(
            f"source '{source.name}' has other weights or outputs now than when the model was trained "
            f"({source.fingerprint}, then {described.fingerprint}): embed and train again"
        )
    return source


def export_classifier(workspace: Path, file: Path) -> str:
    """Write the workspace's classifier to an ONNX file, from pixels to probabilities; what was written, in words."""
    if file.exists():
        raise EvenpickError(f"'{file}' exists; name another file or move it first")
    model = Model.load(Paths(workspace).model)
    if model.source is None:
        raise EvenpickError(
            "the model was trained on features whose source is not known, so there is no network to export"
        )
    name, preprocessing = model.source.name, model.source.preprocessing
    if preprocessing.others:
        sizes = ", ".join(str(one.size) for one in preprocessing.each)
        raise EvenpickError(
            f"source '{name}' is {len(preprocessing.each)} networks, each of which sees an image in its own way ({sizes} px), so "
            "one file with one image as its input cannot hold them: use `evenpick predict`, or train on one of them"
        )
    if isinstance(model.head, LinearHead):
        file_of_source = source_of(model.source).file
        if file_of_source is None:
            raise EvenpickError(f"source '{name}' is no ONNX network, so the classifier cannot be written as one")
        network, linear = file_of_source.read_bytes(), model.head
        weights, intercepts, transform = linear.weights, linear.intercepts, linear.transform
    else:
        network, weights, intercepts, transform = model.head.onnx, None, None, UNIT_LENGTH
    head = ClassifierHead(weights, intercepts, model.choice.temperature, model.shift, model.classes, transform)
    facts = {"strategy": model.strategy, "tau": model.choice.tau, "source": name}
    write_atomically(file, onnx_classifier(network, preprocessing, head, facts))
    size = preprocessing.size
    views = (
        f" It was trained on the mean of {preprocessing.views} views and gets the first: its probabilities are not quite those "
        "of `predict`."
        if preprocessing.views > 1
        else ""
    )
    return (
        f"The classifier of {len(model.classes)} classes: '{file}'. Its input `image` is (n, {size}, {size}, 3), uint8 RGB: "
        f"{preprocessing.part}, resized ({preprocessing.interpolation}); its output "
        f"`probabilities` is calibrated and corrected. Classes and preprocessing are in its metadata.{views}"
    )
