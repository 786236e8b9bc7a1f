"""The steering of `auto`: labels come in rounds, each an order of images that takes account of the labels before it.

The first round is the acquisition function's own; there is no switch. The probe of a round does not know the last few
labels before it (`lag`), so that it is trained while people label on. While a pool is covered whole its kernel is
computed once; else rounds share a sample until the labels have doubled.
"""

import threading
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..acquisition import MOST_COVERED
from ..labels import Answer, Phase
from ..pool import Pool
from .coverage_weights import Answers
from .discovery import Discovery
from .sample import Sample, is_sampled
from .steering import Predicted, Question
from .weighted_coverage import Round, predicted_after

FIRST_ROUND = 40  # labels that are chosen before any is known
GROWTH = 1.3  # of the labels, from the start of a round to that of the next


class Rounds:
    """Steering in rounds, of which each follows from the answers up to its start and the seed.

    `first` is the discovery that the first round follows; without it that round covers the pool too.

    Threads: `prepare` with a row may run in another thread, all else in one. They share the history, which only grows
    (a replay begins another), and under the lock the sample and the prepared round. Whoever needs the round that is
    being prepared waits for the lock. What is settled of samples follows from the answers, whichever thread settles it.
    """

    target: str | None = None

    def __init__(self, pool: Pool, seed: int, first: Discovery | None = None) -> None:
        self._pool, self._seed, self._first = pool, seed, first
        self._history = History()
        self._current: Round | None = None
        self._lock = threading.Lock()
        self._sample: Sample | None = None
        self._prepared: Round | None = None
        self._predicted: tuple[Answers, Predicted | None] | None = None
        self._settled: tuple[Answers, bool] | None = None  # whether a sample is drawn after those answers

    @property
    def phase(self) -> Phase:
        """`discovery` in the first round."""
        return "balancing" if self._history.n_labels >= FIRST_ROUND else "discovery"

    def replay(self, answers: Sequence[Answer]) -> None:
        """Start again with these answers; the round goes on if they are the same up to its start."""
        self._history = History.of(answers)  # whole at once: a thread that prepares may read it
        if self._current is not None and not self._history.begins_with(self._current.answers):
            self._current = None

    def note(self, answer: Answer) -> None:
        """Let an answer count, from the next round on."""
        self._history.add(answer)

    def pick(self, open_rows: NDArray[np.bool_]) -> Question:
        """The first open row of the round."""
        if self._first is not None and self.phase == "discovery":
            return self._first.pick(open_rows)
        return Question(self.round_now().first(open_rows), self.phase)

    def round_now(self) -> Round:
        """The round that the next image comes from."""
        start = round_start(self._history.n_labels)
        if self._current is None or len(self._current.answers) != self._history.end(start):
            self._current = None  # its sample may be half a gigabyte
            self._current = self._begin(start)
        return self._current

    def predicted(self, answers: Sequence[Answer]) -> Predicted | None:
        """By the probe of the round of that time; none in the first."""
        history = History.of(answers)
        known = history.known_at(round_start(history.n_labels))
        if self._predicted is None or self._predicted[0] != known:
            self._predicted = known, self._predicted_after(history)
        return self._predicted[1]

    def _predicted_after(self, history: "History") -> Predicted | None:
        start = round_start(history.n_labels)
        known = history.known_at(start)
        if known and known == self._history.known_at(round_start(self._history.n_labels)):
            return self.round_now().predicted
        # Of an earlier round, after a reopening.
        return predicted_after(self._pool, self._seed, known, self._drawn_after(history, start))

    def guesses(self, row: int, most: int) -> list[str]:
        """By the probe of the round that the next image comes from; none in the first."""
        if self.phase == "discovery":
            return []
        return [self._history.names[number] for number in self.round_now().likeliest(row, most)]

    def prepare(self, row: int | None) -> None:
        """Do most of the work of the next round, if the answers are enough for it; which row it is does not matter."""
        if row is None:
            return
        import sklearn.linear_model  # noqa: F401 (the first probe needs it, and it takes a second)

        with self._lock:
            history = self._history
            start = next_round(history.n_labels)
            if history.n_labels >= start - lag(start):
                _ = self._prepare(history, start).predicted  # computed once

    def _begin(self, start: int) -> Round:
        answers = self._history.first(start)
        with self._lock:
            begun, self._prepared = self._prepare(self._history, start), None
        begun.note(answers[len(begun.answers) :])
        return begun

    def _prepare(self, history: "History", start: int) -> Round:
        known = history.known_at(start)
        if self._prepared is None or self._prepared.answers != known:
            self._prepared = None
            self._prepared = self._round_after(known, self._drawn_after(history, start))
        return self._prepared

    def _drawn_after(self, history: "History", start: int) -> Answers:
        """The answers by which the sample of the round was drawn that begins with so many labels; none if all is covered."""
        known = history.known_at(sample_start(start))
        settled = self._settled
        if settled is None or settled[0] != known:
            settled = known, is_sampled(self._pool, known)
            self._settled = settled
        return known if settled[1] else ()

    def _round_after(self, known: Answers, drawn_after: Answers) -> Round:
        if self._sample is None or self._sample.drawn_after != drawn_after:
            self._sample = None
            self._sample = Sample(self._pool, self._seed, drawn_after)
        return Round(self._pool, self._sample, known, np.random.default_rng([self._seed, 2, len(known)]))


