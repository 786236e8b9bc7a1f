"""The one-file classifier against NumPy: the network run on its own, everything else computed by hand."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import skimage.data
from onnx import TensorProto, helper
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.feature_transform import AT_CENTRE, FeatureTransform
from evenpick.images import Preprocessing
from evenpick.sources import SourceModel
from evenpick.training.onnx_export import ClassifierHead, onnx_classifier

pytestmark = pytest.mark.slow

TINY = Preprocessing(size=8)


@pytest.fixture(scope="module")
def photographs():
    return [Image.fromarray(getattr(skimage.data, name)()) for name in ("chelsea", "coffee", "rocket")]


def make_head(n_features=4, n_classes=3, temperature=0.1, size=1.0):
    """As at a small C, each score is about -1, and they differ by `size` only."""
    rng = np.random.default_rng(7)
    weights, intercepts = size * rng.normal(size=(n_classes, n_features)), -1 + size * rng.normal(size=n_classes)
    shift = 0.5 * np.log(rng.dirichlet(np.ones(n_classes)))
    return ClassifierHead(weights, intercepts, temperature, shift, tuple(f"class {i}" for i in range(n_classes)))


def logits_head(temperature=1.0):
    return ClassifierHead(None, None, temperature, np.linspace(-1, 1, 5), tuple("abcde"))


def predict(classifier, preprocessing, images):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(classifier, options, providers=["CPUExecutionProvider"])
    pixels = np.stack([np.asarray(preprocessing.cut(image)) for image in images])
    (probabilities,) = session.run(["probabilities"], {"image": pixels})
    return probabilities


def expected(file, preprocessing, head, images):
    features, logits = SourceModel.from_onnx(file, preprocessing)(images)
    scores = logits.astype(np.float64)
    if head.weights is not None:
        x, transform = features.astype(np.float64), head.transform
        x = at_length_1(np.sign(x) * np.abs(x) ** transform.power)
        x = x if transform.centre is None else at_length_1(x - transform.centre, AT_CENTRE)
        scores = x @ head.weights.T + head.intercepts
    scores = scores / head.temperature - head.shift
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def at_length_1(x, short=0.0):
    lengths = np.sqrt((x * x).sum(axis=1, keepdims=True))
    return x / np.where(lengths > short, lengths, 1)


def assert_agrees(file, preprocessing, head, images):
    classifier = onnx_classifier(file.read_bytes(), preprocessing, head, {})
    onnx.checker.check_model(onnx.load_from_string(classifier), full_check=True)
    got, want = predict(classifier, preprocessing, images), expected(file, preprocessing, head, images)
    assert (got.dtype, got.shape) == (np.float32, want.shape)
    assert np.isfinite(got).all()
    assert np.abs(got - want).max() < 1e-6
    return want


def spread(probabilities):
    """How far apart the images' answers are: a test of equal rows would show nothing."""
    return np.ptp(probabilities, axis=0).max()


def test_a_tiny_network_gives_the_probabilities_computed_by_hand(tmp_path, make_network, photographs):
    want = assert_agrees(make_network(tmp_path / "a.onnx"), TINY, make_head(temperature=1.0), photographs)

    assert spread(want) > 0.1


@pytest.mark.parametrize("power", [1.0, 0.6])
def test_features_are_transformed_as_the_head_was_trained_on_them(tmp_path, make_network, photographs, power):
    file = make_network(tmp_path / "a.onnx")
    features = SourceModel.from_onnx(file, TINY)(photographs)[0]
    transform = replace(FeatureTransform.fitted_to(features)[0], power=power)
    head = replace(make_head(temperature=1.0), transform=transform)

    want = assert_agrees(file, TINY, head, photographs)

    assert (features < 0).any()
    assert np.abs(want - expected(file, TINY, make_head(temperature=1.0), photographs)).max() > 0.05


def test_an_image_at_the_centre_has_the_scores_of_no_features(tmp_path, make_network, photographs):
    file = make_network(tmp_path / "a.onnx")
    features = SourceModel.from_onnx(file, TINY)(photographs[:1])[0]
    head = replace(make_head(), transform=FeatureTransform.fitted_to(features)[0])

    want = assert_agrees(file, TINY, head, photographs[:1])

    scores = head.intercepts / 0.1 - head.shift
    assert want[0] == pytest.approx(np.exp(scores) / np.exp(scores).sum(), abs=1e-5)


@pytest.mark.parametrize(
    ("temperature", "size"),
    [(1e-1, 1.0), (1e-4, 1e-4), (1e3, 1.0)],
    ids=["usual", "tiny scores", "flattened"],
)
def test_the_default_source_gives_them_on_real_photographs(source_cache, photographs, temperature, size):
    source = SourceModel.load()
    file = source.file
    head = make_head(source.feature_size, 5, temperature, size)

    assert_agrees(file, source.preprocessing, head, photographs)


def test_the_layers_behind_an_output_that_is_not_used_are_left_out(source_cache):
    source = SourceModel.load()
    file = source.file

    classifier = onnx_classifier(file.read_bytes(), source.preprocessing, make_head(source.feature_size), {})

    imagenet_head = 4 * source.feature_size * source.class_count
    assert len(classifier) < file.stat().st_size - 0.9 * imagenet_head


def test_no_path_of_this_machine_is_handed_on(source_cache):
    source = SourceModel.load()
    file = source.file

    classifier = onnx_classifier(file.read_bytes(), source.preprocessing, make_head(source.feature_size), {})

    assert b"torch_export.py" not in classifier
    assert b"site-packages" not in classifier


