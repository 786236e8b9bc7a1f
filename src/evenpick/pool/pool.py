"""The pool: features and source predictions of every unlabelled image, on disk or in memory.

An index is always a row of the pool. On disk a pool is a folder of numbered blocks: a block is written
under a temporary name, flushed and renamed, and counts only once `pool.json` lists it, so a run that is
killed at any moment leaves a whole pool behind and the next run goes on after its last block.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._version import __version__
from ..arrays import IndexArray
from ..errors import EvenpickError
from ..probabilities import PREDICTION, summarise_probabilities

FORMAT = 1
BLOCK_ROWS = 2048
LARGEST_FEATURE = 1e15  # in size; distances are of its square, times as many features as there are
MAPPED_FILES = 128  # of one pool at a time; many systems allow a process 1,024 or fewer open files


class BlockArray:
    """Rows of several memory-mapped files, read like one float32 array of shape (n, d)."""

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, files: Sequence[Path], rows: Sequence[int], width: int) -> None:
        self._files, self._rows = list(files), list(rows)
        # Mapping a file anew costs time, and each one that stays mapped costs an open file.
        self._map = lru_cache(MAPPED_FILES)(partial(np.load, mmap_mode="r", allow_pickle=False))
        self._starts = np.concatenate([[0], np.cumsum(rows, dtype=np.intp)])
        self.shape = (int(self._starts[-1]), width)

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process, in whatever folder it runs, maps the files itself.
        return BlockArray, ([file.absolute() for file in self._files], self._rows, self.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Each block with the index of its first row."""
        for file, start in zip(self._files, self._starts[:-1], strict=True):
            yield int(start), self._map(file)

    def parts(self) -> "Iterator[BlockArray]":
        """Each block by itself."""
        for file, rows in zip(self._files, self._rows, strict=True):
            yield BlockArray([file], [rows], self.shape[1])

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        """A copy of the rows named by an index, a slice, or an array of indices or booleans."""
        row_numbers = self._numbers(rows)
        wanted = np.atleast_1d(row_numbers)
        taken = np.empty((wanted.size, self.shape[1]), np.float32)
        block_of = np.searchsorted(self._starts, wanted, side="right") - 1
        for block in np.unique(block_of):
            here = block_of == block
            values = self._map(self._files[block])
            taken[here] = values[wanted[here] - self._starts[block]]
        return taken if row_numbers.ndim else taken[0]

    def _numbers(self, rows: Any) -> IndexArray:
        """The rows' numbers, in time that goes with what is asked for and not with the pool."""
        if isinstance(rows, slice):
            return np.arange(*rows.indices(len(self)))
        given = np.asarray(rows)
        if not np.issubdtype(given.dtype, np.integer):
            return np.asarray(np.arange(len(self))[rows])
        if given.size and not -len(self) <= given.min() <= given.max() < len(self):
            raise IndexError(f"rows must be from {-len(self)} to {len(self) - 1}; got {given.min()} to {given.max()}")
        return np.where(given < 0, given + len(self), given).astype(np.intp)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)


Features: TypeAlias = NDArray[np.float32] | BlockArray


