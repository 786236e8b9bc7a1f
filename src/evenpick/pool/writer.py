"""Writing the pool of a workspace, block by block: whatever stops the writer, what it committed stays whole."""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..atomic_files import LEFT_OVER, write_atomically
from ..errors import EvenpickError
from ..paths import Paths
from ..sources import SourceDescription, WordClasses, Words
from .blocks import check_finite
from .changes_csv import Change, lines_of_changes
from .checking import note_checked
from .committed import Growing, read_committed, sha256_of
from .images_csv import ImageRow, lines_of, read_images_csv
from .storage import FORMAT, block_files, has_words, newest_generation, read_source, read_state, state_bytes

Arrays: TypeAlias = tuple[NDArray[np.float32], NDArray[np.void]]  # features and predictions of a block


class PoolWriter:
    """Appends blocks to the pool of a workspace, and writes some anew; what was not committed is forgotten on opening.

    One writer at a time; the caller holds the workspace's lock.

    Attributes
    ----------
    rows : list of ImageRow
        All rows that are committed.
    writing : bool
        A block is being appended, or the writer was stopped in the middle of it.
    """

    def __init__(
        self,
        workspace: Path,
        folder: str | Path,
        source: SourceDescription,
        moved: bool = False,
        words: WordClasses | None = None,
    ) -> None:
        self._paths = Paths(workspace)
        self._paths.pool.mkdir(parents=True, exist_ok=True)
        if self._paths.pool_json.exists():
            self._state = read_state(workspace)
            self._check_same(workspace, folder, source, moved)
            # The limit of pixels may be another.
            self._state["source"]["preprocessing"] = source.preprocessing.to_dict()
        else:
            nothing = hashlib.sha256().hexdigest()
            self._state = {
                "format": FORMAT, "evenpick": __version__, "folder": str(folder),
                "source": source.to_json(), "feature_size": source.feature_size, "blocks": [],
                "images_csv": 0, "images_csv_bytes": 0, "images_csv_sha256": nothing,
                "changes_csv_bytes": 0, "changes_csv_sha256": nothing, "skipped_sha256": [],
            }  # fmt: skip
            if words is not None:
                self._keep(words)
            self._commit()
        if words is not None and not self._holds(words.words):
            self._predict_anew(words)
        self._forget_uncommitted()
        self.writing: bool = False
        self.rows: list[ImageRow] = read_images_csv(self._paths, self._state)
        self._images = self._table(self._paths.images_csv(self._state.get("images_csv", 0)), "images_csv")
        self._changes = self._table(self._paths.changes_csv, "changes_csv")

    @property
    def is_newest_format(self) -> bool:
        """Whether nothing of the workspace is of a version before."""
        return bool(self._state["format"] == FORMAT)

    @property
    def starts(self) -> list[int]:
        """The first row of each block, and the number of rows."""
        return [*accumulate((int(block["rows"]) for block in self._state["blocks"]), initial=0)]

    def _holds(self, words: Words) -> bool:
        same = read_source(self._paths, self._state).words == words
        return same and has_words(self._paths, self._state.get("words_sha256", ""))

    def _predict_anew(self, words: WordClasses) -> None:
        """Let the rows have predictions by these words, from the features that they have; one commit.

        A block with damaged features keeps what it has: it is embedded again before anybody reads it. Where the words are
        those of before, and only their vectors are lost or their encoder's file lies elsewhere, all predictions stay.

        Raises
        ------
        EvenpickError
            If several views of each image were seen, of which the pool holds the mean alone.
        """
        before = read_source(self._paths, self._state)
        known = before.words and replace(before.words, encoder=words.words.encoder)
        if known == words.words:
            self._keep(words)
            self._commit()
            return
        if words.words.names and self._state["blocks"] and before.preprocessing.views > 1:
            raise EvenpickError(
                f"workspace '{self._paths.workspace}' holds several views of each image, whose predictions need the images: "
                "embed with these words into another workspace"
            )
        for number, block in enumerate(self._state["blocks"] if words.words.names else ()):
            file = block_files(self._paths, number, block)["features"]
            if not file.exists() or sha256_of(file) != block["features_sha256"]:
                continue
            predictions = words.predictions(np.load(file, allow_pickle=False))
            block["predictions_generation"] = newest_generation(block) + 1
            file = block_files(self._paths, number, block)["predictions"]
            block["predictions_sha256"] = _write_npy(file, predictions)
        self._keep(words)
        self._commit()

    def _keep(self, words: WordClasses) -> None:
        """Keep what their predictions are made of: whoever goes on needs no text encoder."""
        buffer = io.BytesIO()
        np.save(buffer, words.vectors, allow_pickle=False)
        digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
        write_atomically(self._paths.words(digest), buffer.getvalue())
        self._state["source"]["words"] = words.words.to_json()
        self._state["words_sha256"] = digest

    def append(self, images: Sequence[ImageRow], features: NDArray[np.float32], predictions: NDArray[np.void]) -> None:
        """Write one block and commit it; either all of it counts or nothing."""
        check_finite(features, len(self.rows))
        self.writing = True
        block = self._written(len(self._state["blocks"]), 0, (features, predictions))
        if self._state["format"] == FORMAT:
            self._images.add(lines_of(images, header=not self.rows))
            self.rows += images
        else:
            self._write_rows([*self.rows, *images])
        self._state["blocks"].append(block)
        self._commit()
        self.writing = False

    def rewrite(
        self,
        rows: Sequence[ImageRow],
        blocks: Mapping[int, Arrays] | None = None,
        changes: Iterable[Change] = (),
        folder: Path | None = None,
    ) -> None:
        """Say something else of the rows, whose number and order stay, and of what some blocks hold; one commit.

        `changes` are what the record of labels has to know; `folder` is where the photographs lie now.
        """
        assert len(rows) == len(self.rows)
        for number, arrays in (blocks or {}).items():
            check_finite(arrays[0], self.starts[number])
            generation = newest_generation(self._state["blocks"][number]) + 1
            self._state["blocks"][number] = self._written(number, generation, arrays)
        self._write_rows(rows)
        if lines := [*changes]:
            self._changes.add(lines_of_changes(lines, header=not self._changes.size))
        if folder is not None:
            self._state["folder"] = str(folder)
        self._commit()

    def block(self, number: int) -> Arrays:
        """What a block holds, to be changed."""
        files = block_files(self._paths, number, self._state["blocks"][number])
        return np.load(files["features"], allow_pickle=False), np.load(files["predictions"], allow_pickle=False)

    def damaged_blocks(self) -> list[int]:
        """The blocks that are missing or differ from their checksum."""
        return [
            number
            for number, block in enumerate(self._state["blocks"])
            if any(
                not file.exists() or sha256_of(file) != block[f"{kind}_sha256"]
                for kind, file in block_files(self._paths, number, block).items()
            )
        ]

    def note_checked(self) -> None:
        """Note that all blocks are whole: they were compared, or have just been written."""
        note_checked(self._paths, self._state)

    def expect_skipped(self, data: bytes) -> None:
        """Let `skipped.csv` be what it is, or these bytes: it is replaced after this."""
        file, known = self._paths.skipped, self._state.get("skipped_sha256", [])
        before = sha256_of(file) if file.is_file() else ""
        expected = [*([before] if before in known else []), hashlib.sha256(data).hexdigest()]
        if self._state["format"] == FORMAT and known[-1:] != expected[-1:]:
            self._state["skipped_sha256"] = expected
            self._commit()

    def _written(self, number: int, generation: int, arrays: Arrays) -> dict[str, Any]:
        """A block as `pool.json` lists it, once its files are on the disk."""
        block: dict[str, Any] = {"rows": len(arrays[0])} | ({"generation": generation} if generation else {})
        for (kind, file), values in zip(block_files(self._paths, number, block).items(), arrays, strict=True):
            block[f"{kind}_sha256"] = _write_npy(file, values)
        return block

    def _write_rows(self, rows: Sequence[ImageRow]) -> None:
        """Write all rows as a table of its own beside the old one, of which `pool.json` still tells."""
        number = self._state.get("images_csv", 0) + 1
        self._state |= {"format": FORMAT, "images_csv": number}
        file = self._paths.images_csv(number)
        file.unlink(missing_ok=True)
        self._images = Growing(file, b"")
        self._images.add(lines_of(rows, header=True))
        self.rows = [*rows]

    def _commit(self) -> None:
        if hasattr(self, "_images") and self._state["format"] == FORMAT:
            self._state |= {
                "evenpick": __version__,
                "images_csv_bytes": self._images.size, "images_csv_sha256": self._images.sha256,
                "changes_csv_bytes": self._changes.size, "changes_csv_sha256": self._changes.sha256,
            }  # fmt: skip
            self._state.setdefault("skipped_sha256", [])
        write_atomically(self._paths.pool_json, state_bytes(self._state))

    def _table(self, file: Path, name: str) -> Growing:
        size = self._state.get(f"{name}_bytes", 0)
        data = read_committed(file, size, self._state.get(f"{name}_sha256")) if size else b""
        return Growing(file, data)

    def _check_same(self, workspace: Path, folder: str | Path, source: SourceDescription, moved: bool) -> None:
        before = read_source(self._paths, self._state)
        if before.seen_with != source.seen_with:
            how = "leave the option out" if before.name == source.name else f"say {_as_options(before.names)}"
            if before.fingerprint == source.fingerprint and before.predicting != source.predicting:
                how = "state that list of classes again"
            raise EvenpickError(
                f"workspace '{workspace}' was embedded otherwise ({before.difference(source)}): {how} to go on as before, or "
                "use another workspace"
            )
        if self._state["folder"] != str(folder) and not moved:
            raise EvenpickError(
                f"workspace '{workspace}' was embedded with another folder ({self._state['folder']}, now {folder}); "
                "say --moved if it is the same one at another place, or use another workspace"
            )

    def _forget_uncommitted(self) -> None:
        listed = [block_files(self._paths, i, block).values() for i, block in enumerate(self._state["blocks"])]
        images = self._paths.images_csv(self._state.get("images_csv", 0))
        kept = {images, *(file for files in listed for file in files)}
        if "words_sha256" in self._state:
            kept.add(self._paths.words(self._state["words_sha256"]))
        for pattern in ("*.npy*", "images*.csv", LEFT_OVER):
            for file in self._paths.pool.glob(pattern):
                if file not in kept:
                    file.unlink()


def _as_options(names: Sequence[str]) -> str:
    return " ".join(f"--source {name}" for name in names)


def _write_npy(file: Path, values: NDArray[Any]) -> str:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_atomically(file, buffer.getvalue())
    return hashlib.sha256(buffer.getbuffer()).hexdigest()
