"""Training by its contract: every strategy, on any labels, by the folds."""

import numpy as np
import pytest

from evenpick.classifiers import (
    SHALLOW_HEADS,
    Choice,
    deal_folds,
    held_out_scores,
)
from evenpick.classifiers.linear_svm import C_GRID
from evenpick.errors import EvenpickError
from evenpick.feature_transform import UNIT_LENGTH, FeatureTransform
from evenpick.metrics import macro_accuracy
from evenpick.pool import Pool
from evenpick.session import simulate
from evenpick.training import Model, evaluate, train
from evenpick.training.strategies import STRATEGIES
from evenpick.vectors import normalised

pytestmark = pytest.mark.slow


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


def test_where_every_image_is_told_right_the_correction_still_moves_a_doubtful_one():
    points = np.repeat([[1.0, 0.0], [0.0, 1.0]], [45, 5], axis=0)
    for head in SHALLOW_HEADS:
        model = train(Pool.from_arrays(points), np.arange(50), ["common"] * 45 + ["rare"] * 5, head)

        plain, corrected = (model.with_tau(tau).predict_proba([[0.75, 0.65]])[0, 1] for tau in (0, 1))
        assert 0.01 < plain < corrected < 0.99


def test_without_prior_correction_nothing_is_subtracted_and_c_is_judged_without():
    plain, pool, labels = trained([60, 25, 15], strategy="svm", prior_correction=False)
    powers = np.exp(plain.scores(pool))

    assert plain.choice.tau == 0
    assert plain.predict_proba(pool) == pytest.approx(powers / powers.sum(axis=1, keepdims=True), rel=1e-9)
    numbers, features = np.unique(labels, return_inverse=True)[1], normalised(pool.features)
    scores = held_out_scores(SHALLOW_HEADS["svm"], features, numbers, deal_folds(numbers, 10, np.random.default_rng(0)))
    accuracies = [macro_accuracy(numbers, of_c.argmax(axis=1)) for of_c in scores]
    assert list(plain.cross_validation.accuracy_of_c.values()) == pytest.approx(accuracies)
    assert accuracies[C_GRID.index(plain.choice.c)] == max(accuracies)


def test_log_probabilities_are_corrected_in_full_before_the_temperature_whatever_that_is():
    for counts in ([60, 25, 15], [9, 4, 2], [40, 20, 1]):
        model, pool, labels = trained(counts)
        new, _ = clouds([50, 50, 50], seed=1)

        head, prior = model.head, np.log(np.array(counts) / sum(counts))
        transform = FeatureTransform.fitted_to(pool.features)[0]
        assert model.choice.tau == pytest.approx(1 / model.choice.temperature)
        told = np.array(model.classes)[(head.scores(transform(new.features)) - prior).argmax(axis=1)]
        assert model.predict(new).tolist() == told.tolist()
        numbers = np.unique(labels, return_inverse=True)[1]
        folds, right = deal_folds(numbers, 10, np.random.default_rng(0)), []
        scores = held_out_scores(SHALLOW_HEADS["logistic_regression"], transform(pool.features), numbers, folds)[0]
        for fold in range(10):
            held = folds == fold
            before = np.log(np.bincount(numbers[~held]) / (~held).sum())
            right += [*zip(numbers[held], (scores[held] - before).argmax(axis=1) == numbers[held], strict=True)]
        shares = [np.mean([told for of, told in right if of == c]) for c in {of for of, _ in right}]
        assert model.cross_validation.corrected_accuracy == pytest.approx(np.mean(shares))
        assert [*model.cross_validation.accuracy_of_c] == [10.0]


def test_features_are_centred_by_the_labels_and_the_unlabelled_images():
    pool, labels = clouds([40, 30, 20])
    rows = np.random.default_rng(0).permutation(90)[:30]
    given = [labels[row] for row in rows]

    whole, alone = (train(pool, rows, given, unlabelled=others).head.transform for others in (None, ()))

    assert whole.centre == pytest.approx(FeatureTransform.fitted_to(pool.features)[0].centre, abs=1e-6)
    assert alone.centre == pytest.approx(FeatureTransform.fitted_to(pool.features[rows])[0].centre, abs=1e-6)
    assert np.abs(whole.centre - alone.centre).max() > 0.01


