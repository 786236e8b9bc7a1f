"""The figures of the report, by hand or by a slow reference."""

from fractions import Fraction
from math import comb
from types import SimpleNamespace

import numpy as np
import pytest

from evenpick.estimates import HeldOut
from evenpick.labels import Annotation, Answer, RecordedLabels
from evenpick.metrics import share_interval
from evenpick.pool import Pool
from evenpick.reports import confusions
from evenpick.reports.charts import Chart, counting, shares
from evenpick.reports.class_table import OF_FOLDS, OF_NEW, OF_NOTHING, OF_TEST, class_table
from evenpick.reports.confusions import Pair, calibration_facts, confusion_facts
from evenpick.reports.found_curve import expected_at_random, found_facts
from evenpick.reports.plots import COLOURED, map_drawing
from evenpick.reports.pool_map import pool_map, principal_axes, to_nearest
from evenpick.reports.predictions import BY_MODEL, BY_PROBE, pool_classes
from evenpick.training import train
from evenpick.vectors import normalised


def labels_of(rows, names):
    answers = [Answer(row, name, "discovery") for row, name in zip(rows, names, strict=True)]
    said = [Annotation(str(row), name, annotator="me") for row, name in zip(rows, names, strict=True)]
    return RecordedLabels(said, answers)


@pytest.fixture
def held():
    """Two cats, one of them taken for a dog; two dogs, both for what they are; a cow that could not be held out."""
    probabilities = np.array([[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.3, 0.7, 0.0], [0.4, 0.6, 0.0], [np.nan] * 3])
    return HeldOut(np.arange(5), np.array([0, 0, 1, 1, 2]), ("cat", "dog", "cow"), probabilities)


@pytest.mark.parametrize("n", [0, 1, 4, 9, 10])
def test_what_random_labels_find_is_the_hypergeometric_expectation(n):
    sizes, images = [1, 2, 7], 10
    exact = sum(1 - Fraction(comb(images - k, n), comb(images, n)) for k in sizes)

    assert expected_at_random(sizes, images, [n]) == pytest.approx([float(exact)])


def test_classes_are_counted_when_they_come_first():
    assert found_facts(["a", "a", "b", "a", "c"], 3, None) == {"found": [1, 1, 2, 2, 3], "switch_at": 3, "random": None}


def test_beside_an_audit_stands_what_random_labels_would_have_found():
    audit = SimpleNamespace(
        n_pieces=10, classes=[SimpleNamespace(share=SimpleNamespace(value=v)) for v in (0.7, 0.2, 0.001)]
    )

    random = found_facts(["a", "b", "c"], None, audit)["random"]

    # A class of which there is a label holds one image at least.
    assert random == np.round(expected_at_random([7, 2, 1], 10, [1, 2, 3]), 3).tolist()
    assert random[0] == 1


def test_labels_are_told_before_balancing_added_by_it_and_in_all():
    labelled = [Annotation(str(i), name, annotator="me") for i, name in enumerate("aaab" + "aaaaaaab")]

    rows, basis = class_table(labelled, 4, None, None, None, None)

    told = {
        row["class"]: [row[f"labels{part}"] for part in ("_before_balancing", "_added_by_balancing", "")]
        for row in rows
    }
    assert told == {"a": [3, 7, 10], "b": [1, 1, 2]}
    assert basis == OF_NOTHING


def test_recalls_of_held_out_labels_come_worst_first_and_unknown_ones_last(held):
    labelled = [Annotation(str(i), name, annotator="me") for i, name in enumerate(["cat", "cat", "dog", "dog", "cow"])]

    rows, basis = class_table(labelled, None, None, None, held, None)

    assert basis == OF_FOLDS
    assert [(row["class"], row["recall"], row["judged"]) for row in rows] == [
        ("cat", 0.5, 2),
        ("dog", 1.0, 2),
        ("cow", None, None),
    ]
    assert (rows[0]["low"], rows[0]["high"]) == share_interval(0.5, 2)