class History:
    """The answers as rounds see them: of classes only the order in which they were found, so a name changes nothing."""

    def __init__(self) -> None:
        self._answers: list[tuple[int, int | None]] = []
        self._ends: list[int] = []  # after each label, how many answers there were
        self._numbers: dict[str, int] = {}

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> "History":
        """The history of these answers."""
        history = cls()
        for answer in answers:
            history.add(answer)
        return history

    @property
    def n_labels(self) -> int:
        return len(self._ends)

    @property
    def names(self) -> list[str]:
        """The classes by their numbers."""
        return [*self._numbers]

    def add(self, answer: Answer) -> None:
        """One more answer."""
        if answer.label is None:
            self._answers.append((answer.index, None))
            return
        self._answers.append((answer.index, self._numbers.setdefault(answer.label, len(self._numbers))))
        self._ends.append(len(self._answers))

    def end(self, n_labels: int) -> int:
        """How many answers there are up to the label that makes `n_labels`, skips among them."""
        return self._ends[n_labels - 1] if n_labels > 0 else 0

    def first(self, n_labels: int) -> Answers:
        """The answers up to that label."""
        return tuple(self._answers[: self.end(n_labels)])

    def known_at(self, start: int) -> Answers:
        """Those that the probe of the round knows that begins with so many labels."""
        return self.first(start - lag(start))

    def begins_with(self, answers: Answers) -> bool:
        """Whether these are the first answers."""
        return tuple(self._answers[: len(answers)]) == answers


def _starts() -> list[int]:
    starts = [0, FIRST_ROUND]
    while starts[-1] < 10**12:  # more than there are images
        starts.append(int(GROWTH * starts[-1]))
    return starts


_STARTS = _starts()  # labels when each round begins


def round_start(n_labels: int) -> int:
    """How many labels there are when the round begins in which the label after `n_labels` is chosen."""
    return _STARTS[bisect_right(_STARTS, n_labels) - 1]


def next_round(n_labels: int) -> int:
    """How many labels there are when the round after that one begins."""
    return _STARTS[bisect_right(_STARTS, n_labels)]


def sample_start(start: int) -> int:
    """How many labels there were when the sample was drawn that the round covers which begins with `start`.

    The first is drawn before any label, the next with the second round, and from then on one whenever there are twice as many
    labels, or as many more as make a quarter of a sample.
    """
    drawn = 0
    for later in _STARTS[1 : bisect_right(_STARTS, start)]:
        if later >= min(2 * drawn, drawn + MOST_COVERED // 4):
            drawn = later
    return drawn


def lag(start: int) -> int:
    """How many of the labels before a round its probe does not know: training takes longer with more of them."""
    return max(8, start // 20)
