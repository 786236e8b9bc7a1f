"""Acquisition functions that read the source model's predictions (sections 3.2.1 and 3.2.2 of the paper).

Every acquisition function, here and elsewhere, has one signature: `(pool, budget, rng) -> indices`,
shape (budget,), intp, first choice first, no repeats. Equal scores keep the order of a permutation drawn
from `rng`, so that no file name decides.
"""

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import IndexArray, Singles
from ..pool import Pool


def random(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Images drawn uniformly, each as likely as any other."""
    return rng.permutation(len(pool))[:budget]


def ent(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Highest entropy of the source predictions first (Eq. 1)."""
    return _ascending(-pool.entropy, rng)[:budget]


def ms(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Smallest margin between the two best source classes first (Eq. 2)."""
    return _ascending(pool.margin, rng)[:budget]


def lc(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Least confident source prediction first (Eq. 3)."""
    return _ascending(pool.confidence, rng)[:budget]


def ent_inv(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Lowest entropy first: what the source is most certain of."""
    return _ascending(pool.entropy, rng)[:budget]


def ms_inv(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Largest margin first. The paper's printed row `ms` behaves like this one."""
    return _ascending(-pool.margin, rng)[:budget]


def lc_inv(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Most confident first."""
    return _ascending(-pool.confidence, rng)[:budget]


def ent_div(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """`ent`, at most one image of each source class a round."""
    return _diversified(_ascending(-pool.entropy, rng), pool.source_class)[:budget]


def ms_div(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """`ms`, at most one image of each source class a round."""
    return _diversified(_ascending(pool.margin, rng), pool.source_class)[:budget]


def lc_div(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """`lc`, at most one image of each source class a round."""
    return _diversified(_ascending(pool.confidence, rng), pool.source_class)[:budget]


def ent_inv_div(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Lowest entropy first, at most one image of each source class a round (Eq. 4)."""
    return _diversified(_ascending(pool.entropy, rng), pool.source_class)[:budget]


def ms_inv_div(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Largest margin first, at most one image of each source class a round (Eq. 5)."""
    return _diversified(_ascending(-pool.margin, rng), pool.source_class)[:budget]


def lc_inv_div(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Most confident first, at most one image of each source class a round (Eq. 6)."""
    return _diversified(_ascending(-pool.confidence, rng), pool.source_class)[:budget]


def variation_ratio(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Images first whose views get most different source classes (Freeman, 1965; of an ensemble, Beluch et al., 2018).

    With few views many images are equal: of those the one with more mutual information comes first.
    """
    order = _ascending(-pool.mutual_information, rng)
    return order[np.argsort(-pool.variation_ratio[order], kind="stable")][:budget]


def bald(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """Most mutual information between source class and view first (Houlsby et al., 2011; with dropout, Gal et al., 2017)."""
    return _ascending(-pool.mutual_information, rng)[:budget]


def _ascending(scores: Singles, rng: np.random.Generator) -> IndexArray:
    """Indices by ascending score, ties in the order of a drawn permutation."""
    permutation = rng.permutation(len(scores))
    return permutation[np.argsort(scores[permutation], kind="stable")]


def _diversified(order: IndexArray, source_class: ArrayLike) -> IndexArray:
    """The list walked in rounds: round r takes the r-th image of every source class, in list order."""
    classes = np.asarray(source_class)[order]
    by_class = np.argsort(classes, kind="stable")
    first_of_class = np.searchsorted(classes[by_class], classes[by_class], side="left")
    round_number = np.empty(len(order), np.intp)
    round_number[by_class] = np.arange(len(order)) - first_of_class
    return order[np.argsort(round_number, kind="stable")]
