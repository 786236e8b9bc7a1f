"""Sessions of ONNX Runtime, on a GPU where it offers one."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from ..arrays import Singles
from ..errors import EvenpickError

TwoOutputs: TypeAlias = Callable[[Singles], tuple[Singles, Singles]]

# Left out: TensorRT (minutes to prepare each network), CoreML (half precision), DirectML (one call at a time).
_FASTEST_FIRST = (
    "CUDAExecutionProvider",
    "MIGraphXExecutionProvider",
    "ROCMExecutionProvider",
    "CPUExecutionProvider",
)


def providers_in_order(available: Iterable[str]) -> list[str]:
    """The execution providers to try, the fastest first and the processor last."""
    offered = {*available, "CPUExecutionProvider"}
    return [name for name in _FASTEST_FIRST if name in offered]


def onnx_session(network: str | bytes, threads: int = 0) -> Any:
    """A session on an ONNX file, or on its content; `threads` a call, by default one a core.

    Raises whatever ONNX Runtime raises for what is no network: callers know its name.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers = providers_in_order(onnxruntime.get_available_providers())
    return onnxruntime.InferenceSession(network, options, providers=providers)


def two_output_network(model: str | bytes, name: str) -> TwoOutputs:
    """Features and logits by the network of an ONNX file, or of its content; messages call it by the name.

    Logits are (n, 0) if it has none, and of one logit they are (n, 2): its own and 0 for the other class.
    """
    try:
        # One thread a call: the embedding threads each run their own batch, and nobody waits at a barrier.
        session = onnx_session(model, threads=1)
    except Exception as error:
        raise EvenpickError(f"'{name}' is no ONNX network: {str(error).splitlines()[0]}") from error
    outputs = [output.name for output in session.get_outputs() if output.name in ("features", "logits")]
    if "features" not in outputs or len(session.get_inputs()) != 1:
        found = sorted(output.name for output in session.get_outputs())
        raise EvenpickError(f"'{name}' must have one input and the output 'features'; has {found}")
    image = session.get_inputs()[0]

    def network(batch: Singles) -> tuple[Singles, Singles]:
        # The pool holds float32, whatever the network computes with.
        given = {
            name: values.astype(np.float32, copy=False)
            for name, values in zip(outputs, session.run(outputs, {image.name: batch}), strict=True)
        }
        return given["features"], _with_all_classes(given.get("logits"), len(batch))

    size = image.shape[0] if image.shape else None
    return _in_batches_of(size, network) if isinstance(size, int) else network


def _with_all_classes(logits: Singles | None, n_images: int) -> Singles:
    if logits is None:
        return np.empty((n_images, 0), np.float32)
    if logits.ndim == 1:
        logits = logits[:, None]
    return np.hstack([np.zeros_like(logits), logits]) if logits.ndim == 2 and logits.shape[1] == 1 else logits


def _in_batches_of(size: int, network: TwoOutputs) -> TwoOutputs:
    """The same for any number of images, of a network that takes so many a call and no other number."""

    def run(batch: Singles) -> tuple[Singles, Singles]:
        missing = -len(batch) % size
        filled = np.concatenate([batch, np.zeros((missing, *batch.shape[1:]), batch.dtype)])
        parts = [network(filled[start : start + size]) for start in range(0, len(filled), size)]
        features, logits = (np.concatenate(part)[: len(batch)] for part in zip(*parts, strict=True))
        return features, logits

    return run
