"""Names of sources as people type them: `KIND` or `KIND:ARGUMENT`, and several with + between."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import EvenpickError
from .table import SOURCES

# Paths and addresses may hold a + themselves. Within one, a + divides only where the name of a kind follows it.
_BETWEEN = re.compile(rf"\+(?=(?:{'|'.join(SOURCES)})(?:[:+]|$))")


def names_in(name: str) -> list[str]:
    """The names of the sources that stand side by side; a name of one alone is the only one.

    `a+onnx:c++/net.onnx` are two: a + divides all that has no colon before it, and else where a kind of source follows.
    """
    found: list[str] = []
    for part in _BETWEEN.split(name):
        kinds, colon, argument = part.partition(":")
        *before, last = kinds.split("+")
        found += [*before, last + colon + argument]
    return found


def joined(names: Sequence[str]) -> str:
    """One name for all.

    Raises
    ------
    EvenpickError
        If they could not be told apart in it.
    """
    together = "+".join(names)
    if names_in(together) != [*names]:
        wrong = next((name for name in names if len(names_in(name)) > 1), names[0])
        raise EvenpickError(
            f"source '{wrong}' has a + in its name that would be taken for the beginning of another one: give it or its file "
            "another name"
        )
    return together


def without_folders(name: str) -> str:
    """The name as reports and results state it: of a file only its last part, of an address all."""

    def short(one: str) -> str:
        kind, colon, argument = one.partition(":")
        return one if "://" in argument or kind in ("timm", "hf") else f"{kind}{colon}{Path(argument).name}"

    return "+".join(map(short, names_in(name)))
