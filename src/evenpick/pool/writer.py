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
from ..atomic_files import LEFT_OVER, csv_bytes, flush, write_atomically
from ..errors import EvenpickError
from ..paths import Paths
from ..sources import SourceDescription
from .blocks import check_finite
from .storage import FORMAT, read_images_csv, read_source, read_state


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
        else:
            self._state = {
                "format": FORMAT, "evenpick": __version__, "folder": str(folder),
                "source": source.to_json(), "feature_size": source.feature_size, "blocks": [],
                "images_csv_bytes": 0,
            }  # fmt: skip
            self._commit()
        self._forget_uncommitted()
        rows = list(read_images_csv(self._paths, self._state))
        self.image_of_digest: dict[str, str] = {digest: image_id for image_id, digest in rows}
        self.done: set[str] = {image_id for image_id, _ in rows}

    def append(
        self,
        image_ids: Sequence[str],
        digests: Sequence[str],
        features: NDArray[np.float32],
        predictions: NDArray[np.void],
    ) -> None:
        """Write one block and commit it; either all of it counts or nothing."""
        check_finite(features, sum(block["rows"] for block in self._state["blocks"]))
        number = len(self._state["blocks"])
        block = {
            "rows": len(image_ids),
            "features_sha256": _write_npy(self._paths.features(number), features),
            "predictions_sha256": _write_npy(self._paths.predictions(number), predictions),
        }
        with self._paths.images_csv.open("ab") as file:
            file.write(csv_bytes(zip(image_ids, digests, strict=True)))
            flush(file)
            self._state["images_csv_bytes"] = file.tell()
        self._state["blocks"].append(block)
        self._commit()
        self.done.update(image_ids)

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
        for file in [*self._paths.pool.glob("*.npy*"), *self._paths.pool.glob(LEFT_OVER)]:
            if file not in files:
                file.unlink()
        images = self._paths.images_csv
        images.touch()
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
