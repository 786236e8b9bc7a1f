"""Transferability by hand, against slow references, and at its edges."""

import math
import re

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from evenpick.errors import EvenpickError
from evenpick.estimates import MeasuredTransfer, SourceKnowledge, advice, measured_transfer, source_knowledge
from evenpick.estimates.transferability import INFORMATIVE, log_me, nearest_neighbour_accuracy
from evenpick.pool import Pool
from evenpick.vectors import normalised


def pool_predicted(probabilities):
    return Pool.from_arrays(np.eye(len(probabilities)), probabilities)


def test_source_knowledge_by_hand():
    # top-1 classes 0, 0, 1, 2; two predictions are certain, two have entropy log 2
    known = source_knowledge(pool_predicted([[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5 + 1e-7]]))

    entropy = 0.5 * math.log(2) + 0.5 * math.log(4)
    assert known.shares == (0.5, 0.25, 0.25)
    assert known.entropy == pytest.approx(entropy)
    assert known.effective_classes == pytest.approx(2**1.5)
    assert known.confidence == pytest.approx(0.75)
    # two of four images are the only ones of their class, so half of the shares is of classes that were not drawn
    adjusted = 0.25 * math.log(4) / (1 - 0.75**4) + 2 * 0.125 * math.log(8) / (1 - 0.875**4)
    assert known.information == pytest.approx(1 - 0.5 * math.log(2) / adjusted, abs=1e-6)
    assert known.knows


def test_certain_predictions_of_many_classes_resolve_everything():
    assert source_knowledge(pool_predicted(np.eye(5))).information == 1


def test_unsure_predictions_tell_less_than_nothing():
    # each image could be any class: as many nats as the shares hold or more
    known = source_knowledge(pool_predicted([[0.26, 0.25, 0.25, 0.24], [0.24, 0.26, 0.25, 0.25]] * 4))

    assert known.information < 0
    assert "one prediction settles nothing" in advice(known).finding


@pytest.mark.parametrize("n", [40, 100, 300])
def test_a_small_part_of_a_pool_tells_what_the_whole_tells(n):
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(60, 0.5))
    pool = Pool.from_arrays(np.zeros((20_000, 1)), 0.7 * np.eye(60)[rng.choice(60, 20_000, p=shares)] + 0.3 / 60)
    whole = source_knowledge(pool).information

    parts = [source_knowledge(pool.take(rng.choice(20_000, n, replace=False))).information for _ in range(40)]

    assert np.mean(parts) == pytest.approx(whole, abs=0.05)


def test_a_pool_of_one_source_class_tells_nothing():
    known = source_knowledge(pool_predicted([[0.9, 0.1], [0.8, 0.2]]))

    assert (known.entropy, known.effective_classes, known.information) == (0, 1, 0)
    assert not known.knows


def test_a_pool_without_predictions_is_refused_but_its_labels_are_measured():
    pool = Pool.from_arrays(np.eye(4))

    with pytest.raises(EvenpickError, match="diagnose: the pool has no source predictions"):
        source_knowledge(pool)
    measured = measured_transfer(pool, [0, 1, 2, 3], ["a", "a", "b", "b"])
    assert measured.agreement is None
    assert measured.log_me is not None


def test_the_nearest_neighbour_by_hand():
    angles = np.deg2rad([0, 1, 40, 41, 43, 90])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    labels = np.array([0, 0, 0, 1, 1, 2])

    # class 0: both near ones right, the one at 40 degrees wrong; class 1: 41 goes to 40, 43 to 41; 2 has no second
    assert nearest_neighbour_accuracy(features, labels) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_the_nearest_neighbour_of_copies_is_their_copy():
    features = normalised(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]))

    assert nearest_neighbour_accuracy(features, np.array([0, 0, 1, 1])) == 1
    assert nearest_neighbour_accuracy(features, np.arange(4)) is None


@pytest.mark.parametrize("block_rows", [4, 2048])
def test_the_nearest_neighbour_agrees_with_a_plain_loop_in_whatever_blocks(block_rows, monkeypatch):
    monkeypatch.setattr("evenpick.pool.blocks.BLOCK_ROWS", block_rows)
    rng = np.random.default_rng(0)
    features = normalised(rng.normal(size=(30, 40)).astype(np.float32))[rng.integers(0, 25, size=37)]  # some copies
    labels = rng.integers(0, 3, size=37)
    exact = features.astype(np.float64)
    correct = []
    for i in range(37):
        distances = [np.inf if j == i else np.linalg.norm(exact[i] - exact[j]) for j in range(37)]
        nearest = [j for j in range(37) if distances[j] <= min(distances) + 1e-3]
        correct.append(np.mean(labels[nearest] == labels[i]))
    expected = np.mean([np.mean([correct[i] for i in range(37) if labels[i] == k]) for k in range(3)])

    assert nearest_neighbour_accuracy(features, labels) == pytest.approx(expected)


def test_of_neighbours_that_are_equally_near_each_counts_its_part_in_whatever_order_they_stand():
    features = normalised(np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 2))
    labels = np.array([0, 0, 0, 1, 1, 1])  # the fourth is a copy of another class's

    for order in (np.arange(6), np.arange(6)[::-1], np.array([3, 0, 4, 1, 5, 2])):
        accuracy = nearest_neighbour_accuracy(features[order], labels[order])
        assert accuracy == pytest.approx((2 / 3 + (0 + 1 + 1) / 3) / 2)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), [(30, 3), (12, 12), (10, 25)])
