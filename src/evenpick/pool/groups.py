"""Which images show the same thing: the number of each row's group, from labels of any kind."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values
from ..errors import EvenpickError
from ..label_values import is_missing


def given_groups(labels: Iterable[object], n: int) -> IndexArray | None:
    """The groups of `numbered_groups`, of what a caller gave for each of n images.

    Raises
    ------
    EvenpickError
        If there are not n, or an image has none.
    """
    listed = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    if len(listed) != n:
        raise EvenpickError(f"pool: {n} images need {n} groups; got {len(listed)}")
    missing = [row for row, label in enumerate(listed) if is_missing(label)]
    if missing:
        raise EvenpickError(
            f"pool: each image needs a group; row {missing[0]} has none: give it one of its own if it stands alone"
        )
    return numbered_groups(listed)


def numbered_groups(labels: Iterable[Any]) -> IndexArray | None:
    """The number of each row's group, in the order of their first rows; None where every image stands for itself."""
    numbers: dict[Any, int] = {}
    groups = np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.intp)
    return groups if len(numbers) < len(groups) else None


def check_groups(groups: NDArray[Any], n: int) -> None:
    """Refuse numbers that are not one for each of n rows, or not in the order of their first rows."""
    if groups.shape != (n,) or not np.issubdtype(groups.dtype, np.integer):
        raise EvenpickError(f"pool: groups must be {n} whole numbers; got {groups.dtype} of shape {groups.shape}")
    largest_before = np.maximum.accumulate(np.concatenate([[-1], groups]))[:-1]
    wrong = np.flatnonzero((groups < 0) | (groups > largest_before + 1))
    if len(wrong):
        raise EvenpickError(
            "pool: groups must be numbered from 0 in the order of their first rows; "
            f"row {wrong[0]} has {groups[wrong[0]]}: Pool.from_arrays numbers them"
        )


def middle_of_each(groups: IndexArray, rows: IndexArray) -> IndexArray:
    """Of these rows (ascending) the one in the middle of each group, ascending; `groups` (n,) are those of all rows."""
    order = rows[np.argsort(groups[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    return np.sort(order[(starts + ends - 1) // 2])


def group_means(values: Values, groups: IndexArray | None) -> Values:
    """Each row (n, k) replaced by the mean of its group's."""
    if groups is None:
        return values
    _, number = np.unique(groups, return_inverse=True)  # of some rows of a pool, not every group need be there
    sums = np.zeros((int(number.max()) + 1, values.shape[1]))
    np.add.at(sums, number, values)
    means: Values = sums / np.bincount(number)[:, None]
    return means[number]
