"""The part of a pool that the rounds of `auto` cover and choose from: all of it, or a sample.

A sample that is drawn with equal chances holds next to nothing of a class that has a handful of images among a hundred
thousand. So once there are labels of two classes, an image is drawn the likelier the more it is worth to cover it.

Where a few classes have nearly all images, those would be most of what there is to cover, and the rare ones would wait.
So the fewer classes share a pool, the smaller the sample, and the greater the part of it that was drawn for its worth.
What is not in it cannot be chosen until the next one is drawn.
"""

import numpy as np

from ..acquisition import MOST_COVERED, ByteTable, gaussian, kernel_width, rows_to_cover, unit_features
from ..arrays import IndexArray, Singles, Values
from ..pool import Pool
from .coverage_weights import Answers, labels_in, probe_and_shares, weights_of_rows

OF_A_CLASS = 2_000  # images of a sample for each class, were all equally common
OF_AN_ANSWER = 10  # for each answer at least: a sample lasts until there are twice as many labels
OF_THE_POOL = 0.1  # of all images at least
MOST_WEIGHED = 200_000  # images; of a larger pool so many are drawn first, with equal chances
BY_WEIGHT = 0.5  # of the chance of an image to be the next; the rest is the same for all


class Sample:
    """Images that are covered and chosen from, and how well each covers each other one: n^2 bytes.

    Attributes
    ----------
    drawn_after : tuple
        The answers by which it was drawn.
    rows : array of shape (n,), intp
        Ascending.
    points : array of shape (n, n_features), float32
    """

    def __init__(self, pool: Pool, seed: int, drawn_after: Answers) -> None:
        self.drawn_after = drawn_after
        rng = _generator(seed, drawn_after)
        self.rows: IndexArray
        self.points: Singles
        self.rows = _drawn(pool, drawn_after, rng)
        self.points = unit_features(pool, self.rows)
        self.kernel: ByteTable = ByteTable(self.points, gaussian(kernel_width(self.points, rng)))
        self.permutation: IndexArray = rng.permutation(len(self.rows))

    def positions(self, rows: IndexArray) -> tuple[IndexArray, IndexArray]:
        """Where these rows of the pool stand in the sample, and those that are not in it."""
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        inside = self.rows[places] == rows
        return places[inside], rows[~inside]


def sampled_rows(pool: Pool, seed: int, drawn_after: Answers) -> IndexArray:
    """The rows of that sample, ascending; nothing else of it is made."""
    return _drawn(pool, drawn_after, _generator(seed, drawn_after))


def fits_in_a_sample(pool: Pool) -> bool:
    """Whether a sample can hold all of the pool, one of a group."""
    return len(pool.representatives) <= MOST_COVERED


def is_sampled(pool: Pool, known: Answers) -> bool:
    """Whether less than the whole pool is covered after these answers."""
    rows, numbers = labels_in(known)
    all_rows = pool.representatives
    if not fits_in_a_sample(pool):
        return True
    if len(all_rows) <= max(OF_A_CLASS, OF_AN_ANSWER * len(known)) or len(np.unique(numbers)) < 2:
        return False
    _, shares = probe_and_shares(pool, all_rows, unit_features(pool, rows), numbers)
    return _sample_size(len(all_rows), len(known), shares) < len(all_rows)


def _sample_size(n_images: int, n_answers: int, shares: Values) -> int:
    """For as many even classes as are as diverse as these shares (k,): 1 / sum of share^2 (Hill, 1973)."""
    least = max(OF_AN_ANSWER * n_answers, OF_THE_POOL * n_images)
    return min(MOST_COVERED, int(max(OF_A_CLASS / (shares**2).sum(), least)))


def _generator(seed: int, drawn_after: Answers) -> np.random.Generator:
    return np.random.default_rng([seed, 3, len(drawn_after)] if drawn_after else seed)


def _drawn(pool: Pool, drawn_after: Answers, rng: np.random.Generator) -> IndexArray:
    """Ascending; before there are two classes those of `max_herding`."""
    known, numbers = labels_in(drawn_after)
    if len(np.unique(numbers)) < 2:
        return rows_to_cover(pool, 1, rng)
    rows = pool.representatives
    if len(rows) > MOST_WEIGHED:
        rows = np.sort(rng.choice(rows, MOST_WEIGHED, replace=False))
    probe, shares = probe_and_shares(pool, rows, unit_features(pool, known), numbers)
    size = _sample_size(len(pool.representatives), len(drawn_after), shares)
    if size >= len(rows):
        return rows
    weights = weights_of_rows(pool, rows, probe, shares)
    chances = np.full(len(rows), 1 / len(rows))
    if weights.any():
        chances = BY_WEIGHT * weights / weights.sum() + (1 - BY_WEIGHT) * chances
    return np.sort(rng.choice(rows, size, replace=False, p=chances))
