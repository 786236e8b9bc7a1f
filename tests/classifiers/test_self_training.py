from dataclasses import replace

import numpy as np
import pytest

from evenpick import EvenpickError, Pool, train
from evenpick.classifiers import (
    SHALLOW_HEADS,
    SUFFIX,
    Choice,
    LinearHead,
    Validated,
    cross_validate,
    deal_nested_folds,
    head_of,
    held_out_scores,
    self_trained,
)
from evenpick.classifiers.choice import fit_temperature
from evenpick.classifiers.self_training import pseudo_labels
from evenpick.metrics import expected_calibration_error, macro_accuracy
from evenpick.probabilities import softmax
from evenpick.training import Model, evaluate
from evenpick.training.strategies import _best
from evenpick.vectors import normalised


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


@pytest.mark.parametrize("name", ["svm", "nearest_mean"])
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


@pytest.mark.parametrize(("n_labels", "share"), [(8, 0.5), (40, 0.2), (400, 0.5)])
def test_log_probabilities_are_corrected_each_time_and_the_first_classifier_stays_in_a_mean(n_labels, share):
    """By scikit-learn's own classifier, from scratch."""
    from sklearn.linear_model import LogisticRegression

    features, labels = clouds(700, 4)
    known, unlabelled = features[:n_labels].astype(np.float64), features[n_labels:]
    own = np.unique(labels[:n_labels], return_inverse=True)[1]
    classes = own.max() + 1
    head = SHALLOW_HEADS["logistic_regression"]

    (found,) = self_trained(head, unlabelled, share).fit(known, own, head.grid)

    def scores(x, y, points):
        model = LogisticRegression(C=10, tol=1e-6, max_iter=1000).fit(x, y)
        return np.log(model.predict_proba(points)) - np.log(np.bincount(y) / len(y))

    def centred(values):
        return values - values.mean(axis=1, keepdims=True)

    first, x, y = scores(known, own, features), known, own
    for most in (5, 10):
        told = scores(x, y, unlabelled)
        sure = np.sort(told, axis=1)[:, -1] - np.sort(told, axis=1)[:, -2]
        rows = [
            i
            for c in range(classes)
            for i in sorted(np.flatnonzero(told.argmax(1) == c), key=lambda i: -sure[i])[:most]
        ]
        x, y = np.vstack([known, unlabelled[rows]]), np.concatenate([own, told.argmax(1)[rows]])
    mean = (1 - share) * centred(first) + share * centred(scores(x, y, features))
    expected = mean + centred(np.log(np.bincount(own))[None])
    assert classes > 2
    assert centred(found.scores(features)) == pytest.approx(expected, abs=0.2)  # scores from -5 to 5
    assert (found.scores(features).argmax(1) == expected.argmax(1)).mean() > 0.99


@pytest.mark.slow
def test_so_much_of_the_mean_is_self_trained_as_the_first_classifier_is_right_half_at_most(monkeypatch):
    shares = []
    monkeypatch.setattr(
        "evenpick.training.strategies.self_trained", lambda head, others, share: shares.append(share) or head
    )
    for spread in (0.1, 3.0):
        features, labels = clouds(300, 5, spread=spread)
        found = train(Pool.from_arrays(features), np.arange(60), labels[:60]).cross_validations["logistic_regression"]
        assert shares[-1] == min(0.5, found.corrected_accuracy)

    assert shares[0] == 0.5 > shares[1]


@pytest.mark.slow
def test_without_prior_correction_what_is_self_trained_predicts_as_much_of_a_common_class_as_before():
    rng = np.random.default_rng(0)
    numbers = np.repeat([0, 1], [900, 100])
    features = np.eye(2, 20)[numbers] + 0.7 * rng.normal(size=(1000, 20))
    labelled, names = rng.permutation(1000)[:150], np.array(["common", "rare"])[numbers]

    def commons(correction, unlabelled=None):
        pool = Pool.from_arrays(features)
        model = train(pool, labelled, names[labelled], prior_correction=correction, unlabelled=unlabelled)
        assert model.strategy.endswith(SUFFIX) == (unlabelled is None)
        return (model.predict(features) == "common").sum()

    none = commons(False)
    assert none == pytest.approx(commons(False, ()), abs=30)
    assert commons("tuned") < none - 60


