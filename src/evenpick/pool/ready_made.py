"""A pool of features that were made elsewhere: from `.npy`, `.npz` or Parquet, with a table of image ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvenpickError, MissingExtraError, first_few
from ..images import Preprocessing
from ..paths import Paths
from ..probabilities import PREDICTION, summarise_probabilities
from ..sheets import read_sheet
from ..sources import READY_MADE, SourceDescription
from .blocks import BLOCK_ROWS, check_finite
from .committed import sha256_of
from .images_csv import ImageRow
from .only_writer import check_apart, only_writer
from .pool import Pool
from .storage import read_source, read_state
from .writer import PoolWriter


def take_features(
    workspace: str | Path,
    features: str | Path,
    ids: str | Path,
    probabilities: str | Path | None = None,
    folder: str | Path | None = None,
) -> Pool:
    """Make a pool of a file of features (n, d) and a CSV that names the image of each row in its column `image`.

    `probabilities` is a file of source probabilities (n, n_source_classes); `folder` is where the images lie, if they are
    files. Images that are not there are not asked for.

    Raises
    ------
    EvenpickError
        If a file cannot be read so, shapes do not fit, ids are missing or equal, or the workspace holds another pool.
    """
    workspace = Path(workspace)
    values, names = _array(Path(features)), _ids(Path(ids))
    if folder is not None:
        _check_folder(workspace, Path(folder), Path(ids), names)
    if len(names) != len(values):
        raise EvenpickError(f"'{ids}' names {len(names)} images, and '{features}' has {len(values)} rows: one for each")
    check_finite(values)  # all of them: a pool is written block by block
    given = None if probabilities is None else _array(Path(probabilities))
    if given is not None and len(given) != len(values):
        raise EvenpickError(f"'{probabilities}' has {len(given)} rows, and '{features}' {len(values)}: one for each")
    summary = np.zeros(len(values), PREDICTION) if given is None else summarise_probabilities(np.asarray(given))
    fingerprint = "-".join(sha256_of(Path(file))[:16] for file in (features, ids, probabilities) if file is not None)
    n_classes = 0 if given is None else given.shape[1]
    source = SourceDescription(READY_MADE, Preprocessing(), values.shape[1], n_classes, "unknown", fingerprint)
    with only_writer(workspace):
        before = _place_before(workspace, fingerprint)
        place = before or "" if folder is None else str(Path(folder).resolve())
        writer = PoolWriter(workspace, place, source, moved=True)
        rows = [ImageRow(name, "", gone="yes" if place and not Path(place, name).is_file() else "") for name in names]
        for start in range(len(writer.rows), len(rows), BLOCK_ROWS):  # a run that was stopped left some out
            part = slice(start, start + BLOCK_ROWS)
            writer.append(rows[part], np.ascontiguousarray(values[part], np.float32), summary[part])
        if folder is not None and before is not None:
            _say_where(writer, rows, before, Path(place))
    return Pool.open(workspace)


def _check_folder(workspace: Path, folder: Path, ids: Path, names: Sequence[str]) -> None:
    if not folder.is_dir():
        raise EvenpickError(f"folder '{folder}' does not exist")
    check_apart(workspace, folder)
    if not any(Path(folder, name).is_file() for name in names):
        raise EvenpickError(
            f"folder '{folder}' holds none of the images that '{ids}' names, the first '{names[0]}': name the folder that "
            "their paths begin in, or leave it out"
        )


def _place_before(workspace: Path, fingerprint: str) -> str | None:
    """Where the images of a workspace lie, None without a pool; refuse one that holds a pool of other files."""
    if not Paths(workspace).pool_json.exists():
        return None
    state = read_state(workspace)
    if read_source(Paths(workspace), state).fingerprint != fingerprint:
        raise EvenpickError(f"workspace '{workspace}' holds another pool: use another workspace")
    return str(state["folder"])


def _say_where(writer: PoolWriter, now: Sequence[ImageRow], before: str, folder: Path) -> None:
    """Let the rows know the folder and which of its files are there."""
    rows = [was._replace(gone=row.gone) for was, row in zip(writer.rows, now, strict=True)]
    if rows != writer.rows or before != str(folder):
        writer.rewrite(rows, folder=folder)


def _array(file: Path) -> NDArray[Any]:
    """The numbers of a file, (n, d) with at least one of each."""
    try:
        values = _READERS[file.suffix.lower()](file)
    except KeyError:
        raise EvenpickError(f"'{file}' must be a .npy, .npz or .parquet file") from None
    except (OSError, ValueError, EOFError) as error:
        raise EvenpickError(f"'{file}' cannot be read: {' '.join(str(error).split())}") from error
    if values.ndim != 2 or not values.size or values.dtype.kind not in "fiu":
        raise EvenpickError(f"'{file}' must hold numbers of shape (n, d); got {values.dtype} of shape {values.shape}")
    return values


def _npy(file: Path) -> NDArray[Any]:
    return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))


def _npz(file: Path) -> NDArray[Any]:
    with np.load(file, allow_pickle=False) as arrays:
        if len(arrays.files) != 1 and "features" not in arrays.files:
            raise ValueError(f"of several arrays one must be called features; it has {', '.join(arrays.files)}")
        return np.asarray(arrays["features" if "features" in arrays.files else arrays.files[0]])


def _parquet(file: Path) -> NDArray[Any]:
    """A column of lists, the first there is, or else all columns of numbers side by side."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(f"'{file}'", "parquet") from error

    table = parquet.read_table(file)
    for column in table.columns:
        if (
            pa.types.is_list(column.type)
            or pa.types.is_large_list(column.type)
            or pa.types.is_fixed_size_list(column.type)
        ):
            return np.array(column.to_pylist(), np.float32)
    numbers = [c for c in table.columns if pa.types.is_floating(c.type) or pa.types.is_integer(c.type)]
    if not numbers:
        raise ValueError("it has no column of lists or numbers")
    return np.column_stack([np.asarray(column, np.float32) for column in numbers])


_READERS = {".npy": _npy, ".npz": _npz, ".parquet": _parquet}


def _ids(file: Path) -> list[str]:
    sheet = read_sheet(file)
    if "image" not in sheet.columns:
        raise EvenpickError(f"'{file}' needs a first line with the column image; found {sheet.found}")
    names = [row["image"] for _, row in sheet.by_column]
    if "" in names:
        raise EvenpickError(f"'{file}' names no image in row {names.index('') + 1}")
    seen = set[str]()
    twice = [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
    if twice:
        raise EvenpickError(f"'{file}' names an image twice: {first_few(twice)}")
    return names
