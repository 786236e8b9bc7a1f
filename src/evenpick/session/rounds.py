"""The order of labels that learns from the labels: coverage of what a probe is unsure of, class by class.

The labels come in rounds. The first is the acquisition function's own. Before every later one a probe is
trained on the labels so far, and covering image x is worth

    weight(x) = (1 - margin of p(x)) * sum over classes c of p_c(x) / sqrt(share_c)

where p are the probe's probabilities after prior correction and share_c is the part of the pool that it
takes for class c (its mean probability before the correction). Images unlike any class found leave the probe
unsure, so they weigh much while classes are undiscovered; later it is unsure where classes are confused, and
of those the rare ones weigh most. There is no switch.

The probe of a round does not know the last few labels before it (`lag`), so that it is trained while people label on.
All rounds cover the same sample, the one of `max_herding`: its kernel is computed once, n^2 bytes. After about every
5,000 labels, a quarter of a sample, the next round begins another.
"""

import threading
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..acquisition import MOST_COVERED, ByteTable, GreedyCoverage, gaussian, kernel_width, part_to_cover, unit_features
from ..arrays import IndexArray, Singles
from ..classifiers import Probe, fit_probe
from ..machine import one_blas_thread
from ..pool import Pool
from ..probabilities import margins

FIRST_ROUND = 40  # labels that are chosen before any is known
GROWTH = 1.3  # of the labels, from the start of a round to that of the next
CHOSEN_AT_ONCE = 16

# Rows in the order they were answered, each with the number of its class, None for a skip; numbers in order of discovery.
Answers: TypeAlias = tuple[tuple[int, int | None], ...]


class ProbedCoverage:
    """The images of each round, as a function of the answers up to its start and of the seed."""

    def __init__(self, pool: Pool, seed: int) -> None:
        self._pool, self._seed = pool, seed
        self._lock = threading.Lock()
        self._sample: Sample | None = None
        self._prepared: tuple[Answers, Round] | None = None
        self._current: tuple[Answers, Round] | None = None

    def round_after(self, answers: Answers) -> "Round":
        """The round that these answers, the last of them a label, come before; without answers the first."""
        current = self._current  # looked at without the lock, which may be held for seconds to prepare the next
        if current is not None and current[0] == answers:
            return current[1]
        with self._lock:
            if self._current is None or self._current[0] != answers:
                known = first_labels(answers, _n_labels(answers) - lag(_n_labels(answers)))
                prepared, self._prepared = self._prepared, None
                if prepared is not None and prepared[0] == known:
                    begun = prepared[1]
                else:
                    prepared = current = self._current = None  # each may hold a sample of half a gigabyte
                    begun = self._begin(known)
                begun.note(answers[len(known) :])
                self._current = answers, begun
            return self._current[1]

    def prepare(self, answers: Answers) -> None:
        """Do ahead, in any thread, most of the work of the next round, if these answers are enough for it."""
        following = next_round(_n_labels(answers))
        enough = following - lag(following)
        if _n_labels(answers) < enough:
            return
        known = first_labels(answers, enough)
        with self._lock:
            if self._prepared is None or self._prepared[0] != known:
                self._prepared = known, self._begin(known)

    def _begin(self, known: Answers) -> "Round":
        number = _n_labels(known) // (MOST_COVERED // 4) if len(self._pool) > MOST_COVERED else 0
        if self._sample is None or self._sample.number != number:
            self._sample = None
            self._sample = Sample(self._pool, self._seed, number)
        return Round(self._pool, self._sample, known, np.random.default_rng([self._seed, 2, len(known)]))


class Sample:
    """Images that are covered and chosen from, and how well each covers each other one."""

    def __init__(self, pool: Pool, seed: int, number: int) -> None:
        self.number = number
        rng = np.random.default_rng([seed, 3, number] if number else seed)  # the first is that of `max_herding`
        self.rows, self.points = part_to_cover(pool, 1, rng)
        self.kernel = ByteTable(self.points, gaussian(kernel_width(self.points, rng)))
        self.permutation = rng.permutation(len(self.rows))

    def positions(self, rows: IndexArray) -> tuple[IndexArray, IndexArray]:
        """Where these rows of the pool stand in the sample, and those that are not in it."""
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        inside = self.rows[places] == rows
        return places[inside], rows[~inside]


