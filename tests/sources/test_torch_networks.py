"""PyTorch modules as sources, and ResNet-18 in torchvision's layout."""

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.images.preprocessing import FITS
from evenpick.sources import SourceModel, torch_networks
from evenpick.sources.efficientnet_lite import read_weights
from evenpick.sources.table import TORCHVISION

pytestmark = pytest.mark.usefixtures("source_cache")


@pytest.fixture
def module():
    """Four features, then a head called `fc`; dropout shows whether it is in evaluation mode."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    parts = {"conv": nn.Conv2d(3, 4, 2), "pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten()}
    network = nn.Sequential()
    for name, part in {**parts, "dropout": nn.Dropout(0.5), "fc": nn.Linear(4, 6)}.items():
        network.add_module(name, part)
    return network


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (10, 12, 3), dtype=np.uint8)) for _ in range(3)]


def test_the_input_of_a_named_head_is_taken_as_features(module, images):
    source = SourceModel.from_torch(module, Preprocessing(size=8), head="fc")
    features, logits = source(images)

    assert (source.feature_size, source.class_count) == (4, 6)
    assert logits == pytest.approx(
        features @ module.fc.weight.detach().numpy().T + module.fc.bias.detach().numpy(), abs=1e-5
    )
    assert np.array_equal(source(images)[1], logits)


def test_a_module_with_two_outputs_is_taken_as_it_is(module, images):
    import torch

    class TwoOutputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.fc = module[:4], module.fc

        def forward(self, image):
            features = self.body(image)
            return features, self.fc(features)

    two = SourceModel.from_torch(TwoOutputs(), Preprocessing(size=8))(images)
    one = SourceModel.from_torch(module, Preprocessing(size=8), head="fc")(images)

    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(two, one, strict=True))


def test_a_module_without_features_asks_for_its_head(module):
    with pytest.raises(EvenpickError, match=r"^the module gives one output: name its last linear layer as `head`$"):
        SourceModel.from_torch(module, Preprocessing(size=8))
    with pytest.raises(EvenpickError, match="the module has no layer 'classifier' to take features from"):
        SourceModel.from_torch(module, Preprocessing(size=8), head="classifier")


def test_a_module_without_classes_gives_its_output_as_features(module, images):
    source = SourceModel.from_torch(module[:4], Preprocessing(size=8), classes=False)
    features, logits = source(images)

    assert (source.feature_size, source.class_count) == (4, 0)
    assert logits.shape == (3, 0)
    assert np.allclose(features, SourceModel.from_torch(module, Preprocessing(size=8), head="fc")(images)[0], atol=1e-6)


@pytest.mark.slow
def test_a_module_without_classes_is_exported_without_logits(module, images, tmp_path):
    from evenpick.sources.torch_networks import as_two_outputs, export_onnx

    export_onnx(as_two_outputs(module[:4], None, classes=False), 8, tmp_path / "encoder.onnx")
    source = SourceModel.from_onnx(tmp_path / "encoder.onnx", Preprocessing(size=8))

    assert source.class_count == 0
    eager = SourceModel.from_torch(module[:4], Preprocessing(size=8), classes=False)
    assert np.allclose(source(images)[0], eager(images)[0], atol=1e-5)


def test_timms_encoders_are_told_from_its_classifiers_by_their_number_of_classes():
    from evenpick.sources.torch_networks import is_label_set

    assert all(map(is_label_set, (10, 45, 1000, 11221, 11821, 19168, 21841, 21842, 21843)))  # all in timm 1.0.31
    assert not any(map(is_label_set, (0, 384, 512, 640, 768, 1024, 1152, 1280)))


def test_the_tag_of_timms_weights_says_whether_their_classes_are_those_of_ilsvrc():
    from evenpick.sources.torch_networks import has_ilsvrc_classes

    told = ("in1k", "a1_in1k", "fb_in22k_ft_in1k_384", "openai_ft_in12k_in1k", "sw_in12k_ft_in1k_288")
    assert all(has_ilsvrc_classes(1000, tag) for tag in told)
    assert not any(
        has_ilsvrc_classes(1000, tag) for tag in ("", "in12k", "in1k_ft_inat21", "plain1k", "joint_in1k_food")
    )
    assert not has_ilsvrc_classes(1001, "in1k")


@pytest.mark.parametrize(("mode", "fit"), [(None, "crop"), ("center", "crop"), ("squash", "squash"), ("border", "pad")])
def test_the_crop_mode_of_timm_is_heeded(mode, fit):
    from evenpick.sources.torch_networks import timm_preprocessing

    data = {
        "input_size": (3, 378, 378),
        "crop_pct": 1.0,
        "interpolation": "bicubic",
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
    }
    found = timm_preprocessing(data if mode is None else {**data, "crop_mode": mode})

    assert found == Preprocessing(378, 1.0, "bicubic", (0.5,) * 3, (0.5,) * 3, fit=fit)


def test_a_module_that_takes_no_such_images_is_refused(module):
    with pytest.raises(EvenpickError, match=r"source 'mine' does not take images of shape \(n, 3, 1, 1\)"):
        SourceModel.from_torch(module, Preprocessing(size=1), head="fc", name="mine")


def test_modules_of_other_weights_have_another_fingerprint(module):
    import torch

    def fingerprint():
        return SourceModel.from_torch(module, Preprocessing(size=8), head="fc").fingerprint

    first = fingerprint()
    assert fingerprint() == first
    with torch.no_grad():
        module.fc.bias[0] += 1
    assert fingerprint() != first


@pytest.fixture(scope="session")
def resnet18_state():
    import torch

    from evenpick.sources.torch_networks import ResNet18

    torch.manual_seed(0)
    return ResNet18().state_dict()


@pytest.mark.slow
def test_resnet18_weights_become_a_source(resnet18_state, images, tmp_path):
    import torch
    from safetensors.torch import save_file

    from evenpick.sources.torch_networks import resnet18

    file = tmp_path / "resnet18.safetensors"
    save_file(resnet18_state, file)
    source = SourceModel.load(f"resnet18:{file}")
    with torch.inference_mode():
        eager = resnet18(file)(torch.from_numpy(TORCHVISION(images)))

    assert (source.feature_size, source.class_count) == (512, 1000)
    for ours, theirs in zip(source(images), eager, strict=True):
        assert ours == pytest.approx(theirs.numpy(), rel=1e-3, abs=1e-4)


def test_resnet18_has_the_names_and_sizes_of_torchvision(resnet18_state):
    shapes = {name: tuple(tensor.shape) for name, tensor in resnet18_state.items()}

    assert len(shapes) == 122
    assert sum(int(np.prod(s)) for n, s in shapes.items() if n.endswith((".weight", ".bias"))) == 11_689_512
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["layer4.1.bn2.running_var"] == (512,)


@pytest.mark.parametrize("kind", ["other layers", "fewer layers", "text", "empty"])
@pytest.mark.parametrize("extension", ["safetensors", "pth"])
def test_a_file_of_other_weights_is_refused(kind, extension, resnet18_state, tmp_path):
    import torch
    from safetensors.torch import save_file

    file = tmp_path / f"weights.{extension}"
    if kind in ("text", "empty"):
        file.write_bytes(b"no weights" if kind == "text" else b"")
    else:
        state = {"fc.weight": torch.zeros(3, 3)}
        if kind == "fewer layers":
            state = {name: tensor for name, tensor in resnet18_state.items() if not name.startswith("layer4")}
        if extension == "safetensors":
            save_file(state, file)
        else:
            torch.save(state, file)

    with pytest.raises(EvenpickError, match=f"weights.{extension}' does not hold torchvision's resnet18") as caught:
        SourceModel.load(f"resnet18:{file}")
    assert "\n" not in str(caught.value)


def test_weights_that_are_pickled_code_are_never_run(tmp_path):

    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    file = tmp_path / "weights.pth"
    file.write_bytes(pickle.dumps(Harm(), protocol=2))

    with pytest.raises(EvenpickError, match="does not hold torchvision's resnet18"):
        SourceModel.load(f"resnet18:{file}")
    assert not (tmp_path / "harm").exists()


def test_tensors_of_any_kind_have_a_fingerprint():
    torch = pytest.importorskip("torch")
    from evenpick.sources.torch_networks import fingerprint

    half = torch.nn.Linear(2, 3).to(torch.bfloat16)

    assert fingerprint(half) != fingerprint(torch.nn.Linear(2, 3))
    assert fingerprint(torch.nn.Flatten()) == fingerprint(torch.nn.Flatten())


def test_every_crop_mode_of_timm_is_a_fit():
    """timm 1.0 has three (`transforms_imagenet_eval`): it scales the short side, both sides, or the long side."""
    assert torch_networks._FIT_OF_CROP_MODE == {"center": "crop", "squash": "squash", "border": "pad"}
    assert set(torch_networks._FIT_OF_CROP_MODE.values()) == set(FITS)


@pytest.mark.slow
def test_timms_network_with_the_default_sources_weights_sees_the_same(photo_folder, monkeypatch):
    """timm builds EfficientNet-Lite0 by code of its own, and evenpick without PyTorch: the weights of one package for both."""
    import torch

    timm = pytest.importorskip("timm", exc_type=ImportError)
    weights = {name: values for name, values in read_weights(0).items() if "num_batches" not in name}
    names = [name for name in timm.create_model("tf_efficientnet_lite0").state_dict() if "num_batches" not in name]
    # Both list their layers in the order of the network.
    state = {name: torch.from_numpy(values.copy()) for name, values in zip(names, weights.values(), strict=True)}
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda *source, **settings: {**state})
    own, theirs = SourceModel.load("efficientnet_lite0"), SourceModel.load("timm:tf_efficientnet_lite0")
    images = [Image.open(file).convert("RGB") for file in sorted(photo_folder.rglob("*.jpg"))]
    batch = own.preprocessing(images)

    (features, logits), (expected, expected_logits) = theirs.network(batch), own.network(batch)

    assert (theirs.class_count, theirs.preprocessing.fit, theirs.preprocessing.size) == (1000, "crop", 224)
    assert np.ptp(expected, axis=0).max() > 0.1
    assert features == pytest.approx(expected, abs=1e-4)
    assert logits == pytest.approx(expected_logits, abs=1e-4)
