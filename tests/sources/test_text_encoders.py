"""Text encoders: files as they are exported, and files that are none."""

import json
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from word_pair import CONTEXT, text_encoder, tokenizer_of

from evenpick.errors import EvenpickError, MissingExtraError
from evenpick.sources import TextEncoder, check_at_hand, text_encoder_beside

VECTORS = np.array([[0, 0], [3, 0], [0, 4], [1, 1]], float)  # of an unknown word, a, b and the filler


@pytest.fixture
def files(tmp_path):
    """A text encoder of the words a and b, in a folder `onnx`, its tokenizer in the folder above."""
    folder = tmp_path / "onnx"
    folder.mkdir()
    onnx.save(text_encoder(VECTORS), folder / "text_model.onnx")
    tokenizer_of(["a", "b", "[PAD]"]).save(str(tmp_path / "tokenizer.json"))
    return folder


def load(files):
    return TextEncoder.load(f"onnx:{files / 'text_model.onnx'}")


def test_texts_become_vectors_of_length_one(files):
    encoder = load(files)

    assert encoder(["a", "A b", "b b"]) == pytest.approx(np.array([[1, 0], [0.6, 0.8], [0, 1]]))
    assert (encoder.width, encoder.scale, encoder.bias) == (2, 100, None)


def test_the_file_beside_states_scale_bias_and_output(files):
    onnx.save(text_encoder(VECTORS, output="own"), files / "text_model.onnx")
    (files / "text_model.json").write_text('{"scale": 117.3, "bias": -12.9, "features": "own"}')

    encoder = load(files)

    assert (encoder.scale, encoder.bias) == (117.3, -12.9)
    assert encoder(["a"]).tolist() == [[1, 0]]


def test_another_tokenizer_or_other_weights_are_another_encoder(files):
    first = load(files).fingerprint
    tokenizer_of(["b", "a", "[PAD]"]).save(str(files.parent / "tokenizer.json"))
    second = load(files).fingerprint
    onnx.save(text_encoder(VECTORS + 1), files / "text_model.onnx")

    assert len({first, second, load(files).fingerprint}) == 3


@pytest.mark.parametrize("stated", [{"length": 8}, {"features": "turned"}])
def test_what_is_stated_and_makes_other_vectors_makes_another_encoder(stated, files):
    model = text_encoder(VECTORS)
    model.graph.node.append(helper.make_node("Neg", ["text_embeds"], ["turned"]))
    model.graph.output.append(helper.make_tensor_value_info("turned", TensorProto.FLOAT, ["n", 2]))
    onnx.save(model, files / "text_model.onnx")
    before = load(files).fingerprint
    (files / "text_model.json").write_text(json.dumps(stated))

    assert load(files).fingerprint != before


