"""Pools of folders whose files may change between runs: every prediction is of a file as it is now."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ..images import find_images
from ..paths import Paths
from ..sources import SourceModel
from .embedding import Embedded
from .pool import Pool
from .skipped import read_skipped


def forget_if_changed(workspace: Path, folder: Path) -> None:
    """Throw a pool away when a file that it was made of is gone or was written since."""
    if not Paths(workspace).pool_json.is_file():
        return
    if _changed(workspace, folder, Pool.open(workspace).image_ids, read_skipped(workspace)):
        shutil.rmtree(workspace)


def embedded_already(workspace: Path, folder: Path, source: SourceModel) -> Embedded | None:
    """The workspace's own pool, if it holds every image of the folder as this source sees it now."""
    pool, skipped = Pool.open(workspace), read_skipped(workspace)
    same = pool.folder == folder.resolve() and pool.source == source.describe()
    if not same or _changed(workspace, folder, pool.image_ids, skipped):
        return None
    if not {*pool.image_ids, *skipped}.issuperset(find_images(folder)):
        return None
    return Embedded(pool, 0, list(skipped.values()))


def _changed(workspace: Path, folder: Path, image_ids: Iterable[str], skipped: Iterable[str]) -> bool:
    paths = Paths(workspace)
    return _any_newer(folder, image_ids, paths.pool_json) or _any_newer(folder, skipped, paths.skipped)


def _any_newer(folder: Path, image_ids: Iterable[str], than: Path) -> bool:
    written = than.stat().st_mtime_ns if than.exists() else 0
    # The time of the last change of the directory entry moves even when a file of old date takes its place.
    files = (folder / image_id for image_id in image_ids)
    return any(not file.is_file() or file.stat().st_ctime_ns > written for file in files)


def rows_of_files(embedded: Embedded, folder: Path) -> dict[str, int]:
    """The row of every readable image of the folder; a copy has the row of its twin."""
    rows = {image_id: row for image_id, row in embedded.pool.row_of.items() if (folder / image_id).is_file()}
    twins = {copy.image_id: copy.twin for copy in embedded.skipped if copy.twin in embedded.pool.row_of}
    rows |= {image_id: embedded.pool.row_of[twin] for image_id, twin in twins.items() if twin is not None}
    return dict(sorted(rows.items()))


def pool_of_files(pool: Pool, rows: Mapping[str, int], folder: Path) -> Pool:
    """These files of the folder as a pool in memory, copies of one image each with a row of their own."""
    return Pool(np.asarray(pool.features[list(rows.values())]), list(rows), source=pool.source, folder=folder)
