"""The grid of the paper: data sets x acquisition functions x balancing x budgets x seeds, one row a cell.

Rows are appended to one file as they are done, so that a run that is killed goes on where it was.
"""

import hashlib
import itertools
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from .._version import __version__
from ..atomic_files import write_atomically
from ..errors import EvenpickError, first_few
from ..estimates import source_knowledge
from ..machine import Progress, cores, use_cores
from ..metrics import class_counts, imbalance_ratio
from ..pool import Pool, embed
from ..sources import SourceModel
from .cell import FULL, Cell, Labelled, run_cell
from .data_set import SEED, DataSet

PAPER_ACQUISITIONS = (
    "random", "ent", "ms", "lc", "ent_inv", "ms_inv", "ent_div", "ent_inv_div", "ms_inv_div", "lc_inv_div", "core_set",
)  # fmt: skip
PAPER_BUDGETS = (500, 1000, 2000)
POOL_SHARE = 0.9  # drawn by each seed, so that intervals cover the luck of the pool

RESULTS = "results.jsonl"
FACTS = "data_sets.json"
_KEY = ("data_set", "acquisition", "balancing", "budget", "seed")
_SETTINGS = ("source", "fingerprint", "pool_share")  # equal in all rows of one file


@dataclass(frozen=True)
class Grid:
    """The cells of a benchmark: the product of these."""

    acquisitions: Sequence[str] = PAPER_ACQUISITIONS
    balancings: Sequence[str | None] = (None, "ratio_max")
    budgets: Sequence[int] = PAPER_BUDGETS
    n_seeds: int = 5
    pool_share: float = POOL_SHARE

    def cells(self, sizes: Mapping[str, int]) -> list[Cell]:
        """All cells, one data set after the other, then seed by seed; from the images of each pool."""
        found = []
        for name, size in sizes.items():
            found.append(Cell(name, FULL, None, size, 0))
            axes = itertools.product(range(self.n_seeds), self.budgets, self.acquisitions, self.balancings)
            found += [Cell(name, acquisition, form, budget, seed) for seed, budget, acquisition, form in axes]
        return list(dict.fromkeys(found))


def run(
    workspace: Path,
    data_sets: Mapping[str, DataSet],
    source: SourceModel,
    grid: Grid,
    processes: int | None = None,
    begin: Callable[[str, str], Progress] = lambda what, unit: lambda done, total: None,
) -> int:
    """Embed what is not embedded, run the cells that `results.jsonl` lacks, and return how many those were.

    Parameters
    ----------
    workspace : Path
        Holds `results.jsonl`, `data_sets.json` and `features/`.
    data_sets : mapping of str to DataSet
    source : SourceModel
    grid : Grid
    processes : int, optional
        By default one a core; each keeps to one thread.
    begin : callable
        From what is done and its unit to the function that moves a progress bar.

    Raises
    ------
    EvenpickError
        If a budget is larger than a pool, the results are of other settings or of other images, a class has no test
        image that can be read, or another process is at work.
    """
    _check_budgets({name: len(data_set.pool.labels) for name, data_set in data_sets.items()}, grid)
    with _only_runner(workspace):
        settings = {
            "source": _without_folder(source.name), "fingerprint": source.fingerprint, "pool_share": grid.pool_share
        }  # fmt: skip
        done = {tuple(row[key] for key in _KEY) for row in _whole_rows(workspace, settings)}
        for data_set in data_sets.values():
            _check_unchanged(workspace, data_set)
        sizes = {}
        for name, data_set in data_sets.items():
            _embed(workspace, data_set, source, begin)
            sizes[name] = _note_facts(workspace, data_set)
        _check_budgets(sizes, grid)  # files that cannot be read and copies are left out by now
        todo = [cell for cell in grid.cells(sizes) if tuple(asdict(cell).values()) not in done]
        _run_cells(workspace, data_sets, todo, settings | _versions(), processes or cores(), begin("grid", "labels"))
        return len(todo)


def read_rows(workspace: Path) -> list[dict[str, Any]]:
    """The rows so far; a last line that a killed run left half written does not count."""
    file = workspace / RESULTS
    if not file.is_file():
        return []
    lines = file.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1] if line]  # every whole row ends with a line break


def read_facts(workspace: Path) -> dict[str, dict[str, Any]]:
    """Sizes and source classes of each data set, for Table 1 and Figure 1."""
    file = workspace / FACTS
    return json.loads(file.read_text()) if file.is_file() else {}


