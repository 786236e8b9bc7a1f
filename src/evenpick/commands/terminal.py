"""What the command line shows: tables, JSON, images that were left out, and progress bars."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Task


def print_json(facts: dict[str, Any]) -> None:
    """Facts as indented JSON."""
    import json

    click.echo(json.dumps(facts, indent=1))


def print_table(title: str, columns: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> None:
    """Rows of text under their columns; names and values, where there are no columns."""
    from rich.box import HEAVY_HEAD, ROUNDED
    from rich.console import Console
    from rich.table import Table

    table = Table(box=HEAVY_HEAD if columns else ROUNDED, show_header=columns is not None)
    for column in columns or ("", ""):
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    print_paragraphs([title], after="")
    Console().print(table)


def print_paragraphs(sentences: Sequence[str], after: str = "\n") -> None:
    """Sentences with an empty line between them, broken between words where somebody reads them in a terminal."""
    from rich.console import Console

    console = Console()
    for sentence in sentences:
        console.print(sentence + after, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def print_left_out(left_out: Sequence[tuple[str, str]], words: str = "images were left out") -> None:
    """The first images that were left out, and why; those of a kind that is not read as one line of counts."""
    from ..images import NOT_READ

    if not left_out:
        return
    click.echo(f"{len(left_out)} {words}:")
    kinds = Counter(reason for _, reason in left_out if reason.startswith(NOT_READ))
    if kinds:
        counts = (f"{count:,} {reason.removeprefix(NOT_READ)}" for reason, count in kinds.most_common())
        click.echo(f"  {NOT_READ}{', '.join(counts)}")
    others = [image for image in left_out if image[1] not in kinds]
    for image_id, reason in others[:5]:
        click.echo(f"  {image_id!r}: {reason}")
    if len(others) > 5:
        click.echo(f"  and {len(others) - 5} more")


def print_notes(notes: Mapping[str, str], file: Path) -> None:
    """What is to be said of images that were read: how many of each kind, in one line."""
    if not notes:
        return
    kinds = Counter(
        "have further pages, of which the first was read" if "pages" in note else f"were {note}"
        for note in notes.values()
    )
    click.echo(
        f"Of the images {', '.join(f'{count:,} {words}' for words, count in kinds.most_common())}; see '{file}'."
    )


@contextmanager
def progress_bars() -> Iterator[Callable[[str, str], Callable[..., None]]]:
    """Progress bars with rate and time left: begin(what, unit) gives the function (done, total[, loss]) of one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """Steps a second since the bar began to move, and the loss where there is one."""

        def render(self, task: "Task") -> Text:
            seconds, loss = task.elapsed or 0, task.fields["loss"]
            rate = f"{task.completed / seconds:.1f} {task.fields['unit']}/s" if seconds > 0.5 else ""
            return Text(rate if loss is None else f"{rate}, loss {loss:.2f}")

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=600) as bar:  # a step may take minutes

        def begin(what: str, unit: str) -> Callable[..., None]:
            task = bar.add_task(what, total=None, visible=False, start=False, unit=unit, loss=None)

            def move(done: int, total: int, loss: float | None = None) -> None:
                bar.start_task(task)  # its clock runs from the first move; once it runs, this changes nothing
                bar.update(task, completed=done, total=total, loss=loss, visible=total > 0)

            return move

        yield begin
