"""How objects show themselves in a notebook: a small table and a few pictures, as HTML without a script.

Colours are the notebook's own, so that it reads in dark themes too.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

PICTURES = 12  # at most, each of a few kilobytes
CLASSES = 12  # rows of a table by class
_CELL = "text-align:left;vertical-align:top;padding:.1em 1em .1em 0;color:inherit;background:none"
_PICTURE = "display:block;width:88px;height:66px;object-fit:contain;margin:0"
_CAPTION = "width:88px;font-size:.75em;line-height:1.2;overflow:hidden;text-overflow:ellipsis;white-space:nowrap"


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def html_table(title: str, rows: Iterable[Sequence[object]], columns: Sequence[str] = ()) -> str:
    """A title, and rows below it; everything is text, and escaped."""
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(name)}</th>' for name in columns)
    cells = ([f'<td style="{_CELL}">{escape(str(cell))}</td>' for cell in row] for row in rows)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    thead = f"<thead><tr>{head}</tr></thead>" if columns else ""
    table = (
        f'<table style="border-collapse:collapse;margin:.3em 0">{thead}<tbody>{body}</tbody></table>' if body else ""
    )
    named = f"<strong>{escape(title)}</strong>" if title else ""
    return f"<div>{named}{table}</div>"


def html_sentences(sentences: Iterable[str]) -> str:
    """Sentences, a paragraph each."""
    return "".join(f'<p style="margin:.3em 0;max-width:46em">{escape(sentence)}</p>' for sentence in sentences)


def by_class(counts: Mapping[Any, int]) -> list[tuple[str, str]]:
    """The most frequent classes, and how many others there are."""
    most = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
    rows = [(str(name), f"{n:,}") for name, n in most[:CLASSES]]
    if others := most[CLASSES:]:
        rows.append((f"{len(others)} other classes", f"{sum(n for _, n in others):,}"))
    return rows


def html_pictures(pictures: Iterable[tuple[str, str | None]]) -> str:
    """Pictures side by side: a caption each, and the picture as a data address; None where it cannot be shown."""
    figures = []
    for caption, address in pictures:
        shown = f'<img src="{address}" alt="" style="{_PICTURE}">' if address else f'<div style="{_PICTURE}"></div>'
        words = escape(caption, quote=True)
        figures.append(
            f'<figure style="margin:0 .5em .5em 0">{shown}<figcaption title="{words}" style="{_CAPTION}">{words}</figcaption></figure>'
        )
    return f'<div style="display:flex;flex-wrap:wrap;margin:.3em 0">{"".join(figures)}</div>' if figures else ""
