"""From a folder of photographs to a pool: what is new is embedded, what was replaced is embedded again."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..images import Preprocessing, find_images
from ..machine import Progress, Run, map_in_threads
from ..paths import Paths
from ..sources import SourceModel
from .blocks import BLOCK_ROWS
from .boxes import planned
from .changes_csv import MOVED, Change
from .depth import in_range_of_folder
from .folder_changes import FolderChanges, changes_of, check_same_folder, same_stat
from .images_csv import ImageRow
from .looking import BATCH, See, Seen, Wanted, see_batch
from .notes import read_notes, write_notes
from .only_writer import check_apart, disk_errors, nobody_labels, only_writer
from .options import EmbedOptions
from .pages import pages_of
from .pool import Pool
from .renewal import renew
from .skipped import Skipped, copy_of, lines_of_skipped, read_skipped, with_stat
from .storage import read_source, read_state, read_words
from .writer import PoolWriter

COMMIT_AFTER = 60.0  # seconds: what is lost at most when a run is killed


@dataclass(frozen=True)
class Counts:
    """How many images of a folder are new, and what became of those of the pool since the last look."""

    new: int = 0
    replaced: int = 0
    moved: int = 0
    gone: int = 0
    back: int = 0
    unchanged: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{number:,} {name}" for name, number in vars(self).items())


@dataclass(frozen=True, repr=False)
class Embedded:
    """What a run of `embed` did: the pool, images done now, those left out, notes on some, and what became of files."""

    pool: Pool
    done_now: int
    skipped: list[Skipped]
    notes: dict[str, str] = field(default_factory=dict)
    counts: Counts = Counts()
    said: Sequence[str] = ()  # of boxes, a sentence each

    def __repr__(self) -> str:
        n, now = len(self.pool), self.done_now
        return f"{n:,} images in the pool, {now:,} of them embedded now; {len(self.skipped):,} left out"


def embed(
    workspace: str | Path,
    folder: str | Path,
    source: SourceModel | str | Sequence[SourceModel | str] = "efficientnet_lite0",
    progress: Progress = lambda done, total: None,
    options: EmbedOptions | None = None,
    run: Run = map_in_threads,
) -> Embedded:
    """Embed every image below a folder into the pool of a workspace; go on where a former run stopped.

    `source` is a source model, or the name of one as `evenpick sources` lists them, or several that look at each image
    side by side. `options` say which images are found and how. `run` spreads the batches, by default over threads.

    Unreadable images and folders, and all but the first of several files with equal bytes, are left out
    and listed with their reason in `skipped.csv`; they are tried again on the next run. Images whose files were
    replaced are embedded again; those whose files were moved get the new path; those whose files are gone stay in the
    pool and are not asked for until they are back.

    Raises
    ------
    EvenpickError
        If the folder has no image or none can be read, the workspace belongs to another folder or
        source, another process is writing it, or the disk is full (what was done is kept).
    """
    if not isinstance(source, SourceModel):
        source = SourceModel.side_by_side([source] if isinstance(source, str) else source)
    folder, workspace, options = Path(folder).resolve(), Path(workspace), options or EmbedOptions()
    check_apart(workspace, folder)
    source = _with_words_as_before(workspace, source)
    skipped: list[Skipped] = []
    image_ids = find_images(folder, lambda name, reason: skipped.append(Skipped(name, reason)), options.exclude)
    if options.only is not None:
        image_ids = [image_id for image_id in image_ids if image_id in options.only]
    with only_writer(workspace), disk_errors(workspace):
        preprocessing = _read_as_before(workspace, folder, source.preprocessing, image_ids, options)
        run_now = _Run(workspace, folder, replace(source, preprocessing=preprocessing), options, run)
        counts, more = run_now.bring_up_to_date(image_ids, progress)
        skipped = sorted([*skipped, *more])
        run_now.write_lists(skipped)
    if not run_now.writer.rows:
        reason = skipped[0].reason if skipped else " ".join(run_now.said)
        raise EvenpickError(
            f"nothing of the {len(image_ids)} images in '{folder}' can be embedded: {reason}; all reasons are in "
            f"'{Paths(workspace).skipped}'"
        )
    return Embedded(Pool.open(workspace), counts.new + counts.replaced, skipped, run_now.notes, counts, run_now.said)


def _with_words_as_before(workspace: Path, source: SourceModel) -> SourceModel:
    """The source with the words of the workspace, unless it comes with others."""
    words = read_words(workspace) if source.words is None else None
    if (
        words is None or source.feature_size != words.vectors.shape[1]
    ):  # another source, which is told where it is compared
        return source
    return source.with_words(words)


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


class _Run:
    """One run of `embed` on a workspace that nobody else writes.

    Attributes
    ----------
    notes : dict of str to str
        What is to be said of images that were read.
    """

    def __init__(self, workspace: Path, folder: Path, source: SourceModel, options: EmbedOptions, run: Run) -> None:
        self._workspace, self._folder, self._options = workspace, folder, options
        pool_json = Paths(workspace).pool_json
        self._since = pool_json.stat().st_mtime_ns if pool_json.is_file() else 0
        self.writer = PoolWriter(workspace, folder, source.describe(), options.moved, source.words)
        self._run, self._source = run, source
        self.notes: dict[str, str] = {}

    def bring_up_to_date(self, image_ids: list[str], progress: Progress) -> tuple[Counts, list[Skipped]]:
        """Let the pool hold these images of the folder; what became of its own, and what is left out."""
        writer = self.writer
        plan = planned(Paths(self._workspace), self._options, image_ids, {row.image for row in writer.rows})
        plan = replace(plan, pages=pages_of(self._folder, self._options, writer.rows))
        self._results = partial(self._run, partial(see_batch, self._folder, self._source, plan.margin))
        self.said = plan.said
        changes = changes_of(self._folder, writer.rows, image_ids, self._since)
        self._moved = changes.moved
        if self._options.moved:
            check_same_folder(self._folder, writer.rows, changes)
        before = [*writer.rows]
        copies = self._known_copies(changes)
        known = {copy.image_id for copy in copies}
        todo = plan.batches([image_id for image_id in image_ids if image_id not in known], changes.rows, BATCH)
        again = sorted({*changes.replaced, *(row for rows in self._damaged_rows() for row in rows)})
        total = sum(map(len, todo)) + len(again)
        with nobody_labels(self._workspace, bool(changes.moved or again)):
            self._write_facts(changes)
            broken = renew(writer, self._see, again, changes.replaced, lambda seen: progress(seen, total))
        skipped = _append_new(writer, self._see, todo, lambda seen: progress(len(again) + seen, total))
        return _counts(before, writer.rows, changes), [*copies, *broken, *skipped]

    def _see(self, batches: Iterable[Sequence[Wanted]]) -> Iterator[tuple[list[Seen], list[Skipped]]]:
        for seen, broken in self._results(batches):
            self.notes |= {one.image.image: one.note for one in seen if one.note}
            yield seen, broken

    def write_lists(self, skipped: Sequence[Skipped]) -> None:
        """Replace `skipped.csv` and `notes.csv`."""
        paths, known = Paths(self._workspace), {row.image for row in self.writer.rows}
        self.notes = {image: note for image, note in self.notes.items() if image in known}
        before = read_notes(paths.notes)
        moved = {now: before[image] for image, now in self._moved.items() if image in before}
        write_notes(paths.notes, moved | self.notes, known)
        data = lines_of_skipped([with_stat(self._folder, left_out) for left_out in skipped])
        self.writer.note_checked()
        self.writer.expect_skipped(data)
        write_atomically(paths.skipped, data)

    def _damaged_rows(self) -> list[range]:
        starts = self.writer.starts
        return [range(starts[block], starts[block + 1]) for block in self.writer.damaged_blocks()]

    def _known_copies(self, changes: FolderChanges) -> list[Skipped]:
        """The copies of before whose files and twins are what they were: they need not be read again."""
        try:
            before = read_skipped(self._workspace)
        except EvenpickError:  # damaged; it is written anew
            return []
        replaced = {*changes.replaced}
        twins = {row.file or row.image for i, row in enumerate(changes.rows) if not row.gone and i not in replaced}
        new = [before[image_id] for image_id in changes.new if image_id in before]
        return [
            copy for copy in new
            if copy.twin in twins and same_stat(self._folder / copy.image_id, copy.size, copy.mtime_ns)
        ]  # fmt: skip

    def _write_facts(self, changes: FolderChanges) -> None:
        """Let the pool say where its images are now; one of the first format stays so as long as nothing else changed."""
        writer = self.writer
        other = changes.new or changes.replaced or changes.moved or changes.gone or changes.back or self._options.moved
        if changes.rows != writer.rows and (writer.is_newest_format or other):
            moves = [Change(MOVED, image, now) for image, now in changes.moved.items()]
            writer.rewrite(changes.rows, changes=moves, folder=self._folder)
        elif self._options.moved and writer.rows:
            writer.rewrite(changes.rows, folder=self._folder)


def _counts(before: Sequence[ImageRow], after: Sequence[ImageRow], changes: FolderChanges) -> Counts:
    """What became of the rows; a replaced file that cannot be read counts as gone."""
    replaced = [row for row in changes.replaced if not after[row].gone]
    n_gone = sum(bool(row.gone) for row in after)
    return Counts(
        new=len(after) - len(before),
        replaced=len(replaced),
        moved=len(changes.moved),
        gone=sum(bool(now.gone) and not was.gone for was, now in zip(before, after, strict=False)),
        back=len(changes.back),
        unchanged=len(before) - n_gone - len(replaced) - len(changes.moved) - len(changes.back),
    )


def _append_new(
    writer: PoolWriter,
    see: See,
    todo: Sequence[Sequence[Wanted]],
    progress: Callable[[int], None],
) -> list[Skipped]:
    """Embed images and append them in blocks; what is done is kept every minute, and when the user stops the run."""
    first_of = {row.sha256: row.file or row.image for row in writer.rows if not row.gone}
    rows: list[Seen] = []
    skipped: list[Skipped] = []
    seen, committed = 0, time.monotonic()
    progress(seen)
    try:
        for kept, broken in see(todo):
            for row in kept:
                image = row.image
                first = first_of.setdefault(image.sha256, image.file or image.image)
                if first == (image.file or image.image):
                    rows.append(row)
                else:
                    skipped.append(copy_of(first, image.image, image.size, image.mtime_ns))
            skipped.extend(broken)
            seen += len(kept) + len(broken)
            progress(seen)
            while len(rows) >= BLOCK_ROWS or (rows and time.monotonic() - committed > COMMIT_AFTER):
                block, rows = rows[:BLOCK_ROWS], rows[BLOCK_ROWS:]
                _append(writer, block)
                committed = time.monotonic()
    except KeyboardInterrupt:
        if rows and not writer.writing:
            _append(writer, rows)
        raise
    if rows:
        _append(writer, rows)
    return skipped


def _append(writer: PoolWriter, rows: Sequence[Seen]) -> None:
    writer.append(
        [row.image for row in rows],
        np.stack([row.features for row in rows]),
        np.stack([row.prediction for row in rows]),
    )
