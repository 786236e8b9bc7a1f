"""Arguments and options that several commands share, and embedding as they show it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..machine import Run, map_in_threads
from ..paths import Paths
from .terminal import progress_bars

if TYPE_CHECKING:
    from ..pool import Embedded
    from ..sources import SourceModel

WORKSPACE = click.argument("workspace", type=click.Path(path_type=Path, file_okay=False))
FOLDER = click.argument("folder", type=click.Path(path_type=Path))
FILE = click.Path(path_type=Path, dir_okay=False)
SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same answer.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
SPLIT = click.option("--split", help="Take only the rows whose `split` column says this.")
BUDGET = click.option("--budget", type=int, required=True, help="How many labels you can pay for.")
ACQUISITION = click.option(
    "--acquisition", default="auto", show_default=True, help="How to choose; see docs/methods.md."
)
RAY = click.option(
    "--ray",
    metavar="ADDRESS",
    help="Work on the Ray cluster at HOST:PORT, or on one begun here for `local`; see docs/large-pools.md.",
)


def embed_with_bar(workspace: Path, folder: Path, source: "SourceModel", run: Run = map_in_threads) -> "Embedded":
    """Embed with a progress bar; say what was left out."""
    from ..pool import embed as embed_folder

    with progress_bars() as begin:
        result = embed_folder(workspace, folder, source, begin("embedding", "images"), run=run)
    if result.skipped:
        click.echo(f"{len(result.skipped)} images were left out, see '{Paths(workspace).skipped}':")
        for image_id, reason in result.skipped[:5]:
            click.echo(f"  {image_id!r}: {reason}")
        if len(result.skipped) > 5:
            click.echo(f"  and {len(result.skipped) - 5} more")
    return result
