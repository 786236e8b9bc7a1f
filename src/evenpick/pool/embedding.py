"""From a folder of photographs to a pool: read, decode and run the source model, block by block."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ..errors import NO_SPACE, EvenpickError
from ..images import Part, Preprocessing, UnreadableImageError, captured, cut_part, find_images, read_image_file
from ..machine import Progress, Run, map_in_threads
from ..paths import Paths
from ..probabilities import PREDICTION, softmax, summarise_probabilities
from ..sources import SourceModel
from .blocks import BLOCK_ROWS
from .depth import in_range_of_folder
from .images_csv import ImageRow
from .notes import write_notes
from .options import EmbedOptions
from .pool import Pool
from .skipped import Skipped, copy_of, write_skipped
from .storage import read_source, read_state
from .writer import PoolWriter

BATCH = 8  # measured on two cores: 4 to 16 images a call are equally fast, and 8 keeps memory small


@dataclass(frozen=True, repr=False)
class Embedded:
    """What a run of `embed` did: the pool, images done now, those left out, and what is to be said of those done."""

    pool: Pool
    done_now: int
    skipped: list[Skipped]
    notes: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        n, now = len(self.pool), self.done_now
        return f"{n:,} images in the pool, {now:,} of them embedded now; {len(self.skipped):,} left out"


@dataclass(frozen=True)
class _Row:
    image: ImageRow
    features: NDArray[np.float32]
    prediction: NDArray[np.void]
    note: str


def embed(
    workspace: str | Path,
    folder: str | Path,
    source: SourceModel | str = "efficientnet_lite0",
    progress: Progress = lambda done, total: None,
    options: EmbedOptions | None = None,
    run: Run = map_in_threads,
) -> Embedded:
    """Embed every image below a folder into the pool of a workspace; go on where a former run stopped.

    `source` is a source model, or the name of one as `evenpick sources` lists them. `options` say which images are
    found and how. `run` spreads the batches, by default over threads.

    Unreadable images and folders, and all but the first of several files with equal bytes, are left out
    and listed with their reason in `skipped.csv`; they are tried again on the next run.

    Raises
    ------
    EvenpickError
        If the folder has no image or none can be read, the workspace belongs to another folder or
        source, another process is writing it, or the disk is full (what was done is kept).
    """
    if isinstance(source, str):
        source = SourceModel.load(source)
    folder, workspace, options = Path(folder).resolve(), Path(workspace), options or EmbedOptions()
    skipped: list[Skipped] = []
    image_ids = find_images(folder, lambda name, reason: skipped.append(Skipped(name, reason)), options.exclude)
    if options.only is not None:
        image_ids = [image_id for image_id in image_ids if image_id in options.only]
    with _only_writer(workspace), _disk_errors(workspace):
        source = replace(
            source, preprocessing=_read_as_before(workspace, folder, source.preprocessing, image_ids, options)
        )
        writer = PoolWriter(workspace, folder, source.describe())
        writer.check()
        before = len(writer.done)
        todo = [image_id for image_id in image_ids if image_id not in writer.done]
        batches = [todo[i : i + BATCH] for i in range(0, len(todo), BATCH)]
        results = run(partial(_embed_batch, folder, source), batches)
        notes = dict[str, str]()
        skipped += _write_all(results, writer, lambda seen: progress(seen, len(todo)), notes)
        skipped.sort()
        write_skipped(Paths(workspace).skipped, skipped)
        write_notes(Paths(workspace).notes, notes, writer.done)
    if not writer.done:
        raise EvenpickError(
            f"none of the {len(image_ids)} images in '{folder}' can be read; "
            f"reasons are in '{Paths(workspace).skipped}'"
        )
    return Embedded(Pool.open(workspace), len(writer.done) - before, skipped, notes)


def _read_as_before(
    workspace: Path, folder: Path, new: Preprocessing, image_ids: Sequence[str], options: EmbedOptions
) -> Preprocessing:
    """The preprocessing with the range of values that the pool has; of a new pool, with that of its folder if asked for."""
    if new.depth or not options.own_range:
        return new
    paths = Paths(workspace)
    if paths.pool_json.exists():
        return replace(new, depth=read_source(paths, read_state(workspace)).preprocessing.depth)
    return in_range_of_folder(new, folder, image_ids)


def _write_all(
    results: Iterator[tuple[list[_Row], list[Skipped]]],
    writer: PoolWriter,
    progress: Callable[[int], None],
    notes: dict[str, str],
) -> list[Skipped]:
    rows: list[_Row] = []
    skipped: list[Skipped] = []
    seen = 0
    progress(seen)
    for kept, broken in results:
        for row in kept:
            first = writer.image_of_digest.setdefault(row.image.sha256, row.image.image)
            if first == row.image.image:
                rows.append(row)
                if row.note:
                    notes[row.image.image] = row.note
            else:
                skipped.append(copy_of(first, row.image.image))
        skipped.extend(broken)
        seen += len(kept) + len(broken)
        progress(seen)
        while len(rows) >= BLOCK_ROWS:
            _append(writer, rows[:BLOCK_ROWS])
            del rows[:BLOCK_ROWS]
    if rows:
        _append(writer, rows)
    return skipped


def _append(writer: PoolWriter, rows: Sequence[_Row]) -> None:
    writer.append(
        [row.image for row in rows],
        np.stack([row.features for row in rows]),
        np.stack([row.prediction for row in rows]),
    )


def _embed_batch(folder: Path, source: SourceModel, image_ids: Sequence[str]) -> tuple[list[_Row], list[Skipped]]:
    opened, broken = [], []
    for image_id in image_ids:
        try:
            image, data = _read(folder, image_id)
            # Cut at once: large photographs must not pile up until the batch is full.
            part = Part.from_text(folder / image_id, image.part, reading=source.preprocessing.reading)
            notes = list[str]()
            cut = cut_part(part, source.preprocessing.cut, data, notes.append)
            opened.append((image, cut, "; ".join(notes)))
        except UnreadableImageError as error:
            broken.append(Skipped(image_id, str(error)))
        except OSError as error:
            broken.append(Skipped(image_id, error.strerror or str(error)))
    if not opened:
        return [], broken
    features, logits = source.network(source.preprocessing.batch([cut for _, cut, _ in opened]))
    finite = np.asarray(np.isfinite(np.hstack([features, logits])).all(axis=1))
    predictions = np.zeros(len(opened), PREDICTION)  # of an encoder without classes nobody reads them
    if source.class_count:
        predictions = summarise_probabilities(softmax(np.where(finite[:, None], logits, 0)))
    rows = []
    for i, (image, _, note) in enumerate(opened):
        if finite[i]:
            rows.append(_Row(image, features[i], predictions[i], note))
        else:
            broken.append(Skipped(image.image, "the source model gives features that are not finite"))
    return rows, broken


def _read(folder: Path, image_id: str) -> tuple[ImageRow, bytes]:
    """What is known of a file, and its content."""
    file = folder / image_id
    stat = file.stat()  # before it is read: what is written meanwhile is seen as a change the next time
    data = read_image_file(file)
    said, digest = captured(data), hashlib.sha256(data).hexdigest()
    return ImageRow(image_id, digest, str(len(data)), str(stat.st_mtime_ns), said.taken, said.camera), data


@contextlib.contextmanager
def _only_writer(workspace: Path) -> Iterator[None]:
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        with FileLock(Paths(workspace).embed_lock, timeout=0):
            yield
    except Timeout:
        raise EvenpickError(f"another process is embedding into '{workspace}'; wait for it to end") from None
    except (FileExistsError, NotADirectoryError):
        raise EvenpickError(f"workspace '{workspace}' must be a folder; it is a file") from None
    except PermissionError as error:
        raise EvenpickError(f"workspace '{workspace}' cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def _disk_errors(workspace: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise EvenpickError(
            f"no room left to write '{workspace}' ({error.strerror}); what was embedded so far is kept: "
            "free some space and run the same command again"
        ) from error
