"""Cells run in processes of one thread each; a row is on disk when its cell is done."""

import json
import os
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from ..machine import Progress, use_cores
from .cell import Cell, Labelled, run_cell
from .data_set import DataSet
from .features import labelled
from .results import RESULTS


def run_cells(
    workspace: Path, data_sets: Mapping[str, DataSet], todo: Sequence[Cell], settings: Mapping[str, Any],
    processes: int, progress: Progress,
) -> None:  # fmt: skip
    """Run the cells in processes; `settings` are noted in each row. The bar counts labels, as time goes with them."""
    spent, total = 0, sum(cell.budget for cell in todo)
    progress(spent, total)
    context = get_context("spawn")
    stop, stopper = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(processes, context, _begin_worker, (workspace, dict(data_sets), stop))
    with (workspace / RESULTS).open("a") as results, pool:
        budget_of = {pool.submit(_work, cell, settings["pool_share"]): cell.budget for cell in todo}
        try:
            for future in as_completed(budget_of):
                results.write(json.dumps({**future.result(), **settings}) + "\n")
                results.flush()
                spent += budget_of[future]
                progress(spent, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stopper.close()  # ends the workers: a cell may take minutes and is run again
            raise


_worker: tuple[Path, dict[str, DataSet]] | None = None  # what each process gets once, not with each cell


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
    mapped = labelled(workspace, data_sets[name], split)
    return Labelled(mapped.pool.take(np.arange(len(mapped.pool))), mapped.labels)


def _work(cell: Cell, pool_share: float) -> dict[str, Any]:
    return run_cell(cell, _in_memory(cell.data_set, "pool"), _in_memory(cell.data_set, "test"), pool_share)
