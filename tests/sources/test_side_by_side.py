"""Several sources as one: what each sees, side by side, and whose predictions are taken."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.probabilities import softmax
from evenpick.sources import SourceDescription, SourceModel, trainable, with_encoder_beside
from evenpick.training import source_of

OWN = (Preprocessing(8, 0.5), Preprocessing(12, 1.0, "bicubic", (0.1, 0.2, 0.3), (0.5, 0.5, 0.5), "bgr", fit="pad"))


@pytest.fixture
def write(make_network, tmp_path):
    """A tiny network of this number, with what is stated of it in the file beside it; its name as a source."""

    def build(number, preprocessing, classes="", **outputs):
        file = make_network(tmp_path / f"{number}.onnx", seed=number, size=preprocessing.size)
        stated = preprocessing.to_dict() | ({"classes": classes} if classes else {}) | outputs
        file.with_suffix(".json").write_text(json.dumps(stated))
        return f"onnx:{file}"

    return build


@pytest.fixture
def names(write):
    return [write(i, preprocessing, "flowers") for i, preprocessing in enumerate(OWN)]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (20, w, 3), dtype=np.uint8)) for w in (30, 16, 20)]


def at_length_1(values):
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_each_sees_an_image_by_its_own_preprocessing_and_features_follow_each_other_at_length_1(names, images):
    apart = [SourceModel.load(name) for name in names]
    both = SourceModel.load("+".join(names))
    features, logits = both([*images])

    assert [one.preprocessing for one in apart] == list(both.preprocessing.each) == list(OWN)
    assert (both.name, both.feature_size, both.class_count) == ("+".join(names), 8, 5)
    expected = np.hstack([at_length_1(one(images)[0]) for one in apart])
    np.testing.assert_allclose(features, expected, atol=1e-6)
    mean = np.mean([softmax(one(images)[1]) for one in apart], axis=0)
    np.testing.assert_allclose(softmax(logits), mean, atol=1e-6)


def test_a_list_says_the_same_as_names_with_a_plus_and_sources_that_are_several_are_taken_apart(names, write):
    third = write(2, OWN[0], "flowers")
    both, views = SourceModel.side_by_side(names), replace(SourceModel.side_by_side(names).preprocessing, views=2)
    seen_twice = replace(both, preprocessing=views)
    three = SourceModel.side_by_side([both, third])

    assert both.describe() == SourceModel.load("+".join(names)).describe()
    assert three.describe() == SourceModel.load("+".join([*names, third])).describe()
    assert SourceModel.side_by_side(["+".join(names), third]).describe() == three.describe()
    assert SourceModel.side_by_side([names[0]]).describe() == SourceModel.load(names[0]).describe()
    assert SourceModel.side_by_side([seen_twice]).describe() == seen_twice.describe()


@pytest.mark.parametrize("views", [1, 3])
def test_each_view_by_each_source_has_a_prediction_of_its_own(names, images, views):
    both = SourceModel.side_by_side(names)
    both = replace(both, preprocessing=replace(both.preprocessing, views=views))
    features, logits = both.see([both.preprocessing.cuts(image) for image in images])

    assert (features.shape, logits.shape) == ((3, 8), (3, 2 * views, 5))
    for place, name in enumerate(names):
        alone = SourceModel.load(name, replace(OWN[place], views=views))
        seen, said = alone.see([alone.preprocessing.cuts(image) for image in images])
        np.testing.assert_allclose(features[:, 4 * place : 4 * place + 4], at_length_1(seen), atol=1e-6)
        np.testing.assert_array_equal(logits[:, place * views : (place + 1) * views], said)


@pytest.mark.parametrize(
    ("lists", "without", "predicting", "words"),
    [
        (("flowers", "flowers"), (), (0, 1), "Source predictions are the mean of those of 'A', 'B'"),
        (("flowers", "birds"), (), (0,), "Source predictions are those of 'A'; 1 has no classes, or"),
        (("", ""), (), (0,), "Source predictions are those of 'A'; 1 has no classes, or is not known to have the same"),
        (("flowers", "flowers"), (0,), (1,), "Source predictions are those of 'B'; 1 has no classes"),
        (("", ""), (0, 1), (), "None of the 2 sources has classes: there are no source predictions"),
    ],
)
def test_predictions_are_those_of_all_that_are_known_to_have_the_classes_of_the_first(
    lists, without, predicting, words, write, images
):
    names = [write(i, OWN[i], lists[i], **({"logits": ""} if i in without else {})) for i in range(2)]
    both = SourceModel.side_by_side(names)
    described = both.describe()
    _, logits = both.see([both.preprocessing.cuts(image) for image in images])

    assert both.predicting == predicting
    assert (both.class_count, described.has_predictions) == (5 if predicting else 0, bool(predicting))
    assert logits.shape == ((3, len(predicting), 5) if predicting else (3, 1, 0))
    assert described.predictions_an_image == len(predicting)
    assert described.predictions_in_words.startswith(
        words.replace("'A'", f"'{names[0]}'").replace("'B'", f"'{names[1]}'")
    )
    assert SourceDescription.from_json(json.loads(json.dumps(described.to_json()))) == described


def test_networks_of_the_same_weights_have_the_same_classes(names, write, tmp_path):
    close = tmp_path / "close.onnx"
    close.write_bytes((tmp_path / "0.onnx").read_bytes())
    close.with_suffix(".json").write_text('{"size": 8, "crop": 0.25}')

    assert SourceModel.side_by_side([names[0], f"onnx:{close}"]).predicting == (0, 1)


def test_two_lists_that_are_named_otherwise_are_two_also_of_the_same_weights(names, tmp_path):
    close = tmp_path / "close.onnx"
    close.write_bytes((tmp_path / "0.onnx").read_bytes())
    close.with_suffix(".json").write_text('{"size": 8, "crop": 0.25, "classes": "birds"}')

    assert SourceModel.side_by_side([names[0], f"onnx:{close}"]).predicting == (0,)


@pytest.fixture
def heads(names, tmp_path):
    """A file with two layers and two heads, its copies with what each states; their names as sources."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(str(tmp_path / "0.onnx"))
    for value, own, size in (("flat", "deeper", 4), ("scores", "other", 5)):
        model.graph.node.append(helper.make_node("Neg", [value], [own]))
        model.graph.output.append(helper.make_tensor_value_info(own, TensorProto.FLOAT, ["n", size]))

    def build(name, **stated):
        file = tmp_path / f"{name}.onnx"
        onnx.save(model, str(file))
        file.with_suffix(".json").write_text(json.dumps({"size": 8, **stated}))
        return f"onnx:{file}"

    return build


