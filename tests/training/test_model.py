"""A model predicts, corrects, and survives the disk."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from evenpick.atomic_files import write_atomically
from evenpick.errors import EvenpickError
from evenpick.feature_transform import POWER, UNIT_LENGTH, FeatureTransform
from evenpick.images import Preprocessing
from evenpick.metrics import macro_accuracy
from evenpick.pool import Pool
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.sources import SourceDescription
from evenpick.training import Model, evaluate, train
from evenpick.training.model_facts import _is_source, facts_to_text


def clouds(counts, seed=0, spread=1.0, d=6):
    """A pool of Gaussian clouds, `counts` images each, and the class names of its rows."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(len(counts), d))
    numbers = np.repeat(np.arange(len(counts)), counts)
    features = centres[numbers] + spread * rng.normal(size=(len(numbers), d))
    return Pool.from_arrays(features), [f"class {i}" for i in numbers]


def trained(counts, **options):
    pool, labels = clouds(counts)
    return train(pool, np.arange(len(pool)), labels, **options), pool, labels


def weights_in(folder):
    (file,) = folder.glob("weights-*.safetensors")
    return file


def described(name):
    return SourceDescription(name, Preprocessing(), 6, 7, "none", f"hash of {name}")


def test_no_features_get_no_predictions():
    model, _, _ = trained([5, 5])

    assert model.predict_proba(np.zeros((0, 6))).shape == (0, 2)


def test_prior_correction_divides_by_the_class_frequencies():
    model, pool, _ = trained([60, 25, 15])
    model = model.with_tau(1)
    plain = model.with_tau(0).predict_proba(pool)
    by_hand = plain / np.array([0.60, 0.25, 0.15])
    by_hand /= by_hand.sum(axis=1, keepdims=True)

    assert model.counts == (60, 25, 15)
    assert model.predict_proba(pool) == pytest.approx(by_hand, rel=1e-9)


