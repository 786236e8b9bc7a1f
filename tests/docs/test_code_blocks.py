"""Every code block of the documentation runs, and what it is said to print is what it prints."""

import re
from pathlib import Path

import pytest
from code_blocks import OUTPUT, beginning_of, blocks_of, try_shell

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md") if blocks_of(page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page):
    for block in blocks_of(page.read_text()):
        assert block.language in {"shell", "python", "mermaid", *OUTPUT}, block.text
    assert not re.search(r"\n\n    [^ *\n-]", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)), (
        "indented code"
    )


def without_numbers(text: str) -> list[str]:
    return [re.sub(r"[\d.,:%]+", "#", " ".join(line.split())) for line in text.splitlines() if line.strip()]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # what readers would see, too
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, begin):
    begin(beginning_of(page.read_text()))
    said, names = "", {"__name__": "documentation"}
    for block in blocks_of(page.read_text()):
        if block.comment.startswith("begins with: "):
            begin(block.comment.removeprefix("begins with: "))
        if block.language == "shell":
            said = try_shell(block)
        elif block.language == "python":
            code = compile(block.text, page.name, "exec")
            if not block.not_run:
                exec(code, names)
        elif block.comment == "printed":
            printed = without_numbers(said)
            assert [line for line in without_numbers(block.text) if line not in printed] == [], said