def summing_all(files):
    """The same network, but what fills a text up counts, as in SigLIP, which has no mask."""
    model = text_encoder(VECTORS)
    del model.graph.input[1]
    mask = helper.make_node("Mul", ["input_ids", "zero"], ["nothing"])
    ones = helper.make_node("Add", ["nothing", "one"], ["attention_mask"])
    nodes = [mask, ones, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(
        helper.make_tensor(n, TensorProto.INT64, [], [i]) for i, n in enumerate(("zero", "one"))
    )
    onnx.save(model, files / "text_model.onnx")


def test_siglip_fills_each_text_up_to_its_length_with_its_own_token(files):
    summing_all(files)
    facts = {"model_type": "siglip", "text_config": {"max_position_embeddings": 64}}
    (files.parent / "config.json").write_text(json.dumps(facts))
    (files.parent / "tokenizer_config.json").write_text('{"pad_token": {"content": "[PAD]"}, "model_max_length": 4}')
    tokenizer = tokenizer_of(["a", "b", "[PAD]"])
    tokenizer.no_truncation()
    tokenizer.save(str(files.parent / "tokenizer.json"))

    (found,) = load(files)(["a"])

    assert found == pytest.approx(np.array([6, 3]) / np.hypot(6, 3))  # a, and the filler three times


def test_of_a_siglip_that_does_not_state_both_scale_and_bias_neither_is_known(files):
    for stated, found in (
        ({}, (None, None)),
        ({"scale": 117.3}, (None, None)),
        ({"bias": -12.9}, (None, None)),
        ({"scale": 117.3, "bias": -12.9}, (117.3, -12.9)),
    ):
        (files / "config.json").write_text('{"model_type": "siglip2"}')
        (files / "text_model.json").write_text(json.dumps(stated))

        assert (load(files).scale, load(files).bias) == found
    (files / "config.json").write_text('{"model_type": "clip"}')
    (files / "text_model.json").unlink()
    assert (load(files).scale, load(files).bias) == (100, None)
    (files / "text_model.json").write_text('{"scale": 50}')
    assert (load(files).scale, load(files).bias) == (50, None)


@pytest.mark.parametrize("config", [None, '{"model_type": "clip"}'])
def test_a_bias_is_of_a_siglip_and_needs_its_scale_whatever_config_json_says(files, config):
    if config:
        (files / "config.json").write_text(config)
    (files / "text_model.json").write_text('{"bias": -12.9}')

    assert (load(files).scale, load(files).bias) == (None, None)


def test_clip_fills_nothing_up(files):
    summing_all(files)

    assert load(files)(["a"]).tolist() == [[1, 0]]


def test_a_network_of_a_fixed_length_gets_it(files):
    onnx.save(text_encoder(VECTORS, length=4), files / "text_model.onnx")

    assert load(files)(["a", "b"]).tolist() == [[1, 0], [0, 1]]  # what fills it up is masked
    with pytest.raises(
        EvenpickError, match=r"'a a a a a' has 5 tokens, and text encoder .* takes 4 at most: shorten it"
    ):
        load(files)(["a a a a a"])


def test_a_text_that_is_too_long_is_told_and_never_cut(files):
    with pytest.raises(EvenpickError, match=f"has 17 tokens, and text encoder .* takes {CONTEXT} at most") as error:
        load(files)(["a " * 17])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("truncated", "of_tokenizer", "of_network", "takes"),
    [(CONTEXT, 9, 12, 9), (CONTEXT, 12, 9, 9), (5, 9, 12, 5), (CONTEXT, 10**30, 1e30, CONTEXT)],
)
def test_of_several_limits_the_smallest_holds(files, truncated, of_tokenizer, of_network, takes):
    tokenizer = tokenizer_of(["a", "b", "[PAD]"])
    tokenizer.enable_truncation(truncated)
    tokenizer.save(str(files.parent / "tokenizer.json"))
    (files.parent / "tokenizer_config.json").write_text(json.dumps({"model_max_length": of_tokenizer}))
    (files.parent / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": of_network}}))

    encoder = load(files)

    assert len(encoder(["a " * takes])) == 1
    with pytest.raises(EvenpickError, match=f"takes {takes} at most"):
        encoder(["a " * (takes + 1)])


@pytest.mark.parametrize(
    ("stated", "positions", "takes"), [(9, None, 9), (12, 64, 12), (64, 12, 12), (4, 64, 4), (64, None, 64)]
)
def test_a_length_that_is_stated_outranks_the_tokenizer_and_the_network_caps_it(files, stated, positions, takes):
    tokenizer = tokenizer_of(["a", "b", "[PAD]"])
    tokenizer.enable_truncation(5)
    tokenizer.save(str(files.parent / "tokenizer.json"))
    (files.parent / "tokenizer_config.json").write_text('{"model_max_length": 6}')
    (files.parent / "config.json").write_text(json.dumps({"max_position_embeddings": positions}))
    (files / "text_model.json").write_text(json.dumps({"length": stated}))

    encoder = load(files)

    assert len(encoder(["a " * takes])) == 1
    with pytest.raises(EvenpickError, match=f"takes {takes} at most"):
        encoder(["a " * (takes + 1)])


def test_a_network_of_one_length_caps_the_one_that_is_stated(files):
    onnx.save(text_encoder(VECTORS, length=7), files / "text_model.onnx")
    (files / "text_model.json").write_text('{"length": 9}')

    encoder = load(files)

    assert len(encoder(["a " * 7])) == 1
    with pytest.raises(EvenpickError, match="takes 7 at most"):
        encoder(["a " * 8])


def test_whether_an_encoder_is_at_hand_is_told_without_reading_it(files, monkeypatch):
    name = f"onnx:{files / 'text_model.onnx'}"
    (files / "text_model.onnx").write_bytes(b"")
    assert check_at_hand(name) == files / "text_model.onnx"
    with pytest.raises(EvenpickError, match="does not exist; give an ONNX file as onnx:FILE"):
        check_at_hand(name.removeprefix("onnx:"))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tokenizers", None)
        with pytest.raises(MissingExtraError, match=r"text encoder '.*' needs an extra .*\[words\]'"):
            check_at_hand(name)
    (files.parent / "tokenizer.json").unlink()
    with pytest.raises(EvenpickError, match=r"text_model.onnx' needs its tokenizer.json beside it"):
        check_at_hand(name)
    (files / "tokenizer.json").touch()
    (files / "text_model.onnx").unlink()
    with pytest.raises(
        EvenpickError, match=r"text_model.onnx' does not exist: put it there, or run `evenpick embed` with --text"
    ):
        check_at_hand(name)


def test_a_text_encoder_beside_the_image_encoder_is_found(files):
    assert text_encoder_beside(f"onnx:{files / 'vision_model.onnx'}") == f"onnx:{files / 'text_model.onnx'}"
    assert text_encoder_beside(f"onnx:{files.parent / 'vision_model.onnx'}") is None
    assert text_encoder_beside("efficientnet_lite0") is None


def image_network(files):
    value = helper.make_tensor_value_info
    node = helper.make_node("Identity", ["pixel_values"], ["text_embeds"])
    ends = ([value(name, TensorProto.FLOAT, ["n", 3])] for name in ("pixel_values", "text_embeds"))
    graph = helper.make_graph([node], "image", *ends)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), files / "text_model.onnx"
    )


