"""Features of many images as blocks of rows: in memory, or mapped from files."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..errors import EvenpickError

BLOCK_ROWS = 2048


LARGEST_FEATURE = 1e15  # in size; distances are of its square, times as many features as there are


MAPPED_FILES = 128  # of one pool at a time; many systems allow a process 1,024 or fewer open files


class BlockArray:
    """Rows of several memory-mapped files, read like one float32 array of shape (n, d)."""

    ndim = 2
    dtype: np.dtype[np.float32] = np.dtype(np.float32)

    def __init__(self, files: Sequence[Path], rows: Sequence[int], width: int) -> None:
        self._files, self._rows = list(files), list(rows)
        # Mapping a file anew costs time, and each one that stays mapped costs an open file.
        self._map = lru_cache(MAPPED_FILES)(partial(np.load, mmap_mode="r", allow_pickle=False))
        self._starts = np.concatenate([[0], np.cumsum(rows, dtype=np.intp)])
        self.shape: tuple[int, int] = (int(self._starts[-1]), width)

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


def check_finite(features: NDArray[Any], first_row: int = 0) -> None:
    """Refuse NaN, infinity and what float32 cannot square, naming the first row by its place in the pool."""
    # NaN is not at most anything.
    bad = np.concatenate([~(np.abs(block) <= LARGEST_FEATURE).all(axis=1) for _, block in feature_blocks(features)])
    if bad.any():
        raise EvenpickError(
            f"features must be finite and at most {LARGEST_FEATURE:g}; {int(bad.sum())} rows hold NaN, infinity or more, "
            f"the first is row {first_row + int(np.flatnonzero(bad)[0])}"
        )