def test_an_evaluation_says_the_recalls_where_there_is_one(held):
    tested = {
        "name": "cat",
        "recall": 0.25,
        "low": 0.1,
        "high": 0.5,
        "n_images": 8,
        "accuracy": 0.3,
        "corrected_accuracy": 0.25,
    }
    unknown = {**tested, "name": "hen", "recall": 0.0}
    labelled = [Annotation("0", "cat", annotator="me"), Annotation("1", "dog", annotator="me")]

    rows, basis = class_table(labelled, None, {"classes": [tested, unknown]}, None, held, None)

    assert basis == OF_TEST
    assert [(row["class"], row["recall"], row["labels"]) for row in rows] == [
        ("hen", 0.0, 0),
        ("cat", 0.25, 1),
        ("dog", None, 1),
    ]


def test_recalls_and_calibration_are_of_test_images_that_no_label_shows(held):
    of_all = {"name": "cat", "recall": 0.9, "low": 0.8, "high": 1.0, "n_images": 9}
    of_new = {**of_all, "recall": 0.5, "n_images": 4}
    tested = {"tau": 1.0, "classes": [of_all, {**of_all, "name": "dog"}], "calibration": ["all"]}
    tested["on_new"] = {"classes": [of_new], "calibration": ["new"]}

    rows, basis = class_table([Annotation("0", "cat", annotator="me")], None, tested, None, held, None)

    assert basis == OF_NEW
    assert [(row["class"], row["recall"], row["judged"], row["n_images"]) for row in rows] == [
        ("cat", 0.5, 4, 9),
        ("dog", None, None, 9),
    ]
    assert calibration_facts(tested, held, {}) == {"of": confusions.OF_NEW, "bins": ["new"]}


def test_confusions_of_held_out_labels_by_hand(held):
    pool = Pool.from_arrays(np.eye(5), image_ids=["a", "b", "c", "d", "e"])

    found = confusion_facts(None, held, pool, {"cat": 2, "dog": 2, "cow": 1})

    assert (found["n"], found["n_wrong"]) == (4, 1)
    assert [(p["true"], p["predicted"], p["n"], p["of"], p["images"]) for p in found["pairs"]] == [
        ("cat", "dog", 1, 2, ["b"])
    ]
    assert found["mistakes"] == [
        {"image": "b", "true": "cat", "predicted": "dog", "probability": 0.9, "probability_of_true": 0.1}
    ]


def test_the_surest_mistakes_come_first_and_the_pairs_that_are_confused_most_often():
    given, sure = np.array([0, 0, 0, 1, 2]), [0.6, 0.8, 0.9, 0.7, 0.5]
    probabilities = np.full((5, 3), 0.0)
    probabilities[np.arange(5), [1, 1, 2, 0, 2]] = sure
    held = HeldOut(np.arange(5), given, ("a", "b", "c"), probabilities)

    found = confusion_facts(None, held, Pool.from_arrays(np.eye(5)), {"a": 3, "b": 1, "c": 1})

    assert [one["image"] for one in found["mistakes"]] == ["2", "1", "3", "0"]
    # Of those confused as often, the pair that is more of its class.
    assert [(pair["true"], pair["predicted"], pair["n"]) for pair in found["pairs"]] == [
        ("a", "b", 2),
        ("b", "a", 1),
        ("a", "c", 1),
    ]
    assert found["pairs"][0]["images"] == ["1", "0"]
    assert found["shown_pairs"] == found["pairs"][:1], "what happened once is shown only where nothing happened twice"


def test_the_calibration_of_held_out_labels_by_hand(held):
    bins = calibration_facts(None, held, {})["bins"]

    assert [(one["low"], one["n"], one["accuracy"]) for one in bins] == [
        (0.6, 1, 1.0),
        (0.7, 1, 1.0),
        (0.8, 1, 1.0),
        (0.9, 1, 0.0),
    ]


