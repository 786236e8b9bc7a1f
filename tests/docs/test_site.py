"""The pages read simply, and the site that they make asks for nothing from the network."""

import html.parser
import re
import subprocess
import sys
from pathlib import Path

import pytest

import evenpick

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TASKS = [
    "start", "labelling", "team", "many", "review", "report", "label-studio", "audit", "groups", "boxes", "sources", "several", "words", "import", "rare-class", "stop", "train", "python", "changing-folders",
    "upgrade", "trouble", "how", "measured",
]  # fmt: skip
MOST_WORDS, MEAN_SENTENCE = 1200, 18
PAGES = sorted(
    [
        *DOCS.glob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    ]
)


def prose(text: str) -> str:
    """Without code blocks and comments."""
    return re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL)


def words(text: str) -> int:
    return sum(bool(re.search("[A-Za-z]", word)) for word in prose(text).split())


def sentences(text: str) -> list[str]:
    """Those of paragraphs and lists, not of tables, titles and pictures."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"!\[[^\]]*\]\([^)]*\).*", "", prose(text)))
    lines = [re.sub(r"^\s*(\*|-|\d+\.) ", "\n", line) for line in text.splitlines() if not line.startswith(("|", "#"))]
    return [
        s for part in re.split(r"\n\s*\n", "\n".join(lines)) for s in re.split(r"[.?!](?=\s|$)", part) if words(s) > 1
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_is_long(page):
    assert words(page.read_text()) <= MOST_WORDS


@pytest.mark.parametrize("name", TASKS)
def test_the_sentences_of_a_task_are_short(name):
    found = sentences((DOCS / f"{name}.md").read_text())

    assert len(found) > 5
    assert sum(len(sentence.split()) for sentence in found) / len(found) < MEAN_SENTENCE


def test_sentences_and_words_are_counted_as_a_person_would():
    text = "# Title\n\nOne two three. Four, [five](six.md)\nseven!\n\n* Eight nine.\n\n| ten | 11 |\n|---|---|\n\n```shell\nnot this\n```\n"

    assert [s.split() for s in sentences(text)] == [
        ["One", "two", "three"],
        ["Four,", "five", "seven"],
        ["Eight", "nine"],
    ]
    assert words(text) == 10  # Title and ten are words, 11 is none


def test_every_public_name_is_in_the_python_reference():
    named = re.findall(r"^::: evenpick\.(?:\w+\.)*(\w+)$", (DOCS / "python-api.md").read_text(), re.MULTILINE)

    assert sorted([*named, "__version__"]) == sorted(evenpick.__all__)


class Asked(html.parser.HTMLParser):
    """What a browser fetches for a page by itself."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag in {"script", "img", "iframe", "source", "video"} or (tag == "link" and given.get("rel") != "canonical"):
            self.addresses.append(given.get("src") or given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built as `scripts/check` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.slow
def test_the_site_asks_for_nothing_outside(site):
    pages = [*site.rglob("*.html")]
    assert len(pages) > 40
    for page in pages:
        asked = Asked()
        asked.feed(page.read_text())
        assert len(asked.addresses) > 3
        assert [address for address in asked.addresses if re.match(r"(\w+:)?//", address)] == [], page
        assert 'class="mermaid"' not in page.read_text()  # which the theme would fetch a script for
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", style.read_text()), style


@pytest.mark.slow
def test_what_is_made_from_the_code_is_on_the_site(site):
    from evenpick.cli import main

    options, requests = ((site / "docs" / f"{name}.html").read_text() for name in ("options", "http-api"))
    assert [name for name in main.commands if f'id="{name}"' not in options] == []
    assert "--group-by" in options
    assert "POST /api/label" in requests


# The page of the Python API is too large for axe; it has the parts of the others.
MAIN = ["index", "docs/start", "docs/how", "docs/options", "docs/notebooks/from-a-folder", "docs/measured"]


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_main_pages(site, browser, scheme, width):
    from browsing import found_by_axe, see_as, tab_of_its_own, too_wide  # needs Selenium, as only this test does

    found = {}
    browser.set_script_timeout(120)
    with tab_of_its_own(browser):
        see_as(browser, width, 800, scheme)
        browser.get((site / "index.html").as_uri())
        browser.execute_script("localStorage.clear()")  # the scheme of the visit before
        for page in MAIN:
            browser.get((site / f"{page}.html").as_uri())
            browser.execute_async_script("setTimeout(arguments[0], 300)")
            found[page] = found_by_axe(browser) + too_wide(browser)

    assert {page: said for page, said in found.items() if said} == {}
