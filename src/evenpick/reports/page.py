"""The page and the fragment, made of facts: one HTML file that needs nothing else and lets nothing else in."""

import base64
import hashlib
import shlex
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jinja2

from .pictures import Pictures
from .plots import charts_of
from .record_facts import choice_in_words

SHEET_PAGE = 200  # labelled images that are shown at once
FRAGMENT_CLASSES = 10
DOUBTS = 12  # of them, as pictures


def page_of(facts: Mapping[str, Any], pictures: Pictures, tested: Pictures) -> str:
    """The report; `tested` are the pictures of test images."""
    style, script = _colours() + _template_text("report.css"), _template_text("report.js")
    sheet = [{**row, "at": at, "picture": pictures.of(row["image"])} for at, row in enumerate(facts["labelled"], 1)]
    at_of = {row["image"]: row["at"] for row in sheet if row["picture"]}
    example_of = tested if (facts["confusions"] or {}).get("of_test_images") else pictures
    return _environment().get_template("report.html").render(
        facts,
        charts=charts_of(facts),
        choice=choice_in_words(facts["model"]) if facts["model"] else "",
        quoted_workspace=shlex.quote(facts["workspace"]),
        sheet_pages=[sheet[start : start + SHEET_PAGE] for start in range(0, len(sheet), SHEET_PAGE)],
        labelled_as=_first_of_each_class(facts["labelled"]),
        at_of=at_of,
        n_without_picture=pictures.n_left_out,
        picture=pictures.of,
        example=example_of.of,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        most_doubts=DOUBTS,
    )  # fmt: skip


def fragment_of(facts: Mapping[str, Any]) -> str:
    """The sentences, accuracies and classes for a notebook: styles that reach nothing else, and no script."""
    style = _colours().replace(":root", ".evenpick") + _template_text("report.css")
    return _environment().get_template("fragment.html").render(facts, style=style, most_classes=FRAGMENT_CLASSES)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evenpick.reports"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = lambda share, digits=0: "" if share is None else f"{share:.{digits}%}"
    return environment


def _first_of_each_class(labelled: list[dict[str, Any]], most: int = 4) -> dict[str, list[str]]:
    of: dict[str, list[str]] = {}
    for row in labelled:
        of.setdefault(row["label"], []).append(row["image"])
    return {name: images[:most] for name, images in of.items()}


def _colours() -> str:
    """Those of the labelling page, so that both look alike."""
    return (files("evenpick") / "web" / "static" / "colours.css").read_text(encoding="utf-8")


def _template_text(name: str) -> str:
    return (files("evenpick.reports") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names a style or script that it lets in."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
