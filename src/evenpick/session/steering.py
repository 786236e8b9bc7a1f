"""What decides the next question: the protocol that every way of steering a session follows.

`Discovery` follows an acquisition function to the end, `Balancing` is the paper's, `Rounds` is that of `auto`. A
steering derives its state from the answers and a seed; the record itself, and what is refused, are the session's.

Threads: one thread at a time calls `replay`, `note`, `pick`, `phase` and `target` (the web server holds a lock around
them). `prepare` with a row may run beside them in one other thread, while a person looks at that image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..labels import Answer, Phase


@dataclass(frozen=True)
class Question:
    """An image to label, and why: the phase and the class it was asked for in; `chance` where it was drawn at random.

    `offered` are the guesses that are shown with it.
    """

    index: int
    phase: Phase
    target: str | None = None
    chance: float | None = None
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a probe takes images for: rows of the pool, ascending, and the number of each one's class."""

    rows: IndexArray
    classes: IndexArray


class Steering(Protocol):
    """Which open image is asked for next, and in which phase."""

    @property
    def phase(self) -> Phase:
        """The phase of the next question."""
        ...

    @property
    def target(self) -> str | None:
        """The class of the next question; None if it is for no class."""
        ...

    def replay(self, answers: Sequence[Answer]) -> None:
        """Start again and note these answers; what was computed ahead and still holds is kept."""
        ...

    def note(self, answer: Answer) -> None:
        """Let an answer count. Reads no feature, unless this image was prepared."""
        ...

    def pick(self, open_rows: NDArray[np.bool_]) -> Question:
        """The next question, of the rows marked in `open_rows` (n,), at least one."""
        ...

    def predicted(self, answers: Sequence[Answer]) -> Predicted | None:
        """By the probe that steered after these answers, the first so far; None where there is none."""
        ...

    def guesses(self, row: int, most: int) -> list[str]:
        """Classes that this image may be of, the likeliest first, `most` of them; none where no classifier steers."""
        ...

    def prepare(self, row: int | None) -> None:
        """Do ahead what the pick after an answer to this row costs; None: what the answers so far have left undone."""
        ...


def first_open(order: IndexArray, open_rows: NDArray[np.bool_]) -> int | None:
    """The first row of the order that is open; None if none is."""
    marks = open_rows[order]
    place = int(marks.argmax()) if len(order) else 0
    return int(order[place]) if marks.any() else None
