"""Preprocessing by hand, the default source on real photographs, and networks of the user's own."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.probabilities import softmax
from evenpick.sources import SourceDescription, SourceModel
from evenpick.sources.table import LITE0, TORCHVISION

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Exports go to a folder of the tests, never to the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def lite0(cache):
    source = SourceModel.load()
    assert [file.suffix for file in (cache / "evenpick").iterdir()] == [".onnx"]
    return source


@pytest.fixture(scope="session")
def photographs():
    pixels = {name: getattr(skimage.data, name)() for name in ("chelsea", "coffee", "rocket")}
    pixels["china"] = load_sample_image("china.jpg")
    return {name: Image.fromarray(values) for name, values in pixels.items()}


def probabilities(source, image):
    return softmax(source([image])[1])[0]


# --- preprocessing ----------------------------------------------------------------------------------


def test_pixels_are_scaled_to_one_and_laid_out_by_channel():
    image = Image.new("RGB", (2, 1), (255, 0, 51))

    batch = Preprocessing(size=1, crop=1.0, **PLAIN)([image, image])

    assert (batch.shape, batch.dtype) == ((2, 3, 1, 1), np.float32)
    assert batch.flags.c_contiguous
    assert batch[0].ravel() == pytest.approx([1.0, 0.0, 0.2])


def test_mean_and_deviation_are_those_of_each_channel():
    image = Image.new("RGB", (4, 4), (255, 0, 51))
    preprocessing = Preprocessing(size=2, mean=(0.5, 0.25, 0.1), std=(0.5, 0.25, 0.2))

    batch = preprocessing([image])

    assert batch[0, :, 0, 0] == pytest.approx([1.0, -1.0, 0.5], abs=1e-6)
    assert np.ptp(batch, axis=(2, 3)) == pytest.approx(np.zeros((1, 3)), abs=1e-6)


def test_bgr_networks_get_blue_first_with_mean_and_deviation_in_their_order():
    image = Image.new("RGB", (4, 4), (255, 0, 51))
    preprocessing = Preprocessing(size=1, channels="bgr", mean=(0.1, 0.0, 0.5), std=(0.2, 1.0, 0.5))

    assert preprocessing([image]).ravel() == pytest.approx([0.5, 0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("size", [(8, 4), (4, 8)])
def test_the_central_square_is_cut_out_of_the_long_side(size):
    """Eight pixels in a row: the middle four are kept as they are."""
    steps = np.arange(0, 160, 20, dtype=np.uint8)
    pixels = np.repeat(np.tile(steps, (4, 1))[..., None], 3, axis=2)
    image = Image.fromarray(pixels if size == (8, 4) else np.ascontiguousarray(pixels.transpose(1, 0, 2)))

    batch = Preprocessing(size=4, crop=1.0, **PLAIN)([image])[0, 0] * 255

    line = batch[0] if size == (8, 4) else batch[:, 0]
    assert line == pytest.approx([40, 60, 80, 100], abs=0.01)


def test_the_border_outside_the_crop_does_not_matter():
    image = Image.new("RGB", (8, 8), "red")
    image.paste("blue", (2, 2, 6, 6))

    half = Preprocessing(size=4, crop=0.5, **PLAIN)([image])[0]

    assert half[:, :, :].transpose(1, 2, 0).reshape(-1, 3).tolist() == [[0, 0, 1]] * 16


def test_bilinear_reduction_by_hand():
    # Halving with Pillow's triangle filter: weights 1, 3, 3, 1 over 8, cut off and rescaled at the border.
    image = Image.fromarray(np.repeat(np.uint8([[0, 80, 160, 240]])[..., None], 3, axis=2).repeat(4, axis=0))

    batch = Preprocessing(size=2, crop=1.0, **PLAIN)([image])[0, 0] * 255

    assert batch[0] == pytest.approx([(3 * 0 + 3 * 80 + 160) / 7, (80 + 3 * 160 + 3 * 240) / 7], abs=0.51)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 2)])
def test_images_of_any_size_become_whole_batches(size):
    batch = Preprocessing()([Image.new("RGB", size, "white")])

    assert batch.shape == (1, 3, 224, 224)
    assert batch[0, 0] == pytest.approx(np.full((224, 224), (1 - 0.485) / 0.229), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interpolation": "bicubik"}, "interpolation 'bicubik' does not exist; did you mean 'bicubic'"),
        ({"channels": "grb"}, "channels 'rgb' or 'bgr'; got 224, 0.875, 'grb'"),
        ({"size": 0}, "size must be >= 1"),
        ({"crop": 0}, r"crop in \(0, 1\]"),
        ({"crop": 1.01}, r"crop in \(0, 1\]"),
    ],
)
def test_preprocessing_that_cannot_be_is_refused(options, message):
    with pytest.raises(EvenpickError, match=message):
        Preprocessing(**options)


def test_preprocessing_is_read_back_from_what_is_stated_of_it(make_network, tmp_path):
    preprocessing = Preprocessing(size=8, crop=0.5, mean=(0.1, 0.2, 0.3), channels="bgr")
    source = SourceModel.from_onnx(make_network(tmp_path / "a.onnx"), preprocessing)

    assert SourceDescription.from_json(json.loads(json.dumps(source.describe().to_json()))) == source.describe()
    with pytest.raises(EvenpickError, match="setting 'sise' does not exist; did you mean 'size'"):
        Preprocessing.from_dict({"sise": 8})


# --- the default source on real photographs -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("chelsea", {281, 282, 285}),  # tabby, tiger cat, Egyptian cat
        ("coffee", {967}),  # espresso
        ("rocket", {657}),  # missile
        ("china", {698}),  # palace
    ],
)
def test_the_default_source_knows_real_photographs(name, classes, lite0, photographs):
    assert int(probabilities(lite0, photographs[name]).argmax()) in classes


@pytest.mark.parametrize("wrong", [{"channels": "bgr"}, {"mean": (0, 0, 0), "std": (1 / 255,) * 3}], ids=["bgr", "raw"])
@pytest.mark.parametrize(("name", "true"), [("rocket", 657), ("coffee", 967)])
def test_wrong_preprocessing_lowers_the_probability_of_the_true_class(name, true, wrong, lite0, photographs):
    confused = replace(lite0, preprocessing=replace(LITE0, **wrong))

    right = probabilities(lite0, photographs[name])[true]

    assert probabilities(confused, photographs[name])[true] < right - 0.05


def test_the_exported_network_agrees_with_pytorch(lite0, photographs):
    import torch

    from evenpick.sources.torch_networks import efficientnet_lite0

    batch = LITE0(list(photographs.values()))
    with torch.inference_mode():
        eager = [output.numpy() for output in efficientnet_lite0()(torch.from_numpy(batch))]

    for ours, theirs in zip(lite0.network(batch), eager, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)


def test_the_default_source_states_what_it_is(lite0):
    facts = lite0.describe()

    assert (facts.name, facts.feature_size, facts.class_count) == ("efficientnet_lite0", 1280, 1000)
    assert (facts.licence, facts.preprocessing) == ("Apache-2.0", LITE0)


def test_the_export_is_kept_and_then_needs_no_pytorch(lite0, cache):
    """In a process of its own, where importing torch fails as it does when it is not installed."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from evenpick import SourceModel\n"
        "print(SourceModel.load().feature_size)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "1280"


