"""The commands that say where a workspace stands: status, report, and the demo, which shows everything."""

import shlex
from pathlib import Path

import click

from ..errors import EvenpickError
from ..progress import progress_bars
from .options import FILE, JSON, WORKSPACE
from .terminal import print_json, print_paragraphs, print_table


@click.command()
@WORKSPACE
@JSON
def status(workspace: Path, as_json: bool) -> None:
    """Say where labelling stands, what accuracy to expect, and what more labels would buy."""
    from ..workspace import Workspace

    found = Workspace(workspace).status()
    if as_json:
        print_json(found.facts)
        return
    click.echo(f"{found.next}\n")
    print_table(found.title, None, found.rows)
    print_paragraphs(found.sentences)


@click.command()
@WORKSPACE
@click.option("--title", help="What the page is called.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to, by default WORKSPACE/report."
)
@click.option("--data", type=FILE, help="Write the facts alone to this JSON file, for programs.")
def report(workspace: Path, title: str | None, out: Path | None, data: Path | None) -> None:
    """Write what was chosen, found and reached as one HTML page, JSON and CSV."""
    from ..workspace import Workspace

    if data:
        if title or out:
            raise EvenpickError("--data writes the facts alone: say it without --title and --out")
        click.echo(f"The facts: {Workspace(workspace).report_data(data).resolve()}")
        return
    click.echo(f"The report: {Workspace(workspace).report(title, out=out).resolve()}")


@click.command()
@click.argument("workspace", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option(
    "--set",
    "name",
    default="digits",
    show_default=True,
    help="digits: handwritten ones, most of them rare; elpv: solar cells, on which little helps (extra `demo`).",
)
def demo(workspace: Path | None, name: str) -> None:
    """Show everything on images that are there already; the workspace is by default evenpick-demo."""
    from ..demo import run_demo

    workspace = workspace or Path("evenpick-demo" if name == "digits" else f"evenpick-demo-{name}")
    with progress_bars() as begin:
        result = run_demo(workspace, begin("embedding", "images"), begin("simulating", "runs"), name)
    print_table(result.methods.caption, result.methods.columns, result.methods.rows)
    print_table(result.classes.caption, result.classes.columns, result.classes.rows)
    click.echo(
        f"{result.sentence}\n\n"
        f"The first of the runs of auto in pictures, to open in a browser:\n  {result.report.resolve().as_uri()}\n"
        "Label the same images yourself, in a workspace of your own:\n"
        + label_yourself(workspace, result.photographs, result.budget)
    )


def label_yourself(workspace: Path, photographs: Path, budget: int) -> str:
    """The two commands with which somebody labels what the demo let an oracle label."""
    nearby = photographs.relative_to(Path.cwd()) if photographs.is_relative_to(Path.cwd()) else photographs
    own, here = (shlex.quote(str(path)) for path in (f"{workspace}-mine", nearby))
    return f"  evenpick embed {own} {here} --group-by none\n  evenpick label {own} --budget {budget}"
