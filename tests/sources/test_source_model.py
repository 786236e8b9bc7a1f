"""The default source on real photographs, and ONNX networks of the user's own."""

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
from evenpick.installing import install_command
from evenpick.probabilities import softmax
from evenpick.sources import SourceDescription, SourceModel
from evenpick.sources.table import LITE0, TORCHVISION


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
    assert sorted(file.suffix for file in (cache / "evenpick").iterdir()) == [".onnx", ".sha256"]
    return source


@pytest.fixture(scope="session")
def photographs():
    pixels = {name: getattr(skimage.data, name)() for name in ("chelsea", "coffee", "rocket")}
    pixels["china"] = load_sample_image("china.jpg")
    return {name: Image.fromarray(values) for name, values in pixels.items()}


def probabilities(source, image):
    return softmax(source([image])[1])[0]


def test_preprocessing_is_read_back_from_what_is_stated_of_it(make_network, tmp_path):
    preprocessing = Preprocessing(size=8, crop=0.5, mean=(0.1, 0.2, 0.3), channels="bgr")
    source = SourceModel.from_onnx(make_network(tmp_path / "a.onnx"), preprocessing)

    assert SourceDescription.from_json(json.loads(json.dumps(source.describe().to_json()))) == source.describe()
    with pytest.raises(EvenpickError, match="setting 'sise' does not exist; did you mean 'size'"):
        Preprocessing.from_dict({"sise": 8})


# --- the default source on real photographs -------------------------------------------------------------


@pytest.mark.slow
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
@pytest.mark.slow
@pytest.mark.parametrize(("name", "true"), [("rocket", 657), ("coffee", 967)])
def test_wrong_preprocessing_lowers_the_probability_of_the_true_class(name, true, wrong, lite0, photographs):
    confused = replace(lite0, preprocessing=replace(LITE0, **wrong))

    right = probabilities(lite0, photographs[name])[true]

    assert probabilities(confused, photographs[name])[true] < right - 0.05


def test_the_default_source_states_what_it_is(lite0):
    facts = lite0.describe()

    assert (facts.name, facts.feature_size, facts.class_count) == ("efficientnet_lite0", 1280, 1000)
    assert (facts.licence, facts.preprocessing) == ("Apache-2.0", LITE0)


def run_without_pytorch(code, cache):
    """In a process of its own, where importing torch fails as it does when it is not installed."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    lines = f"import sys; sys.modules['torch'] = None\n{code}"
    run = subprocess.run([sys.executable, "-c", lines], env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_the_default_source_needs_no_pytorch(tmp_path):
    code = "from evenpick import SourceModel\nprint(SourceModel.load().feature_size)"

    assert run_without_pytorch(code, tmp_path) == "1280"


@pytest.mark.slow
def test_without_pytorch_the_pip_line_is_printed(tmp_path):
    code = (
        "from evenpick import EvenpickError, Preprocessing, SourceModel\n"
        "try:\n    SourceModel.from_torch(object(), Preprocessing())\n"
        "except EvenpickError as error:\n    print(error)"
    )

    assert run_without_pytorch(code, tmp_path).endswith(
        f"needs an extra that is not installed: {install_command('torch')}"
    )


# --- names and ONNX files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("efficientnet_lite", "source 'efficientnet_lite' does not exist; did you mean 'efficientnet_lite0'"),
        ("resnet8:weights.pth", "did you mean 'resnet18'"),
        ("", "known: efficientnet_lite0, efficientnet_lite1, efficientnet_lite2, resnet18, onnx, hf, timm"),
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
        ('{"mean": [0.5, 0.5]}', "mean must be three numbers from 0 to 1"),
        ('{"mean": [123.7, 116.3, 103.5]}', r"for pixel values from 0 to 1 \(divide those for 0 to 255 by 255\)"),
        ('{"std": [0, 1, 1]}', "std must be three numbers from 1e-06 to 1"),
        ('{"mean": "grey"}', "mean must be three numbers"),
        ('{"mean": 0.5}', "does not state a preprocessing"),
        ('{"size": 32.5}', "size must be a whole number from 1 to 4,096"),
        ('{"size": 100000}', "size must be a whole number from 1 to 4,096"),
        ('{"reduced_jpeg": 1}', "reduced_jpeg must be true or false"),
    ],
)
def test_a_file_beside_an_onnx_file_that_states_no_preprocessing_is_refused(text, message, make_network, tmp_path):
    make_network(tmp_path / "own.onnx")
    (tmp_path / "own.json").write_text(text)

    with pytest.raises(EvenpickError, match=message):
        SourceModel.load(f"onnx:{tmp_path / 'own.onnx'}")


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
