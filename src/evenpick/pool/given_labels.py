"""Labels as callers of the Python API give them: rows of a pool and a name for each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import IndexArray
from ..errors import EvenpickError, first_few
from .pool import Pool


def checked_labels(
    subject: str, pool: Pool, indices: ArrayLike, labels: Sequence[str] | NDArray[Any]
) -> tuple[IndexArray, list[str]]:
    """The rows (n_labels,) and their class names.

    Raises
    ------
    EvenpickError
        If the lengths differ, or a row is no row of the pool or is named twice.
    """
    names = [str(label) for label in labels]
    try:
        rows = np.asarray(indices)
    except ValueError:
        rows = np.empty(0, object)  # ragged
    if rows.ndim != 1 or len(rows) != len(names):
        raise EvenpickError(f"{subject}: each row needs one label; got {rows.size} rows and {len(names)} labels")
    whole = not rows.size or np.issubdtype(rows.dtype, np.integer)
    if not whole or ((rows < 0) | (rows >= len(pool))).any():
        raise EvenpickError(f"{subject}: rows must be whole numbers from 0 to {len(pool) - 1} (the pool)")
    rows = rows.astype(np.intp)
    twice = np.flatnonzero(np.bincount(rows, minlength=len(pool)) > 1)
    if len(twice):
        ids = [pool.image_ids[i] for i in twice.tolist()]
        raise EvenpickError(f"{subject}: an image must be labelled once; labelled twice: {first_few(ids)}")
    return rows, names