def test_two_heads_of_one_file_are_not_known_to_have_the_same_classes(heads, images):
    both = SourceModel.side_by_side([heads("a"), heads("b", logits="other")])
    (first, second), (_, logits) = both.members, both(images)

    assert first.fingerprint != second.fingerprint
    assert both.predicting == (0,)
    np.testing.assert_allclose(softmax(logits), softmax(first(images)[1]), atol=1e-6)
    stated = [heads("a", classes="flowers"), heads("b", logits="other", classes="flowers")]
    assert SourceModel.side_by_side(stated).predicting == (0, 1)


def test_two_layers_of_one_file_are_two_sources(heads, images):
    both = SourceModel.side_by_side([heads("a"), heads("b", features="deeper")])
    features, _ = both(images)

    np.testing.assert_allclose(features[:, :4], -features[:, 4:], atol=1e-6)
    with pytest.raises(EvenpickError, match="sees just what"):
        SourceModel.side_by_side([heads("a"), heads("c", features="features", logits="logits")])


def test_other_outputs_than_before_are_told(heads):
    described = SourceModel.load(heads("a")).describe()
    now = SourceModel.load(heads("a", features="deeper")).describe()

    assert described.difference(now) == f"source {now.name}, now {now.name} with other outputs"
    with pytest.raises(EvenpickError, match="has other weights or outputs now than when the model was trained"):
        source_of(described)


def test_lite_networks_are_known_to_have_the_same_classes():
    from evenpick.sources.table import SOURCES

    lists = {
        name: SOURCES[name].torch.pretrained(name).class_list
        for name in ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
    }

    assert {*lists.values()} == {"ILSVRC"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"predicting": [2]},
        {"predicting": [-1]},
        {"predicting": 0},
        {"predicting": ["0"]},
        {"name": "one"},
        {"member_names": ["one"]},
        {"member_names": "ab"},
        {"class_lists": ["flowers"]},
        {"class_lists": [0, 1]},
    ],
)
def test_a_description_that_cannot_be_is_damaged(wrong, names):
    facts = json.loads(json.dumps(SourceModel.side_by_side(names).describe().to_json()))

    with pytest.raises(TypeError):
        SourceDescription.from_json({**facts, **wrong})
    alone = SourceModel.load(names[0]).describe().to_json()
    for more in ({"predicting": [0]}, {"member_names": [names[0]]}, {"class_lists": ["flowers"]}):
        with pytest.raises(TypeError):
            SourceDescription.from_json(alone | more)


