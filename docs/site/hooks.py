"""The tree of the site is that of the repository: a link between two pages is the same on both. And what is made from the code."""

import html
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
# What is a page, or is shown or linked to by one.
PARTS = [
    "*.md",
    "LICENSE",
    "pyproject.toml",
    "docs/*",
    "docs/images/*",
    "docs/notebooks/*",
    "docs/site/*",
    "benchmarks/*",
    "benchmarks/paper/**/*",
]
LEFT_OUT = {".jsonl", ".pyc"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Pages of benchmarks that `mkdocs.yml` does not name come last among them, under their own titles."""
    measured = next(part["Measured"] for part in config.nav if "Measured" in part)
    named = {path for entry in measured for path in entry.values()}
    pages = (f"benchmarks/{path.name}" for path in sorted(ROOT.glob("benchmarks/*.md")))
    measured.extend(path for path in pages if path not in named)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    paths = {path for part in PARTS for path in ROOT.glob(part) if path.is_file() and path.suffix not in LEFT_OUT}
    ours = [
        File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path))
        for path in sorted(paths - {Path(__file__)})
    ]
    folder = ROOT / "docs"
    themes = [file for file in files if not file.abs_src_path or not Path(file.abs_src_path).is_relative_to(folder)]
    notebooks = [
        File.generated(config, path.with_suffix(".md").relative_to(ROOT).as_posix(), content="\n".join(_notebook(path)))
        for path in sorted((folder / "notebooks").glob("*.ipynb"))
    ]
    return Files([*themes, *ours, *notebooks])


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """In place of a comment that says what is made from the code."""
    for name, made in (("options", _options), ("requests", _requests)):
        mark = f"<!-- made from the code: {name} -->"
        if mark in markdown:
            markdown = markdown.replace(mark, "\n".join(made()))
    return markdown.replace(".ipynb)", ".md)")  # a notebook is read on the page that is made of it


def _notebook(path: Path) -> Iterator[str]:
    """A notebook with its outputs as a page."""
    for cell in json.loads(path.read_text())["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield from (text, "")
            continue
        yield from ("```python", text, "```", "")
        for output in cell["outputs"]:
            if output["output_type"] == "stream":
                yield from ("```text", "".join(output["text"]).rstrip(), "```", "")
            elif page := "".join(output["data"].get("text/html", "")):
                yield from (f"<div>{page}</div>", "")
    yield f'<p><a href="{path.name}" download>The notebook itself</a></p>'


def _options() -> Iterator[str]:
    from evenpick.cli import main

    for name, command in main.commands.items():
        yield from _command(f"evenpick {name}", command)


def _command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (f"## {name.removeprefix('evenpick ')}", "", command.help or "", "", "```", f"{name} {usage}", "```", "")
    records = [
        (option.opts, option.get_help_record(context)) for option in command.params if isinstance(option, click.Option)
    ]
    if records:
        yield from ("| option | what |", "|---|---|")
    for opts, record in records:
        if record and "--help" not in opts:
            yield f"| {_code(record[0])} | {_cell(record[1])} |"
    yield ""
    for part, further in getattr(command, "commands", {}).items():
        yield from _command(f"{name} {part}", further)


def _requests() -> Iterator[str]:
    from evenpick.web.desk import Desk
    from evenpick.web.openapi import openapi

    public = [method for name, method in vars(Desk).items() if inspect.isfunction(method) and name[0] != "_"]
    posts = [method for method in public if "request" in get_type_hints(method)]
    described = openapi(posts, 1, has_token=True)
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield from (f"## {method.upper()} {path}", "", operation["summary"], "")
            if "requestBody" in operation:
                kind = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
                body = described["components"]["schemas"][kind]
                yield from ("| field | type | meaning |", "|---|---|---|")
                for field, what in body["properties"].items():
                    optional = "" if field in body["required"] else ", optional"
                    yield f"| `{field}` | {what.get('type', '')}{optional} | {_cell(what.get('description', ''))} |"
                yield ""
            said = "; ".join(
                f"`{status}` {answer['description'].rstrip('.')}" for status, answer in operation["responses"].items()
            )
            yield from (f"Answers: {said}", "")


def _code(text: str) -> str:
    return f"<code>{html.escape(text)}</code>".replace("|", "&#124;")


def _cell(text: str) -> str:
    plain = text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    return re.sub(r"docs/([\w-]+\.md)", r"[docs/\1](\1)", plain)
