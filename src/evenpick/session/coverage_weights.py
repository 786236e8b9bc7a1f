"""What it is worth to cover an image, by a probe on the labels so far.

    weight(x) = (1 - margin of p(x)) * sum over classes c of p_c(x) / sqrt(share_c)

where p are the probe's probabilities after prior correction and share_c is the part of the pool that it takes for
class c (its mean probability before the correction). Images unlike any class found leave the probe unsure, so they
weigh much while classes are undiscovered; later it is unsure where classes are confused, and of those the rare ones
weigh most.
"""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from ..acquisition import unit_blocks
from ..arrays import IndexArray, Singles, Values
from ..classifiers import Probe, fit_probe
from ..machine import one_blas_thread
from ..pool import Pool
from ..probabilities import margins

# Rows in the order they were answered, each with the number of its class, None for a skip; numbers in order of discovery.
Answers: TypeAlias = tuple[tuple[int, int | None], ...]


def labels_in(known: Answers) -> tuple[IndexArray, IndexArray]:
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
        return balanced_uncertainty(probe, points, class_shares(probe, [points])), probe


def probe_and_shares(pool: Pool, rows: IndexArray, labelled: Singles, numbers: IndexArray) -> tuple[Probe, Values]:
    """A probe on the labels, and the part of these rows of the pool that it takes for each class (k,)."""
    with one_blas_thread():
        probe = fit_probe(labelled, numbers)
        return probe, class_shares(probe, unit_blocks(pool, rows))


def weights_of_rows(pool: Pool, rows: IndexArray, probe: Probe, shares: Values) -> Values:
    """What it is worth to cover each of these rows of the pool (n,), however many: features are read in blocks."""
    with one_blas_thread():
        return np.concatenate([balanced_uncertainty(probe, points, shares) for points in unit_blocks(pool, rows)])


def class_shares(probe: Probe, blocks: Iterable[Singles]) -> Values:
    """The part of all points that the probe takes for each class, one point at least."""
    sums = [(len(points), probe.probabilities(points, corrected=False).sum(axis=0)) for points in blocks]
    n_points = sum(n for n, _ in sums)
    shares: Values = np.maximum(np.sum([of_block for _, of_block in sums], axis=0), 1) / n_points
    return shares


def balanced_uncertainty(probe: Probe, points: Singles, shares: Values) -> Values:
    """(1 - margin) times the expected 1 / sqrt(share of the pool) of the class, shape (n,)."""
    probabilities = probe.probabilities(points)
    return np.asarray((1 - margins(probabilities)) * (probabilities @ (1 / np.sqrt(shares))))
