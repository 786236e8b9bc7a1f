"""Labels that may be wrong: found, worst first, as a slow reference finds them."""

import time
from dataclasses import replace

import numpy as np
import pytest

from evenpick.classifiers import SHALLOW_HEADS, deal_folds, fit_temperature
from evenpick.estimates import doubtful_labels
from evenpick.estimates.doubtful import FOLDS, C, out_of_fold, ranked
from evenpick.pool import Pool
from evenpick.vectors import normalised


def clustered(sizes, seed=0, noise=0.5, d=12):
    """Images of classes around a centre each, and the number of the class of each."""
    rng = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(len(sizes)), sizes)
    return Pool.from_arrays(
        rng.normal(size=(len(sizes), d))[numbers] + noise * rng.normal(size=(len(numbers), d))
    ), numbers


def test_a_label_that_another_class_is_likelier_for_and_its_own_less_than_usual_is_doubtful():
    nothing = [np.nan] * 3
    probabilities = np.array(
        [[0.8, 0.1, 0.1], [0.4, 0.5, 0.1], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4], nothing, [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]]
    )
    given = np.array([0, 0, 1, 1, 2, 2, 1])
    # Usual are 0.6, (0.3 + 0.3 + 0.7) / 3 and 0.8. Of the two at 0.3 the first comes first.
    order, likely = ranked(probabilities, given)

    assert order.tolist() == [2, 3, 1]
    assert likely.tolist() == [0, 1, 0, 2, 0, 2, 1]


def test_less_likely_than_another_class_but_no_less_than_usual_is_not_doubtful():
    probabilities = np.array([[0.4, 0.6], [0.4, 0.6], [0.1, 0.9], [0.2, 0.8]])

    assert ranked(probabilities, np.array([0, 0, 1, 1]))[0].tolist() == []


def test_it_is_what_a_slow_reference_says():
    pool, numbers = clustered([40, 25, 12, 4], seed=3, noise=1.3)
    rows = np.random.default_rng(1).permutation(len(pool))
    names = [f"class {number}" for number in numbers[rows]]
    found = doubtful_labels(pool, rows, names)

    order = list(dict.fromkeys(names))
    given = np.array([order.index(name) for name in names])
    points = normalised(pool.features[rows])
    folds = deal_folds(given, FOLDS, np.random.default_rng(0))
    scores = {}
    for place in range(len(rows)):
        train = [other for other in range(len(rows)) if folds[other] != folds[place]]
        head = SHALLOW_HEADS["svm"].fit(points[train].astype(np.float64), given[train], (C,))[0]
        scores[place] = head.scores(points[[place]])[0]
    temperature = fit_temperature(np.array([*scores.values()]), given)
    share = [np.mean(given == number) for number in range(len(order))]
    chances = []
    for place in range(len(rows)):
        odds = [np.exp(score / temperature) / part for score, part in zip(scores[place], share, strict=True)]
        chances.append([one / sum(odds) for one in odds])
    expected = []
    for place, chance in enumerate(chances):
        own = chance[given[place]]
        usual = np.mean([chances[k][given[k]] for k in range(len(rows)) if given[k] == given[place]])
        if max(chance) > own and own < usual:
            expected.append((own, rows[place], order[int(np.argmax(chance))]))
    expected.sort(key=lambda one: one[0])

    assert len(expected) > 5
    assert [(one.row, one.likely) for one in found] == [(row, likely) for _, row, likely in expected]
    assert [one.probability for one in found] == pytest.approx([own for own, _, _ in expected], abs=1e-3)


def test_wrong_labels_come_first_and_their_true_class_is_named():
    pool, numbers = clustered([60, 30, 20])
    names = [f"class {number}" for number in numbers]
    names[3], names[70], names[100] = "class 1", "class 2", "class 0"
    found = doubtful_labels(pool, np.arange(len(pool)), names)

    assert {one.row for one in found[:3]} == {3, 70, 100}
    assert {(one.label, one.likely) for one in found[:3]} == {
        ("class 1", "class 0"),
        ("class 2", "class 1"),
        ("class 0", "class 2"),
    }


def test_another_name_for_a_class_changes_nothing():
    pool, numbers = clustered([30, 20, 10], noise=1.0)
    one = doubtful_labels(pool, np.arange(60), [f"{number}" for number in numbers])
    other = doubtful_labels(pool, np.arange(60), [f"{9 - number}" for number in numbers])

    assert [doubt.row for doubt in one] == [doubt.row for doubt in other]


@pytest.mark.parametrize("names", [[], ["cat"], ["cat", "cat", "cat"], ["cat", "cat", "dog"] * 6, ["cat"] * 30])
def test_of_too_few_labels_nothing_is_said(names):
    pool, _ = clustered([30])

    assert doubtful_labels(pool, range(len(names)), names) == []


def test_a_group_is_one_label_and_no_fold_divides_it():
    pool, numbers = clustered([40, 40], seed=2)
    groups = np.arange(80) // 4
    grouped = replace(pool, groups=groups)
    names = [f"class {number}" for number in numbers]
    for row in range(8, 12):  # a whole burst is wrong, and its images are all alike
        names[row] = "class 1"
    pool.features[8:12] = pool.features[8]

    found = doubtful_labels(grouped, np.arange(80), names)
    assert [one.row for one in found[:1]] == [8]
    assert not {9, 10, 11} & {one.row for one in found}
    # Divided among folds, the burst would have taught the folds its wrong class.
    divided = out_of_fold(
        pool,
        np.arange(80),
        np.array([names[k] == "class 1" for k in range(80)], np.intp),
        None,
        np.random.default_rng(0),
    )
    assert divided[8, 0] < 1 - found[0].probability


def test_two_labels_of_a_group_that_people_divided_are_judged_by_the_same_folds():
    pool, numbers = clustered([40, 40], seed=2)
    pool.features[9] = pool.features[8]
    groups = np.concatenate([np.arange(9), [8], np.arange(9, 79)])
    names = [f"class {number}" for number in numbers]
    names[9] = "class 1"  # which its twin is not
    given = np.array([name == "class 1" for name in names], np.intp)

    found = {one.row: one.probability for one in doubtful_labels(replace(pool, groups=groups), np.arange(80), names)}

    together, apart = (
        out_of_fold(pool, np.arange(80), given, by, np.random.default_rng(0))[9, 1] for by in (groups, None)
    )
    assert found[9] == together
    assert together != apart


@pytest.mark.slow
def test_a_thousand_labels_of_a_hundred_classes_take_less_than_three_seconds():
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 100, 1000)
    features = (rng.normal(size=(100, 1280))[numbers] + 2 * rng.normal(size=(1000, 1280))).astype(np.float32)
    pool, names = Pool.from_arrays(features), [str(number) for number in numbers]
    fastest = 9.0
    for _ in range(3):
        start = time.process_time()
        doubtful_labels(pool, np.arange(1000), names)
        fastest = min(fastest, time.process_time() - start)

    assert fastest < 5  # seconds of all cores together, of which a laptop has more than one
