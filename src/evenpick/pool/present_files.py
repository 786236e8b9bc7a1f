"""Pools of folders whose files may change between runs: every prediction is of a file as it is now."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ..arrays import IndexArray
from ..images import find_images
from ..paths import Paths
from ..sources import SourceModel
from .box_settings import read_box_settings
from .boxes import planned
from .embedding import Embedded
from .folder_changes import changes_of, same_stat
from .groups import numbered_groups
from .images_csv import read_images_csv
from .options import EmbedOptions
from .pool import Pool
from .skipped import Skipped, read_skipped
from .storage import read_state


def embedded_already(workspace: Path, folder: Path, source: SourceModel) -> Embedded | None:
    """The workspace's own pool, if it holds every image of the folder as this source sees it now."""
    pool, skipped, state = Pool.open(workspace), read_skipped(workspace), read_state(workspace)
    if pool.folder != folder.resolve() or pool.source is None or pool.source.without_words != source.describe():
        return None
    paths = Paths(workspace)
    rows, files = read_images_csv(paths, state), find_images(folder)
    changes = changes_of(folder, rows, files, paths.pool_json.stat().st_mtime_ns)
    if changes.replaced or changes.moved or changes.gone or changes.back:
        return None
    if read_box_settings(paths) is None:
        other = _any_other(folder, changes.new, skipped)
    else:
        plan = planned(paths, EmbedOptions(), files, {row.image for row in rows})
        other = any(one.row.image not in skipped for batch in plan.batches(files, rows, 1) for one in batch)
    there = [out for out in skipped.values() if (folder / out.image_id.partition("#")[0]).exists()]
    return None if other else Embedded(pool, 0, there)


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


def pool_of_files(pool: Pool, rows: Mapping[str, int], folder: Path, groups: IndexArray | None) -> Pool:
    """These files of the folder as a pool in memory, copies of one image each with a row of their own in one group.

    `groups` are those of the rows of the pool, if it has any.
    """
    taken = list(rows.values())
    facts = None if pool.facts is None else pool.facts.take(taken)
    return Pool(
        np.asarray(pool.features[taken]), list(rows), source=pool.source, folder=folder, facts=facts,
        groups=numbered_groups(taken if groups is None else groups[taken].tolist()), box_margin=pool.box_margin,
    )  # fmt: skip
