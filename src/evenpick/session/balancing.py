"""The paper's steering: discovery until the switch, then the images that the rarest classes found so far may hold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..arrays import Values
from ..labels import Answer, Phase
from ..pool import BLOCK_ROWS, Features, Pool
from .balancing_rules import BalancingForm, TargetChoice, should_switch, under_represented
from .discovery import Discovery
from .nearest_images import NextImage
from .steering import Question


class Balancing:
    """Discovery, the switch of Eq. 8, and from then on a question for a class each.

    Classes are numbered in the order in which they were found.
    """

    def __init__(
        self, pool: Pool, discovery: Discovery, form: BalancingForm, budget: int, patience: int, seed: int
    ) -> None:
        self._features, self._discovery = pool.features, discovery
        self._budget, self._patience = budget, patience
        rank = np.empty(len(pool), np.intp)
        rank[np.random.default_rng([seed, 1]).permutation(len(pool))] = np.arange(len(pool))
        self._next_image = NextImage(pool.features, form, rank)
        self.replay(())

    @property
    def phase(self) -> Phase:
        """`discovery` until the switch, `balancing` for good after it."""
        return self._phase

    @property
    def target(self) -> str | None:
        """The class to ask for, once balancing has begun."""
        return None if self._phase == "discovery" else [*self._numbers][self._target()]

    def replay(self, answers: Sequence[Answer]) -> None:
        """Start again with these answers; distances to class means that come out the same are kept."""
        self._phase: Phase = "discovery"
        self._numbers: dict[str, int] = {}
        self._means = ClassMeans(self._features)
        self._targets = TargetChoice(self._patience)
        for answer in answers:
            self.note(answer)

    def note(self, answer: Answer) -> None:
        """Count a label; a skip changes nothing."""
        if answer.label is None:
            return
        number = self._numbers.setdefault(answer.label, len(self._numbers))
        self._add(answer.index, number)
        # A target whose only labels were undone since is no class any more.
        self._targets.observe(None if answer.target is None else self._numbers.get(answer.target), number)
        if self._phase == "discovery" and should_switch(self._means.counts, self._budget):
            self._phase = "balancing"

    def pick(self, open_rows: NDArray[np.bool_]) -> Question:
        """In discovery its order; then the image that the form likes best for the target."""
        if self._phase == "discovery":
            return self._discovery.pick(open_rows)
        target, counts = self._target(), self._means.counts
        others = sorted({*range(len(counts))} - {target, *under_represented(counts)})
        row = self._next_image.pick(self._means.all(), target, others, open_rows)
        return Question(row, "balancing", [*self._numbers][target])

    def predicted(self, answers: Sequence[Answer]) -> None:
        """Nothing: no probe steers."""

    def guesses(self, row: int, most: int) -> list[str]:
        """None: no classifier steers."""
        return []

    def prepare(self, row: int | None) -> None:
        """Read the pool for this image, or for all classes, so that later steps need not."""
        if row is not None:
            self._next_image.prepare(row)
        elif self._means.counts:
            self._next_image.update(self._means.all())

    def _target(self) -> int:
        return self._targets.choose(self._means.counts)

    def _add(self, row: int, number: int) -> None:
        prepared, found = self._next_image.is_prepared(row), number < len(self._means.counts)
        before = self._means.of(number) if prepared and found else None
        self._means.add(row, number)
        if prepared:
            self._next_image.add(row, number, before, self._means.of(number), self._means.counts[number])


class ClassMeans:
    """Mean features of the labels of each class, in float64; features are read when a mean is asked for.

    A sum grows in the order of the answers, so that however they came about the means are the same to the last digit.

    Attributes
    ----------
    counts : list of int
        Labels of each class.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._sums = np.empty((0, features.shape[1]))
        self.counts: list[int] = []
        self._unread: list[tuple[int, int]] = []  # row and class number

    def add(self, row: int, number: int) -> None:
        """A label of a class, or of the next new one."""
        if number == len(self.counts):
            self.counts.append(0)
        self.counts[number] += 1
        self._unread.append((row, number))

    def of(self, number: int) -> Values:
        """The mean of one class, (d,)."""
        self._read()
        mean: Values = self._sums[number] / self.counts[number]
        return mean

    def all(self) -> Values:
        """The mean of every class, (n_classes, d)."""
        self._read()
        means: Values = self._sums / np.array(self.counts)[:, None]
        return means

    def _read(self) -> None:
        if not self._unread:
            return
        new = np.zeros((len(self.counts) - len(self._sums), self._sums.shape[1]))
        self._sums = np.vstack([self._sums, new])
        rows, numbers = zip(*self._unread, strict=True)
        for start in range(0, len(rows), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            for number, values in zip(numbers[part], self._features[[*rows[part]]], strict=True):
                self._sums[number] += values
        self._unread.clear()
