"""`changes.csv`: which images of the pool got another name or another content, in order; only ever added to.

The record of labels names images by their ids. It reads here what became of them after an answer.
"""

import csv
import io
from collections.abc import Container, Iterable
from pathlib import Path
from typing import NamedTuple

from ..atomic_files import csv_bytes
from ..paths import Paths
from .committed import read_committed
from .storage import damaged, read_state

MOVED, REPLACED = "moved", "replaced"


class Change(NamedTuple):
    """An image that has moved, and its id now, or one whose file was replaced."""

    change: str
    image: str
    now: str = ""


def read_changes(workspace: str | Path) -> list[Change]:
    """Every change of the pool of a workspace, first to last; none where there is no pool."""
    paths = Paths(workspace)
    if not paths.pool_json.is_file():
        return []
    state = read_state(Path(workspace))
    if not state.get("changes_csv_bytes"):
        return []
    data = read_committed(paths.changes_csv, state["changes_csv_bytes"], state["changes_csv_sha256"])
    lines = csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""))
    try:
        return [Change(*line) for line in lines][1:]
    except TypeError:
        raise damaged(paths.changes_csv) from None


def moved_ids(workspace: str | Path, image_ids: Container[str]) -> dict[str, str]:
    """The id now of each image that had another one, which is no image's id any more."""
    now: dict[str, str] = {}
    before: dict[str, list[str]] = {}  # of each id, those that the image had before
    for change in read_changes(workspace):
        if change.change == MOVED:
            names = [*before.pop(change.image, []), change.image]
            now |= dict.fromkeys(names, change.now)
            before[change.now] = names
    return {image: to for image, to in now.items() if image not in image_ids and to in image_ids}


def lines_of_changes(changes: Iterable[Change], header: bool) -> bytes:
    """The lines of these changes, the names of the columns before them if asked for."""
    return csv_bytes([*([Change._fields] if header else []), *changes])
