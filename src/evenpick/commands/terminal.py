"""What the command line shows: tables, JSON, and images that were left out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..counting import counted

if TYPE_CHECKING:
    from rich.console import Console


def print_json(facts: dict[str, Any]) -> None:
    """Facts as indented JSON."""
    import json

    click.echo(json.dumps(facts, indent=1))


def print_table(title: str, columns: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> None:
    """Rows of text under their columns; names and values, where there are no columns."""
    from rich.box import HEAVY_HEAD, ROUNDED
    from rich.table import Table

    table = Table(box=HEAVY_HEAD if columns else ROUNDED, show_header=columns is not None)
    for column in columns or ("", ""):
        table.add_column(column, overflow="fold")  # a name that is longer is told whole
    for row in rows:
        table.add_row(*row)
    print_paragraphs([title], after="")
    _console().print(table)


def print_paragraphs(sentences: Sequence[str], after: str = "\n") -> None:
    """Sentences with an empty line between them, broken between words where somebody reads them in a terminal."""
    console = _console()
    for sentence in sentences:
        console.print(sentence + after, soft_wrap=not console.is_terminal)


def print_left_out(
    left_out: Sequence[tuple[str, str]],
    one: str = "image was left out",
    several: str = "images were left out",
    see: Path | None = None,
) -> None:
    """The first images that were left out, and why; those of a kind that is not read as one line of counts."""
    from ..images import NOT_READ

    if not left_out:
        return
    where = f", see '{see}'" if see else ""
    click.echo(f"{counted(len(left_out), one, several)}{where}:")
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


def _console() -> "Console":
    """One that prints names as they are: what stands in brackets or between colons is no mark."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)
