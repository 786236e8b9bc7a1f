"""Images of one group show the same thing, so they are one piece of evidence: one label of each, one image of each."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ..arrays import IndexArray
from ..pool import Pool

T = TypeVar("T")


def one_of_each_group(pool: Pool, rows: IndexArray, labels: Sequence[T]) -> tuple[IndexArray, list[T]]:
    """The first label of each group (of each class in it, where people divided a group), in the order given."""
    if pool.groups is None:
        return rows, list(labels)
    first: dict[tuple[int, T], int] = {}
    for place, (group, label) in enumerate(zip(pool.groups[rows].tolist(), labels, strict=True)):
        first.setdefault((group, label), place)
    places = [*first.values()]
    return rows[places], [labels[place] for place in places]


def rows_of_other_groups(pool: Pool, rows: IndexArray) -> IndexArray:
    """One row of each group that none of these rows is in, ascending."""
    if pool.groups is None:
        return np.setdiff1d(np.arange(len(pool)), rows)
    others = pool.representatives
    return others[~np.isin(pool.groups[others], pool.groups[rows])]


def n_pieces(pool: Pool, rows: IndexArray) -> int:
    """How many labels the pool can give where each group counts once, or once a class: `rows` are the labelled ones."""
    if pool.groups is None:
        return len(pool)
    return len(pool.representatives) + len(rows) - len(np.unique(pool.groups[rows]))
