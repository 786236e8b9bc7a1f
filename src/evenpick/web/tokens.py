"""The token of a workspace: drawn once, kept in a file that only its owner can read."""

import os
import re
import secrets
from pathlib import Path

from ..atomic_files import writing
from ..errors import EvenpickError
from ..paths import Paths

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}")


def workspace_token(workspace: str | Path, given: str | None) -> str:
    """The token of this workspace: the one given, which is kept; else the one kept; else a new one.

    Raises
    ------
    EvenpickError
        If the one given is weak.
    """
    file = Paths(workspace).token
    if given is not None and not _TOKEN.fullmatch(given):
        raise EvenpickError("a token must have 16 or more letters, digits, '-' or '_'; leave it out to get one")
    kept = file.read_text("ascii", "replace").strip() if file.is_file() else ""
    token = given or (kept if _TOKEN.fullmatch(kept) else secrets.token_urlsafe(24))
    if token != kept:
        with writing(file) as temporary, open(temporary, "x", opener=_for_its_owner) as handle:
            handle.write(token)
    return token


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
