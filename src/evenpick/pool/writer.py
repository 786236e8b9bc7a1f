"""Writing the pool of a workspace, block by block: whatever stops the writer, what it committed stays whole."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..atomic_files import flush, write_atomically
from ..errors import EvenpickError
from .blocks import check_finite
from .storage import FORMAT, features_name, pool_folder, predictions_name, read_images_csv, read_state


class PoolWriter:
    """Appends blocks to the pool of a workspace; whatever was not committed is forgotten on opening.

    One writer at a time; the caller holds the workspace's lock.
    """

    def __init__(self, workspace: Path, folder: Path, source: Mapping[str, Any], feature_size: int) -> None:
        self._folder = pool_folder(workspace)
        self._folder.mkdir(parents=True, exist_ok=True)
        if (self._folder / "pool.json").exists():
            self._state = read_state(workspace)
            self._check_same(workspace, folder, source)
        else:
            self._state = {
                "format": FORMAT, "evenpick": __version__, "folder": str(folder),
                "source": dict(source), "feature_size": feature_size, "blocks": [],
                "images_csv_bytes": 0,
            }  # fmt: skip
            self._commit()
        self._forget_uncommitted()
        rows = list(read_images_csv(self._folder, self._state))
        self.image_of_digest = {digest: image_id for image_id, digest in rows}
        self.done = {image_id for image_id, _ in rows}

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
            "features_sha256": _write_npy(self._folder / features_name(number), features),
            "predictions_sha256": _write_npy(self._folder / predictions_name(number), predictions),
        }
        with (self._folder / "images.csv").open("ab") as file:
            file.write(_csv_bytes(zip(image_ids, digests, strict=True)))
            flush(file)
            self._state["images_csv_bytes"] = file.tell()
        self._state["blocks"].append(block)
        self._commit()
        self.done.update(image_ids)

    def check(self) -> None:
        """Compare every committed block with its checksum."""
        for number, block in enumerate(self._state["blocks"]):
            for name, key in (
                (features_name(number), "features"),
                (predictions_name(number), "predictions"),
            ):
                file = self._folder / name
                if not file.exists() or _sha256(file) != block[f"{key}_sha256"]:
                    raise EvenpickError(
                        f"'{file}' is damaged: its checksum differs from pool.json; "
                        f"delete '{self._folder}' and run `evenpick embed` again"
                    )

    def _commit(self) -> None:
        # Written again with every block: without indentation it takes a fifth of the time.
        write_atomically(self._folder / "pool.json", json.dumps(self._state).encode())

    def _check_same(self, workspace: Path, folder: Path, source: Mapping[str, Any]) -> None:
        for what, old, new in (
            ("folder", self._state["folder"], str(folder)),
            ("source", _seen_with(self._state["source"]), _seen_with(source)),
        ):
            if old != new:
                raise EvenpickError(
                    f"workspace '{workspace}' was embedded with another {what} ({old}, now {new}); use another workspace"
                )

    def _forget_uncommitted(self) -> None:
        kept = range(len(self._state["blocks"]))
        names = {features_name(i) for i in kept} | {predictions_name(i) for i in kept}
        for file in self._folder.glob("*.npy*"):
            if file.name not in names:
                file.unlink()
        images = self._folder / "images.csv"
        images.touch()
        if images.stat().st_size > self._state["images_csv_bytes"]:
            os.truncate(images, self._state["images_csv_bytes"])


def _write_npy(file: Path, values: NDArray[Any]) -> str:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_atomically(file, buffer.getvalue())
    return hashlib.sha256(buffer.getbuffer()).hexdigest()


def _csv_bytes(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        digest = hashlib.sha256()
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _seen_with(source: Mapping[str, Any]) -> str:
    """What decides the features: the weights and the preprocessing, wherever a file of weights lies."""
    stated = {"reduced_jpeg": False, **(source.get("preprocessing") or {})}  # older pools do not state it
    settings = json.dumps(stated, sort_keys=True)
    return f"{source.get('fingerprint')} with {settings}"