def test_with_an_audit_calibration_is_of_what_was_drawn_each_as_often_as_it_stands_for_others():
    """Twenty draws: 15 right ones that stand for 2 images each, 5 wrong ones for 30; and 20 chosen images, all wrong."""
    given = np.array([0] * 15 + [1] * 25)
    sure = np.array([0.72] * 15 + [0.78] * 5 + [0.75] * 20)
    held = HeldOut(np.arange(40), given, ("a", "b"), np.column_stack([sure, 1 - sure]))
    stands_for = dict.fromkeys(range(15), 2.0) | dict.fromkeys(range(15, 20), 30.0)

    found = calibration_facts(None, held, stands_for)

    [one] = found["bins"]
    assert (found["of"], one["n"]) == (confusions.OF_DRAWS, 20)
    assert one["accuracy"] == pytest.approx(30 / 180)
    assert one["confidence"] == pytest.approx((0.72 * 30 + 0.78 * 150) / 180)
    del stands_for[0]
    assert calibration_facts(None, held, stands_for)["of"] == confusions.OF_FOLDS, "fewer draws than figures need"


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (Pair("a", "b", 8, 10, 0, 5, 3), "8 times of 10: it has 3 labels, so label more of it."),
        (
            Pair("a", "b", 8, 10, 2, 10, 3),
            "8 times of 10, the other way round 2 times of 10: label more of both, or merge them if they are one "
            "to you.",
        ),
        (Pair("a", "b", 2, 20, 2, 10, 3), "2 times of 20: it has 3 labels, so label more of it."),
        (Pair("a", "b", 8, 10, 1, 10, 1), "8 times of 10: it has 1 label, so label more of it."),
        (Pair("a", "b", 4, 4, 0, 5, 0), "4 times of 4: no label names it, so label some."),
        (Pair("a", "b", 1, 9, 0, 5, 2), "once of 9."),
    ],
)
def test_a_confusion_says_what_to_do(pair, said):
    assert pair.how_often == said


def test_the_axes_of_the_map_are_those_of_a_singular_value_decomposition():
    points = np.random.default_rng(0).normal(size=(60, 5)) * [5, 3, 1, 1, 1]
    centred = points - points.mean(axis=0)
    _, singular, right = np.linalg.svd(centred, full_matrices=False)

    axes, variance = principal_axes(points.astype(np.float32))

    assert np.abs(np.sum(axes * right[:2].T, axis=0)) == pytest.approx([1, 1], abs=1e-4)
    assert variance == pytest.approx((singular**2 / (singular**2).sum())[:2].tolist(), abs=1e-4)
    assert (axes[np.abs(axes).argmax(axis=0), [0, 1]] > 0).all()


@pytest.mark.parametrize("features", [np.ones((4, 3)), [[1.0], [2.0], [3.0], [4.0]]])
def test_a_pool_without_two_dimensions_has_a_map_too(features):
    pool = Pool.from_arrays(features)

    facts = pool_map(pool, labels_of([0], ["a"]), None)
    drawn = map_drawing(facts, [{"class": "a", "labels": 1}])

    assert set(facts["y"]) == {0}
    assert len(drawn["marks"]) == 1
    assert facts["variance"][1] == 0


def test_every_labelled_image_is_drawn_however_large_the_pool(monkeypatch):
    monkeypatch.setattr("evenpick.reports.pool_map.MOST", 20)
    pool = Pool.from_arrays(np.random.default_rng(0).normal(size=(300, 4)))
    labelled = [3, 200, 299]

    facts = pool_map(pool, labels_of(labelled, ["a", "b", "a"]), None)

    assert {image for image, label in zip(facts["images"], facts["labels"], strict=True) if label} == {
        "3",
        "200",
        "299",
    }
    assert 20 <= facts["n_drawn"] == len(facts["x"]) <= 23


