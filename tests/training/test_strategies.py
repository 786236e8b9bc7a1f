"""Training by its contract: folds, calibration, prior correction, and models that survive the disk."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from evenpick.classifiers import (
    SHALLOW_HEADS,
    TUNED_TAUS,
    Choice,
    choose,
    cross_validate,
    deal_folds,
    deal_nested_folds,
    held_out_scores,
)
from evenpick.classifiers.choice import fit_temperature
from evenpick.classifiers.folds import N_INNER_FOLDS
from evenpick.classifiers.linear_svm import C_GRID
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.metrics import macro_accuracy, macro_standard_error
from evenpick.pool import Pool
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.session import simulate
from evenpick.sources import SourceDescription
from evenpick.training import Model, evaluate, train
from evenpick.training.strategies import STRATEGIES
from evenpick.vectors import normalised


def described(name):
    return SourceDescription(name, Preprocessing(), 6, 7, "none", f"hash of {name}")


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


# --- folds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_folds_are_dealt_class_by_class(seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(7), [1, 2, 5, 10, 13, 41, 1]))

    folds = deal_folds(labels, 10, rng)

    for name in range(7):
        of_class = folds[labels == name]
        if len(of_class) == 1:
            assert of_class.tolist() == [-1]
        else:
            sizes = np.bincount(of_class, minlength=10)
            assert sizes.max() - sizes.min() <= 1  # round the folds
    for fold in range(10):
        assert set(labels[folds != fold]) == set(range(7))  # each training part has every class
    sizes = np.bincount(folds[folds >= 0], minlength=10)
    assert sizes.max() - sizes.min() <= 1


def test_a_fold_is_judged_by_what_the_others_trained():
    pool, _ = clouds([6, 6])
    labels = np.repeat([0, 1], 6)
    folds = np.tile([0, 1, 2], 4)
    folds[11] = -1

    margins = held_out_scores(SHALLOW_HEADS["svm"], pool.features, labels, folds)
    changed = labels.copy()
    changed[folds == 1] = 1 - changed[folds == 1]  # what is held out must not matter to its own margins

    assert margins.shape == (len(C_GRID), 12, 2)
    assert np.isnan(margins[:, 11]).all()
    assert not np.isnan(margins[:, :11]).any()
    assert np.array_equal(
        held_out_scores(SHALLOW_HEADS["svm"], pool.features, changed, folds)[:, folds == 1], margins[:, folds == 1]
    )
    assert not np.allclose(
        held_out_scores(SHALLOW_HEADS["svm"], pool.features, changed, folds)[:, folds == 0], margins[:, folds == 0]
    )


# --- calibration and prior correction ---------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-4, 0.1, 1.0, 30.0])
def test_the_temperature_is_the_best_of_a_fine_grid(scale):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, size=200)
    margins = scale * (1.5 * np.eye(4)[labels] + rng.normal(size=(200, 4)))

    def loss(temperature):
        powers = np.exp((margins - margins.max(axis=1, keepdims=True)) / temperature)
        likely = np.log(powers / powers.sum(axis=1, keepdims=True))
        own = likely[np.arange(200), labels]
        return -((1 - 1 / 202) * own + 1 / 202 * (likely.sum(axis=1) - own) / 3).mean()

    found = fit_temperature(margins, labels)

    grid = scale * np.geomspace(0.01, 100, 4001)
    best = min(grid, key=loss)
    assert found == pytest.approx(best, rel=5e-3)
    assert loss(found) <= loss(best) + 1e-9


def test_where_every_image_is_told_right_the_correction_still_moves_a_doubtful_one():
    points = np.repeat([[1.0, 0.0], [0.0, 1.0]], [45, 5], axis=0)
    for head in SHALLOW_HEADS:
        model = train(Pool.from_arrays(points), np.arange(50), ["common"] * 45 + ["rare"] * 5, head)

        plain, corrected = (model.with_tau(tau).predict_proba([[0.75, 0.65]])[0, 1] for tau in (0, 1))
        assert 0.01 < plain < corrected < 0.99


def test_no_features_get_no_predictions():
    model, _, _ = trained([5, 5])

    assert model.predict_proba(np.zeros((0, 6))).shape == (0, 2)


def test_prior_correction_divides_by_the_class_frequencies():
    model, pool, _ = trained([60, 25, 15])
    plain = model.with_tau(0).predict_proba(pool)
    by_hand = plain / np.array([0.60, 0.25, 0.15])
    by_hand /= by_hand.sum(axis=1, keepdims=True)

    assert model.choice.tau == 1
    assert model.counts == (60, 25, 15)
    assert model.predict_proba(pool) == pytest.approx(by_hand, rel=1e-9)


def test_half_the_correction_divides_by_the_square_root():
    model, pool, _ = trained([60, 25, 15])
    by_hand = model.with_tau(0).predict_proba(pool) / np.sqrt([0.60, 0.25, 0.15])

    half = model.with_tau(0.5).predict_proba(pool)

    assert half == pytest.approx(by_hand / by_hand.sum(axis=1, keepdims=True), rel=1e-9)


def test_without_prior_correction_nothing_is_subtracted_and_c_is_judged_without():
    plain, pool, labels = trained([60, 25, 15], prior_correction=False)
    powers = np.exp(plain.scores(pool))

    assert plain.choice.tau == 0
    assert plain.predict_proba(pool) == pytest.approx(powers / powers.sum(axis=1, keepdims=True), rel=1e-9)
    numbers, features = np.unique(labels, return_inverse=True)[1], normalised(pool.features)
    scores = held_out_scores(SHALLOW_HEADS["svm"], features, numbers, deal_folds(numbers, 10, np.random.default_rng(0)))
    accuracies = [macro_accuracy(numbers, of_c.argmax(axis=1)) for of_c in scores]
    assert list(plain.cross_validation.accuracy_of_c.values()) == pytest.approx(accuracies)
    assert accuracies[C_GRID.index(plain.choice.c)] == max(accuracies)


def test_prior_correction_raises_macro_accuracy_under_imbalance():
    model, _, _ = trained([300, 20, 12])
    test_pool, true = clouds([300, 300, 300], seed=1)

    corrected = macro_accuracy(true, model.predict(test_pool))
    plain = macro_accuracy(true, model.with_tau(0).predict(test_pool))

    assert corrected > plain + 0.05
    assert model.cross_validation is not None
    assert model.cross_validation.corrected_accuracy > model.cross_validation.accuracy


# --- training ---------------------------------------------------------------------------------------


def test_classes_far_apart_are_told_apart():
    pool, labels = clouds([30, 20, 10], spread=0.05)
    rows = np.random.default_rng(0).permutation(60)[:30]

    model = train(pool, rows, [labels[i] for i in rows])

    assert model.classes == ("class 0", "class 1", "class 2")
    assert model.predict(pool).tolist() == labels
    assert model.predict_proba(pool).sum(axis=1) == pytest.approx(np.ones(60))
    assert model.cross_validation is not None
    assert model.cross_validation.accuracy == 1
    assert (model.cross_validation.n_held_out, model.cross_validation.n_classes) == (30, 3)
    assert set(model.cross_validation.accuracy_of_c) == set(C_GRID)


def test_two_classes_are_enough():
    model, pool, labels = trained([8, 5])

    assert model.predict_proba(pool).shape == (13, 2)
    assert macro_accuracy(labels, model.predict(pool)) > 0.8


def test_a_class_with_one_label_is_trained_and_not_judged():
    pool, labels = clouds([20, 20, 1], spread=0.05)

    model = train(pool, np.arange(41), labels)

    assert model.counts == (20, 20, 1)
    assert model.head.scores(normalised(pool.features))[:, 2].argmax() == 40
    assert model.cross_validation is not None
    assert (model.cross_validation.n_held_out, model.cross_validation.n_classes) == (40, 2)


def test_one_label_a_class_trains_without_cross_validation():
    pool, labels = clouds([1, 1, 1], spread=0.05)

    model = train(pool, [0, 1, 2], labels)

    assert model.cross_validation is None
    assert model.choice == Choice(1.0, 1.0, 1.0)
    assert model.predict(pool).tolist() == labels


def test_the_length_of_features_does_not_matter():
    pool, labels = clouds([20, 10])
    lengths = np.random.default_rng(0).uniform(0.1, 50, size=(30, 1))
    stretched = Pool.from_arrays(pool.features * lengths)

    one, other = train(pool, np.arange(30), labels), train(stretched, np.arange(30), labels)

    assert one.predict_proba(pool) == pytest.approx(other.predict_proba(stretched), abs=1e-3)


def test_same_seed_same_model_and_the_global_seed_changes_nothing():
    first, pool, _ = trained([20, 9, 4], random_state=5)
    np.random.seed(1)  # noqa: NPY002
    again, _, _ = trained([20, 9, 4], random_state=5)

    assert np.array_equal(first.predict_proba(pool), again.predict_proba(pool))
    assert first.cross_validation == again.cross_validation


def test_another_name_for_a_class_changes_nothing():
    pool, labels = clouds([20, 15, 15, 10], spread=1.5)
    rows = np.random.default_rng(5).permutation(60)
    names = [[letters[int(labels[row][-1])] for row in rows] for letters in ("abcd", "dcba")]

    one, other = (train(pool, rows, given) for given in names)

    assert (one.choice.c, one.choice.tau) == (other.choice.c, other.choice.tau)
    assert one.choice.temperature == pytest.approx(other.choice.temperature)  # of sums in another order
    assert one.cross_validation.fold_accuracies == other.cross_validation.fold_accuracies
    told = one.predict(pool), other.predict(pool)
    assert [dict(zip("abcd", "dcba", strict=True))[name] for name in told[0]] == list(told[1])


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


def test_labels_of_a_simulation_train_a_classifier_that_the_oracle_judges():
    pool, _ = clouds([30, 20, 10], spread=0.05)
    oracle = np.repeat([7, 30, 4], [30, 20, 10])
    result = simulate(pool, oracle, 30)

    model = train(pool, result.indices, result.labels)

    assert model.classes == (4, 7, 30)
    assert (model.predict(pool) == oracle).all()


def test_an_array_stands_for_a_pool():
    pool, labels = clouds([10, 10])
    features = np.asarray(pool.features)

    model = train(features.tolist(), np.arange(20), labels, "nearest_mean")

    same = train(pool, np.arange(20), labels, "nearest_mean")
    assert np.array_equal(model.predict_proba(features), same.predict_proba(pool))
    assert evaluate(model, features, labels) == evaluate(same, pool, labels)
    with pytest.raises(
        EvenpickError, match=r"train: the pool must be a Pool or an array of features \(n, n_features\)"
    ):
        train("photos", np.arange(20), labels)


def test_each_strategy_is_announced_before_its_first_step_and_after_its_last():
    pool, labels = clouds([12, 9, 9])
    seen = []

    train(pool, np.arange(20), labels[:20], "auto", n_folds=3, progress=lambda *step: seen.append(step))

    names = [name + suffix for name in SHALLOW_HEADS for suffix in ("", "+self_training")]
    assert seen == [(name, done, 6) for name in names for done in range(7)]


def test_a_missing_label_is_refused_with_its_row():
    pool, labels = clouds([10, 10])
    for missing in (None, float("nan"), ""):
        with pytest.raises(EvenpickError, match="train: row 12: the label is missing"):
            train(pool, [3, 12, 15], [labels[3], missing, labels[15]])


def test_labels_of_several_types_are_refused():
    with pytest.raises(
        EvenpickError, match=r"train: labels must be of one type; row 3 has 1 \(int\), row 15 'b' \(str\)"
    ):
        train(clouds([10, 10])[0], [3, 15], [1, "b"])


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ([0, 1, 2], ["a", "a", "a"], "labels of at least two classes; got 3 labels of 'a': label more"),
        ([0, 1, 0], ["a", "b", "a"], "labelled once; labelled twice: '0'"),
        ([0, 40], ["a", "b"], "whole numbers from 0 to 39"),
        ([0, -1], ["a", "b"], "whole numbers from 0 to 39"),
        ([0.0, 1.0], ["a", "b"], "whole numbers from 0 to 39"),
        ([True, False], ["a", "b"], "whole numbers from 0 to 39"),
        ([0, 1], ["a"], "each row needs one label; got 2 rows and 1 labels"),
        ([[0, 1]], ["a"], "each row needs one label; got 2 rows and 1 labels"),
        ([], [], "at least two classes; got 0 labels of none"),
    ],
)
def test_labels_that_cannot_train_are_refused(rows, labels, message, make_pool):
    with pytest.raises(EvenpickError, match=message):
        train(make_pool(), rows, labels)


def test_an_unknown_strategy_is_refused(make_pool):
    with pytest.raises(EvenpickError, match="strategy 'finetun' does not exist"):
        train(make_pool(), [0, 1], ["a", "b"], strategy="finetun")


# --- prediction -------------------------------------------------------------------------------------


def test_a_pool_on_disk_in_memory_and_bare_features_are_predicted_alike(tmp_path):
    model, pool, _ = trained([12, 9])
    features = np.asarray(pool.features)
    writer = PoolWriter(tmp_path, tmp_path, described("s"))
    for start in (0, 8, 16):
        block = features[start : start + 8]
        predictions = summarise_probabilities(np.full((len(block), 2), 0.5))
        writer.append([str(start + i) for i in range(len(block))], ["-"] * len(block), block, predictions)

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


# --- on disk ----------------------------------------------------------------------------------------


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


def test_a_model_without_cross_validation_is_read_back(tmp_path):
    model, pool, _ = trained([1, 1])
    model.save(tmp_path)

    assert Model.load(tmp_path).cross_validation is None
    assert np.array_equal(Model.load(tmp_path).predict_proba(pool), model.predict_proba(pool))


def test_the_files_of_a_model_hold_no_pickle(tmp_path):
    trained([6, 6])[0].save(tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", "weights.safetensors"]
    assert json.loads((tmp_path / "model.json").read_bytes())["strategy"] == "svm"
    assert (tmp_path / "weights.safetensors").read_bytes()[8:].startswith(b'{"')


def test_saving_again_replaces_the_model(tmp_path):
    trained([6, 6])[0].save(tmp_path)
    (tmp_path / "network.onnx").touch()  # of a fine-tuned one before
    model, pool, _ = trained([9, 5, 4])
    model.save(tmp_path)

    assert np.array_equal(Model.load(tmp_path).predict_proba(pool), model.predict_proba(pool))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", "weights.safetensors"]


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(EvenpickError, match="holds no model"):
        Model.load(tmp_path / "gone")


def test_a_model_of_another_format_is_refused(tmp_path):
    trained([6, 6])[0].save(tmp_path)
    facts = json.loads((tmp_path / "model.json").read_bytes())
    (tmp_path / "model.json").write_text(json.dumps({**facts, "format": 9}))

    with pytest.raises(EvenpickError, match=r"has format 9; evenpick .* reads 2"):
        Model.load(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
@pytest.mark.parametrize("left", [0, 10, 0.5, -1])
def test_a_model_cut_short_is_refused(name, left, tmp_path):
    trained([6, 6])[0].save(tmp_path)
    size = (tmp_path / name).stat().st_size
    os.truncate(tmp_path / name, size + left if left < 0 else int(size * left) if left < 1 else left)

    with pytest.raises(EvenpickError, match="is damaged"):
        Model.load(tmp_path)


@pytest.mark.parametrize("seed", range(30))
def test_a_model_with_a_changed_byte_in_its_weights_is_refused(seed, tmp_path):
    trained([6, 6])[0].save(tmp_path)
    data = bytearray((tmp_path / "weights.safetensors").read_bytes())
    rng = np.random.default_rng(seed)
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    (tmp_path / "weights.safetensors").write_bytes(data)

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
    (tmp_path / "weights.safetensors").unlink()

    with pytest.raises(EvenpickError, match="is damaged"):
        Model.load(tmp_path)


def test_between_equal_accuracies_the_largest_c_wins():
    """Every C separates these; the smallest would leave the class with one label unpredicted."""
    rng = np.random.default_rng(0)
    points = np.vstack([rng.normal([8, 0, 0], 0.1, (10, 3)), rng.normal([0, 8, 0], 0.1, (10, 3)), [[0, 0, 8]]])
    labels = ["a"] * 10 + ["b"] * 10 + ["single"]

    model = train(Pool.from_arrays(points), np.arange(21), labels)

    assert set(model.cross_validation.accuracy_of_c.values()) == {1.0}
    assert model.with_tau(0).predict(points).tolist() == labels


def test_tensors_of_any_kind_have_a_fingerprint():
    torch = pytest.importorskip("torch")
    from evenpick.sources.torch_networks import fingerprint

    half = torch.nn.Linear(2, 3).to(torch.bfloat16)

    assert fingerprint(half) != fingerprint(torch.nn.Linear(2, 3))
    assert fingerprint(torch.nn.Flatten()) == fingerprint(torch.nn.Flatten())


# --- the strategies and their choice ----------------------------------------------------------------

every_head = pytest.mark.parametrize("head", SHALLOW_HEADS)


@every_head
@pytest.mark.parametrize("counts", [[8, 5], [40, 20, 1], [1] * 20 + [2] * 20, [3] * 300])
def test_every_strategy_takes_two_classes_single_labels_and_many_classes(head, counts):
    model, pool, labels = trained(counts, strategy=head, n_folds=3)
    again, _, _ = trained(counts, strategy=head, n_folds=3)

    assert model.strategy == head
    assert model.predict_proba(pool).sum(axis=1) == pytest.approx(np.ones(len(labels)))
    assert macro_accuracy(labels, model.predict(pool)) > 1.2 / len(counts)
    assert np.array_equal(model.predict_proba(pool), again.predict_proba(pool))
    assert model.cross_validations == again.cross_validations


@every_head
def test_every_strategy_is_read_back_as_it_was(head, tmp_path):
    model, pool, _ = trained([20, 9, 4], strategy=head)
    model.save(tmp_path)
    read = Model.load(tmp_path)

    assert read.strategy == head
    assert read.cross_validations == model.cross_validations
    assert np.array_equal(read.predict_proba(pool), model.predict_proba(pool))


def test_nearest_mean_is_scikit_learns_nearest_centroid():
    from sklearn.neighbors import NearestCentroid

    rng = np.random.default_rng(0)
    features, labels = normalised(rng.normal(size=(30, 4))), np.arange(30) % 3
    others = normalised(rng.normal(size=(50, 4)))

    scores = SHALLOW_HEADS["nearest_mean"].fit(features, labels, (1.0,))[0].scores(others)

    theirs = NearestCentroid().fit(features, labels)
    distances = ((others[:, None] - theirs.centroids_) ** 2).sum(axis=2)
    assert scores.argmax(axis=1).tolist() == theirs.predict(others).tolist()
    assert scores - (others**2).sum(axis=1, keepdims=True) == pytest.approx(-distances, abs=1e-5)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_logistic_regression_equals_scikit_learns_from_scratch(n_classes):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    labels = np.arange(120) % n_classes
    features = normalised(rng.normal(size=(120, 8)) + np.eye(8)[labels])

    for c, head in zip(
        (1.0, 10.0), SHALLOW_HEADS["logistic_regression"].fit(features, labels, (1.0, 10.0)), strict=True
    ):
        expected = LogisticRegression(C=c, tol=1e-8, max_iter=5000).fit(features, labels).predict_proba(features)
        powers = np.exp(head.scores(features))
        assert powers / powers.sum(axis=1, keepdims=True) == pytest.approx(expected, abs=0.02)


def test_the_best_strategy_on_the_folds_wins():
    pool, labels = clouds([40, 40, 40])
    model = train(pool, np.arange(120), labels, strategy="auto")

    assert set(model.cross_validations) == set(STRATEGIES) - {"auto", "finetune"}
    assert "features only" in model.left_out
    best = max(folds.corrected_accuracy for folds in model.cross_validations.values())
    assert model.cross_validation.corrected_accuracy == best
    alone = train(pool, np.arange(120), labels, strategy=model.strategy)
    assert np.array_equal(alone.predict_proba(pool), model.predict_proba(pool))


def test_a_class_inside_another_is_left_to_what_can_tell_it_apart():
    """Both class means lie in one direction of unequal spread, which a machine looks through and a mean does not."""
    rng = np.random.default_rng(0)
    side = np.repeat([-1.0, 1.0], 60)
    points = np.column_stack([np.full(120, 5.0), side * 0.3, 4 * rng.normal(size=120)]) + 0.05 * rng.normal(
        size=(120, 3)
    )
    model = train(Pool.from_arrays(points), np.arange(120), np.where(side > 0, "a", "b"), strategy="auto")

    folds = model.cross_validations
    assert model.strategy in ("svm", "logistic_regression")
    assert folds[model.strategy].corrected_accuracy > folds["nearest_mean"].corrected_accuracy + 0.2


def test_what_is_stated_is_chosen_without_the_fold_that_is_judged():
    """On labels that say nothing, the best of many settings looks good on the folds that chose it."""
    nested, chosen = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        features, labels = normalised(rng.normal(size=(60, 20))), np.arange(60) % 2
        folds = deal_nested_folds(labels, 10, rng)
        found = cross_validate(SHALLOW_HEADS["svm"], features, labels, folds, TUNED_TAUS).cross_validation
        nested.append(found.corrected_accuracy)
        chosen.append(max(found.accuracy_of_c.values()))

    assert np.mean(chosen) > np.mean(nested) + 0.02
    assert np.mean(nested) == pytest.approx(0.5, abs=0.06)


def test_inner_folds_see_nothing_of_the_fold_that_is_judged():
    seen = []
    head = SHALLOW_HEADS["nearest_mean"]
    spy = replace(head, fit=lambda f, y, g: (seen.append(f[:, 0].tolist()), head.fit(f, y, g))[1])
    features, labels = np.arange(1, 41, dtype=np.float32)[:, None] * np.ones((1, 2), np.float32), np.arange(40) % 2
    nested = deal_nested_folds(labels, 4, np.random.default_rng(0))
    folds, told = nested.outer, []

    cross_validate(spy, features, labels, nested, (1.0,), lambda done, total: told.append((done, total)))

    assert told == [(done, 8) for done in range(9)]  # four folds trained, then judged

    assert len(seen) == 4 + 4 * N_INNER_FOLDS
    blind = [
        sum(not set((np.flatnonzero(folds == fold) + 1.0).tolist()) & set(fitted) for fitted in seen)
        for fold in range(4)
    ]
    assert blind == [1 + N_INNER_FOLDS] * 4  # what judges the fold, and all that chooses for it


def test_c_temperature_and_tau_are_judged_together():
    """The smaller C is better by its raw scores, but the correction gives most of the common class away."""
    vague, labels = scores_with_doubts(30)
    vague[0, 49] *= -1  # by its raw scores one more is right
    good, _ = scores_with_doubts(0)

    choice, accuracy_of_c = choose(np.concatenate([vague, good]), labels, (0.1, 1.0), (1.0,))

    raw = [macro_accuracy(labels, scores.argmax(axis=1)) for scores in (vague[0], good[0])]
    assert raw[0] > raw[1]
    assert choice.c == 1.0
    assert accuracy_of_c[1.0] > accuracy_of_c[0.1]


@pytest.mark.parametrize("seed", range(8))
def test_the_printed_correction_stands_unless_a_weaker_one_is_better_by_half_a_standard_error(seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [60, 20, 6])
    scores = rng.normal(size=(1, 86, 3)) + 1.5 * np.eye(3)[labels] + np.log([6, 2, 1]) * rng.uniform(-0.5, 1)
    taus, sizes = (0.0, 0.5, 1.0), np.array([60, 20, 6])
    told, temperature = {}, fit_temperature(scores[0], labels)
    for tau in taus:
        told[tau] = (scores[0] / temperature - tau * np.log(sizes / 86)).argmax(axis=1) == labels
    shares = {tau: np.bincount(labels, weights=right) / sizes for tau, right in told.items()}
    best = max(taus, key=lambda tau: (shares[tau].mean(), tau))
    error = macro_standard_error(shares[best], sizes)

    choice, _ = choose(scores, labels, (1.0,), taus)

    assert choice.tau == max(tau for tau in taus if shares[tau].mean() >= shares[best].mean() - error / 2)


def scores_with_doubts(doubtful):
    """Held-out scores of 40 common and 10 rare images, one of each told wrong.

    Of the common ones some are so doubtful that a correction with tau = 1 gives them to the rare class.
    """
    labels = np.repeat([0, 1], [40, 10])
    lead = np.where(labels == 0, 3.0, -3.0)
    lead[[39, 49]] *= -1
    lead[:doubtful] = 0.5
    return np.stack([lead / 2, -lead / 2], axis=1)[None], labels


def test_the_printed_correction_stands_within_a_standard_error():
    few, labels = scores_with_doubts(2)
    many, _ = scores_with_doubts(30)

    assert choose(few, labels, (1.0,), TUNED_TAUS)[0].tau == 1
    assert choose(many, labels, (1.0,), TUNED_TAUS)[0].tau < 1
    assert choose(many, labels, (1.0,), (1.0,))[0].tau == 1  # as printed, whatever the folds say


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior_correction": "yes"}, "prior_correction must be True, False or 'tuned'; got 'yes'"),
        ({"random_state": -1}, "random_state must be a whole number, 0 or more; got -1"),
        ({"random_state": 1.5}, "random_state must be a whole number, 0 or more; got 1.5"),
        ({"unlabelled": [[1], [2, 3]]}, "unlabelled rows must be from 0 to"),
        ({"n_folds": 1}, "n_folds must be a whole number, at least 2; got 1"),
        ({"n_folds": 2.5}, "n_folds must be a whole number, at least 2; got 2.5"),
    ],
)
def test_options_that_do_not_exist_are_refused(options, message, make_pool):
    with pytest.raises(EvenpickError, match=message):
        train(make_pool(), [0, 1], ["a", "b"], **options)
