"""Progress bars: in a terminal and in a notebook, and none elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from .machine import Progress
from .notebook import in_notebook

if TYPE_CHECKING:
    from rich.progress import Task

Move: TypeAlias = Callable[..., None]  # (done, total[, loss])
Begin: TypeAlias = Callable[[str, str], Move]  # what, unit
Named: TypeAlias = Callable[[str, int, int], None]  # (name, done, total): a bar a name
_AT_MOST_EVERY = 0.25  # seconds between two looks of a bar in a notebook


@contextmanager
def progress_bars() -> Iterator[Begin]:
    """Progress bars with rate and time left: begin(what, unit) gives the function (done, total[, loss]) of one."""
    if in_notebook():
        yield _in_a_notebook
        return
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda what, unit: lambda done, total, loss=None: None
        return
    with _in_a_terminal(console) as begin:
        yield begin


@contextmanager
def bar(given: Progress | None, what: str, unit: str) -> Iterator[Progress]:
    """What a caller gave, or else a bar of its own."""
    if given is not None:
        yield given
        return
    with progress_bars() as begin:
        yield begin(what, unit)


@contextmanager
def named_bars(given: Named | None, unit: str) -> Iterator[Named]:
    """The same for steps of several names."""
    if given is not None:
        yield given
        return
    with progress_bars() as begin:
        yield by_name(begin, unit)


def by_name(begin: Begin, unit: str) -> Named:
    """A bar for each name, begun with its first step."""
    bars: dict[str, Move] = {}

    def move(name: str, done: int, total: int) -> None:
        if name not in bars or not done:
            bars[name] = begin(name, unit)
        bars[name](done, total)

    return move


def _in_a_notebook(what: str, unit: str) -> Move:
    from IPython.display import HTML, display

    began, shown = time.monotonic(), 0.0
    handle: Any = None

    def move(done: int, total: int, loss: float | None = None) -> None:
        nonlocal handle, shown
        now = time.monotonic()
        if not total or (handle is not None and done < total and now - shown < _AT_MOST_EVERY):
            return
        rate = f", {done / (now - began):.1f} {unit}/s" if now - began > 0.5 else ""
        words = escape(f"{what} {done:,}/{total:,}{rate}{'' if loss is None else f', loss {loss:.2f}'}")
        look = HTML(f'<progress value="{done}" max="{total}" aria-label="{escape(what)}"></progress> {words}')
        shown = now
        if handle is None:
            handle = display(look, display_id=True)
        else:
            handle.update(look)

    return move


@contextmanager
def _in_a_terminal(console: Any) -> Iterator[Begin]:
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Rate(ProgressColumn):
        """Steps a second since the bar began to move, and the loss where there is one."""

        def render(self, task: "Task") -> Text:
            seconds, loss = task.elapsed or 0, task.fields["loss"]
            rate = f"{task.completed / seconds:.1f} {task.fields['unit']}/s" if seconds > 0.5 else ""
            return Text(rate if loss is None else f"{rate}, loss {loss:.2f}")

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn()
    with Bars(*columns, console=console, speed_estimate_period=600) as bars:  # a step may take minutes

        def begin(what: str, unit: str) -> Move:
            task = bars.add_task(what, total=None, visible=False, start=False, unit=unit, loss=None)

            def move(done: int, total: int, loss: float | None = None) -> None:
                bars.start_task(task)  # its clock runs from the first move; once it runs, this changes nothing
                bars.update(task, completed=done, total=total, loss=loss, visible=total > 0)

            return move

        yield begin