@pytest.mark.parametrize("features", [np.zeros((9, 3)), np.ones((9, 3)), np.arange(1.0, 10)[:, None]])
def test_of_features_that_tell_nothing_every_class_is_as_likely(features):
    model = train(features, np.arange(6), ["a", "b", "c"] * 2)

    assert model.predict_proba(features) == pytest.approx(np.full((9, 3), 1 / 3), abs=1e-3)


@pytest.mark.parametrize("strategy", ["svm", "nearest_mean"])
def test_other_strategies_take_features_of_length_1(strategy):
    model, _, _ = trained([9, 4, 2], strategy=strategy)

    assert model.head.transform == UNIT_LENGTH


def test_with_the_printed_correction_or_none_the_probabilities_of_logistic_regression_are_corrected_so():
    printed, pool, _ = trained([60, 25, 15], prior_correction=True)
    none, _, _ = trained([60, 25, 15], prior_correction=False)

    assert (printed.choice.tau, none.choice.tau) == (1, 0)
    assert printed.choice.temperature == pytest.approx(none.choice.temperature)
    assert np.array_equal(printed.with_tau(0).predict_proba(pool), none.predict_proba(pool))


def test_prior_correction_raises_macro_accuracy_under_imbalance():
    model, _, _ = trained([300, 20, 12])
    test_pool, true = clouds([300, 300, 300], seed=1)

    corrected = macro_accuracy(true, model.predict(test_pool))
    plain = macro_accuracy(true, model.with_tau(0).predict(test_pool))

    assert corrected > plain + 0.05
    assert model.cross_validation is not None
    assert model.cross_validation.corrected_accuracy > model.cross_validation.accuracy


def test_classes_far_apart_are_told_apart():
    pool, labels = clouds([30, 20, 10], spread=0.05)
    rows = np.random.default_rng(0).permutation(60)[:30]

    model = train(pool, rows, [labels[i] for i in rows], "svm")

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
    assert model.choice == Choice(10.0, 1.0, 1.0)
    assert train(pool, [0, 1, 2], labels, "svm").choice == Choice(1.0, 1.0, 1.0)
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


def test_rounding_changes_nothing_that_is_chosen_and_next_to_no_prediction():
    pool, labels = clouds([40, 25, 15, 6, 3], spread=1.5, d=8)
    rows = np.random.default_rng(1).permutation(89)[:40]
    new, _ = clouds([200] * 5, seed=1, spread=1.5, d=8)
    first = train(pool, rows, [labels[i] for i in rows])

    for seed in range(3):
        noise = np.random.default_rng(seed).normal(size=pool.features.shape)
        again = train(pool.features * (1 + 1e-6 * noise), rows, [labels[i] for i in rows])

        assert (again.strategy, again.choice.c) == (first.strategy, first.choice.c)
        assert again.choice.temperature == pytest.approx(first.choice.temperature, rel=0.01)
        assert np.mean(again.predict(new) == first.predict(new)) > 0.99


def test_another_name_for_a_class_changes_nothing():
    pool, labels = clouds([20, 15, 15, 10], spread=1.5)
    rows = np.random.default_rng(5).permutation(60)
    names = [[letters[int(labels[row][-1])] for row in rows] for letters in ("abcd", "dcba")]

    one, other = (train(pool, rows, given) for given in names)

    assert one.choice.c == other.choice.c
    assert one.choice.temperature == pytest.approx(other.choice.temperature)  # of sums in another order
    assert one.choice.tau == pytest.approx(other.choice.tau)
    assert one.cross_validation.fold_accuracies == other.cross_validation.fold_accuracies
    told = one.predict(pool), other.predict(pool)
    assert [dict(zip("abcd", "dcba", strict=True))[name] for name in told[0]] == list(told[1])


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


def test_between_equal_accuracies_the_largest_c_wins():
    """Every C separates these; the smallest would leave the class with one label unpredicted."""
    rng = np.random.default_rng(0)
    points = np.vstack([rng.normal([8, 0, 0], 0.1, (10, 3)), rng.normal([0, 8, 0], 0.1, (10, 3)), [[0, 0, 8]]])
    labels = ["a"] * 10 + ["b"] * 10 + ["single"]

    model = train(Pool.from_arrays(points), np.arange(21), labels, "svm")

    assert set(model.cross_validation.accuracy_of_c.values()) == {1.0}
    assert model.with_tau(0).predict(points).tolist() == labels


every_head = pytest.mark.parametrize("head", SHALLOW_HEADS)


@every_head
@pytest.mark.parametrize("counts", [[8, 5], [40, 20, 1], [1] * 20 + [2] * 20, [3] * 120])
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
