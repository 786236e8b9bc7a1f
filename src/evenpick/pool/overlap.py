"""Which test images a classifier has seen: those among the labelled ones, and near-copies of them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Singles
from ..paths import Paths
from ..vectors import normalised
from .bursts import TIMED
from .copies import copy_limit
from .images_csv import read_images_csv
from .looks import REFERENCES, evenly, nearest_hundredth
from .pool import Pool
from .sequences import photographed_at
from .storage import read_state

_ROWS = 512  # test images compared at a time


def overlap_with_labels(
    workspace: Path, labelled: IndexArray, test_workspace: Path, tested: IndexArray, unit: float, gap: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows of the pool of `test_workspace` are labelled rows of `workspace`, and which others show the same thing.

    The first are known by their bytes; the second by groups, if both workspaces are one, and as "auto" finds groups.
    """
    pool, test_pool = Pool.open(workspace), Pool.open(test_workspace)
    contents, test_contents = _contents(workspace), _contents(test_workspace)
    known = {contents[row] for row in labelled.tolist()}
    same = np.array([test_contents[row] in known for row in tested.tolist()], bool)
    if not len(labelled):
        return same, same
    near = _near(pool, labelled, test_pool, tested, unit, gap)
    if workspace == test_workspace and pool.groups is not None:
        near |= np.isin(pool.groups[tested], pool.groups[labelled])
    return same, near & ~same


def _contents(workspace: Path) -> list[tuple[str, str]]:
    """What tells each row's pixels: the checksum of its file, and which part of it is shown."""
    return [(row.sha256, row.part) for row in read_images_csv(Paths(workspace), read_state(workspace))]


def _near(
    pool: Pool, labelled: IndexArray, test_pool: Pool, tested: IndexArray, unit: float, gap: float
) -> NDArray[np.bool_]:
    """Whether each tested row is a copy of a labelled one, or was taken within the gap of one and looks like it."""
    known = normalised(pool.features[labelled])
    references = normalised(pool.features[evenly(len(pool), REFERENCES)])
    known_at, tested_at = (
        photographed_at(pool.files, pool.taken)[labelled],
        photographed_at(test_pool.files, test_pool.taken)[tested],
    )
    cameras, known_cameras = _cameras(test_pool, tested), _cameras(pool, labelled)
    near = np.zeros(len(tested), bool)
    for start in range(0, len(tested), _ROWS):
        some = slice(start, start + _ROWS)
        looks = normalised(test_pool.features[tested[some]])
        copy = copy_limit(nearest_hundredth(_squared(looks, references)), unit)
        together = np.abs(tested_at[some, None] - known_at) <= gap  # False where a time is not known
        together &= cameras[some, None] == known_cameras
        most = np.where(together, TIMED * unit, copy[:, None])
        near[some] = (np.sqrt(_squared(looks, known)) <= most).any(axis=1)
    return near


def _squared(left: Singles, right: Singles) -> Singles:
    return np.asarray(np.maximum(2 - 2 * left @ right.T, 0), np.float32)


def _cameras(pool: Pool, rows: IndexArray) -> NDArray[np.object_]:
    return np.array(pool.camera or [""] * len(pool), object)[rows]
