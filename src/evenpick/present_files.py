"""Pools of folders whose files may change between runs: every prediction is of a file as it is now."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .embedding import SAME_CONTENT, Embedded
from .pool import Pool


def forget_if_changed(workspace: Path, folder: Path) -> None:
    """Throw a pool away when a file that it was made of is gone or was written since."""
    state = workspace / "pool" / "pool.json"
    if not state.is_file():
        return
    written = state.stat().st_mtime_ns
    # The time of the last change of the directory entry moves even when a file of old date takes its place.
    if any(
        not (folder / i).is_file() or (folder / i).stat().st_ctime_ns > written for i in Pool.open(workspace).image_ids
    ):
        shutil.rmtree(workspace)


def rows_of_files(embedded: Embedded, folder: Path) -> dict[str, int]:
    """The row of every readable image of the folder; a copy has the row of its twin."""
    rows = {image_id: row for image_id, row in embedded.pool.index_of.items() if (folder / image_id).is_file()}
    for image_id, reason in embedded.skipped:
        twin = reason.removeprefix(SAME_CONTENT)
        if reason != twin and twin in embedded.pool.index_of:
            rows[image_id] = embedded.pool.index_of[twin]
    return dict(sorted(rows.items()))


def pool_of_files(pool: Pool, rows: Mapping[str, int]) -> Pool:
    """These files as a pool in memory, copies of one image each with a row of their own."""
    return Pool(np.asarray(pool.features[list(rows.values())]), list(rows), source=pool.source)
