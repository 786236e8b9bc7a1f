"""The pool on disk: a folder of numbered blocks, and what `pool.json` says of them.

A block is written under a temporary name, flushed and renamed, and counts only once `pool.json` lists it, so a run that is
killed at any moment leaves a whole pool behind and the next run goes on after its last block."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..errors import EvenpickError
from ..paths import Paths
from ..probabilities import PREDICTION
from ..sources import SourceDescription
from .blocks import BlockArray

FORMAT = 2
READABLE = (1, 2)  # of format 1 `images.csv` has no header, and of its columns only the first two


def read_state(workspace: Path) -> dict[str, Any]:
    """What `pool.json` says, checked for its format."""
    file = Paths(workspace).pool_json
    if not file.is_file():
        raise EvenpickError(f"'{workspace}' is not a workspace: run `evenpick embed {workspace} FOLDER` first")
    try:
        state: dict[str, Any] = json.loads(file.read_bytes())
        found = state["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(file) from error
    if found not in READABLE:
        raise EvenpickError(
            f"workspace '{workspace}' has format {found} (evenpick {state.get('evenpick')}); "
            f"evenpick {__version__} reads formats 1 and 2: use that version, or embed into a new workspace"
        )
    return state


def read_source(paths: Paths, state: Mapping[str, Any]) -> SourceDescription:
    """The source that `pool.json` names."""
    try:
        return SourceDescription.from_json(state["source"])
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(paths.pool_json) from error


def check_block_files(paths: Paths, number: int, rows: int, width: int) -> None:
    """Refuse a block whose files are not what `pool.json` says of them, by their headers and lengths alone."""
    expected = {
        paths.features(number): ((rows, width), BlockArray.dtype),
        paths.predictions(number): ((rows,), PREDICTION),
    }
    for file, shape_and_type in expected.items():
        try:
            values = np.lib.format.open_memmap(file, mode="r")
            found = (values.shape, values.dtype)
        except (OSError, ValueError):  # not there, no array, or shorter than its header says
            found = None
        if found != shape_and_type:
            raise _incomplete(file)


def _damaged(file: Path) -> EvenpickError:
    return EvenpickError(f"'{file}' is damaged; delete '{file.parent}' and embed again")


def _incomplete(file: Path) -> EvenpickError:
    return EvenpickError(f"'{file}' is missing or cut short; delete '{file.parent}' and embed again")