def test_a_network_of_bgr_images_gets_them(tmp_path, make_network, photographs):
    file = make_network(tmp_path / "a.onnx")
    bgr = Preprocessing(size=8, channels="bgr", mean=(0.1, 0.4, 0.6), std=(0.2, 0.3, 0.4))
    rgb = Preprocessing(size=8, mean=bgr.mean, std=bgr.std)

    want = assert_agrees(file, bgr, make_head(), photographs)

    assert np.abs(want - expected(file, rgb, make_head(), photographs)).max() > 0.01


def test_features_of_zero_are_left_as_they_are(tmp_path, make_network):
    file = make_network(tmp_path / "a.onnx")
    raw = Preprocessing(size=8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    black = Image.new("RGB", (8, 8))

    want = assert_agrees(file, raw, make_head(), [black])

    scores = make_head().intercepts / 0.1 - make_head().shift
    assert want[0] == pytest.approx(np.exp(scores) / np.exp(scores).sum())


@pytest.mark.parametrize(("temperature", "size"), [(1e-4, 1e-4), (1e-4, 1.0), (1e3, 1.0)])
def test_extreme_temperatures_keep_the_precision(tmp_path, make_network, photographs, temperature, size):
    assert_agrees(make_network(tmp_path / "a.onnx"), TINY, make_head(temperature=temperature, size=size), photographs)


@pytest.mark.parametrize("temperature", [0.3, 1e-4, 1e3])
def test_without_weights_the_logits_are_the_scores(tmp_path, make_network, photographs, temperature):
    want = assert_agrees(make_network(tmp_path / "a.onnx"), TINY, logits_head(temperature), photographs)

    assert want.shape == (3, 5)


def test_without_weights_no_features_are_needed(tmp_path, make_network):
    file = make_network(tmp_path / "a.onnx", outputs=("embedding", "logits"))

    assert onnx_classifier(file.read_bytes(), TINY, logits_head(), {})


def test_a_network_for_one_image_a_call_stays_one(tmp_path, make_network, photographs):
    file = make_network(tmp_path / "a.onnx", batch=1)

    assert_agrees(file, TINY, make_head(), photographs[:1])

    graph = onnx.load_from_string(onnx_classifier(file.read_bytes(), TINY, make_head(), {})).graph
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.input, *graph.output)]
    assert shapes == [[1, 8, 8, 3], [1, 3]]


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_outputs_of_another_precision_are_taken(tmp_path, make_network, photographs, kind):
    assert_agrees(make_network(tmp_path / "a.onnx", kind=kind), TINY, make_head(), photographs)


def test_an_input_of_another_precision_gets_its_own(tmp_path, make_network, photographs):
    file = make_network(tmp_path / "a.onnx")
    model = onnx.load(file)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    model.graph.node[0].input[0] = "single"
    model.graph.node.insert(0, helper.make_node("Cast", ["image"], ["single"], to=TensorProto.FLOAT))

    classifier = onnx_classifier(model.SerializeToString(), TINY, make_head(), {})

    want = expected(file, TINY, make_head(), photographs)
    assert predict(classifier, TINY, photographs) == pytest.approx(want, abs=0.01)


def test_names_and_branches_of_the_network_do_not_matter(tmp_path, make_network, photographs):
    """Its tensors are called as ours, and the branches of an If read them from outside."""
    file = make_network(tmp_path / "a.onnx")
    model = onnx.load(file)
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [{"maps": "probabilities", "pooled": "cast_0"}.get(name, name) for name in names]
    branches = {
        f"{branch}_branch": helper.make_graph(
            [helper.make_node("Identity", ["flat"], [branch])],
            branch,
            [],
            [helper.make_tensor_value_info(branch, TensorProto.FLOAT, ["n", 4])],
        )
        for branch in ("then", "else")
    }
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "constant_0"))
    model.graph.node[3].CopyFrom(helper.make_node("If", ["constant_0"], ["values"], **branches))
    onnx.save(model, file)

    assert_agrees(file, TINY, make_head(), photographs)


def test_the_metadata_say_what_the_model_is(tmp_path, make_network):
    facts = {"licence": "Apache-2.0", "n_labels": 70, "C": 0.1, "names": ["é"]}

    classifier = onnx_classifier(make_network(tmp_path / "a.onnx").read_bytes(), TINY, make_head(), facts)

    session = onnxruntime.InferenceSession(classifier, providers=["CPUExecutionProvider"])
    stored = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    assert Preprocessing.from_dict(stored.pop("preprocessing")) == TINY
    assert stored == {**facts, "classes": ["class 0", "class 1", "class 2"]}
    (image,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", ["n", 8, 8, 3])
    assert (probabilities.name, probabilities.type, probabilities.shape) == (
        "probabilities",
        "tensor(float)",
        ["n", 3],
    )


def test_a_network_without_the_output_is_refused(tmp_path, make_network):
    file = make_network(tmp_path / "a.onnx", outputs=("embedding", "logits"))

    with pytest.raises(EvenpickError, match=r"one input and the output 'features'; has \['image'\] and \['embedding'"):
        onnx_classifier(file.read_bytes(), TINY, make_head(), {})


def test_a_network_of_a_very_old_opset_is_refused(tmp_path, make_network):
    model = onnx.load(make_network(tmp_path / "a.onnx"))
    model.opset_import[0].version = 8

    with pytest.raises(EvenpickError, match="opset 9 or newer; is of 8"):
        onnx_classifier(model.SerializeToString(), TINY, make_head(), {})


def test_weights_in_a_file_beside_the_network_are_refused(tmp_path, make_network):
    model = onnx.load(make_network(tmp_path / "a.onnx"))
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights", size_threshold=0)

    with pytest.raises(EvenpickError, match="hold its weights itself"):
        onnx_classifier(model.SerializeToString(), TINY, make_head(), {})
