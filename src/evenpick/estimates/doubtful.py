"""Labels that may be wrong: those that a classifier which did not see the image is least sure of.

Out-of-fold probabilities, calibrated and with prior correction: without it, labels of rare classes look wrong because
they are rare. Folds are dealt by class and divide no group. A label is doubtful where another class is likelier and its
own gets less than it usually gets from its own images, the threshold of confident learning (Northcutt, Jiang & Chuang,
2021); the least probable label comes first. `benchmarks/doubtful.md` says how often those are wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import IndexArray, Values
from ..classifiers import SHALLOW_HEADS, deal_folds, fit_temperature, held_out_scores, in_own_basis, log_prior
from ..machine import map_in_threads, one_blas_thread
from ..pool import Pool, labelled_rows
from ..probabilities import softmax
from ..vectors import normalised
from .groups import one_of_each_group
from .missing_classes import ENOUGH

FOLDS = 5
C = 1.0  # on features of length 1
HEAD = replace(SHALLOW_HEADS["svm"], grid=(C,))


@dataclass(frozen=True)
class Doubt:
    """A label that may be wrong.

    Attributes
    ----------
    row : int
        Of the pool.
    label : str
        The class that it was said to be of.
    likely : str
        The likeliest class.
    probability, likely_probability : float
        Of either class, by a classifier that did not see the image.
    """

    row: int
    label: str
    likely: str
    probability: float
    likely_probability: float


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Labelled images as a classifier sees them that was trained without them.

    Attributes
    ----------
    rows : array of intp, shape (n,)
        Of the pool; of each group one.
    given : array of intp, shape (n,)
        The class of each as it was labelled.
    classes : tuple of str
        In the order in which they were found.
    probabilities : array of shape (n, n_classes)
        nan for images that could not be held out, because their class has no other label.
    """

    rows: IndexArray
    given: IndexArray
    classes: tuple[str, ...]
    probabilities: Values

    @cached_property
    def judged(self) -> IndexArray:
        """The places of those that were held out."""
        return np.flatnonzero(~np.isnan(self.probabilities[:, 0]))

    @cached_property
    def taken_for(self) -> IndexArray:
        """The likeliest class of each (n,); 0 where it was not held out."""
        return np.asarray(np.nan_to_num(self.probabilities, nan=-1.0).argmax(axis=1))

    @property
    def doubts(self) -> list[Doubt]:
        """The labels that may be wrong, worst first."""
        order, likely = ranked(self.probabilities, self.given)
        return [
            Doubt(
                int(self.rows[place]), self.classes[self.given[place]], self.classes[likely[place]],
                float(self.probabilities[place, self.given[place]]), float(self.probabilities[place, likely[place]]),
            )
            for place in order.tolist()
        ]  # fmt: skip


def doubtful_labels(pool: Pool, rows: ArrayLike, labels: Sequence[str], random_state: int = 0) -> list[Doubt]:
    """The labels that may be wrong, worst first.

    Of a group one label is judged. A label that is the only one of its class cannot be, and of fewer than 20 nothing
    is said.
    """
    found = held_out_labels(pool, rows, labels, random_state)
    return found.doubts if found else []


def held_out_labels(pool: Pool, rows: ArrayLike, labels: Sequence[str], random_state: int = 0) -> HeldOut | None:
    """What a quick classifier in five folds says of the labelled images; None of fewer than 20, or of one class."""
    index, names = one_of_each_group(pool, *labelled_rows("review", pool, rows, labels))
    numbers: dict[str, int] = {}  # in the order of discovery: another name for a class changes nothing
    given = np.array([numbers.setdefault(str(name), len(numbers)) for name in names], np.intp)
    if len(numbers) < 2 or len(given) < ENOUGH:
        return None
    groups = None if pool.groups is None else pool.groups[index]
    probabilities = out_of_fold(pool, index, given, groups, np.random.default_rng(random_state))
    return HeldOut(index, given, tuple(numbers), probabilities)


def out_of_fold(
    pool: Pool, rows: IndexArray, given: IndexArray, groups: IndexArray | None, rng: np.random.Generator
) -> Values:
    """The probability of each class (n, n_classes) by what did not see the image; nan where nothing could be held out."""
    folds = deal_folds(given, FOLDS, rng, groups)
    with one_blas_thread():
        points, _ = in_own_basis(normalised(pool.features[rows]))
        scores: Values = held_out_scores(HEAD, points, given, folds, map_in_threads)[0]
    judged = folds >= 0
    if judged.any():
        scores[judged] /= fit_temperature(scores[judged], given[judged])
    return softmax(scores - log_prior(np.bincount(given)))


def ranked(probabilities: Values, given: IndexArray) -> tuple[IndexArray, IndexArray]:
    """The places of doubtful labels, worst first, and the likeliest class of every image (n,)."""
    judged = np.flatnonzero(~np.isnan(probabilities[:, 0]))
    own = probabilities[judged, given[judged]]
    _, place = np.unique(given[judged], return_inverse=True)
    usual = np.bincount(place, own) / np.bincount(place)
    likely = np.zeros(len(given), np.intp)
    likely[judged] = probabilities[judged].argmax(axis=1)
    doubtful = np.flatnonzero((likely[judged] != given[judged]) & (own < usual[place]))
    order: IndexArray = judged[doubtful[np.argsort(own[doubtful], kind="stable")]]
    return order, likely
