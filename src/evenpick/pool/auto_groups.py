"""What `--group-by auto` finds: bursts, and copies of single images."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..sources import SourceModel
from ..vectors import normalised
from .blocks import Features
from .bursts import bursts
from .copies import COPY, copies
from .copy_unit import unit_of_copies, unit_of_pairs
from .pool import Pool
from .sequences import sequences

_WIDEST = 1.4  # the largest difference of copies in one group, as a multiple of that of two
_REMEMBERED = 16  # rows of a group, that others are compared with


class AutoGroups(NamedTuple):
    """The group of each row, called by its first row, whether the row is in it as a copy, and `Bursts.untold`."""

    group: IndexArray
    copied: NDArray[np.bool_]
    untold: int


def auto_groups(pool: Pool, unit: float, gap: float) -> AutoGroups:
    """Find bursts, then copies."""
    taken = sequences(pool.files, pool.taken, pool.camera, gap)
    group, untold = bursts(pool.features, taken, unit)
    copied = join_copies(pool.features, group, copies(pool.features, taken, unit), _WIDEST * COPY * unit)
    first = np.full(len(group), len(group))
    np.minimum.at(first, group, np.arange(len(group)))
    return AutoGroups(first[group], copied, untold)


def join_copies(
    features: Features, group: IndexArray, pairs: Iterable[tuple[int, int]], widest: float
) -> NDArray[np.bool_]:
    """Put copies into one group, in place; tells which rows came to theirs so.

    Two bursts are never joined: at one place, all that are empty look alike. And all of a group must be within `widest`
    of each other.
    """
    burst = np.bincount(group, minlength=len(group))[group] > 1
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(len(group) + 1))
    joined_rows: dict[int, list[int]] = {}

    def rows_of(name: int) -> list[int]:
        return joined_rows.get(name) or order[start[name] : start[name + 1]].tolist()

    copied = np.zeros(len(group), bool)
    for one, other in pairs:
        names = int(group[one]), int(group[other])
        if names[0] == names[1]:
            continue
        here, there = rows_of(names[0]), rows_of(names[1])
        if burst[here].any() and burst[there].any():
            continue
        looks = [normalised(features[rows[:_REMEMBERED]]) for rows in (here, there)]
        if (2 - 2 * looks[0] @ looks[1].T).max() > widest**2:
            continue
        group[there] = names[0]
        joined_rows[names[0]] = here + there
        joined = np.array(here + there)
        copied[joined[~burst[joined]]] = True
    return copied


def unit_of(pool: Pool, source: SourceModel | None) -> float:
    """The unit in which near-copies of this pool are judged; by its features alone where there are no pixels."""
    unit = None if source is None or pool.folder is None else unit_of_copies(pool, source)
    return unit or unit_of_pairs(pool.features)
