"""The order in which photographs were taken, and the runs of it."""

import numpy as np
import pytest

from evenpick.pool.sequences import sequences


def runs(files, taken=None, camera=None, gap=60.0):
    """The files of each run, in order."""
    found = sequences(files, taken, camera, gap)
    rows = found.order.tolist()
    return [
        [files[row] for row, r in zip(rows, found.run, strict=True) if r == run] for run in range(found.run[-1] + 1)
    ]


def test_photographs_at_most_the_gap_apart_are_one_run_however_long():
    seconds = [0, 60, 120, 181, 200]
    taken = [f"2024-05-01T08:{s // 60:02d}:{s % 60:02d}" for s in seconds]

    assert runs(list("abcde"), taken) == [["a", "b", "c"], ["d", "e"]]
    assert runs(list("abcde"), taken, gap=59) == [["a"], ["b"], ["c"], ["d", "e"]]
    assert runs(list("abcde"), taken, gap=61) == [["a", "b", "c", "d", "e"]]


def test_fractions_of_a_second_order_a_burst():
    taken = ["2024-05-01T08:00:00.9", "2024-05-01T08:00:00.12", "2024-05-01T08:00:00", "2024-05-01T08:00:00.123456789"]

    assert runs(list("abcd"), taken) == [["c", "b", "d", "a"]]


def test_photographs_of_one_second_stay_in_the_order_of_their_names():
    taken = ["2024-05-01T08:00:00"] * 3

    assert runs(["IMG_10.jpg", "IMG_9.jpg", "IMG_11.jpg"], taken) == [["IMG_9.jpg", "IMG_10.jpg", "IMG_11.jpg"]]


def test_another_folder_or_camera_is_another_run():
    taken = ["2024-05-01T08:00:00", "2024-05-01T08:00:01", "2024-05-01T08:00:02", "2024-05-01T08:00:03"]
    files = ["a/1", "b/2", "a/3", "a/4"]

    assert runs(files, taken) == [["a/1", "a/3", "a/4"], ["b/2"]]
    assert runs(files, taken, ["X", "X", "X", "Y"]) == [["a/1", "a/3"], ["a/4"], ["b/2"]]


def test_without_times_a_run_is_names_that_differ_in_their_last_number():
    files = ["v1_010.jpg", "v1_9.jpg", "v2_001.jpg", "w/v1_011.jpg", "v1_010.png", "cover.jpg", "back.jpg"]

    assert runs(files) == [
        ["back.jpg"],
        ["cover.jpg"],
        ["v1_9.jpg", "v1_010.jpg"],
        ["v1_010.png"],
        ["v2_001.jpg"],
        ["w/v1_011.jpg"],
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("IMG_20240501_080000.jpg", "IMG_20240501_080001.jpg", "IMG_20240501_081002.jpg"),
        ("PXL_20240501_080000123.jpg", "PXL_20240501_080001456.jpg", "PXL_20240501_081002001.jpg"),
        ("2024-05-01 08-00-00.jpg", "2024-05-01 08-00-01.jpg", "2024-05-01 08-10-02.jpg"),
        ("cam_2024-05-01T08:00:00.png", "cam_2024-05-01T08:00:01.png", "cam_2024-05-01T08:10:02.png"),
    ],
)
def test_a_time_in_the_name_counts_where_there_is_no_other(names):
    found = sequences(list(names), ["", "", ""], None, 60)

    assert found.timed.all()
    assert found.run.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "name", ["20241301_080000.jpg", "20240231_080000.jpg", "920240501_080000.jpg", "1234567890.jpg"]
)
def test_a_number_that_is_no_time_is_a_number(name):
    assert not sequences([name], None, None, 60).timed.any()


def test_times_and_no_times_in_one_folder_are_runs_of_their_own():
    files, taken = ["a/1.jpg", "a/2.jpg", "a/3.jpg"], ["", "2024-05-01T08:00:00", ""]

    assert runs(files, taken) == [["a/1.jpg", "a/3.jpg"], ["a/2.jpg"]]
    assert sequences(files, taken, None, 60).timed.tolist() == [False, False, True]


def test_every_row_has_one_place():
    rng = np.random.default_rng(0)
    files = [f"{rng.integers(3)}/{rng.integers(5)}_{i}.jpg" for i in range(200)]

    assert sorted(sequences(files, None, None, 60).order.tolist()) == list(range(200))
