"""Writing the pool of a workspace, block by block: whatever stops the writer, what it committed stays whole."""

import hashlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..atomic_files import LEFT_OVER, flush, write_atomically
from ..errors import EvenpickError
from ..paths import Paths
from ..sources import SourceDescription
from .blocks import check_finite
from .images_csv import ImageRow, lines_of, read_images_csv
from .storage import FORMAT, read_source, read_state


class PoolWriter:
    """Appends blocks to the pool of a workspace; whatever was not committed is forgotten on opening.

    One writer at a time; the caller holds the workspace's lock.
    """

    def __init__(self, workspace: Path, folder: Path, source: SourceDescription) -> None:
        self._paths = Paths(workspace)
        self._paths.pool.mkdir(parents=True, exist_ok=True)
        if self._paths.pool_json.exists():
            self._state = read_state(workspace)
            self._check_same(workspace, folder, source)
            self._state["source"]["preprocessing"] = (
                source.preprocessing.to_dict()
            )  # the limit of pixels may be another
        else:
            self._state = {
                "format": FORMAT, "evenpick": __version__, "folder": str(folder),
                "source": source.to_json(), "feature_size": source.feature_size, "blocks": [],
                "images_csv": 0, "images_csv_bytes": 0, "images_csv_sha256": hashlib.sha256().hexdigest(),
            }  # fmt: skip
            self._commit()
        self._forget_uncommitted()
        self.rows: list[ImageRow] = read_images_csv(self._paths, self._state)
        self._digest = hashlib.sha256(self._paths.images_csv(self._state.get("images_csv", 0)).read_bytes())
        self.image_of_digest: dict[str, str] = {row.sha256: row.image for row in self.rows}
        self.done: set[str] = {row.image for row in self.rows}

    def append(self, images: Sequence[ImageRow], features: NDArray[np.float32], predictions: NDArray[np.void]) -> None:
        """Write one block and commit it; either all of it counts or nothing."""
        check_finite(features, len(self.rows))
        number = len(self._state["blocks"])
        block = {
            "rows": len(images),
            "features_sha256": _write_npy(self._paths.features(number), features),
            "predictions_sha256": _write_npy(self._paths.predictions(number), predictions),
        }
        self._write_rows(images)
        self._state["blocks"].append(block)
        self._commit()
        self.rows += images
        self.done.update(row.image for row in images)

    def check(self) -> None:
        """Compare every committed block with its checksum."""
        for number, block in enumerate(self._state["blocks"]):
            for file, key in (
                (self._paths.features(number), "features"),
                (self._paths.predictions(number), "predictions"),
            ):
                if not file.exists() or _sha256(file) != block[f"{key}_sha256"]:
                    raise EvenpickError(
                        f"'{file}' is damaged: its checksum differs from pool.json; "
                        f"delete '{self._paths.pool}' and run `evenpick embed` again"
                    )

    def _write_rows(self, images: Sequence[ImageRow]) -> None:
        """Put lines at the end of `images.csv`; a table of the first version is written anew, under another name."""
        number, size = self._state.get("images_csv", 0), self._state["images_csv_bytes"]
        if self._state["format"] == 1:
            number, size, self._digest = number + 1, 0, hashlib.sha256()
            images = [*self.rows, *images]
        lines = lines_of(images, header=not size)
        with self._paths.images_csv(number).open("ab") as file:
            file.write(lines)
            flush(file)
        self._digest.update(lines)
        self._state |= {
            "format": FORMAT, "evenpick": __version__, "images_csv": number,
            "images_csv_bytes": size + len(lines), "images_csv_sha256": self._digest.hexdigest(),
        }  # fmt: skip

    def _commit(self) -> None:
        # Written again with every block: without indentation it takes a fifth of the time.
        write_atomically(self._paths.pool_json, json.dumps(self._state).encode())

    def _check_same(self, workspace: Path, folder: Path, source: SourceDescription) -> None:
        for what, old, new in (
            ("folder", self._state["folder"], str(folder)),
            ("source", read_source(self._paths, self._state).seen_with, source.seen_with),
        ):
            if old != new:
                raise EvenpickError(
                    f"workspace '{workspace}' was embedded with another {what} ({old}, now {new}); use another workspace"
                )

    def _forget_uncommitted(self) -> None:
        kept = range(len(self._state["blocks"]))
        files = {self._paths.features(i) for i in kept} | {self._paths.predictions(i) for i in kept}
        images = self._paths.images_csv(self._state.get("images_csv", 0))
        images.touch()
        for pattern in ("*.npy*", "images*.csv", LEFT_OVER):
            for file in self._paths.pool.glob(pattern):
                if file not in files and file != images:
                    file.unlink()
        if images.stat().st_size > self._state["images_csv_bytes"]:
            os.truncate(images, self._state["images_csv_bytes"])


def _write_npy(file: Path, values: NDArray[Any]) -> str:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_atomically(file, buffer.getvalue())
    return hashlib.sha256(buffer.getbuffer()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        digest = hashlib.sha256()
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
