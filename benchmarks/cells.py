"""What benchmarks of many cells share: labelled image sets, and a results file that a killed run goes on from.

DATA holds `NAME/pool/*.jpg`, `NAME/test/*.jpg` and `NAME/labels.csv` (split,file,label) for caltech, places and food;
elpv comes with the package `elpv-dataset`. A benchmark `NAME.py` appends its rows to `NAME.jsonl`, each with the
settings in its `KEY`, and makes `NAME.md` of them.
"""

import argparse
import csv
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

if TYPE_CHECKING:
    from evenpick import Pool

SETS = ("elpv", "caltech", "places", "food")
Rows: TypeAlias = list[dict[str, Any]]
Labelled: TypeAlias = "tuple[Pool, NDArray[np.str_]]"


def command_line(
    script: str,
    doc: str,
    run: Callable[[argparse.Namespace, Path], None],
    page: Callable[[Rows], str],
    options: Callable[[argparse.ArgumentParser], object] = lambda parser: None,
    folders: Sequence[str] = ("data", "work"),
) -> None:
    """`run`, which reads these folders and appends to the results beside the script, and `table`, which makes the page of them."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    run_parser = commands.add_parser("run")
    for folder in folders:
        run_parser.add_argument(f"--{folder}", type=Path, required=True)
    run_parser.add_argument("--processes", type=int, default=os.cpu_count())
    options(run_parser)
    commands.add_parser("table")
    given, results = parser.parse_args(), Path(script).with_suffix(".jsonl")
    if given.command == "run":
        run(given, results)
    Path(script).with_suffix(".md").write_text(page(rows_of(results)))


def staged_command_line(
    script: str,
    doc: str,
    first: tuple[str, Callable[[argparse.Namespace], None]],
    run: Callable[[argparse.Namespace, Path], None],
    page: Callable[[Rows], str],
    sets: Sequence[str],
    options: Callable[[argparse.ArgumentParser], object] = lambda parser: None,
) -> None:
    """A first step by name, which makes small files of DATA in WORK; `run`, which needs no more than those; `table`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    commands, results = parser.add_subparsers(required=True, dest="command"), Path(script).with_suffix(".jsonl")
    makes, runs = commands.add_parser(first[0]), commands.add_parser("run")
    makes.add_argument("--data", type=Path, required=True)
    options(makes)
    runs.add_argument("--processes", type=int, default=os.cpu_count())
    runs.add_argument("--out", type=Path, default=results)
    runs.add_argument("--commit", help="what the rows state, where there is no git")
    for command in (makes, runs):
        command.add_argument("--work", type=Path, required=True)
        command.add_argument("--set", action="append", help=f"by default {', '.join(sets)}")
    commands.add_parser("table")
    given = parser.parse_args()
    if given.command == first[0]:
        given.work.mkdir(parents=True, exist_ok=True)
        first[1](given)
    elif given.command == "run":
        run(given, given.out)
    else:
        Path(script).with_suffix(".md").write_text(page(rows_of(results)))


def rows_of(results: Path) -> Rows:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def plain_rows(results: Path) -> Rows:
    """Those of results that are judged by logistic regression and, some of them, by another classifier too."""
    return [row for row in rows_of(results) if row["classifier"] == "plain"]


def keys_of(results: Path, key: Sequence[str]) -> set[tuple]:
    """What is done already."""
    return {*by_key(rows_of(results), key)}


def by_key(rows: Rows, key: Sequence[str]) -> dict[tuple, dict[str, Any]]:
    return {tuple(row[name] for name in key): row for row in rows}


def run_cells(cells: Iterable[tuple], measure: Callable[..., Rows], options: argparse.Namespace, results: Path) -> None:
    """Append the rows of `measure(data, work, *cell)` as they come, each process on a core of its own."""
    run_in_processes(cells, partial(measure, options.data, options.work), options, results)


