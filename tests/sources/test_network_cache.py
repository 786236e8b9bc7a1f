"""A cached network is used as it was written; whatever happened to it, it is made again."""

from pathlib import Path

import pytest

from evenpick.sources.network_cache import cached_network


@pytest.fixture
def made(tmp_path, monkeypatch):
    """How often a network was written, and where it lies."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    count = []

    def write(file):
        count.append(file)
        file.write_bytes(b"a network")

    return lambda: (cached_network("net-1.0", write), len(count))


def test_a_network_is_made_once(made):
    file, first = made()

    assert (file.name, file.read_bytes(), first) == ("net-1.0.onnx", b"a network", 1)
    assert made() == (file, 1)


@pytest.mark.parametrize("damage", [b"", b"a networ", b"a netwerk"], ids=["empty", "cut short", "a flipped bit"])
def test_a_damaged_network_is_made_again(damage, made):
    file, _ = made()
    file.write_bytes(damage)

    assert made() == (file, 2)
    assert file.read_bytes() == b"a network"
    assert made() == (file, 2)


def test_a_network_without_a_checksum_is_made_again(made):
    file, _ = made()
    Path(f"{file}.sha256").unlink()

    assert made() == (file, 2)
