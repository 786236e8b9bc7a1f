"""Bursts: near-copies, one after the other. Features are made: an angle in the plane, or random directions."""

import numpy as np
import pytest

from evenpick.pool import bursts as module
from evenpick.pool.bursts import bursts
from evenpick.pool.sequences import sequences

UNIT = 0.2


def at(*degrees):
    """Images so many degrees apart: their distance is about the angle in radians."""
    turn = np.radians(np.array(degrees, float))
    return np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)


def times(n, step=1, start=0):
    return [str(np.datetime64("2024-05-01T08:00:00") + np.timedelta64(start + i * step, "s")) for i in range(n)]


def groups(features, taken=None, files=None, unit=UNIT, gap=60.0):
    files = files or [f"a/{i:04d}.jpg" for i in range(len(features))]
    return bursts(features, sequences(files, taken, None, gap), unit).group.tolist()


def test_images_of_one_minute_that_look_alike_are_one_group():
    assert groups(at(0, 5, 8, 90, 92), times(5)) == [0, 0, 0, 3, 3]


def test_looks_without_time_and_time_without_looks_are_no_burst():
    apart = times(2) + times(2, start=1000)

    assert groups(at(0, 1, 2, 3), apart) == [0, 0, 2, 2]
    assert groups(at(0, 40, 80, 120), times(4)) == [0, 1, 2, 3]


def test_a_chain_of_small_steps_does_not_join_what_looks_different():
    # 13 degrees are 0.23, nearer than 1.3 units; a group is at most 1.4 times as wide, 0.36 or 21 degrees.
    assert groups(at(0, 13, 26, 39, 52, 65), times(6)) == [0, 0, 2, 2, 4, 4]


def test_two_subjects_may_take_turns():
    assert groups(at(0, 90, 2, 92, 4, 94), times(6)) == [0, 1, 0, 1, 0, 1]


def test_the_nearest_of_the_images_before_is_joined():
    assert groups(at(0, 20, 17, 11), times(4)) == [0, 1, 1, 1]


def directions(n, seed=0, width=60):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


def in_bursts(n, size, noise, seed=0):
    features = np.repeat(directions(n // size, seed), size, axis=0)
    return features + noise * directions(n, seed + 1)


def test_without_times_consecutive_names_are_a_burst_where_looks_tell_images_apart():
    features = in_bursts(200, 4, 0.08)

    assert groups(features) == np.repeat(np.arange(0, 200, 4), 4).tolist()


def test_where_different_images_look_as_alike_as_copies_names_tell_nothing():
    features = 1 + 0.1 * directions(200)  # all within 0.2 of each other
    features[100:103] = features[100]

    assert groups(features) == list(range(200))
    files = [f"{row:03d}.jpg" for row in range(200)]
    assert bursts(features, sequences(files, None, None, 60), UNIT).untold == 199


def test_a_whole_day_on_a_production_line_is_no_burst_but_one_part_taken_six_times_is():
    parts = 1 + 0.1 * directions(60)
    features = np.repeat(parts, 6, axis=0) + 0.01 * directions(360, 1)

    assert groups(features, times(360, step=5)) == np.repeat(np.arange(0, 360, 6), 6).tolist()


def test_a_burst_of_a_fixed_camera_is_found_though_all_its_pictures_look_alike():
    features = 1 + 0.1 * directions(40)
    taken = [time for event in range(10) for time in times(4, start=3600 * event)]

    assert groups(features, taken) == np.repeat(np.arange(0, 40, 4), 4).tolist()


def test_blocks_make_no_difference(monkeypatch):
    features = in_bursts(300, 5, 0.08)
    whole = groups(features, times(300, step=20))

    monkeypatch.setattr(module, "BLOCK_ROWS", 7)

    assert groups(features, times(300, step=20)) == whole
    assert len(set(whole)) == 60


def test_rows_in_any_order_give_the_same_groups():
    features, order = in_bursts(100, 4, 0.08), np.random.default_rng(0).permutation(100)
    files, taken = [f"a/{i:04d}.jpg" for i in range(100)], times(100, step=15)

    shuffled = groups(features[order], [taken[i] for i in order], [files[i] for i in order])

    assert [order[first] for first in shuffled] == (order // 4 * 4).tolist()


def test_a_long_burst_is_one_group():
    features = np.repeat(directions(2), 50, axis=0) + 0.08 * directions(100, 1)

    assert groups(features, times(100)) == np.repeat([0, 50], 50).tolist()


@pytest.mark.parametrize("n", [1, 2])
def test_few_images_are_no_trouble(n):
    assert groups(at(*range(n)), times(n)) == [0] * n
