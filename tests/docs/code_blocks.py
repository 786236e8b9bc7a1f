"""The code blocks of a page of the documentation, and how each is tried."""

import csv
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import click
from click.testing import CliRunner

from evenpick.cli import main

PEOPLE_ANSWER = {"label", "review", "audit"}
FILES = {"cp": shutil.copy, "mv": shutil.move}
MOST = 60  # answers; the folder of the examples has 64 photographs
OUTPUT = {"text", "csv", "json", "nginx", "caddy"}  # what is shown, not run


@dataclass(frozen=True)
class Block:
    """What stands between two fences, and the comment above them."""

    language: str
    text: str
    comment: str

    @property
    def not_run(self) -> bool:
        return self.comment.startswith("not run: ")


def blocks_of(page: str) -> list[Block]:
    fenced = r"^(?:<!-- ([^\n]*?) -->\n)?```([\w-]*)\n(.*?)^```$"
    return [Block(match[2], match[3], match[1] or "") for match in re.finditer(fenced, page, re.MULTILINE | re.DOTALL)]


def beginning_of(page: str) -> str:
    """What is there before the first block of a page: in a comment, as readers need not see it."""
    said = re.search(r"^<!-- begins with: (\w+) -->$", page, re.MULTILINE)
    return said[1] if said else "photos"


def try_shell(block: Block) -> str:
    """Run each line where we are; what was printed. People are played by the true labels."""
    said = []
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words or (block.not_run and words[0] != "evenpick"):
            continue
        if words[0] == "evenpick":
            parse(words[1:])
            if not block.not_run:
                said.append(_run(words[1:]))
        elif words[:2] != ["pip", "install"]:
            FILES[words[0]](*words[1:])
    return "".join(said)


def parse(arguments: list[str]) -> None:
    """Refuse a command or an option that does not exist, and run nothing."""
    group = click.Context(main, info_name="evenpick")
    _, command, rest = main.resolve_command(group, list(arguments))
    if isinstance(command, click.Group):
        _, command, rest = command.resolve_command(group, rest)
    assert command
    if "--help" not in rest:
        command.make_context(command.name, list(rest), parent=group)


def _run(arguments: list[str]) -> str:
    if arguments[0] in PEOPLE_ANSWER:
        if "--budget" not in arguments:
            return ""
        budget = str(min(int(arguments[arguments.index("--budget") + 1]), MOST))
        arguments = ["simulate", arguments[1], "--labels", "truth.csv", "--budget", budget]
    result = CliRunner(catch_exceptions=False).invoke(main, arguments)
    assert result.exit_code == 0, f"evenpick {shlex.join(arguments)}: {result.output}"
    if arguments[0] == "select" and "--out" not in arguments:
        _fill_in(Path(arguments[1]) / "selection.csv")
    return result.output


def _fill_in(selection: Path) -> None:
    with Path("truth.csv").open(newline="") as file:
        truth = dict(list(csv.reader(file))[1:])
    with selection.open(newline="") as file:
        head, *rows = csv.reader(file)
    with selection.open("w", newline="") as file:
        csv.writer(file).writerows([head, *([row[0], truth[row[0]]] for row in rows)])
