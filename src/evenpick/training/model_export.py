"""The trained classifier with its source model: looked up by name, and written out as one ONNX file."""

from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically
from ..classifiers import LinearHead
from ..errors import EvenpickError
from ..images import Preprocessing
from ..sources import SourceModel
from .model import Model
from .onnx_export import ClassifierHead, onnx_classifier


def source_of(described: dict[str, Any]) -> SourceModel:
    """The source model that a model or pool describes, with the weights that it had then."""
    source = SourceModel.load(described["name"], Preprocessing.from_dict(described["preprocessing"]))
    if source.fingerprint != described["fingerprint"]:
        raise EvenpickError(
            f"source '{source.name}' has other weights now than when the model was trained "
            f"({source.fingerprint}, then {described['fingerprint']}): embed and train again"
        )
    return source


def export_classifier(workspace: Path, file: Path) -> str:
    """Write the workspace's classifier to an ONNX file, from pixels to probabilities; what was written, in words."""
    if file.exists():
        raise EvenpickError(f"'{file}' exists; name another file or move it first")
    model = Model.load(workspace / "model")
    if not model.source:
        raise EvenpickError(
            "the model was trained on features whose source is not known, so there is no network to export"
        )
    name, preprocessing = model.source["name"], Preprocessing.from_dict(model.source["preprocessing"])
    if isinstance(model.head, LinearHead):
        file_of_source = source_of(model.source).file
        if file_of_source is None:
            raise EvenpickError(f"source '{name}' is no ONNX network, so the classifier cannot be written as one")
        network, weights, intercepts = file_of_source.read_bytes(), model.head.weights, model.head.intercepts
    else:
        network, weights, intercepts = model.head.onnx, None, None
    head = ClassifierHead(weights, intercepts, model.choice.temperature, model.shift, model.classes)
    facts = {"strategy": model.strategy, "tau": model.choice.tau, "source": name}
    write_atomically(file, onnx_classifier(network, preprocessing, head, facts))
    size, crop = preprocessing.size, preprocessing.crop
    return (
        f"The classifier of {len(model.classes)} classes: '{file}'. Its input `image` is (n, {size}, {size}, 3), uint8 RGB: "
        f"the central square of {crop:g} times the short side, resized ({preprocessing.interpolation}); its output "
        "`probabilities` is calibrated and corrected. Classes and preprocessing are in its metadata."
    )
