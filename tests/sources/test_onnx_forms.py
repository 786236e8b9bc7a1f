"""ONNX files as people have them: whatever their form, the numbers are those of the same network in the plain form."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.sources import SourceModel

pytestmark = pytest.mark.usefixtures("source_cache")
TINY = Preprocessing(size=8)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (10, 12, 3), dtype=np.uint8)) for _ in range(5)]


def changed(file, *, before=(), behind=(), image=None, outputs=None):
    """The network of a file with nodes before its input (from `given`) and behind its outputs, and other ends."""
    model = onnx.load(file)
    graph = model.graph
    if before:
        for node in graph.node:
            node.input[:] = ["fed" if name == "image" else name for name in node.input]
    nodes = [*before, *graph.node, *behind]
    del graph.node[:]
    graph.node.extend(nodes)
    if image:
        graph.input[0].CopyFrom(image)
    if outputs:
        del graph.output[:]
        graph.output.extend(outputs)
    onnx.save(model, file)
    return file


def info(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs, [output], **attributes)


FORMS = {
    "pixels last": lambda file: changed(
        file, before=[node("Transpose", ["given"], "fed", perm=[0, 3, 1, 2])], image=info("given", ["n", 8, 8, 3])
    ),
    "half precision in": lambda file: changed(
        file, before=[node("Cast", ["given"], "fed", to=1)], image=info("given", ["n", 3, 8, 8], TensorProto.FLOAT16)
    ),
    "names of Hugging Face": lambda file: changed(
        file,
        behind=[node("Identity", ["features"], "image_embeds")],
        outputs=[info("image_embeds", ["n", 4]), info("logits", ["n", 5])],
    ),
    "tokens": lambda file: changed(
        file,
        behind=[
            helper.make_node("Unsqueeze", ["features", "axis"], ["one"]),
            node("Neg", ["one"], "other"),
            node("Concat", ["one", "other", "other"], "last_hidden_state", axis=1),
        ],
        outputs=[info("last_hidden_state", ["n", 3, 4]), info("logits", ["n", 5])],
    ),
    "maps": lambda file: changed(
        file, behind=[node("Identity", ["maps"], "x")], outputs=[info("x", ["n", 4, 4, 4]), info("logits", ["n", 5])]
    ),
    "eight images a call": lambda file: changed(file, image=info("image", [8, 3, 8, 8])),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_network_of_another_form_gives_the_same(form, make_network, images, tmp_path):
    plain = SourceModel.from_onnx(make_network(tmp_path / "plain.onnx"), TINY)(images)
    file = make_network(tmp_path / "own.onnx")
    if form == "tokens":
        model = onnx.load(file)
        model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "axis"))
        onnx.save(model, file)
    FORMS[form](file)
    if form == "maps":
        (tmp_path / "own.json").write_text('{"features": "x"}')

    source = SourceModel.load(f"onnx:{file}")

    assert source.preprocessing.size == 8
    for ours, theirs in zip(source(images), plain, strict=True):
        assert ours.dtype == np.float32
        assert ours == pytest.approx(
            theirs, rel=1e-2 if form == "half precision in" else 1e-5, abs=1e-2 if form == "half precision in" else 1e-5
        )


def test_an_encoder_without_logits_has_no_classes(make_network, images, tmp_path):
    file = changed(make_network(tmp_path / "own.onnx"), outputs=[info("features", ["n", 4])])

    source = SourceModel.load(f"onnx:{file}")
    features, logits = source(images)

    assert (source.feature_size, source.class_count) == (4, 0)
    assert (features.shape, logits.shape) == ((5, 4), (5, 0))
    assert "no source classes" in repr(source)


def test_logits_that_are_none_are_left_out_by_name(make_network, images, tmp_path):
    file = make_network(tmp_path / "own.onnx")
    (tmp_path / "own.json").write_text('{"logits": ""}')

    assert SourceModel.load(f"onnx:{file}").class_count == 0


def test_one_logit_is_that_of_two_classes(make_network, images, tmp_path):
    file = make_network(tmp_path / "own.onnx")
    whole = SourceModel.from_onnx(file, TINY)(images)[1]
    model = onnx.load(file)
    model.graph.initializer.append(numpy_helper.from_array(np.array([2]), "third"))
    onnx.save(model, file)
    changed(
        file,
        behind=[node("Gather", ["logits", "third"], "one", axis=1)],
        outputs=[info("features", ["n", 4]), info("one", ["n", 1])],
    )
    (tmp_path / "own.json").write_text('{"logits": "one"}')

    source = SourceModel.load(f"onnx:{file}")

    assert source.class_count == 2
    assert source(images)[1] == pytest.approx(np.stack([np.zeros(5), whole[:, 2]], axis=1), abs=1e-6)


def test_weights_in_a_file_beside_it_count_for_the_fingerprint(make_network, images, tmp_path):
    def beside(name, seed):
        folder = tmp_path / name
        folder.mkdir()
        model = onnx.load(make_network(folder / "own.onnx", seed=seed))
        onnx.save(model, folder / "own.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
        return SourceModel.load(f"onnx:{folder / 'own.onnx'}")

    first, same, other = beside("a", 0), beside("b", 0), beside("c", 1)
    plain = SourceModel.from_onnx(make_network(tmp_path / "plain.onnx"), TINY)

    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert first(images)[0] == pytest.approx(plain(images)[0])


def test_weights_that_are_missing_beside_it_are_told(make_network, tmp_path):
    model = onnx.load(make_network(tmp_path / "own.onnx"))
    onnx.save(model, tmp_path / "own.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    (tmp_path / "weights.bin").unlink()

    with pytest.raises(EvenpickError, match=r"own\.onnx' is no ONNX network, or lacks its weights") as caught:
        SourceModel.load(f"onnx:{tmp_path / 'own.onnx'}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({}, r"no output for features .*has \['embedding', 'scores'\]: name one in 'own\.json' as"),
        ({"features": "vector"}, r"no output 'vector' to take features from; has \['embedding', 'scores'\]"),
        ({"features": "embedding", "logits": "x"}, "no output 'x' to take logits from"),
    ],
)
def test_outputs_that_nobody_knows_are_named(stated, message, make_network, tmp_path):
    file = make_network(tmp_path / "own.onnx", outputs=("embedding", "scores"))
    (tmp_path / "own.json").write_text(json.dumps(stated))

    with pytest.raises(EvenpickError, match=message):
        SourceModel.load(f"onnx:{file}")


def test_a_network_of_two_inputs_is_refused(make_network, tmp_path):
    model = onnx.load(make_network(tmp_path / "own.onnx"))
    model.graph.input.append(info("mask", ["n", 8]))
    onnx.save(model, tmp_path / "own.onnx")

    with pytest.raises(EvenpickError, match=r"must have one input, a batch of images of 4 dimensions; has .*'mask'"):
        SourceModel.load(f"onnx:{tmp_path / 'own.onnx'}")
