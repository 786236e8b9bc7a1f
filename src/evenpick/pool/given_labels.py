"""Labels as callers of the Python API give them: rows of a pool and a label for each."""

from collections.abc import Iterable, Mapping, Set

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import IndexArray
from ..errors import EvenpickError, first_few
from ..label_values import Label, checked_labels
from .pool import Pool


def given_pool(subject: str, pool: Pool | ArrayLike) -> Pool:
    """The pool, or that of an array of features (n, n_features)."""
    if isinstance(pool, Pool):
        return pool
    try:
        return Pool.from_arrays(pool)
    except (TypeError, ValueError) as error:
        raise EvenpickError(
            f"{subject}: the pool must be a Pool or an array of features (n, n_features); got {pool!r:.60}"
        ) from error


def labelled_rows(
    subject: str, pool: Pool, indices: ArrayLike, labels: Iterable[object]
) -> tuple[IndexArray, list[Label]]:
    """The rows (n_labels,) and the label of each.

    Raises
    ------
    EvenpickError
        If the lengths differ, a row is no row of the pool or is named twice, or a label is missing or of another type.
    """
    if isinstance(labels, Set | Mapping):
        raise EvenpickError(f"{subject}: labels must be in the order of their rows; got a {type(labels).__name__}")
    given = [labels] if isinstance(labels, str | bytes) else list(labels)
    try:
        rows = np.asarray(indices)
    except ValueError:
        rows = np.empty(0, object)  # ragged
    if rows.ndim != 1 or len(rows) != len(given):
        raise EvenpickError(f"{subject}: each row needs one label; got {rows.size} rows and {len(given)} labels")
    whole = not rows.size or np.issubdtype(rows.dtype, np.integer)
    if not whole or ((rows < 0) | (rows >= len(pool))).any():
        raise EvenpickError(f"{subject}: rows must be whole numbers from 0 to {len(pool) - 1} (the pool)")
    rows = rows.astype(np.intp)
    twice = np.flatnonzero(np.bincount(rows, minlength=len(pool)) > 1)
    if len(twice):
        ids = [pool.image_ids[i] for i in twice.tolist()]
        raise EvenpickError(f"{subject}: an image must be labelled once; labelled twice: {first_few(ids)}")
    return rows, checked_labels(subject, given, rows.tolist())