def _whole_rows(workspace: Path, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows so far, the half-written one cut off, all of these settings."""
    file = workspace / RESULTS
    if file.is_file():
        with file.open("r+b") as handle:
            handle.truncate(handle.read().rfind(b"\n") + 1)
    rows = read_rows(workspace)
    for row in rows:
        for key in _SETTINGS:
            if row[key] != settings[key]:
                raise EvenpickError(
                    f"'{file}' holds rows with {key} {row[key]!r} and this run has {settings[key]!r}: "
                    "give it a folder of its own"
                )
    return rows


def _check_budgets(sizes: Mapping[str, int], grid: Grid) -> None:
    for name, size in sizes.items():
        drawn = int(grid.pool_share * size)
        if max(grid.budgets) > drawn:
            raise EvenpickError(
                f"data set '{name}': a budget of {max(grid.budgets)} needs as many images; "
                f"a share of {grid.pool_share:g} of its pool has {drawn}"
            )


def _check_unchanged(workspace: Path, data_set: DataSet) -> None:
    """Rows of other images or labels must not stand beside new ones."""
    known = read_facts(workspace).get(data_set.name, {}).get("digest")
    if known not in (None, _digest(data_set)):
        raise EvenpickError(
            f"data set '{data_set.name}' has other images or labels than when '{workspace}' was begun: "
            "give it a folder of its own"
        )


def _digest(data_set: DataSet) -> str:
    """Of the image ids and labels of both splits."""
    listed = [sorted(part.labels.items()) for part in (data_set.pool, data_set.test)]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


@contextmanager
def _only_runner(workspace: Path) -> Iterator[None]:
    workspace.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(workspace / "benchmark.lock", timeout=0):
            yield
    except Timeout:
        raise EvenpickError(f"another process is running the benchmark in '{workspace}'; wait for it to end") from None


def _without_folder(source: str) -> str:
    """The source's name as results state it: a file without the folder that it lies in."""
    kind, colon, rest = source.partition(":")
    return f"{kind}{colon}{Path(rest).name}" if colon and kind != "timm" else source


def _versions() -> dict[str, Any]:
    packages = ("numpy", "scipy", "scikit-learn", "onnxruntime")
    return {"commit": _commit(), "evenpick": __version__} | {name: version(name) for name in packages}


def _commit() -> str | None:
    """The commit of the checkout that this package is run from, if it is; `-dirty` if files differ from it."""
    here = Path(__file__)

    def told(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=here.parent, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        told("ls-files", "--error-unmatch", here.name)  # not a package installed inside somebody's repository
        return told("describe", "--always", "--dirty", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def _embed(workspace: Path, data_set: DataSet, source: SourceModel, begin: Callable[[str, str], Progress]) -> None:
    for split, part in (("pool", data_set.pool), ("test", data_set.test)):
        progress = begin(f"embedding {data_set.name} {split}", "images")
        embed(_features(workspace, data_set.name, split), part.folder, source, progress, only=part.labels)


def _features(workspace: Path, name: str, split: str) -> Path:
    return workspace / "features" / f"{name}-{split}"


def _note_facts(workspace: Path, data_set: DataSet) -> int:
    """Note what Table 1 and Figure 1 need; returns the images of the pool."""
    train, test = (_labelled(workspace, data_set, split) for split in ("pool", "test"))
    for words, part in (("pool", train), ("test", test)):
        if gone := set(data_set.test.labels.values()) - set(part.labels):
            raise EvenpickError(
                f"data set '{data_set.name}': no {words} image of {first_few(sorted(gone))} can be read; "
                f"'{_features(workspace, data_set.name, words)}' says why in skipped.csv"
            )
    counts = class_counts(train.labels, sorted(set(train.labels)))
    facts = {
        "classes": len(counts), "images": len(train.pool), "test_images": len(test.pool), "mean": float(counts.mean()),
        "std": float(counts.std()), "imbalance_ratio": imbalance_ratio(counts),
        "left_out": len(data_set.pool.labels) + len(data_set.test.labels) - len(train.pool) - len(test.pool),
        "digest": _digest(data_set), "drawn_with_seed": SEED,
        "shares": [round(share, 6) for share in source_knowledge(train.pool).shares],
    }  # fmt: skip
    every = read_facts(workspace) | {data_set.name: facts}
    write_atomically(workspace / FACTS, (json.dumps(every) + "\n").encode())
    return len(train.pool)


def _labelled(workspace: Path, data_set: DataSet, split: str) -> Labelled:
    pool = Pool.open(_features(workspace, data_set.name, split))
    labels = (data_set.pool if split == "pool" else data_set.test).labels
    return Labelled(pool, np.array([labels[image_id] for image_id in pool.image_ids]))


def _run_cells(
    workspace: Path, data_sets: Mapping[str, DataSet], todo: Sequence[Cell], facts: dict[str, Any],
    processes: int, progress: Progress,
) -> None:  # fmt: skip
    """Run the cells in processes; the bar counts labels, as time goes with them."""
    spent, total = 0, sum(cell.budget for cell in todo)
    progress(spent, total)
    context = get_context("spawn")
    stop, stopper = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(processes, context, _begin_worker, (workspace, dict(data_sets), stop))
    with (workspace / RESULTS).open("a") as results, pool:
        budget_of = {pool.submit(_work, cell, facts["pool_share"]): cell.budget for cell in todo}
        try:
            for future in as_completed(budget_of):
                results.write(json.dumps(future.result() | facts) + "\n")
                results.flush()
                spent += budget_of[future]
                progress(spent, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stopper.close()  # ends the workers: a cell may take minutes and is run again
            raise


_worker: tuple[Path, dict[str, DataSet]] | None = None  # what each process of the pool is told once


def _begin_worker(workspace: Path, data_sets: dict[str, DataSet], stop: Connection) -> None:
    global _worker
    Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    _worker = workspace, data_sets
    use_cores(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the workers


def _end_with_parent(stop: Connection) -> None:
    """A killed run must not leave workers behind that wait for its next cell for ever, and a stopped one none at work."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel, stop])
    os._exit(1)


@lru_cache(2)  # cells come data set by data set: its pool and its test images
def _in_memory(name: str, split: str) -> Labelled:
    assert _worker is not None
    workspace, data_sets = _worker
    mapped = _labelled(workspace, data_sets[name], split)
    return Labelled(mapped.pool.take(np.arange(len(mapped.pool))), mapped.labels)


def _work(cell: Cell, pool_share: float) -> dict[str, Any]:
    return run_cell(cell, _in_memory(cell.data_set, "pool"), _in_memory(cell.data_set, "test"), pool_share)