class Round:
    """A weighted coverage that is chosen from one image at a time."""

    def __init__(self, pool: Pool, sample: Sample, known: Answers, rng: np.random.Generator) -> None:
        self._pool, self._sample = pool, sample
        labelled = np.array([(row, number) for row, number in known if number is not None], dtype=np.intp).reshape(
            -1, 2
        )
        rows, numbers = labelled.T
        weights = coverage_weights(sample.points, unit_features(pool, rows), numbers)
        self._greedy = GreedyCoverage(sample.kernel, sample.permutation, weights, self._coverage_by(rows))
        self._order: list[int] = []
        self._rng = rng
        self._exclude(known)

    def note(self, answers: Answers) -> None:
        """Take account of answers that came after the weights were settled."""
        rows = np.array([row for row, number in answers if number is not None], dtype=np.intp)
        if len(rows):
            self._greedy.cover(self._coverage_by(rows))
        self._exclude(answers)

    def first(self, open_rows: NDArray[np.bool_]) -> int:
        """The first image of the order that is marked in `open_rows` (n,), at least one."""
        start = 0
        while True:
            for row in self._order[start:]:
                if open_rows[row]:
                    return row
            start = len(self._order)
            more = self._sample.rows[self._greedy.choose(CHOSEN_AT_ONCE)]
            if not len(more):  # the sample is used up, and the pool is not
                more = self._rng.permutation(len(self._pool))
            self._order.extend(more.tolist())

    def _coverage_by(self, rows: IndexArray) -> Singles:
        inside, others = self._sample.positions(rows)
        kernel = self._sample.kernel
        return np.maximum(kernel.best_of_points(inside), kernel.best(unit_features(self._pool, others)))

    def _exclude(self, answers: Answers) -> None:
        inside, _ = self._sample.positions(np.array([row for row, _ in answers], dtype=np.intp))
        self._greedy.exclude(inside)


def coverage_weights(points: Singles, labelled: Singles, numbers: IndexArray) -> NDArray[np.float64] | None:
    """What it is worth to cover each point (n,); None, all alike, before there are two classes.

    `labelled` (m, d) are the features of the labels so far and `numbers` (m,) their class numbers.
    """
    if len(np.unique(numbers)) < 2:
        return None
    with one_blas_thread():  # else the last digits, and so now and then a pick, depend on what other threads do
        return balanced_uncertainty(fit_probe(labelled, numbers), points)


def balanced_uncertainty(probe: Probe, points: Singles) -> NDArray[np.float64]:
    """(1 - margin) times the expected 1 / sqrt(share of the pool) of the class, shape (n,)."""
    shares = probe.probabilities(points, corrected=False).mean(axis=0)
    probabilities = probe.probabilities(points)
    return np.asarray(
        (1 - margins(probabilities)) * (probabilities @ (1 / np.sqrt(np.maximum(shares, 1 / len(points)))))
    )


def round_start(n_labels: int) -> int:
    """How many labels there are when the round begins in which the label after `n_labels` is chosen."""
    start = 0
    while next_round(start) <= n_labels:
        start = next_round(start)
    return start


def next_round(n_labels: int) -> int:
    """How many labels there are when the round after the one of `round_start` begins."""
    start = 0
    while start <= n_labels:
        start = max(FIRST_ROUND, int(GROWTH * start))
    return start


def lag(start: int) -> int:
    """How many of the labels before a round its probe does not know: training takes longer with more of them."""
    return max(8, start // 20)


def first_labels(answers: Answers, count: int) -> Answers:
    """The answers up to the label that makes `count`."""
    if count <= 0:
        return ()
    for end, n_labels in enumerate(np.cumsum([number is not None for _, number in answers]).tolist(), 1):
        if n_labels >= count:
            return answers[:end]
    return answers


def _n_labels(answers: Answers) -> int:
    return sum(number is not None for _, number in answers)
