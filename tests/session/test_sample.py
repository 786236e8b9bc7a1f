"""Which images of a large pool a round covers."""

import numpy as np
import pytest

from evenpick import simulate
from evenpick.acquisition import rows_to_cover, unit_features
from evenpick.pool import Pool
from evenpick.session import sample
from evenpick.session.coverage_weights import labels_in, probe_and_shares, weights_of_rows
from evenpick.session.sample import Sample, is_sampled, sampled_rows


@pytest.fixture(scope="module")
def known(pool_and_labels):
    """Answers, with a skip: 48 labels, of all classes."""
    _, labels = pool_and_labels
    numbers = {name: number for number, name in enumerate(np.unique(labels))}
    rows = np.random.default_rng(0).permutation(np.r_[0:300:7, 300:306])
    return (*((int(row), numbers[labels[row]]) for row in rows), (8, None))


def test_half_of_a_chance_goes_by_weight_and_half_is_the_same_for_all(pool_and_labels, known, most_covered):
    most_covered(1)  # so that the chance of the next image is that of being in the sample
    pool, _ = pool_and_labels
    rows, numbers = labels_in(known)
    probe, shares = probe_and_shares(pool, np.arange(len(pool)), unit_features(pool, rows), numbers)
    weights = weights_of_rows(pool, np.arange(len(pool)), probe, shares)

    drawn = [sampled_rows(pool, seed, known)[0] for seed in range(3000)]

    chances = 0.5 * weights / weights.sum() + 0.5 / len(pool)
    heavy = weights > np.median(weights)
    assert chances[heavy].sum() > 0.55
    assert heavy[drawn].mean() == pytest.approx(chances[heavy].sum(), abs=4 * 0.5 / 3000**0.5)


def test_a_sample_is_drawn_without_repeats_and_again_the_same(pool_and_labels, known, most_covered):
    most_covered(60)
    pool, _ = pool_and_labels

    drawn = Sample(pool, 4, known)

    assert len(drawn.rows) == 60
    assert (np.diff(drawn.rows) > 0).all()
    assert drawn.rows.tolist() == sampled_rows(pool, 4, known).tolist() != sampled_rows(pool, 5, known).tolist()
    assert np.array_equal(drawn.points, unit_features(pool, drawn.rows))


@pytest.mark.parametrize("answers", [(), ((3, 0), (200, None)), ((3, 0), (5, 0))])
def test_without_two_classes_chances_are_even(answers, pool_and_labels, most_covered):
    most_covered(60)
    pool, _ = pool_and_labels

    expected = np.random.default_rng([4, 3, len(answers)] if answers else 4)
    assert sampled_rows(pool, 4, answers).tolist() == rows_to_cover(pool, 1, expected).tolist()


def test_of_a_small_pool_nothing_is_drawn(pool_and_labels, known):
    pool, _ = pool_and_labels

    assert sampled_rows(pool, 4, known).tolist() == list(range(len(pool)))


def test_of_a_huge_pool_a_part_is_looked_at(pool_and_labels, known, most_covered, monkeypatch):
    most_covered(60)
    monkeypatch.setattr(sample, "MOST_WEIGHED", 61)
    pool, _ = pool_and_labels

    weighed = []
    monkeypatch.setattr(sample, "weights_of_rows", lambda pool, rows, *_: weighed.append(rows.tolist()) or rows + 1.0)
    first = {*np.random.default_rng([4, 3, len(known)]).choice(len(pool), 61, replace=False).tolist()}
    rows = sampled_rows(pool, 4, known).tolist()

    assert len(rows) == 60
    assert {*rows} < first
    assert weighed == [sorted(first)]


def test_where_nothing_is_worth_covering_chances_are_even(pool_and_labels, known, most_covered, monkeypatch):
    most_covered(60)
    monkeypatch.setattr(sample, "weights_of_rows", lambda pool, rows, *_: np.zeros(len(rows)))

    expected = np.random.default_rng([4, 3, len(known)]).choice(306, 60, replace=False, p=np.full(306, 1 / 306))
    assert sampled_rows(pool_and_labels[0], 4, known).tolist() == sorted(expected)