def feature_blocks(features: Features) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Consecutive blocks of rows, each with the index of its first row: all that a block step reads."""
    if isinstance(features, BlockArray):
        yield from features.blocks()
    else:
        for start in range(0, len(features), BLOCK_ROWS):
            yield start, features[start : start + BLOCK_ROWS]


def single_blocks(features: Features) -> Iterator[Features]:
    """The same blocks, each as features of its own: all that is sent to another process, which reads them itself."""
    if isinstance(features, BlockArray):
        yield from features.parts()
    else:
        yield from (block for _, block in feature_blocks(features))


@dataclass(frozen=True, eq=False)
class Pool:
    """Unlabelled images as a source model sees them.

    Attributes
    ----------
    features : float32 array or blocks of memory maps, shape (n, d)
        Feature vector of each image.
    image_ids : sequence of str, length n
        Path of each image, relative to `folder`.
    predictions : structured array of shape (n,), or None
        Entropy (nats), margin, confidence and top-1 class of the source model's probabilities.
    source : mapping
        Name, preprocessing and sizes of the source model, as `pool.json` states them.
    folder : Path or None
        The folder of photographs, when there is one.
    """

    features: Features
    image_ids: Sequence[str]
    predictions: NDArray[np.void] | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    def __post_init__(self) -> None:
        n = len(self.features)
        if self.features.ndim != 2 or not n or not self.features.shape[1]:
            raise EvenpickError(
                f"pool: features must have shape (n_images >= 1, n_features >= 1); got {self.features.shape}"
            )
        if len(self.image_ids) != n:
            raise EvenpickError(f"pool: {n} rows of features need {n} image ids; got {len(self.image_ids)}")
        if len(set(self.image_ids)) != n:
            raise EvenpickError("pool: image ids must differ; at least two are equal")
        if isinstance(self.features, np.ndarray):
            check_finite(self.features)
        if self.predictions is not None and len(self.predictions) != n:
            raise EvenpickError(f"pool: {n} images need {n} predictions; got {len(self.predictions)}")

    @classmethod
    def from_arrays(
        cls,
        features: ArrayLike,
        probabilities: ArrayLike | None = None,
        image_ids: Sequence[str] | None = None,
    ) -> "Pool":
        """A pool in memory.

        Parameters
        ----------
        features : array of shape (n, d)
            Finite numbers; kept as float32.
        probabilities : array of shape (n, n_source_classes), optional
            Class probabilities of the source model, each row summing to 1. Without them only
            acquisition functions that need no predictions can be used.
        image_ids : sequence of str, optional
            By default the row numbers.

        Raises
        ------
        EvenpickError
            If shapes do not fit, features are not finite or rows do not sum to 1.
        """
        values = np.ascontiguousarray(features, dtype=np.float32)
        predictions = None if probabilities is None else summarise_probabilities(np.asarray(probabilities))
        ids = [str(i) for i in range(len(values))] if image_ids is None else [str(i) for i in image_ids]
        return cls(values, ids, predictions)

    @classmethod
    def open(cls, workspace: str | Path) -> "Pool":
        """The pool of a workspace, its features memory-mapped.

        Raises
        ------
        EvenpickError
            If the workspace has no pool, is of another version, or files are missing or cut short.
        """
        state = read_state(Path(workspace))
        if not state["blocks"]:
            raise EvenpickError(f"workspace '{workspace}' holds no image yet: run `evenpick embed` on it")
        folder = pool_folder(Path(workspace))
        rows = [block["rows"] for block in state["blocks"]]
        for number, count in enumerate(rows):
            _check_block_files(folder, number, count, state["feature_size"])
        features = BlockArray([folder / features_name(i) for i in range(len(rows))], rows, state["feature_size"])
        predictions = np.concatenate(
            [np.load(folder / predictions_name(i), allow_pickle=False) for i in range(len(rows))]
        )
        ids = [row[0] for row in read_images_csv(folder, state)]
        return cls(features, ids, predictions, state["source"], Path(state["folder"]))

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: ArrayLike) -> "Pool":
        """The pool of these rows only, in memory."""
        index = np.asarray(rows)
        predictions = None if self.predictions is None else self.predictions[index]
        ids = np.asarray(self.image_ids, dtype=object)[index].tolist()
        return Pool(np.asarray(self.features[index]), ids, predictions, self.source, self.folder)

    @property
    def entropy(self) -> NDArray[np.float32]:
        """Entropy of the source probabilities, in nats; shape (n,)."""
        return self._prediction("entropy")

    @property
    def margin(self) -> NDArray[np.float32]:
        """Largest minus second largest source probability; shape (n,)."""
        return self._prediction("margin")

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Largest source probability; shape (n,)."""
        return self._prediction("confidence")

    @property
    def source_class(self) -> NDArray[np.int32]:
        """Top-1 source class; shape (n,)."""
        return self._prediction("source_class")

    @cached_property
    def index_of(self) -> dict[str, int]:
        """The row of each image id."""
        return {image_id: i for i, image_id in enumerate(self.image_ids)}

    def _prediction(self, name: str) -> NDArray[Any]:
        if self.predictions is None:
            raise EvenpickError(
                "pool: it has no source predictions, which this acquisition function needs; "
                "give Pool.from_arrays the probabilities, or choose 'random' or 'core_set', or 'auto'"
            )
        return np.asarray(self.predictions[name])


def check_finite(features: NDArray[Any], first_row: int = 0) -> None:
    """Refuse NaN, infinity and what float32 cannot square, naming the first row by its place in the pool."""
    # NaN is not at most anything.
    bad = np.concatenate([~(np.abs(block) <= LARGEST_FEATURE).all(axis=1) for _, block in feature_blocks(features)])
    if bad.any():
        raise EvenpickError(
            f"features must be finite and at most {LARGEST_FEATURE:g}; {int(bad.sum())} rows hold NaN, infinity or more, "
            f"the first is row {first_row + int(np.flatnonzero(bad)[0])}"
        )


# --- the pool on disk -------------------------------------------------------------------------------


def read_state(workspace: Path) -> dict[str, Any]:
    """What `pool.json` says, checked for its format."""
    file = pool_folder(workspace) / "pool.json"
    if not file.is_file():
        raise EvenpickError(f"'{workspace}' is not a workspace: run `evenpick embed {workspace} FOLDER` first")
    try:
        state: dict[str, Any] = json.loads(file.read_bytes())
        found = state["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise EvenpickError(f"'{file}' is damaged; delete '{file.parent}' and embed again") from error
    if found != FORMAT:
        raise EvenpickError(
            f"workspace '{workspace}' has format {found} (evenpick {state.get('evenpick')}); "
            f"evenpick {__version__} reads format {FORMAT}: use that version, or embed into a new workspace"
        )
    return state


def _check_block_files(folder: Path, number: int, rows: int, width: int) -> None:
    expected = {
        features_name(number): ((rows, width), BlockArray.dtype),
        predictions_name(number): ((rows,), PREDICTION),
    }
    for name, shape_and_type in expected.items():
        try:
            values = np.lib.format.open_memmap(folder / name, mode="r")
            found = (values.shape, values.dtype)
        except (OSError, ValueError):  # not there, no array, or shorter than its header says
            found = None
        if found != shape_and_type:
            raise _incomplete(folder / name)


def read_images_csv(folder: Path, state: Mapping[str, Any]) -> Iterator[list[str]]:
    file, size = folder / "images.csv", state["images_csv_bytes"]
    if not file.is_file() or file.stat().st_size < size:
        raise _incomplete(file)
    with file.open("rb") as handle:
        data = handle.read(size)
    # surrogateescape: a file name on disk need not be valid UTF-8.
    return csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""))


def _incomplete(file: Path) -> EvenpickError:
    return EvenpickError(f"'{file}' is missing or cut short; delete '{file.parent}' and embed again")


def pool_folder(workspace: Path) -> Path:
    return workspace / "pool"


def features_name(number: int) -> str:
    return f"features-{number:05d}.npy"


def predictions_name(number: int) -> str:
    return f"predictions-{number:05d}.npy"