def test_half_the_correction_divides_by_the_square_root():
    model, pool, _ = trained([60, 25, 15])
    by_hand = model.with_tau(0).predict_proba(pool) / np.sqrt([0.60, 0.25, 0.15])

    half = model.with_tau(0.5).predict_proba(pool)

    assert half == pytest.approx(by_hand / by_hand.sum(axis=1, keepdims=True), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("names", [[3, 20], [0.5, 20.0], [False, True], ["20", "3"]])
def test_predictions_have_the_type_of_the_labels(names, tmp_path):
    pool, texts = clouds([10, 12])
    labels = np.repeat(names, [10, 12])

    model = train(pool, list(range(22)), labels)
    model.save(tmp_path)

    assert model.classes == tuple(names)
    assert model.predict(pool).dtype == labels.dtype
    assert np.array_equal(model.predict_proba(pool), train(pool, np.arange(22), texts).predict_proba(pool))
    assert macro_accuracy(labels, model.predict(pool)) == evaluate(model, pool, labels).corrected_accuracy > 0.8
    read = Model.load(tmp_path)
    assert read.classes == model.classes
    assert {type(name) for name in read.classes} == {type(names[0])}


def test_a_pool_on_disk_in_memory_and_bare_features_are_predicted_alike(tmp_path):
    model, pool, _ = trained([12, 9])
    features = np.asarray(pool.features)
    writer = PoolWriter(tmp_path, tmp_path, described("s"))
    for start in (0, 8, 16):
        block = features[start : start + 8]
        predictions = summarise_probabilities(np.full((len(block), 2), 0.5))
        writer.append([ImageRow(str(start + i), "-") for i in range(len(block))], block, predictions)

    expected = model.predict_proba(features)

    assert np.array_equal(model.predict_proba(pool), expected)
    assert model.predict_proba(features.tolist()) == pytest.approx(expected, abs=1e-12)
    assert model.predict_proba(Pool.open(tmp_path)) == pytest.approx(expected, abs=1e-6)
    assert (model.predict(Pool.open(tmp_path)) == model.predict(features)).all()


@pytest.mark.parametrize("shape", [(3, 5), (6,), (2, 3, 6)])
def test_features_of_another_width_are_refused(shape):
    model, _, _ = trained([5, 5])

    with pytest.raises(EvenpickError, match=r"takes features of shape \(n, 6\)"):
        model.predict(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused_with_their_row(bad):
    model, _, _ = trained([5, 5])
    features = np.zeros((3, 6))
    features[1, 2] = bad

    with pytest.raises(
        EvenpickError,
        match=r"features must be finite and at most 1e\+15; 1 rows hold NaN, infinity or more, the first is row 1",
    ):
        model.predict(features)


def test_a_pool_of_another_source_is_refused():
    pool, labels = clouds([8, 8])
    of = {name: Pool(pool.features, pool.image_ids, source=described(name)) for name in ("lite", "resnet")}
    model = train(of["lite"], np.arange(16), labels)

    assert len(model.predict(of["lite"])) == 16
    assert len(model.predict(pool)) == 16  # bare arrays say nothing of their source
    with pytest.raises(EvenpickError, match="features of source 'lite'; the pool has those of 'resnet'"):
        model.predict(of["resnet"])


def test_a_model_is_read_back_as_it_was(tmp_path):
    pool, labels = clouds([20, 9, 4])
    pool = Pool(pool.features, pool.image_ids, source=described("lite"))
    model = train(pool, np.arange(33), [f"{label} \U0001f9a9, é\n" for label in labels])

    model.save(tmp_path / "new" / "model")
    read = Model.load(str(tmp_path / "new" / "model"))

    assert np.array_equal(read.predict_proba(pool), model.predict_proba(pool))
    assert read.predict(pool).tolist() == model.predict(pool).tolist()
    assert {k: v for k, v in read.__dict__.items() if k != "head"} == {
        k: v for k, v in model.__dict__.items() if k != "head"
    }


def test_powers_and_centre_of_features_are_read_back(tmp_path):
    pool, labels = clouds([9, 7])
    positive = np.abs(pool.features[:])
    model = train(positive, np.arange(16), labels)
    model.save(tmp_path)

    read = Model.load(tmp_path)

    assert model.head.transform.power == read.head.transform.power == POWER
    assert np.array_equal(read.predict_proba(positive), model.predict_proba(positive))
    for other in (replace(model.head.transform, power=1.0), UNIT_LENGTH):
        scores = replace(model, head=replace(model.head, transform=other)).scores(positive)
        assert np.abs(scores - read.scores(positive)).max() > 0.01


def test_a_centre_of_another_width_than_the_weights_is_refused(tmp_path):
    model, _, _ = trained([6, 6])
    narrow = FeatureTransform(model.head.transform.centre[:5])

    replace(model, head=replace(model.head, transform=narrow)).save(tmp_path)

    with pytest.raises(EvenpickError, match=r"is damaged \(a centre of \(5,\) for weights of \(2, 6\)\)"):
        Model.load(tmp_path)


def test_a_model_without_cross_validation_is_read_back(tmp_path):
    model, pool, _ = trained([1, 1])
    model.save(tmp_path)

    assert Model.load(tmp_path).cross_validation is None
    assert np.array_equal(Model.load(tmp_path).predict_proba(pool), model.predict_proba(pool))


def test_the_files_of_a_model_hold_no_pickle(tmp_path):
    trained([6, 6])[0].save(tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", weights_in(tmp_path).name]
    assert json.loads((tmp_path / "model.json").read_bytes())["strategy"] == "logistic_regression"
    assert weights_in(tmp_path).read_bytes()[8:].startswith(b'{"')


@pytest.mark.slow
def test_saving_again_replaces_the_model(tmp_path):
    trained([6, 6])[0].save(tmp_path)
    (tmp_path / "network.onnx").touch()  # of a fine-tuned one before
    model, pool, _ = trained([9, 5, 4])
    model.save(tmp_path)

    assert np.array_equal(Model.load(tmp_path).predict_proba(pool), model.predict_proba(pool))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", weights_in(tmp_path).name]


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(EvenpickError, match="holds no model"):
        Model.load(tmp_path / "gone")


def test_a_model_of_another_format_is_refused(tmp_path):
    trained([6, 6])[0].save(tmp_path)
    facts = json.loads((tmp_path / "model.json").read_bytes())
    (tmp_path / "model.json").write_text(json.dumps({**facts, "format": 9}))

    with pytest.raises(EvenpickError, match=r"has format 9; evenpick .* reads 2 to 4"):
        Model.load(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "weights"])
@pytest.mark.parametrize("left", [0, 10, 0.5, -1])
def test_a_model_cut_short_is_refused(name, left, tmp_path):
    trained([6, 6])[0].save(tmp_path)
    file = weights_in(tmp_path) if name == "weights" else tmp_path / name
    size = file.stat().st_size
    os.truncate(file, size + left if left < 0 else int(size * left) if left < 1 else left)

    with pytest.raises(EvenpickError, match="is damaged"):
        Model.load(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_a_model_with_a_changed_byte_in_its_weights_is_refused(seed, tmp_path):
    trained([6, 6])[0].save(tmp_path)
    data = bytearray(weights_in(tmp_path).read_bytes())
    rng = np.random.default_rng(seed)
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    weights_in(tmp_path).write_bytes(data)

    with pytest.raises(EvenpickError, match="is damaged"):
        Model.load(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"format": 2}', "\0"])
def test_a_model_whose_facts_are_something_else_is_refused(text, tmp_path):
    trained([6, 6])[0].save(tmp_path)
    (tmp_path / "model.json").write_text(text)

    with pytest.raises(EvenpickError, match="is damaged"):
        Model.load(tmp_path)


def test_a_model_without_its_weights_is_refused(tmp_path):
    trained([6, 6])[0].save(tmp_path)
    weights_in(tmp_path).unlink()

    with pytest.raises(EvenpickError, match="is damaged"):
        Model.load(tmp_path)


def test_until_its_facts_are_written_the_model_that_was_there_is_whole(tmp_path, monkeypatch):
    before, pool, _ = trained([6, 6])
    before.save(tmp_path)

    def stopped(file, data):
        if file.name == "model.json":
            raise KeyboardInterrupt
        write_atomically(file, data)

    after, _, _ = trained([9, 5, 4])
    monkeypatch.setattr("evenpick.training.model.write_atomically", stopped)
    with pytest.raises(KeyboardInterrupt):
        after.save(tmp_path)

    assert np.array_equal(Model.load(tmp_path).predict_proba(pool), before.predict_proba(pool))


def of_format_3(folder):
    """As it was written before features were transformed."""
    facts = json.loads((folder / "model.json").read_bytes())
    del facts["checksum"], facts["power"]
    (folder / "model.json").write_bytes(facts_to_text({**facts, "format": 3}))


def of_format_2(folder):
    """As the version before that wrote it: no checksum, weights under one name."""
    facts = json.loads((folder / "model.json").read_bytes())
    del facts["checksum"], facts["power"]
    weights_in(folder).rename(folder / "weights.safetensors")
    (folder / "model.json").write_text(json.dumps({**facts, "format": 2}, indent=1))


@pytest.mark.parametrize("make_older", [of_format_2, of_format_3])
def test_a_model_of_an_older_format_is_read(tmp_path, make_older):
    model, pool, _ = trained([6, 6], strategy="svm")
    model = replace(model, strategy="logistic_regression")  # which took features of length 1 then
    model.save(tmp_path)
    make_older(tmp_path)

    assert Model.load(tmp_path).head.transform.words == "features of length 1"
    assert np.array_equal(Model.load(tmp_path).predict_proba(pool), model.predict_proba(pool))


def test_a_changed_model_of_format_3_is_refused(tmp_path):
    trained([6, 6], strategy="svm")[0].save(tmp_path)
    of_format_3(tmp_path)
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(text.replace("class 0", "class 2"))

    with pytest.raises(EvenpickError, match=r"is damaged \(model.json was changed\)"):
        Model.load(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("older", [False, True])
def test_a_changed_model_json_is_told_in_one_line_or_is_a_model(tmp_path, older):
    pool, labels = clouds([20, 9, 4])
    pool = Pool(pool.features, pool.image_ids, source=described("lite"))
    train(pool, np.arange(33), labels, "svm" if older else "logistic_regression").save(tmp_path)
    if older:
        of_format_2(tmp_path)
    data, rng, told = (tmp_path / "model.json").read_bytes(), np.random.default_rng(0), []

    for changed in [*mutations(data, rng, 60), *wrong_values(json.loads(data))]:
        (tmp_path / "model.json").write_bytes(changed)
        try:
            repr(Model.load(tmp_path).predict_proba(pool))
        except EvenpickError as error:
            told.append(str(error))

    assert all("\n" not in line for line in told)
    # Without a checksum a changed letter of a name cannot be told.
    assert len(told) > 300 if older else all("is damaged" in line or "has format" in line for line in told)


def mutations(data, rng, count):
    for _ in range(count):
        flipped, at = bytearray(data), int(rng.integers(len(data)))
        flipped[at] ^= 1 << int(rng.integers(8))
        yield from (bytes(flipped), data[:at], data[:at] + data[at + 5 :])


def wrong_values(facts):
    """The facts with each value, at any depth, replaced by each of another kind."""
    for value in (None, True, -1, 0, 1e400, 10**30, "", "x", [], {}, [[]], {"a": None}):
        yield json.dumps(value).encode()
        yield from (json.dumps(changed).encode() for changed in replaced(facts, value))


def replaced(node, value):
    for key in node if isinstance(node, dict) else range(min(3, len(node))):
        copy = dict(node) if isinstance(node, dict) else list(node)
        copy[key] = value
        yield copy
        if isinstance(node[key], dict | list):
            for inner in replaced(node[key], value):
                copy = dict(node) if isinstance(node, dict) else list(node)
                copy[key] = inner
                yield copy


def test_it_follows_scikit_learn_where_it_can():
    model, pool, labels = trained([30, 12, 8])
    features = np.asarray(pool.features)

    assert model.classes_.tolist() == list(model.classes)
    assert model.n_features_in_ == 6
    assert model.score(features, labels) == model.score(pool, labels) == macro_accuracy(labels, model.predict(pool))
    with pytest.raises(EvenpickError, match="score: row 1: the label is missing"):
        model.score(pool, ["class 0", None, *labels[2:]])


def test_it_prints_as_a_few_lines():
    model, _, _ = trained([30, 12, 1, 8, 2, 3, 4])

    lines = repr(model).splitlines()

    assert lines[0] == "Model(strategy='logistic_regression') of 60 labels of 7 classes"
    assert lines[1] == "  classes: 'class 0' 30, 'class 1' 12, 'class 2' 1, 'class 3' 8, 'class 4' 2 and 2 more"
    assert lines[2].startswith(f"  C = {model.choice.c:g}, temperature ")
    accuracy = model.cross_validation.corrected_accuracy
    assert lines[3] == f"  nested macro accuracy {accuracy:.1%} on held-out folds (6 of 7 classes)"
    assert len(lines) == 4
    assert len(repr(trained([1, 1])[0]).splitlines()) == 3


@pytest.mark.parametrize("wrong", ["0", [0.5], {"0": 1}, None])
def test_whose_predictions_were_taken_is_told_by_places(wrong):
    source = replace(described("a+b"), predicting=(0, 1))
    facts = json.loads(json.dumps(source.to_json()))

    assert _is_source(facts)
    assert not _is_source({**facts, "predicting": wrong})


@pytest.mark.parametrize("name", ["member_names", "class_lists"])
@pytest.mark.parametrize("wrong", ["ab", [0, 1], {"a": 1}, None])
def test_names_and_lists_of_classes_of_several_are_texts(name, wrong):
    source = replace(described("a+b"), member_names=("a", "b"), class_lists=("", "ILSVRC"))
    facts = json.loads(json.dumps(source.to_json()))

    assert _is_source(facts)
    assert not _is_source({**facts, name: wrong})
