"""What a user can cause, each as one clear line; the command line catches `EvenpickError` in one place."""

import errno
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from numbers import Integral

from .installing import install_command

# A full disk, a quota, a file-size limit.
NO_SPACE = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))

QUOTED, PATH_QUOTED = 100, 255  # characters of a file or of what was typed, and of a path, in a message


class EvenpickError(Exception):
    """Something a user can mend: bad input, a missing file, a full disk."""


class MissingExtraError(EvenpickError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra that is not installed: {install_command(extra)}")


def cut(text: str) -> str:
    """As much of a text as belongs in a message, which what stands in a file may be far too long for."""
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}..."


def cut_path(path: str) -> str:
    """The end of a path, which tells most of it."""
    return path if len(path) <= PATH_QUOTED else f"...{path[-PATH_QUOTED:]}"


def unknown_name(kind: str, name: object, known: Iterable[str], listed: int = 40) -> EvenpickError:
    """The error for a name that is in no table, with the nearest one that is."""
    names, typed = list(known), str(name)
    near = sorted(get_close_matches(typed, names, n=3))
    if near:  # of equally near names the first in order
        hint = f"did you mean '{cut(max(near, key=lambda one: SequenceMatcher(None, typed, one).ratio()))}'?"
    else:
        more = f" and {len(names) - listed:,} more" if len(names) > listed else ""
        hint = f"known: {', '.join(map(cut, names[:listed]))}{more}"
    return EvenpickError(f"{kind} '{cut(typed)}' does not exist; {hint}")


def check_seed(subject: str, random_state: object) -> None:
    """Refuse what NumPy could not be seeded by."""
    if not isinstance(random_state, Integral) or random_state < 0:
        raise EvenpickError(f"{subject}: random_state must be a whole number, 0 or more; got {random_state!r}")


def first_few(values: Iterable[object], shown: int = 3) -> str:
    """The first values in words, and how many more there are."""
    items = [repr(cut_path(value)) if isinstance(value, str) else str(value) for value in values]
    more = f" and {len(items) - shown} more" if len(items) > shown else ""
    return ", ".join(items[:shown]) + more