def test_pseudo_labels_of_every_class_are_as_few_with_many_labels():
    features, labels = clouds(1600, 2)
    seen = []
    head = SHALLOW_HEADS["logistic_regression"]
    spied = self_trained(
        replace(head, fit=lambda f, y, g: (seen.append(len(f)), head.fit(f, y, g))[1]), features[1000:]
    )

    spied.fit(features[:1000], labels[:1000], head.grid)

    assert seen == [1000, 1010, 1020]


def test_many_labels_of_each_class_take_as_many_pseudo_labels():
    features, labels = clouds(600, 2)
    seen = []
    head = SHALLOW_HEADS["nearest_mean"]
    spied = self_trained(
        replace(head, fit=lambda f, y, g: (seen.append(len(f)), head.fit(f, y, g))[1]),
        features[100:],
    )

    spied.fit(features[:100], labels[:100], (1.0,))

    assert seen == [100, 200, 300]  # two classes of 50 labels on average


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["svm", "logistic_regression"])
def test_it_is_taken_where_the_folds_say_that_it_helps_and_then_helps(strategy):
    features, labels = clouds(1500, 6, spread=0.25, d=60)
    pool, new, names = Pool.from_arrays(features), *clouds(2000, 6, spread=0.25, d=60, seed=1)
    few = np.concatenate([np.flatnonzero(labels == c)[:3] for c in range(6)])

    model = train(pool, few, [f"class{c}" for c in labels[few]], strategy)
    plain = train(pool, few, [f"class{c}" for c in labels[few]], strategy, unlabelled=())

    assert model.strategy == strategy + SUFFIX
    in_full = 1 / model.choice.temperature
    assert model.choice.tau == pytest.approx({"svm": 0, "logistic_regression": in_full}[strategy])
    assert list(model.cross_validations) == [strategy, strategy + SUFFIX]
    assert model.cross_validation.corrected_accuracy > model.cross_validations[strategy].corrected_accuracy
    assert plain.strategy == strategy
    true = [f"class{c}" for c in names]
    assert macro_accuracy(true, model.predict(new)) > macro_accuracy(true, plain.predict(new)) + 0.05


@pytest.mark.slow
def test_it_is_left_where_unlabelled_images_mislead():
    """They lie far along a direction that means nothing, and lean the wrong way in those that do."""
    rng = np.random.default_rng(3)
    labels, sides = np.arange(80) % 2, np.arange(400) % 2
    features = normalised(np.eye(2, 8)[labels] + 0.5 * rng.normal(size=(80, 8)))
    far = 5 * np.where(sides == 0, 1, -1)[:, None] * np.eye(8)[7]
    astray = normalised(0.3 * np.eye(2, 8)[1 - sides] + far + 0.1 * rng.normal(size=(400, 8)))
    pool = Pool.from_arrays(np.vstack([features, astray]))

    model = train(pool, np.arange(80), [f"class{c}" for c in labels], "svm")

    folds = model.cross_validations
    assert folds["svm" + SUFFIX].corrected_accuracy < folds["svm"].corrected_accuracy
    assert model.strategy == "svm"


def judged(told, labels):
    """A strategy that told these classes on the folds."""
    return Validated(Choice(1.0, 1.0, 0.0), None, np.asarray(told))


