"""Names of sources as people type them: `KIND` or `KIND:ARGUMENT`, and several with + between."""

import re
from pathlib import Path

from .table import SOURCES

# Paths and addresses may hold a + themselves. Within one, a + divides only where the name of a kind follows it.
_BETWEEN = re.compile(rf"\+(?=(?:{'|'.join(SOURCES)})(?:[:+]|$))")


def names_in(name: str) -> list[str]:
    """The names of the sources that stand side by side; a name of one alone is the only one.

    `a+onnx:c++/net.onnx` are two: a + divides all that has no colon before it, and else where a kind of source follows. A
    file that is there under the whole name is one.
    """
    if "+" in name and _is_file(name.partition(":")[2]):
        return [name]
    found: list[str] = []
    for part in _BETWEEN.split(name):
        kinds, colon, argument = part.partition(":")
        *before, last = kinds.split("+")
        found += [*before, last + colon + argument]
    return found


def without_folders(name: str) -> str:
    """The name of one source as reports and results state it: of a file only its last part, of an address all."""
    kind, colon, argument = name.partition(":")
    return name if "://" in argument or kind in ("timm", "hf") else f"{kind}{colon}{Path(argument).name}"


def _is_file(path: str) -> bool:
    try:
        return bool(path) and Path(path).is_file()
    except OSError:  # longer than a path can be
        return False