@pytest.mark.parametrize(
    "call",
    ["SourceModel.load()", "SourceModel.from_torch(object(), Preprocessing())"],
)
def test_without_pytorch_the_pip_line_is_printed(call, tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from evenpick import EvenpickError, Preprocessing, SourceModel\n"
        f"try:\n    {call}\n"
        "except EvenpickError as error:\n    print(error)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert run.stdout.strip().endswith("needs an extra that is not installed: pip install 'evenpick[torch]'")


# --- names and ONNX files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("efficientnet_lite", "source 'efficientnet_lite' does not exist; did you mean 'efficientnet_lite0'"),
        ("resnet8:weights.pth", "did you mean 'resnet18'"),
        ("", "known: efficientnet_lite0, resnet18, onnx, timm"),
    ],
)
def test_names_of_no_source_are_refused(name, message):
    with pytest.raises(EvenpickError, match=message):
        SourceModel.load(name)


def test_an_onnx_file_is_a_source_with_the_sizes_of_its_outputs(make_network, tmp_path):
    file = make_network(tmp_path / "own.onnx")

    source = SourceModel.load(f"onnx:{file}", Preprocessing(size=8))
    features, logits = source([Image.new("RGB", (20, 10)), Image.new("RGB", (9, 9), "white")])

    assert (source.name, source.feature_size, source.class_count) == (f"onnx:{file}", 4, 5)
    assert (features.shape, logits.shape) == ((2, 4), (2, 5))
    assert source.preprocessing.size == 8


@pytest.mark.parametrize("kind", ["FLOAT16", "DOUBLE"])
def test_networks_of_another_precision_give_float32(kind, make_network, tmp_path):
    import onnx

    images = [Image.new("RGB", (9, 9), colour) for colour in ("white", "red")]
    plain = SourceModel.from_onnx(make_network(tmp_path / "plain.onnx"), Preprocessing(size=8))(images)
    file = make_network(tmp_path / "own.onnx", kind=getattr(onnx.TensorProto, kind))

    for ours, theirs in zip(SourceModel.from_onnx(file, Preprocessing(size=8))(images), plain, strict=True):
        assert ours.dtype == np.float32
        assert ours == pytest.approx(theirs, rel=1e-2, abs=1e-2)


def test_a_network_for_one_image_a_call_is_given_one_at_a_time(make_network, tmp_path):
    images = [Image.new("RGB", (9, 9), colour) for colour in ("white", "red", "blue")]
    any_number = SourceModel.from_onnx(make_network(tmp_path / "any.onnx"), Preprocessing(size=8))
    one = SourceModel.from_onnx(make_network(tmp_path / "one.onnx", batch=1), Preprocessing(size=8))

    for ours, theirs in zip(one(images), any_number(images), strict=True):
        assert len(ours) == 3
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)


