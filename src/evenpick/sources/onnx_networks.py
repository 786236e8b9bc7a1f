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
    """Features and logits by the network of an ONNX file, or of its content; messages call it by the name."""
    try:
        # One thread a call: the embedding threads each run their own batch, and nobody waits at a barrier.
        session = onnx_session(model, threads=1)
    except Exception as error:
        raise EvenpickError(f"'{name}' is no ONNX network: {str(error).splitlines()[0]}") from error
    outputs = {output.name for output in session.get_outputs()}
    if not {"features", "logits"} <= outputs or len(session.get_inputs()) != 1:
        raise EvenpickError(
            f"'{name}' must have one input and the outputs 'features' and 'logits'; has {sorted(outputs)}"
        )
    image = session.get_inputs()[0].name

    def network(batch: Singles) -> tuple[Singles, Singles]:
        features, logits = session.run(["features", "logits"], {image: batch})
        # The pool holds float32, whatever the network computes with.
        return features.astype(np.float32, copy=False), logits.astype(np.float32, copy=False)

    return network