def test_it_has_to_be_ahead_by_half_a_standard_error():
    labels = np.arange(200) % 2
    wrong = lambda n: judged(np.where(np.arange(200) < n, 1 - labels, labels), labels)  # noqa: E731

    assert _best({"svm": wrong(40), "svm" + SUFFIX: wrong(38)}, labels) == "svm"
    # 0.02 ahead: more than half of a standard error of 0.027, less than a whole one
    assert _best({"svm": wrong(40), "svm" + SUFFIX: wrong(36)}, labels) == "svm" + SUFFIX
    assert _best({"svm": wrong(40), "svm" + SUFFIX: wrong(20)}, labels) == "svm" + SUFFIX
    assert _best({"svm": wrong(40), "svm" + SUFFIX: wrong(38), "nearest_mean": wrong(39)}, labels) == "nearest_mean"


def test_what_stays_half_of_what_it_was_is_left_only_if_it_is_behind_by_half_a_standard_error():
    labels, name = np.arange(200) % 2, "logistic_regression"
    wrong = lambda n: judged(np.where(np.arange(200) < n, 1 - labels, labels), labels)  # noqa: E731

    assert _best({name: wrong(40), name + SUFFIX: wrong(30)}, labels) == name + SUFFIX
    assert _best({name: wrong(40), name + SUFFIX: wrong(40)}, labels) == name + SUFFIX
    assert _best({name: wrong(40), name + SUFFIX: wrong(42)}, labels) == name + SUFFIX
    assert _best({name: wrong(40), name + SUFFIX: wrong(44)}, labels) == name
    assert _best({name: wrong(40)}, labels) == name
    # Another strategy that is ahead of the form that stands wins, even if the other form is as good as that.
    assert _best({name: wrong(40), name + SUFFIX: wrong(42), "svm": wrong(41)}, labels) == "svm"


@pytest.mark.slow
def test_without_unlabelled_images_or_a_fold_to_judge_by_it_is_not_tried():
    features, labels = clouds(60, 3)
    names = [f"class{c}" for c in labels]

    assert list(train(Pool.from_arrays(features), np.arange(60), names).cross_validations) == ["logistic_regression"]
    one_each = [names.index("class0"), names.index("class1")]
    alone = train(Pool.from_arrays(features), one_each, ["a", "b"])
    assert (alone.strategy, alone.cross_validations) == ("logistic_regression", {})


@pytest.mark.parametrize("strategy", ["svm", "logistic_regression", "nearest_mean", "auto"])
def test_the_printed_correction_needs_no_class_with_two_labels_in_a_fold(strategy):
    features = clouds(60, 3)[0]

    model = train(Pool.from_arrays(features), [0, 1, 2], ["a", "a", "b"], strategy, prior_correction=True)

    assert model.choice.tau == 1


@pytest.mark.slow
def test_a_prior_correction_that_is_asked_for_is_kept():
    features, labels = clouds(1500, 6, spread=0.45)
    few = np.concatenate([np.flatnonzero(labels == c)[:3] for c in range(6)])

    model = train(Pool.from_arrays(features), few, labels[few], prior_correction=True)

    assert model.choice.tau == 1


@pytest.mark.slow
def test_of_a_large_pool_some_images_are_drawn_the_same_for_a_seed(monkeypatch):
    monkeypatch.setattr("evenpick.training.strategies.MOST_UNLABELLED", 50)
    features, labels = clouds(800, 4)
    few = np.concatenate([np.flatnonzero(labels == c)[:4] for c in range(4)])

    seen = []
    monkeypatch.setattr(
        "evenpick.training.strategies.self_trained", lambda head, others, share: seen.append(others) or head
    )

    for seed in (0, 0, 1):
        train(Pool.from_arrays(features), few, labels[few], random_state=seed)

    assert [len(others) for others in seen] == [50, 50, 50]
    assert (seen[0] == seen[1]).all()
    assert (seen[0] != seen[2]).any()


