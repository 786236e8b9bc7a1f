"""The commands that choose images and take labels: select, label, import, export, simulate."""

from pathlib import Path
from typing import Any

import click

from .options import ACQUISITION, AUDIT, BUDGET, FILE, ONE_BY_ONE, PAGE, RAY, SEED, SPLIT, WORKSPACE


@click.command()
@WORKSPACE
@BUDGET
@ACQUISITION
@SEED
@click.option(
    "--out",
    type=FILE,
    help="CSV to write; by default selection.csv in the workspace, and then `label` goes on like this.",
)
@RAY
def select(workspace: Path, budget: int, acquisition: str, seed: int, out: Path | None, ray: str | None) -> None:
    """Choose the images to label, once for the whole budget, as a CSV to fill in."""
    from ..workspace import Workspace

    selection = Workspace(workspace).select(budget, acquisition, seed, out=out, ray=ray)
    click.echo(f"{selection}.\nFill in its label column, then: evenpick import {workspace} {selection.file}")


@click.command(name="import")
@WORKSPACE
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--annotator", default="imported", show_default=True, help="Who gave these labels, if FILE does not say.")
@SPLIT
@click.option("--image-column", metavar="NAME", help="The column that names the image.")
@click.option("--label-column", metavar="NAME", help="The column that holds the label.")
@click.option("--skip-unknown", is_flag=True, help="Pass over images that are not in the pool.")
@click.option("--replace", is_flag=True, help="Labels of FILE take the place of others.")
@click.option("--one-spelling", is_flag=True, help="Classes that differ only in case, blanks or punctuation are one.")
@click.option("--undo", is_flag=True, help="Take back the last import as a whole.")
def import_(
    workspace: Path, file: Path | None, annotator: str, split: str | None, image_column: str | None,
    label_column: str | None, skip_unknown: bool, replace: bool, one_spelling: bool, undo: bool,
) -> None:  # fmt: skip
    """Take labels from FILE: a CSV, an export of Label Studio or a folder.

    A CSV has the columns image and label; tables of Wildlife Insights, Timelapse, Camtrap DP and iNaturalist are
    known by theirs. Label Studio exports JSON, JSON-MIN or CSV. A folder has a folder of images for each class, also
    below train and val.
    """
    from ..workspace import Workspace

    work = Workspace(workspace)
    if undo == (file is not None):
        raise click.UsageError("name a FILE to import, or say --undo; one of the two")
    if file is None:
        click.echo(work.undo_import())
        return
    taken = work.import_labels(
        file, annotator, split, image_column=image_column, label_column=label_column, skip_unknown=skip_unknown,
        replace=replace, one_spelling=one_spelling,
    )  # fmt: skip
    click.echo(taken)


@click.command()
@WORKSPACE
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(["csv", "folder", "label-studio", "coco", "megadetector", "camtrap-dp", "onnx"]),
    default="csv",
    show_default=True,
    help="A table, a folder of images for each class, tasks as JSON with the labelling config beside them, "
    "the boxes as COCO, in MegaDetector's output or as observations of Camtrap DP, or the trained classifier.",
)
@click.option("--image-url", metavar="PREFIX", help="label-studio: what comes before the image's path in its address.")
@click.option("--class", "classes", multiple=True, metavar="NAME", help="label-studio: a class not found yet; repeat.")
@click.option("--budget", type=click.IntRange(min=1), help="label-studio: labels in all; by default as recorded.")
@click.option("--acquisition", help="label-studio: how to choose; by default as recorded, or auto.")
@click.option("--seed", type=click.IntRange(min=0), help="label-studio: by default as recorded, or 0. --split: 0.")
@click.option(
    "--split",
    metavar="70/15/15",
    help="csv, folder: percentages of train, val and test (or of train and test); no group is divided.",
)
def export(
    workspace: Path, file: Path, to: str, image_url: str | None, classes: tuple[str, ...], budget: int | None,
    acquisition: str | None, seed: int | None, split: str | None,
) -> None:  # fmt: skip
    """Write the labels to FILE, as CSV, a folder `class/image` or tasks for Label Studio; or the classifier as ONNX."""
    from ..workspace import Workspace

    settings = {"budget": budget, "acquisition": acquisition, "random_state": seed, "split": split}
    click.echo(Workspace(workspace).export(file, to, image_url=image_url, classes=classes, **settings))


