"""Tensors of a checkpoint that PyTorch wrote before 1.6, read without PyTorch and without running anything in it.

Such a file is a row of pickles, then the numbers of each storage. A pickle may name any function of any module and
call it: here it may name four, and each is one of ours that only writes down what it was given.
"""

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvenpickError

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


@dataclass(frozen=True)
class _Storage:
    """Numbers that follow the pickles."""

    key: str
    kind: str  # as NumPy writes it
    length: int


@dataclass(frozen=True)
class _Tensor:
    """The part of a storage that a tensor shows."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *gradient: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no tensor")
        return _ALLOWED[module, name]

    def persistent_load(self, given: Any) -> _Storage:
        _, kind, key, _, length, _ = given
        return _Storage(key, kind, length)


def read_checkpoint(file: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a state dict by their names; EvenpickError if the file holds anything else."""
    try:
        return _read(io.BytesIO(file.read_bytes()))
    except Exception as error:  # a damaged pickle raises whatever it likes
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise EvenpickError(f"'{file}' is no checkpoint of tensors, or is damaged: {reason}") from error


def _read(stream: io.BytesIO) -> dict[str, NDArray[Any]]:
    magic, protocol, _, tensors, keys = (_Reader(stream).load() for _ in range(5))
    if (magic, protocol) != (_MAGIC, _PROTOCOL):
        raise ValueError("it does not begin as one")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    numbers = {key: _numbers(stream, storages[key]) for key in keys}
    return {name: _shown(tensor, numbers[tensor.storage.key]) for name, tensor in tensors.items()}


def _numbers(stream: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    kind, length = np.dtype(storage.kind), int(np.frombuffer(stream.read(8), "<i8")[0])
    data = stream.read(storage.length * kind.itemsize)
    if length != storage.length or len(data) != length * kind.itemsize:
        raise ValueError(f"storage {storage.key} is cut short")
    return np.frombuffer(data, kind)


def _shown(tensor: _Tensor, numbers: NDArray[Any]) -> NDArray[Any]:
    """The tensor as a view; its last number must lie within the storage."""
    if min((tensor.offset, *tensor.shape, *tensor.strides)) < 0 or len(tensor.shape) != len(tensor.strides):
        raise ValueError("a tensor has impossible sizes")
    steps = zip(tensor.shape, tensor.strides, strict=True)
    if 0 not in tensor.shape and tensor.offset + sum((size - 1) * stride for size, stride in steps) >= len(numbers):
        raise ValueError("a tensor reaches beyond its storage")
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides, writeable=False)
