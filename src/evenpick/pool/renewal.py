"""Rows that are embedded again where they stand: their files were replaced, or their block is damaged.

A row keeps its number: labels, sessions and models find it by its id, and an image that was looked at twice is still one.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

import numpy as np

from ..errors import EvenpickError
from .changes_csv import REPLACED, Change
from .looking import BATCH, See, Seen, Wanted
from .skipped import Skipped
from .writer import Arrays, PoolWriter


def renew(
    writer: PoolWriter,
    see: See,
    rows: Sequence[int],
    replaced: Collection[int],
    progress: Callable[[int], None],
) -> list[Skipped]:
    """Embed these rows again, each block in one commit; those of replaced files that cannot be read count as gone.

    Raises
    ------
    EvenpickError
        If a block is damaged and not all of its images can be read.
    """
    starts, damaged = writer.starts, {*writer.damaged_blocks()} if rows else set[int]()
    broken: list[Skipped] = []
    changed = {*replaced}
    for block, (start, end) in enumerate(pairwise(starts)):
        here = [row for row in rows if start <= row < end]
        if not here:
            continue
        images = [Wanted(writer.rows[row]) for row in here]
        seen: list[Seen] = []
        left_out: list[Skipped] = []
        for kept, lost in see([images[i : i + BATCH] for i in range(0, len(images), BATCH)]):
            seen += kept
            left_out += lost
            progress(len(broken) + len(left_out) + len(seen))
        if block in damaged and left_out:
            raise EvenpickError(
                f"block {block} of the pool is damaged, and {len(left_out)} of its {end - start} images cannot be read, "
                f"such as '{left_out[0].image_id}' ({left_out[0].reason}): put them back, or embed into a new workspace"
            )
        _commit(
            writer, block, seen, {skipped.image_id for skipped in left_out}, {writer.rows[i].image for i in changed}
        )
        broken += left_out
    return broken


def _commit(writer: PoolWriter, block: int, seen: Sequence[Seen], unreadable: set[str], replaced: set[str]) -> None:
    start, end = writer.starts[block : block + 2]
    row_of = {writer.rows[row].image: row for row in range(start, end)}
    rows = [*writer.rows]
    if seen:
        features, predictions = _arrays(writer, block, seen, end - start)
        for one in seen:
            place = row_of[one.image.image] - start
            features[place], predictions[place] = one.features, one.prediction
            rows[start + place] = one.image
    for image_id in unreadable:
        rows[row_of[image_id]] = rows[row_of[image_id]]._replace(gone="yes")
    changes = [Change(REPLACED, one.image.image) for one in seen if one.image.image in replaced]
    writer.rewrite(rows, {block: (features, predictions)} if seen else None, changes)


def _arrays(writer: PoolWriter, block: int, seen: Sequence[Seen], n: int) -> Arrays:
    """What the block holds, or room for it where all of it is made anew."""
    if len(seen) < n:
        return writer.block(block)
    return np.empty((n, len(seen[0].features)), np.float32), np.empty(n, seen[0].prediction.dtype)
