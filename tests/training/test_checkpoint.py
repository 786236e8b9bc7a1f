"""Checkpoints of fine-tuning come back as they were, or not at all."""

import json

import pytest

from evenpick.training.checkpoint import read_checkpoint, write_checkpoint

torch = pytest.importorskip("torch")


@pytest.fixture
def file(tmp_path):
    groups = {
        "weights": {"head.weight": torch.arange(6.0).reshape(2, 3).T, "n": torch.tensor(3)},
        "momentum": {"head.weight": torch.ones(2), "old.head": None},
        "best": {},
    }
    write_checkpoint(tmp_path / "all.safetensors", groups, [3, float("inf"), {"scale": 2.0}, "fingerprint"])
    return tmp_path / "all.safetensors"


def test_tensors_and_facts_come_back_and_what_was_not_there_is_left_out(file):
    groups, facts = read_checkpoint(file, "cpu")

    assert facts == [3, float("inf"), {"scale": 2.0}, "fingerprint"]
    assert {group: set(members) for group, members in groups.items()} == {
        "weights": {"head.weight", "n"},
        "momentum": {"head.weight"},
    }
    assert torch.equal(groups["weights"]["head.weight"], torch.tensor([[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]))


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.999])
def test_a_changed_byte_is_found(file, place):
    data = bytearray(file.read_bytes())
    data[int(place * len(data))] ^= 1
    file.write_bytes(data)

    with pytest.raises(Exception, match=r".+"):  # of any kind
        read_checkpoint(file, "cpu")


def test_a_fact_changed_by_hand_is_found(file):
    file.write_bytes(file.read_bytes().replace(json.dumps("fingerprint").encode().strip(b'"'), b"fingerprinT", 1))

    with pytest.raises(ValueError, match="damaged"):
        read_checkpoint(file, "cpu")
