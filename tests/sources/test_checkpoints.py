"""Checkpoints read without PyTorch give the tensors that PyTorch gives, and run nothing of what they hold."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.sources.checkpoints import read_checkpoint


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint as PyTorch wrote it before 1.6: tensors whole, transposed, as part of another, and of integers."""
    torch = pytest.importorskip("torch")
    numbers = torch.arange(24, dtype=torch.float32)
    tensors = OrderedDict(
        whole=numbers.reshape(2, 3, 4), turned=numbers.reshape(4, 6).T, part=numbers[5:9], count=torch.tensor(7)
    )
    torch.save(tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    return tmp_path / "old.pth", tensors


def test_tensors_are_those_that_pytorch_gives(checkpoint):
    file, tensors = checkpoint

    found = read_checkpoint(file)

    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert np.array_equal(found[name], tensor.numpy())


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_checkpoint_that_is_cut_short_is_refused_in_one_line(share, checkpoint):
    file, _ = checkpoint
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])

    with pytest.raises(EvenpickError, match=r"old\.pth' is no checkpoint of tensors, or is damaged") as caught:
        read_checkpoint(file)
    assert "\n" not in str(caught.value)


def test_a_tensor_beyond_its_storage_is_refused(checkpoint):
    file, _ = checkpoint
    data = file.read_bytes()
    shape = b"K\x02K\x03K\x04\x87"  # (2, 3, 4), as pickle writes it
    assert shape in data
    file.write_bytes(data.replace(shape, b"K\x02K\x03K\x05\x87"))

    with pytest.raises(EvenpickError, match="a tensor reaches beyond its storage"):
        read_checkpoint(file)


def test_nothing_that_a_checkpoint_names_is_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    file = tmp_path / "harmful.pth"
    file.write_bytes(pickle.dumps(Harm(), protocol=2))

    with pytest.raises(EvenpickError, match=r"it names (posix|nt)\.mkdir, which is no tensor"):
        read_checkpoint(file)
    assert not (tmp_path / "harm").exists()
