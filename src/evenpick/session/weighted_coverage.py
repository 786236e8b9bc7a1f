"""A round of `auto`: coverage of what a probe on the labels so far is unsure of, class by class.

Covering image x is worth

    weight(x) = (1 - margin of p(x)) * sum over classes c of p_c(x) / sqrt(share_c)

where p are the probe's probabilities after prior correction and share_c is the part of the pool that it takes for
class c (its mean probability before the correction). Images unlike any class found leave the probe unsure, so they
weigh much while classes are undiscovered; later it is unsure where classes are confused, and of those the rare ones
weigh most.
"""

from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..acquisition import MOST_COVERED, ByteTable, GreedyCoverage, gaussian, kernel_width, part_to_cover, unit_features
from ..arrays import IndexArray, Singles, Values
from ..classifiers import Probe, fit_probe
from ..machine import one_blas_thread
from ..pool import Pool
from ..probabilities import margins
from .steering import Predicted, first_open

# Rows in the order they were answered, each with the number of its class, None for a skip; numbers in order of discovery.
Answers: TypeAlias = tuple[tuple[int, int | None], ...]


class Sample:
    """Images that are covered and chosen from, and how well each covers each other one: n^2 bytes.

    The first is the sample of `max_herding`. Of a pool that is not covered whole, the rounds begin another after about
    every 5,000 labels, a quarter of a sample.
    """

    def __init__(self, pool: Pool, seed: int, number: int) -> None:
        self.number = number
        rng = self.generator(seed, number)
        self.rows: IndexArray
        self.points: Singles
        self.rows, self.points = part_to_cover(pool, 1, rng)
        self.kernel: ByteTable = ByteTable(self.points, gaussian(kernel_width(self.points, rng)))
        self.permutation: IndexArray = rng.permutation(len(self.rows))

    @staticmethod
    def generator(seed: int, number: int) -> np.random.Generator:
        """What draws the sample."""
        return np.random.default_rng([seed, 3, number] if number else seed)

    @staticmethod
    def number_after(n_labels: int, pool: Pool) -> int:
        """Which sample the round after so many labels covers."""
        return n_labels // (MOST_COVERED // 4) if len(pool.representatives) > MOST_COVERED else 0

    def positions(self, rows: IndexArray) -> tuple[IndexArray, IndexArray]:
        """Where these rows of the pool stand in the sample, and those that are not in it."""
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        inside = self.rows[places] == rows
        return places[inside], rows[~inside]


class Round:
    """The order of images in one round, made one at a time: nobody waits for a later one.

    Attributes
    ----------
    answers : tuple
        What it takes account of.
    """

    def __init__(self, pool: Pool, sample: Sample, known: Answers, rng: np.random.Generator) -> None:
        self._pool, self._sample = pool, sample
        rows, numbers = labelled(known)
        self._probe: Probe | None
        weights, self._probe = coverage_weights(sample.points, unit_features(pool, rows), numbers)
        self._greedy = GreedyCoverage(sample.kernel, sample.permutation, weights, self._coverage_by(rows))
        self._order = np.empty(0, np.intp)
        self._rng = rng
        self.answers: Answers = known
        self._exclude(known)

    def note(self, answers: Answers) -> None:
        """Take account of answers that came after the weights were settled."""
        rows = np.array([row for row, number in answers if number is not None], dtype=np.intp)
        if len(rows):
            self._greedy.cover(self._coverage_by(rows))
        self.answers = self.answers + answers
        self._exclude(answers)

    def first(self, open_rows: NDArray[np.bool_]) -> int:
        """The first image of the order that is marked in `open_rows` (n,), at least one."""
        while (row := first_open(self._order, open_rows)) is None:
            more = self._sample.rows[self._greedy.choose(1)]
            if not len(more):  # the sample is used up, and the pool is not
                more = self._rng.permutation(len(self._pool))
            self._order = np.concatenate([self._order, more])
        return row

    @cached_property
    def predicted(self) -> Predicted | None:
        """What the probe takes the images of the sample for; None before there are two classes."""
        return None if self._probe is None else _predicted(self._probe, self._sample.rows, self._sample.points)

    def likeliest(self, row: int, most: int) -> list[int]:
        """Numbers of the classes that the probe takes this image for, the likeliest first; none before there are two."""
        if self._probe is None:
            return []
        with one_blas_thread():
            chances = self._probe.probabilities(unit_features(self._pool, np.array([row])))[0]
        return [int(number) for number in np.argsort(-chances, kind="stable")[:most]]

    def _coverage_by(self, rows: IndexArray) -> Singles:
        inside, others = self._sample.positions(rows)
        kernel = self._sample.kernel
        return np.maximum(kernel.best_of_points(inside), kernel.best(unit_features(self._pool, others)))

    def _exclude(self, answers: Answers) -> None:
        inside, _ = self._sample.positions(np.array([row for row, _ in answers], dtype=np.intp))
        self._greedy.exclude(inside)


def predicted_after(pool: Pool, seed: int, known: Answers) -> Predicted | None:
    """By a probe on these answers, of the images of a sample; None before there are two classes."""
    rows, numbers = labelled(known)
    if len(np.unique(numbers)) < 2:
        return None
    covered, points = part_to_cover(pool, 1, Sample.generator(seed, Sample.number_after(len(rows), pool)))
    return _predicted(fit_probe(unit_features(pool, rows), numbers), covered, points)


def _predicted(probe: Probe, rows: IndexArray, points: Singles) -> Predicted:
    with one_blas_thread():
        return Predicted(rows, probe.probabilities(points).argmax(axis=1))


def labelled(known: Answers) -> tuple[IndexArray, IndexArray]:
    """The rows with a label, and the numbers of their classes."""
    rows = np.array([row for row, number in known if number is not None], np.intp)
    return rows, np.array([number for _, number in known if number is not None], np.intp)


def coverage_weights(
    points: Singles, labelled: Singles, numbers: IndexArray
) -> tuple[Values, Probe] | tuple[None, None]:
    """What it is worth to cover each point (n,), and the probe that says so; None, all alike, before there are two classes.

    `labelled` (m, d) are the features of the labels so far and `numbers` (m,) their class numbers.
    """
    if len(np.unique(numbers)) < 2:
        return None, None
    with one_blas_thread():  # else the last digits, and so now and then a pick, depend on what other threads do
        probe = fit_probe(labelled, numbers)
        return balanced_uncertainty(probe, points), probe


def balanced_uncertainty(probe: Probe, points: Singles) -> Values:
    """(1 - margin) times the expected 1 / sqrt(share of the pool) of the class, shape (n,)."""
    shares = probe.probabilities(points, corrected=False).mean(axis=0)
    probabilities = probe.probabilities(points)
    return np.asarray(
        (1 - margins(probabilities)) * (probabilities @ (1 / np.sqrt(np.maximum(shares, 1 / len(points)))))
    )
