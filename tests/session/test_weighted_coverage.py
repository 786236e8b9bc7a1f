"""What covering an image is worth, and how labels cover."""

import numpy as np
import pytest

from evenpick.acquisition import herding, unit_features
from evenpick.classifiers import fit_probe
from evenpick.probabilities import margins
from evenpick.session import coverage_weights as weights_module
from evenpick.session.coverage_weights import balanced_uncertainty, coverage_weights, probe_and_shares, weights_of_rows
from evenpick.session.sample import Sample
from evenpick.session.weighted_coverage import Round


@pytest.mark.slow
def test_images_are_worth_what_the_probe_is_unsure_of_and_rare_classes_more(pool_and_labels):
    pool, labels = pool_and_labels
    rows = np.random.default_rng(1).permutation(len(pool))[:60]
    points, labelled = unit_features(pool, np.arange(len(pool))), unit_features(pool, rows)
    numbers = np.unique(labels[rows], return_inverse=True)[1]

    weights, probe = coverage_weights(points, labelled, numbers)

    again = fit_probe(labelled, numbers)
    assert np.array_equal(probe.weights, again.weights)
    shares = probe.probabilities(points, corrected=False).sum(axis=0) / len(points)
    for weight, chances in zip(weights, probe.probabilities(points), strict=True):
        second, first = sorted(chances)[-2:]
        rarity = sum(chance / share**0.5 for chance, share in zip(chances, shares, strict=True))
        assert weight == pytest.approx((1 - (first - second)) * rarity)


def test_the_probe_is_mostly_less_sure_of_a_class_while_it_is_not_found(pool_and_labels):
    pool, labels = pool_and_labels
    points = unit_features(pool, np.arange(len(pool)))
    given = np.arange(0, len(pool), 6)

    def doubt(name, found):
        others = np.setdiff1d(np.flatnonzero(labels == name), given)
        probe = fit_probe(points[found], np.unique(labels[found], return_inverse=True)[1])
        return 1 - margins(probe.probabilities(points[others])).mean()

    unfound = np.mean([doubt(name, given[labels[given] != name]) for name in np.unique(labels)])
    assert unfound > 1.2 * np.mean([doubt(name, given) for name in np.unique(labels)])


def test_labels_in_the_sample_and_outside_cover_alike(pool_and_labels, most_covered):
    most_covered(200)
    pool, _ = pool_and_labels
    sample = Sample(pool, 0, ())
    outside = np.setdiff1d(np.arange(len(pool)), sample.rows)
    rows = np.array([*sample.rows[[3, 50]], *outside[[0, 1, -1]]])
    greedy_round = Round(pool, sample, (), np.random.default_rng(0))

    for some in (rows, rows[:2], rows[2:]):
        covered = greedy_round._coverage_by(some)
        assert covered == pytest.approx(sample.kernel.best(unit_features(pool, some)), abs=1.01 / 255)
    assert (greedy_round._coverage_by(rows) > greedy_round._coverage_by(rows[:2])).any()


def test_balanced_uncertainty_by_hand():
    class Fixed:
        def probabilities(self, points):
            return np.array([[0.5, 0.5], [0.9, 0.1]])

    # Margins 0 and 0.8.
    common, rare = 0.79**-0.5, 0.5**-0.5
    expected = [1.0 * (0.5 * common + 0.5 * rare), 0.2 * (0.9 * common + 0.1 * rare)]

    assert balanced_uncertainty(Fixed(), np.zeros((2, 3)), np.array([0.79, 0.5])) == pytest.approx(expected)


def test_of_two_images_no_class_has_less_than_one_half(pool_and_labels, monkeypatch):
    pool, labels = pool_and_labels
    rows, two = np.arange(0, 306, 5), np.array([0, 305])
    labelled, numbers = unit_features(pool, rows), np.unique(labels[rows], return_inverse=True)[1]
    shares = []
    monkeypatch.setattr(
        weights_module,
        "balanced_uncertainty",
        lambda probe, points, given: shares.append(given) or np.ones(len(points)),
    )

    coverage_weights(unit_features(pool, two), labelled, numbers)
    shares.append(probe_and_shares(pool, two, labelled, numbers)[1])

    assert len(shares) == 2
    for of_two in shares:
        assert of_two.min() == 0.5


def test_rows_in_blocks_weigh_what_they_weigh_at_once(pool_and_labels, monkeypatch):
    monkeypatch.setattr(herding, "BLOCK_ROWS", 70)
    pool, labels = pool_and_labels
    rows, known = np.arange(0, 306, 2), np.arange(1, 306, 6)
    labelled, numbers = unit_features(pool, known), np.unique(labels[known], return_inverse=True)[1]

    probe, shares = probe_and_shares(pool, rows, labelled, numbers)
    weights = weights_of_rows(pool, rows, probe, shares)

    assert weights == pytest.approx(coverage_weights(unit_features(pool, rows), labelled, numbers)[0])


def test_before_there_are_two_classes_every_image_is_worth_the_same(pool_and_labels):
    points = unit_features(pool_and_labels[0], np.arange(50))

    assert coverage_weights(points, points[:5], np.zeros(5, np.intp)) == (None, None)