def test_one_source_alone_has_nothing_to_say_of_others(names):
    facts = SourceModel.load(names[0]).describe()

    assert (facts.predictions_in_words, facts.names, facts.predictions_an_image) == ("", [names[0]], 1)
    assert facts.to_json().keys().isdisjoint({"predicting", "words", "member_names", "class_lists"})


def test_weights_order_and_whose_predictions_are_taken_decide_what_is_seen(names, write, tmp_path):
    both, around = SourceModel.side_by_side(names).describe(), SourceModel.side_by_side(names[::-1]).describe()
    otherwise = SourceModel.side_by_side([names[0], write(1, OWN[1], "birds")]).describe()
    squeezed = replace(both, preprocessing=both.preprocessing.fitted("squash"))
    alone = SourceModel.load(names[0]).describe()

    assert len({one.seen_with for one in (both, around, otherwise, squeezed, alone)}) == 5
    assert both.difference(around) == f"source {both.name}, now {around.name}"
    assert both.difference(squeezed) == "crop 0.5, now 1.0; fit as by default, now squash; fit pad, now squash"
    told = both.difference(otherwise)
    assert told.startswith("Source predictions are the mean of those of")
    assert told.endswith(f"; the list of classes of '{names[1]}' was flowers, is birds now")


def test_what_a_pool_states_of_predictions_and_classes_stands_whatever_the_files_say_today(names, tmp_path, images):
    both = SourceModel.side_by_side(names)
    described = SourceDescription.from_json(json.loads(json.dumps(both.describe().to_json())))
    (tmp_path / "1.json").write_text('{"size": 12, "classes": "birds", "views": 3}')
    loaded = source_of(described)

    assert loaded.describe() == described == both.describe()
    assert [one.class_list for one in loaded.members] == ["flowers", "flowers"]
    assert SourceModel.side_by_side([loaded]).describe() == described
    for ours, theirs in zip(both(images), loaded(images), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_names_that_their_joined_text_does_not_tell_apart_stand_side_by_side(names, make_network, tmp_path):
    own = replace(SourceModel.load(names[1]), name="torch")
    for first in (names[0], f"onnx:{make_network(tmp_path / 'a+efficientnet_lite0', seed=7)}"):
        both = SourceModel.side_by_side([first, own]).describe()

        assert (both.name, both.names) == (f"{first}+torch", [first, "torch"])
        assert SourceDescription.from_json(json.loads(json.dumps(both.to_json()))) == both


def test_a_single_source_with_a_plus_and_a_kind_in_its_path_is_loaded_as_one(make_network, tmp_path):
    (tmp_path / "a+onnx:").mkdir()
    file = make_network(tmp_path / "a+onnx:" / "net.onnx")
    one = SourceModel.load(f"onnx:{file}")

    assert (one.members, one.describe().names) == ((), [f"onnx:{file}"])
    assert source_of(one.describe()).describe() == one.describe()
    file.unlink()
    with pytest.raises(
        EvenpickError, match=r"net.onnx' does not exist; a \+ divides two sources only before the name of"
    ):
        source_of(one.describe())


def test_a_source_alone_that_goes_to_another_process_keeps_the_name_of_its_classes(names):
    arrived = pickle.loads(pickle.dumps(SourceModel.load(names[0])))
    both = pickle.loads(pickle.dumps(SourceModel.side_by_side(names)))

    assert arrived.class_list == "flowers"
    assert SourceModel.side_by_side([arrived, names[1]]).predicting == (0, 1)
    assert [one.class_list for one in both.members] == ["flowers", "flowers"]


def test_reports_tell_no_folder_of_several(names):
    both = SourceModel.side_by_side(names).describe().without_folders

    assert (both.name, both.names) == ("onnx:0.onnx+onnx:1.onnx", ["onnx:0.onnx", "onnx:1.onnx"])
    assert SourceDescription.from_json(json.loads(json.dumps(both.to_json()))) == both
    assert SourceModel.load(names[0]).describe().without_folders.to_json()["name"] == "onnx:0.onnx"


def test_a_source_of_several_goes_to_another_process(names, images):
    both = SourceModel.side_by_side(names)
    both = replace(both, preprocessing=replace(both.preprocessing, views=2, depth=(0, 4095)))
    arrived = pickle.loads(pickle.dumps(both))

    assert arrived.describe() == both.describe()
    for ours, theirs in zip(both(images), arrived(images), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# --- what cannot be had -----------------------------------------------------------------------------


def refused(sources, match):
    with pytest.raises(EvenpickError, match=match) as raised:
        SourceModel.side_by_side(sources)
    assert "\n" not in str(raised.value)


def test_none_and_too_many_are_refused_before_any_is_loaded():
    refused([], "there must be one, or 2 to 4 side by side; got 0")
    refused(["onnx:gone.onnx"] * 5, "there must be one, or 2 to 4 side by side; got 5")
    refused(["onnx:gone.onnx+onnx:gone.onnx"] * 3, "got 6")
    with pytest.raises(EvenpickError, match="side by side; got 5"):
        SourceModel.load("+".join(["onnx:gone.onnx"] * 5))


def test_a_source_is_given_once_whatever_its_file_is_called(names, tmp_path):
    copy = tmp_path / "copy.onnx"
    copy.write_bytes((tmp_path / "0.onnx").read_bytes())
    copy.with_suffix(".json").write_bytes((tmp_path / "0.json").read_bytes())

    refused([names[0], names[1], names[0]], f"'{names[0]}' sees just what '{names[0]}' sees; give each once")
    refused([names[0], f"onnx:{copy}"], f"'onnx:{copy}' sees just what '{names[0]}' sees")


def test_an_unknown_one_among_them_is_told_by_its_name(names):
    refused(
        [names[0], "efficientnet_lite"], "source 'efficientnet_lite' does not exist; did you mean 'efficientnet_lite0'"
    )
    refused([f"{names[0]}+onnx:gone.onnx"], "source model file 'gone.onnx' does not exist")


def test_sources_that_would_decode_a_file_otherwise_are_refused(names, write):
    deep = write(3, replace(OWN[0], depth=(0, 4095)))

    refused([names[0], deep], r"depth must be the same for all, as a file is decoded once; got None, \(0, 4095\)")
    refused([names[0], deep], r"by '.*/3.json': change it there, or give `embed` --depth for all")


def test_what_is_asked_for_all_holds_before_they_are_compared(names, tmp_path):
    (tmp_path / "deep.onnx").write_bytes((tmp_path / "0.onnx").read_bytes())
    (tmp_path / "deep.json").write_text('{"size": 8, "crop": 0.25, "depth": [0, 4095]}')
    deep = f"onnx:{tmp_path / 'deep.onnx'}"
    both = SourceModel.side_by_side([names[0], deep], lambda own: own.read_with({"depth": (0, 255)}))

    assert [one.depth for one in both.preprocessing.each] == [(0, 255)] * 2
    with pytest.raises(EvenpickError, match="sees just what"):
        SourceModel.side_by_side([names[0], deep], lambda own: replace(own, depth=None, crop=0.5))


def test_there_is_a_preprocessing_for_each(names):
    both = SourceModel.side_by_side(names)

    with pytest.raises(EvenpickError, match="is 2 and has 1 preprocessings: there must be one for each"):
        SourceModel.load(both.name, OWN[0])
    with pytest.raises(EvenpickError, match="is 1 and has 2 preprocessings"):
        SourceModel.load(names[0], both.preprocessing)


def test_several_have_no_one_network_and_cannot_be_trained(names):
    both = SourceModel.side_by_side(names)

    with pytest.raises(EvenpickError, match="several sources have no one network"):
        both.network(np.zeros((1, 3, 8, 8), np.float32))
    assert "is 2 networks side by side, which cannot be trained as one; embed with one" in trainable(both.describe())


def test_classes_are_stated_by_the_name_of_their_list(names, tmp_path):
    (tmp_path / "0.json").write_text('{"classes": ["rose", "tulip"]}')

    refused(names, r"0.json': classes must be the name of a list of classes, such as ILSVRC; got \['rose', 'tulip'\]")


def test_others_are_not_stated_in_the_file_of_one_network(names, tmp_path):
    (tmp_path / "0.json").write_text('{"size": 8, "others": [{"size": 12}]}')

    refused(names, "0.json': others are stated, and one network has none")


def test_a_text_encoder_beside_one_of_several_is_not_theirs(names, tmp_path):
    (tmp_path / "text_model.onnx").write_bytes(b"no encoder")
    one, several = SourceModel.load(names[0]), SourceModel.load("+".join(names))
    several = replace(several, name=f"{names[0]}+mine")  # as of a network without a file

    assert with_encoder_beside(one)[1].startswith("Images cannot be found by words yet: ")
    assert with_encoder_beside(several) == (several, "")