def test_onnx_files_of_other_weights_have_another_fingerprint(make_network, tmp_path):
    def fingerprint(name, seed):
        return SourceModel.from_onnx(make_network(tmp_path / name, seed=seed), Preprocessing(size=8)).fingerprint

    assert fingerprint("a.onnx", 0) == fingerprint("b.onnx", 0)
    assert fingerprint("a.onnx", 0) != fingerprint("c.onnx", 1)


def test_the_preprocessing_beside_an_onnx_file_is_used_unless_another_is_given(make_network, tmp_path):
    file = make_network(tmp_path / "own.onnx")
    (tmp_path / "own.json").write_text('{"size": 8, "std": [1, 1, 1]}')

    assert SourceModel.load(f"onnx:{file}").preprocessing == Preprocessing(size=8, std=(1, 1, 1))
    assert SourceModel.load(f"onnx:{file}", Preprocessing(size=8)).preprocessing == Preprocessing(size=8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"own\.json' does not state a preprocessing"),
        ("[8]", "does not state a preprocessing|setting '8' does not exist"),
        ('{"sise": 8}', "did you mean 'size'"),
        ('{"crop": "all"}', "does not state a preprocessing"),
    ],
)
def test_a_file_beside_an_onnx_file_that_states_no_preprocessing_is_refused(text, message, make_network, tmp_path):
    make_network(tmp_path / "own.onnx")
    (tmp_path / "own.json").write_text(text)

    with pytest.raises(EvenpickError, match=message):
        SourceModel.load(f"onnx:{tmp_path / 'own.onnx'}")


def test_a_network_with_other_outputs_is_refused_by_their_names(make_network, tmp_path):
    file = make_network(tmp_path / "own.onnx", outputs=("embedding", "logits"))

    with pytest.raises(EvenpickError, match=r"outputs 'features' and 'logits'; has \['embedding', 'logits'\]"):
        SourceModel.from_onnx(file, Preprocessing(size=8))


@pytest.mark.parametrize("data", [b"", b"no network at all", bytes(1000)], ids=["empty", "text", "zeros"])
def test_a_file_that_is_no_network_is_refused_in_one_line(data, tmp_path):
    file = tmp_path / "own.onnx"
    file.write_bytes(data)

    with pytest.raises(EvenpickError, match=r"own\.onnx' (is no ONNX network|must have one input)") as caught:
        SourceModel.from_onnx(file, Preprocessing())
    assert "\n" not in str(caught.value)


def test_a_network_for_images_of_another_size_is_refused(make_network, tmp_path):
    file = make_network(tmp_path / "own.onnx")

    with pytest.raises(EvenpickError, match=r"does not take images of shape \(n, 3, 224, 224\)"):
        SourceModel.from_onnx(file, TORCHVISION)


# --- PyTorch modules --------------------------------------------------------------------------------


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


# --- ResNet-18 in torchvision's layout --------------------------------------------------------------


@pytest.fixture(scope="session")
def resnet18_state():
    import torch

    from evenpick.sources.torch_networks import ResNet18

    torch.manual_seed(0)
    return ResNet18().state_dict()


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
def test_a_file_of_other_weights_is_refused(kind, extension, resnet18_state, cache, tmp_path):
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
    import pickle

    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    file = tmp_path / "weights.pth"
    file.write_bytes(pickle.dumps(Harm(), protocol=2))

    with pytest.raises(EvenpickError, match="does not hold torchvision's resnet18"):
        SourceModel.load(f"resnet18:{file}")
    assert not (tmp_path / "harm").exists()


def test_a_source_can_be_sent_to_another_process_by_the_content_of_its_file(make_network, tmp_path):
    file = make_network(tmp_path / "tiny.onnx")
    source = SourceModel.from_onnx(file, Preprocessing(size=8), licence="ours")
    batch = np.random.default_rng(0).normal(size=(3, 3, 8, 8)).astype(np.float32)
    sent = pickle.dumps(source)
    file.unlink()

    arrived = pickle.loads(sent)

    assert arrived.describe() == source.describe()
    for ours, theirs in zip(source.network(batch), arrived.network(batch), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_source_prints_as_one_line(make_network, tmp_path):
    file = make_network(tmp_path / "tiny.onnx")

    source = SourceModel.from_onnx(file, Preprocessing(size=8), "mine", licence="MIT")

    assert repr(source) == "source model mine (4 features, 5 source classes; MIT; Preprocessing(size=8))"


def test_a_source_that_is_no_file_is_not_sent_anywhere():
    source = SourceModel("made", Preprocessing(), 1, 1, "none", "0", lambda batch: (batch, batch))

    with pytest.raises(EvenpickError, match="'made' was not read from an ONNX file"):
        pickle.dumps(source)
