"""Which images of a large pool a round covers, and for how many each stands."""

import numpy as np
import pytest

from evenpick import simulate
from evenpick.acquisition import unit_features
from evenpick.pool import Pool
from evenpick.session import sample
from evenpick.session.coverage_weights import labelled, weights_of_rows
from evenpick.session.sample import Sample, drawn_with, inclusion_chances, sampled_rows


@pytest.fixture(scope="module")
def known(pool_and_labels):
    """Answers, with a skip: 48 labels, of all classes."""
    _, labels = pool_and_labels
    numbers = {name: number for number, name in enumerate(np.unique(labels))}
    rows = np.random.default_rng(0).permutation(np.r_[0:300:7, 300:306])
    return (*((int(row), numbers[labels[row]]) for row in rows), (8, None))


def test_chances_are_in_proportion_and_none_is_above_1():
    chances = inclusion_chances(np.array([0.6, 0.2, 0.1, 0.1]), 2)

    assert chances == pytest.approx([1, 0.5, 0.25, 0.25])


def test_what_becomes_certain_is_shared_among_the_others_until_none_is_above_1():
    wanted = np.random.default_rng(1).pareto(1, size=500) + 0.01

    chances = inclusion_chances(wanted, 300)

    assert chances.sum() == pytest.approx(300)
    open_ones = chances < 1
    assert 20 < open_ones.sum() < 480
    ratios = chances[open_ones] / wanted[open_ones]
    assert ratios.max() == pytest.approx(ratios.min())
    assert wanted[~open_ones].min() >= wanted[open_ones].max()


def test_each_is_drawn_as_often_as_its_chance_says():
    chances, rng = inclusion_chances(np.geomspace(1, 100, 12), 5), np.random.default_rng(3)
    draws = [drawn_with(chances, rng) for _ in range(4000)]

    assert {len(draw) for draw in draws} == {5}
    assert all((np.diff(draw) > 0).all() for draw in draws)
    often = np.bincount(np.concatenate(draws), minlength=12) / len(draws)
    assert often == pytest.approx(chances, abs=4 * 0.5 / 4000**0.5)


def test_the_sample_stands_for_the_whole_pool(pool_and_labels, known, most_covered):
    most_covered(60)
    pool, labels = pool_and_labels
    samples = [Sample(pool, seed, known) for seed in range(40)]

    assert {len(drawn.rows) for drawn in samples} == {60}
    whole = np.array([drawn.stands_for.sum() for drawn in samples])
    of_a_class = np.array([drawn.stands_for[labels[drawn.rows] == "1"].sum() for drawn in samples])
    for found, true in ((whole, len(pool)), (of_a_class, 80)):
        assert abs(found.mean() - true) < 4 * found.std() / len(found) ** 0.5
    assert (samples[0].stands_for >= 1).all()


def test_half_of_a_chance_goes_by_weight_and_half_is_the_same_for_all(pool_and_labels, known, most_covered):
    most_covered(60)
    pool, _ = pool_and_labels
    rows, numbers = labelled(known)
    weights = weights_of_rows(pool, np.arange(len(pool)), unit_features(pool, rows), numbers)

    drawn = Sample(pool, 0, known)

    chances = 60 * (0.5 * weights / weights.sum() + 0.5 / len(pool))
    assert chances.max() < 1
    assert 1 / drawn.stands_for == pytest.approx(chances[drawn.rows])
    assert weights[drawn.rows].mean() > 1.05 * weights.mean()


@pytest.mark.parametrize("answers", [(), ((3, 0), (200, None)), ((3, 0), (5, 0))])
def test_without_two_classes_it_is_that_of_max_herding(answers, pool_and_labels, most_covered):
    most_covered(60)
    pool, _ = pool_and_labels

    drawn = Sample(pool, 4, answers)

    assert drawn.stands_for is None
    assert len(np.unique(drawn.rows)) == 60


def test_of_a_pool_that_is_covered_whole_nothing_is_drawn(pool_and_labels, known):
    pool, _ = pool_and_labels

    drawn = Sample(pool, 4, known)

    assert drawn.stands_for is None
    assert drawn.rows.tolist() == list(range(len(pool)))


def test_of_a_huge_pool_a_part_is_looked_at(pool_and_labels, known, most_covered, monkeypatch):
    most_covered(60)
    monkeypatch.setattr(sample, "MOST_WEIGHED", 61)
    pool, _ = pool_and_labels

    drawn = Sample(pool, 4, known)

    assert len(drawn.rows) == 60
    assert drawn.stands_for.sum() == pytest.approx(61, abs=1)  # all but one of them


def test_images_that_are_all_copies_have_even_chances(most_covered):
    most_covered(60)
    pool = Pool.from_arrays(np.ones((300, 4)))

    drawn = Sample(pool, 4, ((3, 0), (5, 1)))

    assert drawn.stands_for == pytest.approx(np.full(60, 5.0))


def test_one_of_a_group_is_drawn(pool_and_labels, known, most_covered):
    most_covered(60)
    pool, _ = pool_and_labels
    groups = np.arange(len(pool)) // 2

    rows = sampled_rows(Pool.from_arrays(pool.features, groups=groups), 0, known)

    assert len(np.unique(groups[rows])) == len(rows) == 60


@pytest.mark.slow
def test_of_a_pool_far_larger_than_a_sample_more_rare_classes_are_found_than_with_even_chances(
    most_covered, monkeypatch
):
    most_covered(100)
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(20), np.geomspace(900, 3, 20).astype(int))
    features = rng.normal(size=(20, 32))[labels] + 0.7 * rng.normal(size=(len(labels), 32))
    pool = Pool.from_arrays(features)

    def classes_found():
        return np.mean([len({*simulate(pool, labels, 120, audit=0, random_state=s).labels}) for s in range(5)])

    by_weight = classes_found()
    monkeypatch.setattr(sample, "BY_WEIGHT", 0.0)

    assert by_weight > classes_found() + 1
