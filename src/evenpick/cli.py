"""The command line: one thin function a command; a workspace is always the first argument."""

from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._version import __version__
from .commands import (
    ACQUISITION,
    BUDGET,
    FILE,
    FOLDER,
    JSON,
    RAY,
    SEED,
    SPLIT,
    WORKSPACE,
    benchmark,
    embed_with_bar,
    evaluate,
    predict,
    print_json,
    print_table,
    progress_bars,
    report,
    train,
)
from .errors import NO_SPACE, EvenpickError
from .machine import Run, map_in_threads
from .paths import Paths

if TYPE_CHECKING:
    from .acquisition import AcquisitionFunction

# What a command needs is imported inside it, so that `evenpick --help` answers at once.


class _Commands(click.Group):
    """Turns what a user can mend into one line; anything else keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EvenpickError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.filename is None and error.errno not in NO_SPACE:
                raise
            raise click.ClickException(f"'{error.filename or 'the disk'}': {error.strerror}") from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, as they are defined


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="evenpick")
def main() -> None:
    """Choose which images to label first, when classes are imbalanced and there are no labels yet.

    A workspace is a folder of its own beside your images. Every command can be run again: done work is
    not done twice.
    """


@main.command()
@click.argument("workspace", type=click.Path(path_type=Path, file_okay=False), default="evenpick-demo")
def demo(workspace: Path) -> None:
    """Show everything on 2,624 photographs of solar cells that pip brought."""
    from .demo import run_demo

    with progress_bars() as begin:
        result = run_demo(workspace, begin("embedding", "images"), begin("simulating", "runs"))
    print_table(result.caption, result.columns, result.rows)
    click.echo(f"{result.sentence}\n\nThe report: {result.report.resolve()}")


@main.command()
def sources() -> None:
    """List the source models."""
    from .sources import SOURCES

    columns = ["--source", "trained on", "features", "classes", "preprocessing", "licence of the weights"]
    rows = [[s.usage, s.trained_on, s.features, s.classes, s.preprocessing, s.licence] for s in SOURCES.values()]
    print_table("Source models; any torch.nn.Module too, through SourceModel.from_torch", columns, rows)


@main.command()
@WORKSPACE
@FOLDER
@click.option("--source", default="efficientnet_lite0", show_default=True, help="Source model; see `evenpick sources`.")
@click.option(
    "--reduced-jpeg", is_flag=True, help="Decode large JPEG files at a part of their size: faster, not quite the same."
)
@RAY
def embed(workspace: Path, folder: Path, source: str, reduced_jpeg: bool, ray: str | None) -> None:
    """Look at every image of FOLDER with a source model (the long part; can be stopped and run again)."""
    from dataclasses import replace

    from .sources import SourceModel

    model = SourceModel.load(source)
    if reduced_jpeg:
        model = replace(model, preprocessing=replace(model.preprocessing, reduced_jpeg=True))
    with _run_on(ray, folder) as run:
        pool = embed_with_bar(workspace, folder, model, run).pool
    click.echo(f"{len(pool):,} images in the pool of '{workspace}'.")


@main.command()
@WORKSPACE
@JSON
def diagnose(workspace: Path, as_json: bool) -> None:
    """Say how well the source model knows these images, and which methods follow from it."""
    from .reports import diagnose as look

    found = look(workspace)
    if as_json:
        print_json(found.facts)
        return
    print_table("What the source model knows of these images", ["measure", "value"], found.rows)
    click.echo(f"{found.advice.finding}\n\n{found.advice.method}")


@main.command()
@WORKSPACE
@BUDGET
@ACQUISITION
@SEED
@click.option("--out", type=FILE, help="CSV to write; by default selection.csv in the workspace.")
@RAY
def select(workspace: Path, budget: int, acquisition: str, seed: int, out: Path | None, ray: str | None) -> None:
    """Choose the images to label, once for the whole budget, as a CSV to fill in."""
    from .acquisition import select_more
    from .labels import DEFAULTS, LabelStore, recorded_labels, write_selection
    from .pool import Pool

    pool, file = Pool.open(workspace), out or Paths(workspace).selection
    if file.exists():
        raise EvenpickError(f"'{file}' exists and may hold your labels; import or move it first, or say --out")
    answered = recorded_labels(workspace, pool).answered
    with _acquisition_on(ray, acquisition, workspace) as choose:
        order = select_more(pool, answered, budget, choose, seed)
    if not len(answered):
        own = {"budget": budget, "acquisition": acquisition, "random_state": seed}
        with LabelStore(workspace) as store:
            store.store_settings({**DEFAULTS, **own, "evenpick": __version__})
    write_selection(file, pool, order)
    click.echo(
        f"{budget} images to label, first choice first: '{file}'.\n"
        f"Fill in its label column, then: evenpick import {workspace} {file}"
    )


@main.command(name="import")
@WORKSPACE
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--annotator", default="imported", show_default=True, help="Who gave these labels, if FILE does not say.")
@SPLIT
def import_(workspace: Path, file: Path, annotator: str, split: str | None) -> None:
    """Take labels from FILE: a CSV, an export of Label Studio or a folder.

    A CSV has the columns image and label; Label Studio exports JSON or JSON-MIN; a folder has a folder of
    images for each class.
    """
    from .labels import import_file

    click.echo(import_file(workspace, file, annotator, split))


@main.command()
@WORKSPACE
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(["csv", "folder", "label-studio", "onnx"]),
    default="csv",
    show_default=True,
    help="A table, a folder of images for each class, tasks as JSON with the labelling config beside them, or the trained classifier.",
)
@click.option("--image-url", metavar="PREFIX", help="label-studio: what comes before the image's path in its address.")
@click.option("--class", "classes", multiple=True, metavar="NAME", help="label-studio: a class not found yet; repeat.")
@click.option("--budget", type=click.IntRange(min=1), help="label-studio: labels in all; by default as recorded.")
@click.option("--acquisition", help="label-studio: how to choose; by default as recorded, or auto.")
@click.option("--seed", type=click.IntRange(min=0), help="label-studio: by default as recorded, or 0.")
def export(
    workspace: Path, file: Path, to: str, image_url: str | None, classes: tuple[str, ...], budget: int | None,
    acquisition: str | None, seed: int | None,
) -> None:  # fmt: skip
    """Write the labels to FILE, as CSV, a folder `class/image` or tasks for Label Studio; or the classifier as ONNX."""
    from .labels import export_file
    from .training import export_classifier

    if to == "onnx":
        click.echo(export_classifier(workspace, file))
        return

    settings = {"budget": budget, "acquisition": acquisition, "random_state": seed}
    click.echo(export_file(workspace, file, to, settings, image_url, classes))


@main.command()
@WORKSPACE
@click.option("--budget", type=int, help="How many labels you can pay for; needed the first time.")
@click.option("--acquisition", help="How to choose, see docs/methods.md; by default auto.")
@click.option("--balancing", help="auto, ratio_max, diff_min or none; by default auto.")
@click.option(
    "--patience", type=int, help="ratio_max, diff_min: misses before a class is passed over; by default 0, never."
)
@click.option("--seed", type=click.IntRange(min=0), help="Same seed and same answers, same questions.")
@click.option("--annotator", help="Who labels, unless the page is told another name; by default your login.")
@click.option("--repeat", type=int, default=1, show_default=True, help="People asked for each image.")
@click.option("--show-target", is_flag=True, help="Tell which class an image was asked for.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; others need a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--token", help="What visitors must know; drawn when --host is not this machine.")
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@click.option("--restart", is_flag=True, help="Begin again; the old labels are kept aside.")
def label(
    workspace: Path, budget: int | None, acquisition: str | None, balancing: str | None, patience: int | None,
    seed: int | None, annotator: str | None, repeat: int, show_target: bool, host: str, port: int,
    token: str | None, no_browser: bool, restart: bool,
) -> None:  # fmt: skip
    """Label in the browser what evenpick asks for, alone or together; go on any time."""
    from .labels import set_aside
    from .pool import Pool
    from .web import serve

    pool = Pool.open(workspace)
    if restart and (kept := set_aside(workspace)):
        click.echo(f"The old labels are kept in '{kept}'.")
    chosen = {"acquisition": acquisition, "patience": patience, "random_state": seed}
    if balancing is not None:
        chosen["balancing"] = None if balancing == "none" else balancing
    click.echo(f"Choosing among {len(pool):,} images; of many the first choice takes seconds ...", err=True)
    serve(
        workspace, pool, budget, annotator=annotator or _login(), host=host, port=port, token=token,
        show_target=show_target, repeat=repeat, open_browser=not no_browser, announce=click.echo, **chosen,
    )  # fmt: skip


@main.command()
@WORKSPACE
@click.option("--labels", type=FILE, required=True, help="CSV with the true class of every image.")
@SPLIT
@BUDGET
@ACQUISITION
@click.option("--balancing", default="auto", show_default=True, help="auto, ratio_max, diff_min or none.")
@click.option(
    "--patience",
    type=int,
    default=0,
    show_default=True,
    help="ratio_max, diff_min: misses before a class is passed over.",
)
@SEED
@click.option("--restart", is_flag=True, help="Begin again; the old labels are kept aside.")
def simulate(
    workspace: Path, labels: Path, split: str | None, budget: int, acquisition: str, balancing: str,
    patience: int, seed: int, restart: bool,
) -> None:  # fmt: skip
    """Let known labels answer instead of a person, and record the answers."""
    from .labels import read_labels, set_aside
    from .pool import Pool, read_skipped
    from .session import RecordedSession, Session, answer_all, result_of

    pool = Pool.open(workspace)
    table = read_labels(labels, pool.image_ids, read_skipped(workspace), split)
    if not table.labels:
        raise EvenpickError(f"'{labels}' labels no image of the pool{f' in split {split!r}' if split else ''}")
    options: dict[str, Any] = {
        "acquisition": acquisition, "patience": patience, "random_state": seed,
        "balancing": None if balancing == "none" else balancing,
    }  # fmt: skip
    if restart:
        Session(pool, budget, **options)  # a wrong option is refused before anything is moved
        if kept := set_aside(workspace):
            click.echo(f"The old labels are kept in '{kept}'.")
    with RecordedSession(workspace, pool, budget, "oracle", **options) as session:
        answer_all(session, lambda index: table.labels.get(pool.image_ids[index]))
        click.echo(_simulated(result_of(session.session), Counter(table.labels.values())))


@main.command()
@WORKSPACE
@JSON
def status(workspace: Path, as_json: bool) -> None:
    """Say where labelling stands, what accuracy to expect, and what more labels would buy."""
    from .reports import rows_of
    from .reports import workspace_status as look

    facts = look(workspace)
    if as_json:
        print_json(facts)
        return
    print_table(f"{workspace}: {facts['images']:,} images; intervals of 90 %", ["measure", "value"], rows_of(facts))
    click.echo("\n\n".join(facts["outlook"]))


for command in (train, evaluate, predict, report, benchmark):
    main.add_command(command)


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container need not know who it runs as
        return "annotator"


def _run_on(ray: str | None, needed: Path) -> AbstractContextManager[Run]:
    """What spreads the work: threads here, or tasks on a Ray cluster that sees the folder."""
    if ray is None:
        return nullcontext(map_in_threads)
    from .ray_cluster import on_ray

    return on_ray(ray, needed)


def _acquisition_on(
    ray: str | None, acquisition: str, workspace: Path
) -> AbstractContextManager["str | AcquisitionFunction"]:
    if ray is None:
        return nullcontext(acquisition)
    from .ray_cluster import acquisition_on_ray

    return acquisition_on_ray(acquisition, ray, workspace)


def _simulated(result: Any, truth: Counter[str]) -> str:
    from .metrics import class_counts, imbalance_ratio

    counts = class_counts(result.labels, sorted(truth))
    asked = [target == label for target, label in zip(result.targets, result.labels, strict=True) if target]
    lines = [
        f"{len(result.labels)} labels, {len(set(result.labels))} of {len(truth)} classes found, "
        f"imbalance ratio {imbalance_ratio(counts):.2f}."
    ]
    if result.switch_at is not None:
        hits = f"; the class asked for came {sum(asked)} times of {len(asked)}" if asked else ""
        lines.append(f"Balancing began after {result.switch_at} labels{hits}.")
    return "\n".join(lines)