def test_the_farthest_images_are_those_of_a_slow_search_one_of_each_group():
    features = np.random.default_rng(1).normal(size=(30, 3))
    pool = Pool.from_arrays(features, groups=np.repeat(np.arange(15), 2))
    unit = normalised(pool.features)
    apart = {row: 1 - max(float(unit[row] @ unit[i]) for i in (0, 7)) for row in range(30) if row not in (0, 7)}

    far = [one["image"] for one in pool_map(pool, labels_of([0, 7], ["a", "b"]), None)["farthest"]]

    assert far[0] == str(max(apart, key=apart.get))
    assert len({int(image) // 2 for image in far}) == len(far) == 12
    assert to_nearest(unit, unit[[0, 7]])[[0, 7]] == pytest.approx([0, 0], abs=1e-6)


def test_the_farthest_images_are_open_and_their_files_there(monkeypatch):
    monkeypatch.setattr(Pool, "present", np.array([True, False, True, True]))

    far = [one["image"] for one in pool_map(Pool.from_arrays(np.eye(4)), labels_of([0], ["a"]), None)["farthest"]]

    assert far == ["2", "3"]


def test_colours_go_to_the_classes_with_most_images_and_the_rest_share_one():
    n = COLOURED + 2
    names = [f"c{i}" for i in range(n)]
    facts = {
        "x": [*map(float, range(n + 1))], "y": [0.0] * (n + 1), "labels": ["", *names], "predicted": ["c7", *names],
        "images": [f"{i}.jpg" for i in range(n + 1)], "farthest": [],
    }  # fmt: skip

    drawn = map_drawing(
        facts, [{"class": name, "labels": 1} for name in names] + [{"class": "unlabelled", "labels": 0}]
    )

    assert [name for _, name in drawn["legend"]] == ["c7", "c0", "c1", "c2", "c3", "c4"]
    assert drawn["others"] == 2
    assert {mark["label"]: mark["k"] for mark in drawn["marks"]}["c5"] == COLOURED
    assert [(dots["k"], dots["path"]) for dots in drawn["dots"]] == [(0, "M14 230h0")]


def test_one_class_beyond_the_colours_is_told_by_its_name():
    names = [f"c{i}" for i in range(COLOURED + 1)]
    facts = {
        "x": [*map(float, range(len(names)))], "y": [0.0] * len(names), "labels": names, "predicted": [],
        "images": [f"{name}.jpg" for name in names], "farthest": [],
    }  # fmt: skip

    drawn = map_drawing(facts, [{"class": name, "labels": 1} for name in names])

    assert (drawn["legend"], drawn["others"]) == ([*enumerate(names)], 0)


def test_images_without_a_label_are_of_the_class_that_the_model_says_and_of_a_quick_one_where_it_is_older():
    rng = np.random.default_rng(0)
    pool = Pool.from_arrays(np.concatenate([rng.normal([5, 0, 0], size=(20, 3)), rng.normal([0, 5, 0], size=(20, 3))]))
    labels = labels_of([0, 1, 20, 21], ["x", "x", "y", "y"])
    model = train(pool, labels.rows, labels.names, n_folds=2)

    by_model, by_probe = (
        pool_classes(pool, labels_of([0, 1, 20, 21, 39], ["x", "x", "y", "y", last]), model) for last in ("x", "z")
    )

    assert (by_model.said_by, by_probe.said_by) == (BY_MODEL, BY_PROBE)
    expected = model.predict(pool)
    assert expected[39] == "y"
    expected[39] = "x"  # as it is labelled
    assert [by_model.classes[i] for i in by_model.numbers] == expected.tolist()
    assert by_probe.shares["z"] >= 1 / 40
    assert pool_classes(pool, labels_of([0, 1], ["x", "x"]), None) is None


def test_ticks_are_round_and_hold_all_values():
    assert [name for _, name in counting("labels", 183).ticks] == ["0", "50", "100", "150", "200"]
    assert [name for _, name in counting("classes", 1).ticks] == ["0", "1"]
    assert [name for _, name in shares("share", 0.19).ticks] == ["0%", "5%", "10%", "15%", "20%"]
    assert [name for _, name in shares("share").ticks] == ["0%", "25%", "50%", "75%", "100%"]


def test_a_line_of_steps_keeps_only_the_steps():
    chart = Chart(counting("x", 5), counting("y", 2))
    left, bottom = chart.place(0, 0)

    assert chart.steps([(0, 0), (1, 1), (2, 1), (3, 1), (5, 2)]) == (
        f"M{left:g} {bottom:g}H{chart.place(1, 1)[0]:g}V{chart.place(1, 1)[1]:g}H{chart.place(5, 2)[0]:g}"
        f"V{chart.place(5, 2)[1]:g}H{chart.place(5, 2)[0]:g}"
    )
