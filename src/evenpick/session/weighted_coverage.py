"""A round of `auto`: coverage of what a probe on the labels so far is unsure of, class by class."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..acquisition import GreedyCoverage, unit_blocks, unit_features
from ..arrays import IndexArray, Singles
from ..classifiers import Probe, fit_probe
from ..machine import one_blas_thread
from ..pool import Pool
from .coverage_weights import Answers, coverage_weights, labels_in
from .sample import Sample, fits_in_a_sample, sampled_rows
from .steering import Predicted, first_open


class Round:
    """The order of images in one round, made one at a time: nobody waits for a later one.

    Attributes
    ----------
    sample : Sample
        What it covers and chooses from.
    answers : tuple
        What it takes account of.
    """

    def __init__(self, pool: Pool, sample: Sample, known: Answers, rng: np.random.Generator) -> None:
        self._pool, self.sample = pool, sample
        rows, numbers = labels_in(known)
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
            more = self.sample.rows[self._greedy.choose(1)]
            if not len(more):  # the sample is used up, and the pool is not
                more = self._rng.permutation(len(self._pool))
            self._order = np.concatenate([self._order, more])
        return row

    @cached_property
    def predicted(self) -> Predicted | None:
        """What the probe takes images for, all of a pool that a sample could hold; None before there are two classes."""
        if self._probe is None:
            return None
        covered = self.sample.rows
        rows = self._pool.representatives if fits_in_a_sample(self._pool) else covered
        return _predicted(
            self._probe, rows, [self.sample.points] if len(rows) == len(covered) else unit_blocks(self._pool, rows)
        )

    def likeliest(self, row: int, most: int) -> list[int]:
        """Numbers of the classes that the probe takes this image for, the likeliest first; none before there are two."""
        if self._probe is None:
            return []
        with one_blas_thread():
            chances = self._probe.probabilities(unit_features(self._pool, np.array([row])))[0]
        return [int(number) for number in np.argsort(-chances, kind="stable")[:most]]

    def _coverage_by(self, rows: IndexArray) -> Singles:
        inside, others = self.sample.positions(rows)
        kernel = self.sample.kernel
        return np.maximum(kernel.best_of_points(inside), kernel.best(unit_features(self._pool, others)))

    def _exclude(self, answers: Answers) -> None:
        inside, _ = self.sample.positions(np.array([row for row, _ in answers], dtype=np.intp))
        self._greedy.exclude(inside)


def predicted_after(pool: Pool, seed: int, known: Answers, drawn_after: Answers) -> Predicted | None:
    """By a probe on these answers, of the images of the sample drawn after those; None before there are two classes."""
    rows, numbers = labels_in(known)
    if len(np.unique(numbers)) < 2:
        return None
    probe = fit_probe(unit_features(pool, rows), numbers)
    looked_at = pool.representatives if fits_in_a_sample(pool) else sampled_rows(pool, seed, drawn_after)
    return _predicted(probe, looked_at, unit_blocks(pool, looked_at))


def _predicted(probe: Probe, rows: IndexArray, blocks: Iterable[Singles]) -> Predicted:
    """`blocks` are the features of the rows, some at a time."""
    with one_blas_thread():
        return Predicted(rows, np.concatenate([probe.probabilities(points).argmax(axis=1) for points in blocks]))
