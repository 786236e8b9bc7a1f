"""The pool on disk: a folder of numbered blocks, and what `pool.json` says of them.

A block is written under a temporary name, flushed and renamed, and counts only once `pool.json` lists it, so a run that is
killed at any moment leaves a whole pool behind and the next run goes on after its last block. Nothing that is listed is
changed: a block whose images were replaced is written beside the old one, as another generation of it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..errors import EvenpickError
from ..paths import Paths
from ..probabilities import PREDICTION, PREDICTION_OF_VIEWS
from ..sources import SourceDescription, WordClasses, Words
from .blocks import BlockArray

FORMAT = 2
READABLE = (1, 2)  # of format 1 `images.csv` has no header, and of its columns only the first two

_KINDS: dict[str, type] = {
    "folder": str, "source": dict, "feature_size": int, "blocks": list, "images_csv_bytes": int,
}  # fmt: skip
_KINDS_2: dict[str, type] = {
    "images_csv": int, "images_csv_sha256": str, "changes_csv_bytes": int, "changes_csv_sha256": str,
    "skipped_sha256": list,
}  # fmt: skip
_MOST = 1 << 40  # bytes, rows and numbers: no pool has more, and no array takes much more
_BLOCK_KINDS: dict[str, type] = {"rows": int, "features_sha256": str, "predictions_sha256": str}


def read_state(workspace: Path) -> dict[str, Any]:
    """What `pool.json` says, checked for its format, its checksum and the kind of every entry."""
    file = Paths(workspace).pool_json
    if not file.is_file():
        raise EvenpickError(f"'{workspace}' is not a workspace: run `evenpick embed {workspace} FOLDER` first")
    try:
        state: dict[str, Any] = json.loads(file.read_bytes())
        found = state["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(file) from error
    if isinstance(found, int) and found not in READABLE:
        raise EvenpickError(
            f"workspace '{workspace}' has format {found} (evenpick {state.get('evenpick')}); "
            f"evenpick {__version__} reads formats 1 and 2: use that version, or embed into a new workspace"
        )
    if found not in READABLE or not _is_whole(state):
        raise damaged(file)
    return state


def _is_whole(state: Mapping[str, Any]) -> bool:
    """Whether every entry is of its kind and, since format 2, the checksum is that of the rest."""
    # What format 1 does not have may be there nonetheless, as somebody wrote it: some of it names files.
    kinds = _KINDS | {name: kind for name, kind in _KINDS_2.items() if state["format"] == FORMAT or name in state}
    if type(state["format"]) is not int or not all(type(state.get(name)) is kind for name, kind in kinds.items()):
        return False
    if not 0 <= state["images_csv_bytes"] < _MOST or not 1 <= state["feature_size"] < _MOST:
        return False
    for block in state["blocks"]:
        if not isinstance(block, dict) or not all(type(block.get(name)) is kind for name, kind in _BLOCK_KINDS.items()):
            return False
        if not 0 <= block["rows"] < _MOST:
            return False
    return state["format"] != FORMAT or state.get("sha256") == _checksum(state)


def state_bytes(state: Mapping[str, Any]) -> bytes:
    """`pool.json`, with a checksum of itself."""
    # Written again with every block: without indentation it takes a fifth of the time.
    return json.dumps({**state, "sha256": _checksum(state)}).encode()


def _checksum(state: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in state.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read_source(paths: Paths, state: Mapping[str, Any]) -> SourceDescription:
    """The source that `pool.json` names."""
    try:
        return SourceDescription.from_json(state["source"])
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged(paths.pool_json) from error


def kept_words(workspace: Path) -> Words | None:
    """What `pool.json` says of the words that stand for the source classes; None without a pool, and where none do."""
    paths = Paths(workspace)
    return read_source(paths, read_state(workspace)).words if paths.pool_json.is_file() else None


def read_words(workspace: Path) -> WordClasses | None:
    """The same with their vectors.

    Raises
    ------
    EvenpickError
        If these are missing or damaged.
    """
    if (words := kept_words(workspace)) is None:
        return None
    paths, state = Paths(workspace), read_state(workspace)
    if not words.names:  # it is kept to find images by words, and has no vectors that could be lost
        return WordClasses(words, np.empty((0, read_source(paths, state).feature_size), np.float32))
    digest = state.get("words_sha256", "")
    if not has_words(paths, digest):
        raise EvenpickError(
            f"'{paths.words(digest)}' is missing or damaged; run `evenpick embed` with --class-names again"
        )
    return WordClasses(words, np.load(paths.words(digest), allow_pickle=False))


def has_words(paths: Paths, digest: str) -> bool:
    """Whether the vectors of this checksum are there."""
    file = paths.words(digest)
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest


def block_files(paths: Paths, number: int, block: Mapping[str, Any]) -> dict[str, Path]:
    """The files of a block of rows, by what they hold."""
    generation = block.get("generation", 0)
    predictions = block.get("predictions_generation", generation)  # newer, where other words were given since
    return {"features": paths.features(number, generation), "predictions": paths.predictions(number, predictions)}


def newest_generation(block: Mapping[str, Any]) -> int:
    """The highest number of a file of this block."""
    return int(max(block.get("generation", 0), block.get("predictions_generation", 0)))


def check_block_files(
    paths: Paths, number: int, block: Mapping[str, Any], width: int, source: SourceDescription
) -> None:
    """Refuse a block whose files are not what `pool.json` says of them, by their headers and lengths alone."""
    rows = block["rows"]
    predictions = PREDICTION_OF_VIEWS if source.predictions_an_image > 1 else PREDICTION
    expected = {"features": ((rows, width), BlockArray.dtype), "predictions": ((rows,), predictions)}
    for kind, file in block_files(paths, number, block).items():
        try:
            values = np.lib.format.open_memmap(file, mode="r")
            found = (values.shape, values.dtype)
        except (OSError, ValueError):  # not there, no array, or shorter than its header says
            found = None
        if found != expected[kind]:
            raise EvenpickError(f"'{file}' is missing or cut short; {how_to_mend(paths)}")


def how_to_mend(paths: Paths) -> str:
    """What makes a block that is damaged anew."""
    return f"run `evenpick embed` on '{paths.workspace}' again: it embeds the images of this block anew"


def damaged(file: Path, how: str = "is damaged") -> EvenpickError:
    """A file of the pool without which nothing is known of its images."""
    return EvenpickError(f"'{file}' {how}; delete '{file.parent}' and embed again")