@click.command()
@WORKSPACE
@click.option(
    "--budget", type=int, help="Labels in all, imported ones too; needed the first time, unless `select` was told it."
)
@click.option("--acquisition", help="How to choose, see docs/methods.md; by default as `select` was told, or auto.")
@click.option("--balancing", help="auto, ratio_max, diff_min or none; by default auto.")
@click.option(
    "--patience", type=int, help="ratio_max, diff_min: misses before a class is passed over; by default 0, never."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Same seed and same answers, same questions; by default as `select` was told, or 0.",
)
@ONE_BY_ONE
@AUDIT
@click.option("--annotator", help="Who labels, unless the page is told another name; by default your login.")
@click.option("--repeat", type=int, default=1, show_default=True, help="People asked for each image.")
@click.option("--classes", type=FILE, help="Classes known beforehand: a name a line, or a CSV: name,key,note,example.")
@click.option("--closed", is_flag=True, help="There are no other classes than those of --classes.")
@click.option("--no-guesses", is_flag=True, help="Offer no guesses of the class.")
@click.option("--show-target", is_flag=True, help="Tell which class an image was asked for.")
@PAGE
@click.option("--restart", is_flag=True, help="Begin again; the old labels are kept aside.")
def label(
    workspace: Path, budget: int | None, acquisition: str | None, balancing: str | None, patience: int | None,
    seed: int | None, annotator: str | None, repeat: int, show_target: bool, host: str, port: int,
    token: str | None, url: str | None, no_browser: bool, restart: bool, classes: Path | None, closed: bool,
    one_by_one: bool, audit: float | None, no_guesses: bool,
) -> None:  # fmt: skip
    """Label in the browser what evenpick asks for, alone or together; go on any time."""
    from ..web import serve  # noqa: F401 (a missing extra is told before anything else)
    from ..workspace import Workspace

    chosen: dict[str, Any] = {"acquisition": acquisition, "patience": patience, "random_state": seed, "audit": audit}
    if one_by_one:
        chosen["one_by_one"] = True
    if balancing is not None:
        chosen["balancing"] = None if balancing == "none" else balancing
    Workspace(workspace).label(
        budget, annotator=annotator, restart=restart, announce=click.echo, repeat=repeat, show_target=show_target,
        host=host, port=port, token=token, url=url, open_browser=not no_browser, classes=classes, closed=closed,
        guesses=not no_guesses, **chosen,
    )  # fmt: skip


@click.command()
@WORKSPACE
@click.option("--labels", type=click.IntRange(min=0), required=True, help="Audit labels in all.")
@click.option("--annotator", help="Who labels, unless the page is told another name; by default your login.")
@click.option("--repeat", type=int, default=1, show_default=True, help="People asked for each image.")
@PAGE
def audit(workspace: Path, labels: int, no_browser: bool, **options: Any) -> None:
    """Label images drawn at random, which tell an accuracy that holds; as many as are still missing from --labels.

    Run again, it goes on; `label` asks for them first, too. A smaller number ends it.
    """
    from ..web import serve  # noqa: F401 (a missing extra is told before anything else)
    from ..workspace import Workspace

    Workspace(workspace).audit(labels, announce=click.echo, open_browser=not no_browser, **options)


@click.command()
@WORKSPACE
@click.option("--annotator", help="Who changes answers, unless the page is told another name; by default your login.")
@PAGE
def review(workspace: Path, no_browser: bool, **options: Any) -> None:
    """Look through the answers in the browser: change, merge, split and rename; all of it can be undone."""
    from ..web import serve  # noqa: F401 (a missing extra is told before anything else)
    from ..workspace import Workspace

    Workspace(workspace).review(announce=click.echo, open_browser=not no_browser, **options)


@click.command()
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
@ONE_BY_ONE
@AUDIT
@click.option("--restart", is_flag=True, help="Begin again; the old labels are kept aside.")
def simulate(
    workspace: Path, labels: Path, split: str | None, budget: int, acquisition: str, balancing: str,
    patience: int, seed: int, restart: bool, one_by_one: bool, audit: float | None,
) -> None:  # fmt: skip
    """Let known labels answer instead of a person, and record the answers."""
    from ..workspace import Workspace

    done = Workspace(workspace).simulate(
        labels, budget, split=split, restart=restart, acquisition=acquisition, patience=patience, random_state=seed,
        balancing=None if balancing == "none" else balancing, one_by_one=one_by_one, audit=audit,
        announce=click.echo,
    )  # fmt: skip
    click.echo(done)


@click.command()
@WORKSPACE
@click.argument("file", type=click.Path(path_type=Path))
def backup(workspace: Path, file: Path) -> None:
    """Copy the record of labels to FILE, also while people label; an earlier backup is replaced.

    To go back, stop the page and put FILE in place of labels.sqlite in the workspace.
    """
    from ..workspace import Workspace

    n = Workspace(workspace).backup(file)
    click.echo(f"{n} answers, undos and renames in '{file}'.")