def test_of_nothing_but_copies_a_sample_is_drawn_too(most_covered):
    most_covered(60)
    pool = Pool.from_arrays(np.ones((300, 4)))

    assert len(np.unique(sampled_rows(pool, 4, ((3, 0), (5, 1))))) == 60


def test_one_of_a_group_is_drawn(pool_and_labels, known, most_covered):
    most_covered(60)
    pool, _ = pool_and_labels
    groups = np.arange(len(pool)) // 2

    rows = sampled_rows(Pool.from_arrays(pool.features, groups=groups), 0, known)

    assert len(np.unique(groups[rows])) == len(rows) == 60


@pytest.mark.parametrize(
    ("shares", "n_answers", "n_images", "size"),
    [
        ([1.0], 30, 9_000, 2_000),
        ([0.5, 0.5], 30, 9_000, 4_000),
        ([0.8, 0.1, 0.1], 30, 9_000, 3_030),  # 1 / (0.64 + 0.01 + 0.01) = 1.515
        ([0.125] * 8, 30, 9_000, 16_000),
        ([0.05] * 20, 30, 9_000, 20_000),
        ([0.5, 0.5], 700, 9_000, 7_000),
        ([0.5, 0.5], 5_000, 9_000, 20_000),
        ([0.5, 0.5], 30, 60_000, 6_000),
        ([0.5, 0.5], 30, 10**6, 20_000),
    ],
)
def test_a_sample_holds_so_many_for_each_of_as_many_even_classes_each_answer_and_a_part(
    shares, n_answers, n_images, size
):
    assert sample._sample_size(n_images, n_answers, np.array(shares)) == size


def test_of_a_pool_that_few_classes_share_less_is_covered_once_that_is_known(pool_and_labels, known, few_classes):
    pool, _ = pool_and_labels
    rows, numbers = labels_in(known)
    _, shares = probe_and_shares(pool, np.arange(len(pool)), unit_features(pool, rows), numbers)

    assert is_sampled(pool, known)
    assert len(sampled_rows(pool, 4, known)) == max(int(30 / (shares**2).sum()), len(known))
    assert not is_sampled(pool, ())
    assert not is_sampled(pool, ((3, 0), (5, 0)))


def test_of_a_larger_pool_that_few_classes_share_a_sample_is_smaller_too(
    pool_and_labels, known, most_covered, few_classes
):
    most_covered(200)
    pool, _ = pool_and_labels

    assert len(sampled_rows(pool, 4, ())) == 200
    assert is_sampled(pool, known)
    assert len(known) <= len(sampled_rows(pool, 4, known)) < 150


def test_skips_count_for_the_size_so_that_a_sample_lasts(pool_and_labels, known, few_classes):
    pool, _ = pool_and_labels
    skipped = tuple((row, None) for row in range(1, 200, 2))

    assert len(sampled_rows(pool, 4, known + skipped)) == len(known) + len(skipped)


def test_a_pool_that_many_classes_share_is_covered_whole(pool_and_labels, known, monkeypatch):
    monkeypatch.setattr(sample, "OF_A_CLASS", 300)
    pool, _ = pool_and_labels

    assert not is_sampled(pool, known)
    assert sampled_rows(pool, 4, known).tolist() == list(range(len(pool)))


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


@pytest.mark.slow
def test_where_two_classes_have_nearly_all_images_more_rare_ones_are_found_in_a_small_sample(monkeypatch):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(42), [3000, 3000, *np.geomspace(20, 3, 40).astype(int)])
    spread = np.where(labels < 2, 1.5, 1)[:, None]
    pool = Pool.from_arrays(rng.normal(size=(42, 32))[labels] + spread * rng.normal(size=(len(labels), 32)))

    def classes_found():
        return np.mean([len({*simulate(pool, labels, 120, audit=0, random_state=s).labels}) for s in range(3)])

    monkeypatch.setattr(sample, "OF_A_CLASS", 500)
    of_a_sample = classes_found()
    monkeypatch.setattr(sample, "OF_A_CLASS", len(pool))

    assert of_a_sample > classes_found() + 4