def cut_short(files):
    whole = (files / "text_model.onnx").read_bytes()
    (files / "text_model.onnx").write_bytes(whole[: len(whole) // 2])


def infinite(files):
    onnx.save(text_encoder(VECTORS + np.inf), files / "text_model.onnx")


SPOILED = {
    "is no ONNX network": cut_short,
    "is no text encoder: it must take input_ids": image_network,
    r"has no output for the vector of a text .* has \['own'\]: name one in 'text_model.json'": lambda files: onnx.save(
        text_encoder(VECTORS, output="own"), files / "text_model.onnx"
    ),
    "must give a vector of finite numbers": infinite,
    "file '.*text_model.onnx' does not exist": lambda files: (files / "text_model.onnx").unlink(),
    "needs its tokenizer.json beside it, or in the folder above": lambda files: (
        files.parent / "tokenizer.json"
    ).unlink(),
    "tokenizer.json' is no tokenizer": lambda files: (files.parent / "tokenizer.json").write_text("{}"),
    "text_model.json' is no JSON": lambda files: (files / "text_model.json").write_text("{"),
    "states 'logits', which is not known; known are features, scale, bias, length": lambda files: (
        files / "text_model.json"
    ).write_text('{"logits": ""}'),
}


@pytest.mark.parametrize("message", SPOILED)
def test_what_is_no_text_encoder_is_refused_in_one_line(message, files):
    SPOILED[message](files)

    with pytest.raises(EvenpickError, match=message) as error:
        load(files)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        ('"scale": 0', "'scale' must be a number above 0 and up to 1,000,000; got 0"),
        ('"scale": NaN', "'scale' must be a number above 0"),
        ('"scale": Infinity', "'scale' must be a number above 0"),
        ('"scale": true', "'scale' must be a number above 0"),
        (f'"scale": 1{"0" * 400}', "'scale' must be a number above 0"),
        ('"bias": NaN', "'bias' must be a number from -1,000,000 to 1,000,000; got nan"),
        ('"bias": null', "'bias' must be a number"),
        ('"length": 0', "'length' must be a whole number from 1 to 65,536; got 0"),
        ('"length": 65537', "'length' must be a whole number"),
        ('"features": 1', "'features' must be the name of an output; got 1"),
    ],
)
def test_what_is_stated_beside_the_encoder_keeps_its_rule(stated, rule, files):
    (files / "text_model.json").write_text(f"{{{stated}}}")

    with pytest.raises(EvenpickError, match=rule):
        load(files)


def test_an_unknown_kind_is_refused():
    with pytest.raises(EvenpickError, match="text encoder 'clip' does not exist; give an ONNX file as onnx:FILE"):
        TextEncoder.load("clip")
