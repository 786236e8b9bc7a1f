"""Who may write the pool of a workspace: one process, outside of the photographs, while nobody labels what it changes."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import NO_SPACE, EvenpickError
from ..paths import Paths


def check_apart(workspace: Path, folder: Path) -> None:
    """Refuse a workspace among the photographs."""
    if workspace.resolve() == folder.resolve():
        raise EvenpickError(
            f"workspace '{workspace}' is the folder of images itself: name a folder of its own, beside it"
        )


@contextlib.contextmanager
def only_writer(workspace: Path) -> Iterator[None]:
    """Hold the pool of a workspace alone, or refuse to."""
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        with FileLock(Paths(workspace).embed_lock, timeout=0):
            yield
    except Timeout:
        raise EvenpickError(f"another process is embedding into '{workspace}'; wait for it to end") from None
    except (FileExistsError, NotADirectoryError):
        raise EvenpickError(f"workspace '{workspace}' must be a folder; it is a file") from None
    except PermissionError as error:
        raise EvenpickError(f"workspace '{workspace}' cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def nobody_labels(workspace: Path, needed: bool) -> Iterator[None]:
    """Rows change under their ids: a page that is open would take answers for what it does not show any more."""
    if not needed:
        yield
        return
    try:
        with FileLock(Paths(workspace).label_lock, timeout=0):
            yield
    except Timeout:
        raise EvenpickError(
            f"images of '{workspace}' were moved or replaced while somebody labels: stop `evenpick label`, "
            "run `evenpick embed` again, then label on"
        ) from None


@contextlib.contextmanager
def disk_errors(workspace: Path) -> Iterator[None]:
    """Say in one line that the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise EvenpickError(
            f"no room left to write '{workspace}' ({error.strerror}); what was embedded so far is kept: "
            "free some space and run the same command again"
        ) from error
