"""Which execution providers of ONNX Runtime are tried, and in which order."""

import onnxruntime
import pytest

from evenpick.sources import onnx_session
from evenpick.sources.onnx_networks import providers_in_order


@pytest.mark.parametrize(
    ("available", "tried"),
    [
        (["CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (["CPUExecutionProvider", "CUDAExecutionProvider"], ["CUDAExecutionProvider", "CPUExecutionProvider"]),
        (
            ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
            ["CUDAExecutionProvider", "CPUExecutionProvider"],
        ),
        (
            ["AzureExecutionProvider", "ROCMExecutionProvider", "MIGraphXExecutionProvider"],
            ["MIGraphXExecutionProvider", "ROCMExecutionProvider", "CPUExecutionProvider"],
        ),
        (["DmlExecutionProvider", "CoreMLExecutionProvider"], ["CPUExecutionProvider"]),
    ],
)
def test_a_gpu_comes_before_the_processor_which_is_always_there(available, tried):
    assert providers_in_order(available) == tried


def test_a_session_runs_on_what_this_machine_offers(make_network, tmp_path):
    file = make_network(tmp_path / "tiny.onnx")
    expected = providers_in_order(onnxruntime.get_available_providers())

    for network in (str(file), file.read_bytes()):
        assert onnx_session(network).get_providers() == expected
