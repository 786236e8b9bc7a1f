"""Test images that a classifier has seen, or nearly."""

import numpy as np
import pytest
from written_pools import SOURCE

from evenpick.pool import overlap_with_labels
from evenpick.pool.groups import group_means
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities

UNIT, GAP = 0.4, 60.0


def write(workspace, features, taken=None, camera="", digests=None, parts=None):
    n = len(features)
    predictions = summarise_probabilities(np.full((n, 5), 0.2))
    rows = [
        ImageRow(
            f"{i:03d}.jpg",
            digests[i] if digests else f"{workspace.name} {i}",
            taken=taken[i] if taken else "",
            camera=camera,
            part=parts[i] if parts else "",
        )
        for i in range(n)
    ]
    PoolWriter(workspace, workspace / "photos", SOURCE).append(rows, features.astype(np.float32), predictions)
    return workspace


@pytest.fixture
def spread():
    """A hundred different images: no two of the first four are near."""
    rng = np.random.default_rng(0)
    return np.vstack([np.eye(4), rng.normal(size=(96, 4))])


def found(own, labelled, test, tested):
    same, near = overlap_with_labels(own, labelled, test, tested, UNIT, GAP)
    return same.tolist(), near.tolist()


def test_test_images_with_the_bytes_of_labelled_ones_are_known(tmp_path, spread):
    own = write(tmp_path / "own", spread)
    test = write(tmp_path / "test", -np.eye(4)[:3], digests=["own 1", "own 5", "new"])

    assert found(own, np.array([0, 1]), test, np.arange(3)) == ([True, False, False], [False] * 3)
    assert found(own, np.array([0, 1]), own, np.array([1, 2])) == ([True, False], [False] * 2)


def test_two_boxes_of_one_file_are_two_images(tmp_path, spread):
    boxes = [f"0,0,{i + 1},9" for i in range(100)]
    own = write(tmp_path / "own", spread, digests=["file"] * 100, parts=boxes)

    assert found(own, np.array([0]), own, np.array([0, 1])) == ([True, False], [False, False])


def test_where_different_images_are_as_near_looks_tell_nothing(tmp_path):
    own = write(tmp_path / "own", 1 + 0.1 * np.random.default_rng(0).normal(size=(100, 4)))
    test = write(tmp_path / "test", np.array([[1.0, 1, 1, 1]]))

    assert found(own, np.arange(100), test, np.arange(1)) == ([False], [False])


def test_where_different_images_are_far_apart_a_near_one_is_a_copy(tmp_path):
    axes = np.vstack([np.eye(4), -np.eye(4)])
    own = write(tmp_path / "own", axes)
    test = write(tmp_path / "test", np.array([[1, 0.1, 0, 0], [1, 0.4, 0, 0], [0, 1, 0.1, 0.0]]))

    assert found(own, np.array([0]), test, np.arange(3)) == ([False] * 3, [True, False, False])


def test_frames_of_a_labelled_burst_are_near_by_time_and_looks(tmp_path, spread):
    own = write(tmp_path / "own", spread, ["2024-05-01T08:00:00"] * 100, "X")
    frames = np.array([[1, 0.3, 0, 0], [1, 0.3, 0, 0], [1, 0.9, 0, 0]])
    times = ["2024-05-01T08:00:59", "2024-05-01T08:01:01", "2024-05-01T08:00:59"]

    assert found(own, np.array([0]), write(tmp_path / "test", frames, times, "X"), np.arange(3))[1] == [
        True,
        False,
        False,
    ]
    assert found(own, np.array([0]), write(tmp_path / "other", frames, times, "Y"), np.arange(3))[1] == [False] * 3


def test_the_rest_of_a_labelled_group_is_near(tmp_path, spread):
    own = write(tmp_path / "own", spread)
    (own / "groups.csv").write_text("image,group\n000.jpg,a\n003.jpg,a\n001.jpg,b\n002.jpg,b\n")

    assert found(own, np.array([0]), own, np.arange(4)) == ([True, False, False, False], [False, False, False, True])


def test_without_labels_nothing_was_seen(tmp_path, spread):
    own = write(tmp_path / "own", spread)

    assert found(own, np.array([], np.intp), own, np.arange(2)) == ([False] * 2, [False] * 2)


def test_means_of_groups_stand_for_their_rows():
    values = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])

    assert group_means(values, np.array([0, 1, 0])) == pytest.approx(np.array([[0.7, 0.3], [0.2, 0.8], [0.7, 0.3]]))
    assert group_means(values, np.array([4, 2, 4])) == pytest.approx(group_means(values, np.array([0, 1, 0])))
    assert group_means(values, None) is values