@pytest.mark.slow
def test_rows_that_may_not_be_told_are_not(monkeypatch):
    features, labels = clouds(80, 4)
    few, may = np.concatenate([np.flatnonzero(labels == c)[:4] for c in range(4)]), np.arange(40, 80)
    seen = []
    monkeypatch.setattr(
        "evenpick.training.strategies.self_trained", lambda head, others, share: seen.append(others) or head
    )

    train(Pool.from_arrays(features), few, labels[few], unlabelled=may)

    assert len(seen[0]) == len(np.setdiff1d(may, few))
    with pytest.raises(EvenpickError, match="unlabelled rows must be from 0 to 79"):
        train(Pool.from_arrays(features), few, labels[few], unlabelled=[80])
    with pytest.raises(EvenpickError, match="as whole numbers"):
        train(Pool.from_arrays(features), few, labels[few], unlabelled=np.ones(80, bool))


def test_where_nothing_is_chosen_a_fold_is_judged_with_the_temperature_of_the_others():
    features, labels = clouds(80, 3)
    head = self_trained(SHALLOW_HEADS["svm"], clouds(200, 3, seed=2)[0])
    nested = deal_nested_folds(labels, 5, np.random.default_rng(0))
    folds = nested.outer

    found = cross_validate(head, features, labels, nested, (0.0,)).cross_validation

    scores = held_out_scores(head, features, labels, folds)[0]
    by_hand = np.vstack([
        softmax(scores[folds == f] / fit_temperature(scores[folds != f], labels[folds != f])) for f in range(5)
    ])  # fmt: skip
    told = np.concatenate([labels[folds == f] for f in range(5)])
    shares = [np.mean(by_hand.argmax(axis=1)[told == c] == c) for c in range(3)]
    assert found.corrected_accuracy == found.accuracy == pytest.approx(np.mean(shares))
    assert found.calibration_error == pytest.approx(expected_calibration_error(by_hand, told))


@pytest.mark.slow
def test_the_model_is_read_as_it_was_written(tmp_path):
    features, labels = clouds(1500, 6, spread=0.45)
    few = np.concatenate([np.flatnonzero(labels == c)[:3] for c in range(6)])
    model = train(Pool.from_arrays(features), few, labels[few])

    model.save(tmp_path)

    assert Model.load(tmp_path).strategy == "logistic_regression" + SUFFIX
    assert (Model.load(tmp_path).predict(features) == model.predict(features)).all()


def test_every_head_learns_with_its_own_c():
    seen = []
    for head in SHALLOW_HEADS.values():
        spied = replace(
            head, fit=lambda f, y, g: seen.append(tuple(g)) or [LinearHead(np.eye(2, 12), np.zeros(2))] * len(g)
        )
        student = self_trained(spied, clouds(30, 2)[0])
        features, numbers = clouds(10, 2)
        student.fit(features, numbers, student.grid)

    # Two teachers and a student: linear SVM, logistic regression, nearest mean.
    assert seen == [(10.0,), (10.0,), (1.0,), (10.0,), (10.0,), (10.0,), (1.0,), (1.0,), (1.0,)]


@pytest.mark.slow
def test_auto_tries_every_strategy_both_ways():
    features, labels = clouds(300, 3)

    model = train(Pool.from_arrays(features), np.arange(40), labels[:40], strategy="auto")

    assert set(model.cross_validations) == {*SHALLOW_HEADS, *(name + SUFFIX for name in SHALLOW_HEADS)}


@pytest.mark.slow
def test_the_accuracy_that_is_measured_is_that_of_what_it_predicts():
    features, labels = clouds(1500, 6, spread=0.45)
    few = np.concatenate([np.flatnonzero(labels == c)[:3] for c in range(6)])
    model = train(Pool.from_arrays(features), few, labels[few])

    measured = evaluate(model, Pool.from_arrays(features), labels)
    assert measured.accuracy == macro_accuracy(labels, model.predict(features))


def test_a_name_tells_the_head_behind_it():
    assert head_of("svm" + SUFFIX) is SHALLOW_HEADS["svm"]
    assert head_of("nearest_mean") is SHALLOW_HEADS["nearest_mean"]
    assert head_of("finetune") is None
