"""How much memory images may take while they are decoded, all threads together."""

import contextlib
import threading
from collections.abc import Iterator

BUDGET = 1536 << 20  # bytes
_changed = threading.Condition()
_taken = 0


@contextlib.contextmanager
def room_for(needed: int) -> Iterator[None]:
    """Wait until so many bytes are free of the budget, and hold them; what needs more than all of it waits to be alone."""
    global _taken
    with _changed:
        _changed.wait_for(lambda: not _taken or _taken + needed <= BUDGET)
        _taken += needed
    try:
        yield
    finally:
        with _changed:
            _taken -= needed
            _changed.notify_all()
