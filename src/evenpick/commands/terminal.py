"""What the command line shows: tables, JSON and progress bars."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click


def print_json(facts: dict[str, Any]) -> None:
    """Facts as indented JSON."""
    import json

    click.echo(json.dumps(facts, indent=1))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows of text under their columns."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, str], Callable[..., None]]]:
    """Progress bars with rate and time left: begin(what, unit) gives the function (done, total[, loss]) of one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=600) as bar:  # a step may take minutes

        def begin(what: str, unit: str) -> Callable[..., None]:
            task = bar.add_task(what, total=None, rate="", visible=False, start=False)
            started = 0.0

            def move(done: int, total: int, loss: float | None = None) -> None:
                nonlocal started
                if not started:
                    started = time.monotonic()
                    bar.start_task(task)  # the clock of a bar runs from its first move
                seconds = time.monotonic() - started
                rate = f"{done / seconds:.1f} {unit}/s" if seconds > 0.5 else ""
                rate += "" if loss is None else f", loss {loss:.2f}"
                bar.update(task, completed=done, total=total, rate=rate, visible=total > 0)

            return move

        yield begin
