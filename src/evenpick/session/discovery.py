"""Discovery: the images of an acquisition function, in its order."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..acquisition import AcquisitionFunction, ordered
from ..arrays import IndexArray
from ..labels import Answer, Phase
from ..pool import Pool
from .steering import Question, first_open


class Discovery:
    """Steering without balancing. The order is made when it is first asked for, `length` images of it.

    When skips use it up, the function is asked for twice as many.
    """

    phase: Phase = "discovery"
    target: str | None = None

    def __init__(self, pool: Pool, length: int, acquisition: str | AcquisitionFunction, seed: int) -> None:
        self._pool, self._length, self._acquisition, self._seed = pool, length, acquisition, seed
        self._order: IndexArray | None = None

    def replay(self, answers: Sequence[Answer]) -> None:
        """Nothing: no answer changes the order."""

    def note(self, answer: Answer) -> None:
        """Nothing: no answer changes the order."""

    def prepare(self, row: int | None) -> None:
        """Nothing: the order is made once."""

    def predicted(self, answers: Sequence[Answer]) -> None:
        """Nothing: no probe steers."""

    def guesses(self, row: int, most: int) -> list[str]:
        """None: no classifier steers."""
        return []

    def pick(self, open_rows: NDArray[np.bool_]) -> Question:
        """The first open row of the order."""
        if self._order is None:
            self._order = self._first(self._length)
        while (row := first_open(self._order, open_rows)) is None:
            longer = self._first(min(2 * len(self._order), len(self._pool)))
            self._order = np.concatenate([self._order, longer])
        return Question(row, "discovery")

    def _first(self, length: int) -> IndexArray:
        return ordered(self._pool, length, self._acquisition, np.random.default_rng(self._seed))
