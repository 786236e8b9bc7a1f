import numpy as np
import pytest

from evenpick import Pool, train
from evenpick.cross_validation import cross_validate, deal_folds, fit_temperature, held_out_scores
from evenpick.linear_head import normalised
from evenpick.metrics import expected_calibration_error, macro_accuracy
from evenpick.model import Model
from evenpick.pool import softmax
from evenpick.self_training import SUFFIX, head_of, pseudo_labels, self_trained
from evenpick.shallow_heads import SHALLOW_HEADS


def clouds(n, classes, spread=0.6, d=12, seed=0):
    """Overlapping clouds, the first class as common as all others together; features and class numbers."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(n) < 0.5, 0, rng.integers(0, classes, n))
    return normalised(np.eye(classes, d)[labels] + spread * rng.normal(size=(n, d))), labels


def test_of_each_class_the_surest_are_told_and_of_equals_the_first():
    scores = np.array([[3.0, 1, 0], [9, 0, 0], [2, 0, 0], [0, 5, 4], [0, 5, 4], [1, 2, 0], [7, 0, 1]])

    rows, numbers = pseudo_labels(scores, 2)

    assert rows.tolist() == [1, 6, 3, 4]  # no row is of class 2; rows 3, 4 and 5 are equally sure
    assert numbers.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("name", SHALLOW_HEADS)
def test_a_self_trained_head_is_that_of_two_rounds_done_by_hand(name):
    features, labels = clouds(300, 4)
    labelled, unlabelled = features[:40], features[40:]
    head, numbers = SHALLOW_HEADS[name], labels[:40]

    found = self_trained(head, unlabelled).fit(labelled, numbers, (1.0,))[0]

    x, y = labelled, numbers
    for most in (10, 20):
        (teacher,) = head.fit(x, y, (head.teacher_c,))
        scores = teacher.scores(unlabelled)
        told, sure = scores.argmax(axis=1), np.sort(scores, axis=1)[:, -1] - np.sort(scores, axis=1)[:, -2]
        taken = [i for c in range(4) for i in sorted(np.flatnonzero(told == c), key=lambda i: (-sure[i], i))[:most]]
        x, y = np.vstack([labelled, unlabelled[taken]]), np.concatenate([numbers, told[taken]])
    (expected,) = head.fit(x, y, (1.0,))
    assert found.scores(features) == pytest.approx(expected.scores(features), abs=1e-4)


def test_many_labels_of_each_class_take_as_many_pseudo_labels():
    features, labels = clouds(600, 2)
    seen = []
    head = SHALLOW_HEADS["nearest_mean"]
    spied = self_trained(
        type(head)(head.words, head.grid, lambda f, y, g: (seen.append(len(f)), head.fit(f, y, g))[1], 1.0, 1.0),
        features[100:],
    )

    spied.fit(features[:100], labels[:100], (1.0,))

    assert seen == [100, 200, 300]  # two classes of 50 labels on average


def test_it_is_taken_where_the_folds_say_that_it_helps_and_then_helps():
    features, labels = clouds(1500, 6, spread=0.25, d=60)
    pool, new, names = Pool.from_arrays(features), *clouds(2000, 6, spread=0.25, d=60, seed=1)
    few = np.concatenate([np.flatnonzero(labels == c)[:3] for c in range(6)])

    model = train(pool, few, [f"class{c}" for c in labels[few]])
    plain = train(pool, few, [f"class{c}" for c in labels[few]], self_training=False)

    assert model.strategy == "svm" + SUFFIX
    assert model.choice.tau == 0
    assert list(model.cross_validations) == ["svm", "svm" + SUFFIX]
    assert model.cross_validation.corrected_accuracy > model.cross_validations["svm"].corrected_accuracy
    assert plain.strategy == "svm"
    true = [f"class{c}" for c in names]
    assert macro_accuracy(true, model.predict(new)) > macro_accuracy(true, plain.predict(new)) + 0.05


def test_it_is_left_where_unlabelled_images_mislead():
    """Here every class is of two far clouds, and unlabelled images between the clouds belong to another class."""
    rng = np.random.default_rng(3)
    labels = np.arange(60) % 2
    features = np.eye(2, 8)[labels] + 0.01 * rng.normal(size=(60, 8))
    noise = np.eye(2, 8)[1 - np.arange(400) % 2] * 0.2 + rng.normal(size=(400, 8))
    pool = Pool.from_arrays(np.vstack([features, noise]))

    model = train(pool, np.arange(60), [f"class{c}" for c in labels])

    assert model.strategy == "svm"


def test_without_unlabelled_images_or_a_fold_to_judge_by_it_is_not_tried():
    features, labels = clouds(60, 3)
    names = [f"class{c}" for c in labels]

    assert list(train(Pool.from_arrays(features), np.arange(60), names).cross_validations) == ["svm"]
    one_each = [names.index("class0"), names.index("class1")]
    assert train(Pool.from_arrays(features), one_each, ["a", "b"]).strategy == "svm"


def test_a_prior_correction_that_is_asked_for_is_kept():
    features, labels = clouds(1500, 6, spread=0.45)
    few = np.concatenate([np.flatnonzero(labels == c)[:3] for c in range(6)])

    model = train(Pool.from_arrays(features), few, labels[few], prior_correction=True)

    assert model.choice.tau == 1


def test_of_a_large_pool_some_images_are_drawn_the_same_for_a_seed(monkeypatch):
    monkeypatch.setattr("evenpick.training.MOST_UNLABELLED", 50)
    features, labels = clouds(800, 4)
    few = np.concatenate([np.flatnonzero(labels == c)[:4] for c in range(4)])

    one, same, other = (
        train(Pool.from_arrays(features), few, labels[few], random_state=seed).cross_validations["svm" + SUFFIX]
        for seed in (0, 0, 1)
    )

    assert one == same
    assert one != other


def test_where_nothing_is_chosen_a_fold_is_judged_with_the_temperature_of_the_others():
    features, labels = clouds(80, 3)
    head = self_trained(SHALLOW_HEADS["svm"], clouds(200, 3, seed=2)[0])
    folds = deal_folds(labels, 5, np.random.default_rng(0))

    found = cross_validate(head, features, labels, folds, (0.0,), np.random.default_rng(0)).cross_validation

    scores = held_out_scores(head, features, labels, folds)[0]
    by_hand = np.vstack([
        softmax(scores[folds == f] / fit_temperature(scores[folds != f], labels[folds != f])) for f in range(5)
    ])  # fmt: skip
    told = np.concatenate([labels[folds == f] for f in range(5)])
    shares = [np.mean(by_hand.argmax(axis=1)[told == c] == c) for c in range(3)]
    assert found.corrected_accuracy == found.accuracy == pytest.approx(np.mean(shares))
    assert found.calibration_error == pytest.approx(expected_calibration_error(by_hand, told))


def test_the_model_is_read_as_it_was_written(tmp_path):
    features, labels = clouds(1500, 6, spread=0.45)
    few = np.concatenate([np.flatnonzero(labels == c)[:3] for c in range(6)])
    model = train(Pool.from_arrays(features), few, labels[few])

    model.save(tmp_path)

    assert Model.load(tmp_path).strategy == "svm" + SUFFIX
    assert (Model.load(tmp_path).predict(features) == model.predict(features)).all()


def test_a_name_tells_the_head_behind_it():
    assert head_of("svm" + SUFFIX) is SHALLOW_HEADS["svm"]
    assert head_of("nearest_mean") is SHALLOW_HEADS["nearest_mean"]
    assert head_of("finetune") is None
