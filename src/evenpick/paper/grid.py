"""The grid of the paper: data sets x acquisition functions x balancing x budgets x seeds, one row a cell.

Rows are appended to one file as they are done, so that a run that is killed goes on where it was.
"""

import itertools
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .._version import __version__
from ..errors import EvenpickError, first_few
from ..estimates import source_knowledge
from ..machine import Progress, cores
from ..metrics import class_counts, imbalance_ratio
from ..sources import SourceModel
from .cell import FULL, Cell
from .data_set import SEED, DataSet
from .features import embed_data_set, features_folder, labelled
from .results import add_facts, check_unchanged, digest, whole_rows
from .workers import run_cells

PAPER_ACQUISITIONS = (
    "random", "ent", "ms", "lc", "ent_inv", "ms_inv", "ent_div", "ent_inv_div", "ms_inv_div", "lc_inv_div", "core_set",
)  # fmt: skip
PAPER_BUDGETS = (500, 1000, 2000)
POOL_SHARE = 0.9  # drawn by each seed, so that intervals cover the luck of the pool

_KEY = ("data_set", "acquisition", "balancing", "budget", "seed")


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
        name = source.describe().without_folders.name
        settings = {"source": name, "fingerprint": source.fingerprint, "pool_share": grid.pool_share}
        done = {tuple(row[key] for key in _KEY) for row in whole_rows(workspace, settings)}
        for data_set in data_sets.values():
            check_unchanged(workspace, data_set)
        sizes = {}
        for name, data_set in data_sets.items():
            embed_data_set(workspace, data_set, source, begin)
            sizes[name] = _note_facts(workspace, data_set)
        _check_budgets(sizes, grid)  # files that cannot be read and copies are left out by now
        todo = [cell for cell in grid.cells(sizes) if tuple(asdict(cell).values()) not in done]
        run_cells(workspace, data_sets, todo, settings | _versions(), processes or cores(), begin("grid", "labels"))
        return len(todo)


def _check_budgets(sizes: Mapping[str, int], grid: Grid) -> None:
    for name, size in sizes.items():
        drawn = int(grid.pool_share * size)
        if max(grid.budgets) > drawn:
            raise EvenpickError(
                f"data set '{name}': a budget of {max(grid.budgets)} needs as many images; "
                f"a share of {grid.pool_share:g} of its pool has {drawn}"
            )


@contextmanager
def _only_runner(workspace: Path) -> Iterator[None]:
    workspace.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(workspace / "benchmark.lock", timeout=0):
            yield
    except Timeout:
        raise EvenpickError(f"another process is running the benchmark in '{workspace}'; wait for it to end") from None


def _versions() -> dict[str, Any]:
    packages = ("numpy", "scipy", "scikit-learn", "onnxruntime")
    return {"commit": _commit(), "evenpick": __version__} | {name: version(name) for name in packages}


def _commit() -> str | None:
    """The commit of the checkout that this package is run from, if it is; `-dirty` if files differ from it."""
    here = Path(__file__)

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=here.parent, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)  # not a package installed inside somebody's repository
        return git("describe", "--always", "--dirty", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def _note_facts(workspace: Path, data_set: DataSet) -> int:
    """Note what Table 1 and Figure 1 need; returns the images of the pool."""
    train, test = (labelled(workspace, data_set, split) for split in ("pool", "test"))
    for words, part in (("pool", train), ("test", test)):
        if gone := set(data_set.test.labels.values()) - set(part.labels):
            raise EvenpickError(
                f"data set '{data_set.name}': no {words} image of {first_few(sorted(gone))} can be read; "
                f"'{features_folder(workspace, data_set.name, words)}' says why in skipped.csv"
            )
    counts = class_counts(train.labels, sorted(set(train.labels)))
    facts = {
        "classes": len(counts), "images": len(train.pool), "test_images": len(test.pool), "mean": float(counts.mean()),
        "std": float(counts.std()), "imbalance_ratio": imbalance_ratio(counts),
        "left_out": len(data_set.pool.labels) + len(data_set.test.labels) - len(train.pool) - len(test.pool),
        "digest": digest(data_set), "drawn_with_seed": SEED,
        "shares": [round(share, 6) for share in source_knowledge(train.pool).shares],
    }  # fmt: skip
    add_facts(workspace, data_set.name, facts)
    return len(train.pool)
