"""The transform of features against the same, one number at a time."""

import math

import numpy as np
import pytest

from evenpick.feature_transform import AT_CENTRE, POWER, UNIT_LENGTH, FeatureTransform


def features(lowest, n=30, d=7):
    rng = np.random.default_rng(0)
    return (rng.gamma(0.5, size=(n, d)) + lowest).astype(np.float32)


def at_length_1(row):
    length = math.sqrt(sum(x * x for x in row))
    return [x / length if length else x for x in row]


def slowly(rows, of, power):
    """`rows` by the centre of `of`."""

    def power_at_length_1(row):
        return at_length_1([math.copysign(abs(x) ** power, x) for x in row])

    before = [power_at_length_1(row) for row in of]
    centre = [sum(column) / len(before) for column in zip(*before, strict=True)]
    return [at_length_1([x - m for x, m in zip(power_at_length_1(row), centre, strict=True)]) for row in rows.tolist()]


@pytest.mark.parametrize("lowest", [0.0, -0.3])
def test_a_power_is_taken_of_features_of_which_none_is_below_0(lowest):
    known, new = features(lowest), features(-0.1)[:5] * 3

    transform = FeatureTransform.fitted_to(known)[0]

    assert transform.power == (POWER if lowest == 0 else 1)
    assert transform(known).dtype == np.float32
    assert transform(known) == pytest.approx(np.array(slowly(known, known.tolist(), transform.power)), abs=1e-5)
    assert transform(new) == pytest.approx(np.array(slowly(new, known.tolist(), transform.power)), abs=1e-5)


def test_what_is_below_0_by_rounding_alone_is_not_below_0():
    known = features(0.0)
    known[3, 2] = -1e-7

    assert FeatureTransform.fitted_to(known)[0].power == POWER


def test_what_it_was_fitted_to_comes_out_as_if_it_were_new():
    known = features(0.0)

    transform, points = FeatureTransform.fitted_to(known)

    assert np.array_equal(points, transform(known))
    assert np.array_equal(points[5:9], transform(known[5:9]))


def test_an_image_of_zeros_lies_opposite_the_centre():
    known = features(0.0)

    transform = FeatureTransform.fitted_to(known)[0]

    assert transform(np.zeros((1, 7), np.float32))[0] == pytest.approx(
        -transform.centre / np.linalg.norm(transform.centre), abs=1e-6
    )


def test_without_a_centre_only_the_length_changes():
    known = features(0.0)

    assert UNIT_LENGTH(known) == pytest.approx(known / np.linalg.norm(known, axis=1, keepdims=True))


def test_what_is_at_the_centre_but_for_rounding_stays_there():
    image = features(0.0)[:1]
    alike = image * np.linspace(0.1, 9, 50, dtype=np.float32)[:, None]

    transform = FeatureTransform.fitted_to(alike)[0]

    assert 0 < np.abs(transform(alike)).max() < AT_CENTRE
    apart = transform(image + np.eye(7, dtype=np.float32))
    assert np.linalg.norm(apart, axis=1) == pytest.approx(np.ones(7), abs=1e-6)


def test_images_all_alike_become_zeros_and_not_nan():
    alike = np.tile(features(0.0)[:1], (4, 1))

    assert np.abs(FeatureTransform.fitted_to(alike)[0](alike)).max() < 1e-6
    assert np.isfinite(FeatureTransform.fitted_to(np.zeros((3, 2)))[1]).all()
