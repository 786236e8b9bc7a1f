"""Pools of folders whose files may change between runs: every prediction is of a file as it is now."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ..images import find_images
from ..paths import Paths
from ..sources import SourceModel
from .embedding import Embedded
from .folder_changes import changes_of, same_stat
from .images_csv import read_images_csv
from .pool import Pool
from .skipped import Skipped, read_skipped
from .storage import read_state


def embedded_already(workspace: Path, folder: Path, source: SourceModel) -> Embedded | None:
    """The workspace's own pool, if it holds every image of the folder as this source sees it now."""
    pool, skipped, state = Pool.open(workspace), read_skipped(workspace), read_state(workspace)
    if pool.folder != folder.resolve() or pool.source != source.describe():
        return None
    paths = Paths(workspace)
    rows = read_images_csv(paths, state)
    changes = changes_of(folder, rows, find_images(folder), paths.pool_json.stat().st_mtime_ns)
    if changes.replaced or changes.moved or changes.gone or changes.back or _any_other(folder, changes.new, skipped):
        return None
    return Embedded(pool, 0, [left_out for left_out in skipped.values() if (folder / left_out.image_id).exists()])


def _any_other(folder: Path, files: Iterable[str], skipped: Mapping[str, Skipped]) -> bool:
    """Whether one of these files is none of those that were left out, or has changed since."""
    known = (skipped.get(file) for file in files)
    return not all(out and same_stat(folder / out.image_id, out.size, out.mtime_ns) for out in known)


def rows_of_files(embedded: Embedded, folder: Path) -> dict[str, int]:
    """The row of every readable image of the folder; a copy has the row of its twin."""
    pool = embedded.pool
    rows = {image_id: row for image_id, row in pool.row_of.items() if pool.present is None or pool.present[row]}
    twins = {copy.image_id: copy.twin for copy in embedded.skipped if copy.twin in pool.row_of}
    rows |= {image_id: pool.row_of[twin] for image_id, twin in twins.items() if twin is not None}
    return dict(sorted(rows.items()))


def pool_of_files(pool: Pool, rows: Mapping[str, int], folder: Path) -> Pool:
    """These files of the folder as a pool in memory, copies of one image each with a row of their own."""
    taken = list(rows.values())
    facts = None if pool.facts is None else pool.facts.take(taken)
    return Pool(
        np.asarray(pool.features[taken]), list(rows), source=pool.source, folder=folder, facts=facts,
        box_margin=pool.box_margin,
    )  # fmt: skip