def run_in_processes(
    cells: Iterable[tuple], measure: Callable[..., Rows], options: argparse.Namespace, results: Path
) -> None:
    """Append the rows of `measure(*cell)` as they come, with the commit that `options` state, or that of this tree."""
    commit = getattr(options, "commit", None) or this_commit()
    with ProcessPoolExecutor(options.processes, initializer=one_core) as pool, results.open("a") as file:
        futures = [pool.submit(measure, *cell) for cell in cells]
        for future in track(as_completed(futures), total=len(futures)):
            for row in future.result():
                file.write(json.dumps(row | {"commit": commit}) + "\n")
            file.flush()


def one_core() -> None:
    import scipy.linalg  # noqa: F401 (only libraries that are loaded can be limited)
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def this_commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()


def state_of(folder: str) -> str:
    """What is committed of a folder of this project, so that rows of it can be told from rows of another state."""
    root = Path(__file__).parents[1]
    of_it = ["git", "-C", str(root)]
    if subprocess.run([*of_it, "status", "--porcelain", folder], capture_output=True, text=True, check=True).stdout:
        raise SystemExit(
            f"'{folder}' has changes that are not committed: commit them, so that the rows say what they are of"
        )
    command = [*of_it, "rev-parse", "--short", f"HEAD:{folder}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commits(rows: Rows) -> str:
    return ", ".join(sorted({row["commit"] for row in rows}))


def embed_all(data: Path, work: Path, sets: Sequence[str] = SETS) -> None:
    """The features of every image, by the default source."""
    from evenpick import SourceModel, embed
    from evenpick.demo_images import solar_cells

    source = SourceModel.load()
    for name in sets:
        if name == "elpv":
            embed(work / name, solar_cells()[0], source)
        else:
            for split in ("pool", "test"):
                embed(work / f"{name}-{split}", data / name / split, source)


@cache
def labelled(data: Path, work: Path, name: str, split: str = "pool") -> Labelled:
    """A pool in memory and the label of each of its images; of elpv, which has no split, everything."""
    from evenpick import Pool
    from evenpick.demo_images import solar_cells

    if name == "elpv":
        pool, label_of = Pool.open(work / name), solar_cells()[1]
    else:
        pool = Pool.open(work / f"{name}-{split}")
        rows = csv.DictReader((data / name / "labels.csv").open())
        label_of = {row["file"]: row["label"] for row in rows if row["split"] == split}
    return pool.take(np.arange(len(pool))), np.array([label_of[image_id] for image_id in pool.image_ids])


@cache
def part_of(data: Path, work: Path, name: str, seed: int) -> "tuple[Pool, NDArray[np.str_], Pool, NDArray[np.str_]]":
    """A part of the pool, its labels, the test pool and its labels: 90 % of the pool; of elpv 60 %, by class.

    So that intervals cover the luck of the pool. The rest of elpv is its test set.
    """
    from sklearn.model_selection import train_test_split

    pool, labels = labelled(data, work, name)
    if name == "elpv":
        rows, test_rows = train_test_split(np.arange(len(pool)), test_size=0.4, random_state=seed, stratify=labels)
        return pool.take(rows), labels[rows], pool.take(test_rows), labels[test_rows]
    rows = np.sort(np.random.default_rng([seed, 77]).permutation(len(pool))[: int(0.9 * len(pool))])
    return pool.take(rows), labels[rows], *labelled(data, work, name, "test")


def interval(values: Sequence[float] | NDArray[Any], sign: str = "") -> str:
    """The mean with the half width of its 95 % t interval, where there are two values or more."""
    from evenpick.metrics import mean_interval

    if len(values) < 2:
        return f"{np.mean(values):{sign}.1f}"
    mean, half = mean_interval(values)
    return f"{mean:{sign}.1f} ± {half:.1f}"


def encoded(features: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A byte a value: the features of the default source are not negative, and roots keep small ones apart."""
    most = features.max(axis=1, keepdims=True)
    return np.round(255 * np.sqrt(features / most)).astype(np.uint8), most.astype(np.float32)


def decoded(codes: NDArray[Any], most: NDArray[Any]) -> NDArray[Any]:
    """The features again, nearly."""
    return ((codes / np.float32(255)) ** 2 * most).astype(np.float32)
