"""The command line gathers the commands, and turns what a user can mend into one line."""

from typing import Any

import click

from ._version import __version__
from .commands import (
    audit,
    backup,
    benchmark,
    compare_sources,
    demo,
    diagnose,
    embed,
    evaluate,
    export,
    find,
    import_,
    label,
    predict,
    report,
    review,
    select,
    simulate,
    sources,
    status,
    train,
)
from .errors import NO_SPACE, EvenpickError
from .names import shown


class _Commands(click.Group):
    """Turns what a user can mend into one line; anything else keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EvenpickError as error:
            raise click.ClickException(shown(str(error))) from error
        except OSError as error:
            if error.filename is None and error.errno not in NO_SPACE:
                raise
            raise click.ClickException(shown(f"'{error.filename or 'the disk'}': {error.strerror}")) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, as they are defined


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="evenpick")
def main() -> None:
    """Choose which images to label first, when classes are imbalanced and there are no labels yet.

    A workspace is a folder of its own beside your images. Every command can be run again: done work is
    not done twice.
    """


COMMANDS: list[click.Command] = [
    demo, sources, embed, diagnose, find, select, import_, export, backup, label, audit, review, simulate, status, compare_sources, train, evaluate, predict, report,
    benchmark,
]  # fmt: skip
for _command in COMMANDS:
    main.add_command(_command)
