"""Networks that were made on this machine, kept as ONNX files in the user's cache with a checksum beside each."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from ..atomic_files import write_atomically


def cached_network(key: str, write: Callable[[Path], None]) -> Path:
    """The ONNX file of this key; `write` makes it when it is missing, damaged or of unknown origin."""
    import platformdirs

    file = Path(platformdirs.user_cache_dir("evenpick", appauthor=False)) / f"{key}.onnx"
    checksum = file.with_suffix(file.suffix + ".sha256")
    if not _as_written(file, checksum):
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file)
        write_atomically(checksum, _digest(file).encode())
    return file


def _as_written(file: Path, checksum: Path) -> bool:
    try:
        return checksum.read_bytes() == _digest(file).encode()
    except FileNotFoundError:
        return False


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
