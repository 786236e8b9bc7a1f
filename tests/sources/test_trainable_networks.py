"""Networks to train: what can be trained here and why not, a new head, draws that leave PyTorch's own state alone."""

import sys

import pytest
import torch
from safetensors.torch import save_file

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.installing import install_command
from evenpick.sources import new_network, torch_seed, trainable
from evenpick.sources.torch_networks import ResNet18

pytestmark = pytest.mark.slow


@pytest.fixture
def resnet18(tmp_path, made_source):
    with torch_seed(0):
        save_file(ResNet18().state_dict(), tmp_path / "weights.safetensors")
    return made_source(f"resnet18:{tmp_path / 'weights.safetensors'}", Preprocessing(size=32))


def test_a_source_that_no_row_of_the_table_builds_is_refused(made_source):
    reason = "source 'made' cannot be built again from its name, so it cannot be trained; embed with efficientnet_lite0"

    assert trainable(made_source("made")).startswith(reason)
    assert trainable(made_source("my+own")).startswith(reason.replace("made", "my+own"))  # it is one network
    with pytest.raises(EvenpickError, match=reason):
        new_network(made_source("made"), 2)


def test_weights_that_are_gone_are_named(made_source):
    assert trainable(made_source("resnet18:gone.pth")) == (
        "source 'resnet18:gone.pth' cannot be trained: its weights 'gone.pth' are no file; put them back there"
    )


def test_without_pytorch_the_pip_line_is_the_reason(made_source, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    assert trainable(made_source("efficientnet_lite0")) == (
        f"fine-tuning source 'efficientnet_lite0' needs an extra that is not installed: {install_command('torch')}"
    )


def test_the_new_head_has_an_output_for_each_class_on_the_features_of_the_source(resnet18):
    network = new_network(resnet18, 3).cpu().eval()

    with torch.no_grad():
        features, logits = network(torch.zeros(2, 3, 32, 32))

    assert (features.shape, logits.shape) == ((2, 512), (2, 3))
    assert torch.allclose(logits, network.head(features))


def test_a_seed_draws_the_same_and_leaves_the_state_of_pytorch_as_it_was():
    before = torch.get_rng_state()
    draws = []
    for seed in (5, 5, 6):
        with torch_seed(seed):
            draws.append(torch.rand(4))

    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(before, torch.get_rng_state())