def test_log_me_is_the_largest_evidence(n, d):
    rng = np.random.default_rng(n)
    labels = np.arange(n) % 3
    features = rng.normal(size=(n, d)) + labels[:, None]

    def slowly(target):
        def loss(logs):
            covariance = np.eye(n) / np.exp(logs[1]) + features @ features.T / np.exp(logs[0])
            return -multivariate_normal.logpdf(target, np.zeros(n), covariance) / n

        starts = [(a, b) for a in (-1.0, 3.0) for b in (0.0, 3.0)]
        limits = [(-15, 25)] * 2
        found = (minimize(loss, start, method="Nelder-Mead", bounds=limits) for start in starts)
        return -min(result.fun for result in found)

    expected = np.mean([slowly((labels == k).astype(float)) for k in range(3)])

    assert log_me(features, labels) == pytest.approx(expected, abs=1e-4)


def test_features_without_length_or_with_a_perfect_fit_have_finite_evidence():
    labels = np.arange(6) % 2

    assert np.isfinite(log_me(np.zeros((6, 3)), labels))
    assert np.isfinite(log_me(np.eye(2)[labels], labels))


def test_features_that_know_the_classes_have_more_evidence():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    noise = rng.normal(size=(60, 10))

    assert log_me(noise + 5 * np.eye(3, 10)[labels], labels) > log_me(noise, labels) + 0.5


def test_agreement_is_one_for_the_same_parts_and_near_zero_by_chance():
    rng = np.random.default_rng(0)
    source = rng.integers(0, 4, size=200)
    pool = Pool.from_arrays(rng.normal(size=(200, 3)), np.eye(4)[source])
    rows = np.arange(200)

    assert measured_transfer(pool, rows, [f"class {c}" for c in source]).agreement == pytest.approx(1)
    chance = measured_transfer(pool, rows, rng.permutation([f"class {c}" for c in source]).tolist()).agreement
    assert chance == pytest.approx(0, abs=0.05)


def test_labels_of_one_image_a_source_class_cannot_agree_or_disagree():
    pool = Pool.from_arrays(np.eye(30), np.eye(30))

    measured = measured_transfer(pool, range(30), ["a", "b"] * 15)
    assert measured.agreement is None
    assert "because most are the only one of their source class." in advice(source_knowledge(pool), measured).finding


def test_a_few_labels_that_chance_decides_do_not_measure_the_source():
    pool = Pool.from_arrays(np.eye(20), np.eye(4)[np.arange(20) % 4])
    labels = [f"class {row % 4}" for row in range(20)]

    few = measured_transfer(pool, range(19), labels[:19])
    assert few.agreement is None
    assert "because there are fewer than 20." in advice(source_knowledge(pool), few).finding
    assert measured_transfer(pool, range(20), labels).agreement == pytest.approx(1)


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "a"]])
def test_too_few_labels_say_nothing(labels, make_pool):
    measured = measured_transfer(make_pool(), range(len(labels)), labels)

    assert measured == MeasuredTransfer(len(labels), len(set(labels)), None, None, None, None)


def test_rows_and_labels_must_pair_up(make_pool):
    with pytest.raises(EvenpickError, match="each row needs one label; got 2 rows and 1 labels"):
        measured_transfer(make_pool(), [0, 1], ["a"])
    with pytest.raises(EvenpickError, match="diagnose: rows must be whole numbers from 0 to 39"):
        measured_transfer(make_pool(), [0, 99], ["a", "b"])


def test_labels_outweigh_the_look_before_them():
    known = source_knowledge(pool_predicted(np.eye(5)))

    assert advice(known).source_functions_help
    assert "worth it" in advice(known).method
    cannot_tell = MeasuredTransfer(9, 3, None, None, None, -0.1)
    disagree = MeasuredTransfer(9, 3, 0.1, 0.4, 1 / 3, -0.1)
    assert advice(known, cannot_tell).source_functions_help
    assert not advice(known, disagree).source_functions_help
    assert "hardly agree (0.10 of 1" in advice(known, disagree).finding
    assert "Do not count on" in advice(known, disagree).method


@pytest.mark.parametrize(
    ("agreement", "said"), [(None, "cannot say how far words"), (0.2, "0.20 of 1"), (0.11, "0.11 of 1")]
)
@pytest.mark.parametrize("information", [0.22, 0.08])
def test_of_words_nothing_tells_whether_they_know_the_domain(information, agreement, said):
    knowledge = SourceKnowledge((0.5, 0.5), float(np.log(2)), 2.0, 0.5, information)
    measured = MeasuredTransfer(200, 60, agreement, 0.3, 1 / 60, 1.0)

    given = advice(knowledge, measured, by_words=True)

    assert given.source_functions_help is None
    assert "Nothing tells yet how well these words fit this domain" in given.finding
    assert said in given.finding
    assert not re.search("is good[.);]|hardly|0.15", given.finding)
    assert f"settles {information:.0%} of the question which kind an image is. " in given.finding
    assert "nothing tells beforehand" in given.method
    assert not re.search("own class(?!es alone)|source class|does not know|knows something", given.finding)


@pytest.mark.parametrize(
    ("information", "agreement", "helps"),
    [
        (0.22, None, True),
        (0.08, None, False),
        (0.08, 0.2, True),
        (0.22, 0.11, False),
    ],
)
def test_the_advice_follows_what_was_measured_on_image_sets(information, agreement, helps):
    knowledge = SourceKnowledge((0.5, 0.5), float(np.log(2)), 2.0, 0.5, information)
    measured = MeasuredTransfer(200, 60, agreement, 0.3, 1 / 60, 1.0)

    given = advice(knowledge, measured)

    assert given.source_functions_help is helps
    assert ("worth it with few labels" in given.method) is helps
    assert f"{INFORMATIVE:.0%} or more is good" in given.finding
