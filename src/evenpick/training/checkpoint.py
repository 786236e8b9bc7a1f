"""A checkpoint of fine-tuning: tensors in groups and a few facts, as safetensors; nothing in it can run."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically


def write_checkpoint(file: Path, groups: Mapping[str, Mapping[str, Any]], facts: list[Any]) -> None:
    """Tensors by group and name, None for one that is not there yet, and facts that JSON keeps."""
    from safetensors.torch import save

    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, members in groups.items()
        for name, tensor in members.items()
        if tensor is not None  # the source's own head has no gradient and so no momentum
    }
    text = json.dumps(facts)
    write_atomically(file, save(tensors, {"facts": text, "digest": _digest(tensors, text)}))


def read_checkpoint(file: Path, device: Any) -> tuple[dict[str, dict[str, Any]], list[Any]]:
    """The groups, their tensors on the device, and the facts; an error of any kind if the file is not whole."""
    from safetensors.torch import load

    data = file.read_bytes()
    # safetensors gives the metadata of files on the disk only; it lies in a JSON header behind 8 bytes of length.
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    tensors = load(data)
    if _digest(tensors, metadata["facts"]) != metadata["digest"]:
        raise ValueError("damaged")
    groups: dict[str, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        group, _, name = key.partition("/")
        groups.setdefault(group, {})[name] = tensor.to(device)
    return groups, json.loads(metadata["facts"])


def _digest(tensors: dict[str, Any], facts: str) -> str:
    from safetensors.torch import save

    return hashlib.sha256(save(tensors) + facts.encode()).hexdigest()
