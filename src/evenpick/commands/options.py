"""Arguments and options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

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
BOXES = click.option(
    "--boxes", type=click.Path(path_type=Path), metavar="FILE", help="The boxes of FOLDER, for a classifier of boxes."
)
AUDIT = click.option(
    "--audit",
    type=click.FloatRange(0, 0.5),
    metavar="SHARE",
    help="Share of the labels that are about images drawn at random: they tell an accuracy that holds. By default 0.1 from a "
    "budget of 200 on, and 0 below it and with other balancing than auto.",
)
ONE_BY_ONE = click.option(
    "--one-by-one", is_flag=True, help="Ask for every image; by default one answer is for all images of a group."
)
_PAGE = [
    click.option(
        "--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 opens it to the network."
    ),
    click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one."),
    click.option("--token", help="What visitors must know; by default the workspace's own, drawn once."),
    click.option(
        "--url", help="Where people find the page, if a proxy stands before it: https://labels.example.org/label/"
    ),
    click.option("--no-browser", is_flag=True, help="Do not open the page."),
]


def PAGE(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where the page is served."""
    for option in reversed(_PAGE):
        command = option(command)
    return command
