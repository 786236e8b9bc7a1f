"""The command `evenpick benchmark`: the paper's tables, made again."""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EvenpickError, MissingExtraError, unknown_name
from ..progress import progress_bars

if TYPE_CHECKING:
    from ..paper import DataSet

DATA_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def benchmark() -> None:
    """Run the methods against each other on labelled image sets."""


@benchmark.command()
@click.argument("workspace", type=DATA_FOLDER)
@click.option(
    "--data", type=DATA_FOLDER, help="Folder with a folder for each data set; without it only the tables are made."
)
@click.option("--sets", help="Names of data sets, comma-separated; by default every folder of --data.")
@click.option("--source", default="efficientnet_lite0", show_default=True, help="Source model; see `evenpick sources`.")
@click.option("--only", help="Acquisition functions, comma-separated; by default the paper's and ms_inv.")
@click.option(
    "--balancing", default="none,ratio_max", show_default=True, help="none, ratio_max, diff_min, auto, comma-separated."
)
@click.option("--budgets", default="500,1000,2000", show_default=True, help="Labels, comma-separated.")
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of every cell.")
@click.option(
    "--pool-share", type=click.FloatRange(0, 1, min_open=True), default=0.9, show_default=True,
    help="Part of the pool that each seed draws; 1 as in the paper.",
)  # fmt: skip
@click.option("--processes", type=click.IntRange(min=1), help="By default one a core.")
@click.option(
    "--partner", "partners", multiple=True, metavar="SET=PRINTED",
    help="Show what the paper prints for food101, cifar100, imn100 or mit67 beside SET; repeat.",
)  # fmt: skip
def paper(
    workspace: Path, data: Path | None, sets: str | None, source: str, only: str | None, balancing: str, budgets: str,
    seeds: int, pool_share: float, processes: int | None, partners: tuple[str, ...],
) -> None:  # fmt: skip
    """Run the grid of the paper and write its Tables 1 to 5 and Figure 1 (hours; stopped, it goes on when run again).

    WORKSPACE keeps results.jsonl, a row for each run, the features, and the tables.
    """
    from ..acquisition import ACQUISITIONS
    from ..paper import PAPER_ACQUISITIONS, Grid, read_facts, run
    from ..session import BALANCINGS
    from ..sources import SourceModel

    _check_extra()
    from ..paper import pages, tables

    pairs = _pairs(partners)
    if data is not None:
        grid = Grid(
            _known("acquisition", only, ACQUISITIONS) if only else PAPER_ACQUISITIONS,
            [None if name == "none" else name for name in _known("balancing", balancing, ["none", "auto", *BALANCINGS])],
            _numbers("--budgets", budgets), seeds, pool_share,
        )  # fmt: skip
        data_sets = _opened(data, sets, workspace)
        tables.check_partners(pairs, [*data_sets, *read_facts(workspace)])  # now, and not after hours
        with progress_bars() as begin:
            done = run(workspace, data_sets, SourceModel.load(source), grid, processes, begin)
        click.echo(f"{done:,} cells run now.")
    files = pages.write_pages(workspace, pairs)
    click.echo("Written: " + ", ".join(f"'{file}'" for file in files))


@benchmark.command()
@click.argument("name")
@click.option("--data", type=DATA_FOLDER, required=True, help="Folder with a folder for each data set.")
def download(name: str, data: Path) -> None:
    """Download food101 or cifar100 from the Hugging Face Hub into a folder of --data."""
    from ..paper import download_data_set as download_to

    with progress_bars() as begin:
        folder = download_to(name, data, begin)
    click.echo(f"Written: '{folder}'; run: evenpick benchmark paper WORKSPACE --data '{data}' --sets {name}")


def _check_extra() -> None:
    for package in ("pandas", "tabulate", "statsmodels", "scikit_posthocs", "matplotlib"):
        if find_spec(package) is None:
            raise MissingExtraError("evenpick benchmark", "benchmark")


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _known(kind: str, text: str, known: Iterable[str]) -> list[str]:
    names = _listed(text)
    if not names:
        raise EvenpickError(f"no {kind} is named; got {text!r}")
    for name in names:
        if name not in known:
            raise unknown_name(kind, name, known)
    return names


def _numbers(option: str, text: str) -> list[int]:
    parts = _listed(text)
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise EvenpickError(f"{option} must be whole numbers from 1 on, comma-separated, like 500,1000; got {text!r}")
    return list(dict.fromkeys(map(int, parts)))


def _opened(data: Path, sets: str | None, workspace: Path) -> "dict[str, DataSet]":
    from ..paper import data_sets_in, open_data_set

    names = (
        _listed(sets)
        if sets
        else [name for name in data_sets_in(data) if (data / name).resolve() != workspace.resolve()]
    )
    if not names:
        raise EvenpickError(f"'{data}' holds no data set: put a folder there for each")
    return {name: open_data_set(name, data, workspace / "images") for name in names}


def _pairs(partners: Sequence[str]) -> dict[str, str]:
    for partner in partners:
        if partner.count("=") != 1:
            raise EvenpickError(f"--partner must be SET=PRINTED, like food=food101; got {partner!r}")
    return dict(partner.split("=") for partner in partners)
