"""How many classes no label has named yet, from how often the named ones came.

Both estimates assume labels drawn at random. Labels chosen for coverage or balance find classes faster: many
classes have one label although few are missing, so that both say more than there is. A short tail of very
rare classes that leaves no trace in the labels makes Chao1 say less; it is a lower bound in theory.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.9
ENOUGH = 20  # labels from which on estimates are shown to people


@dataclass(frozen=True)
class UnseenClasses:
    """Classes found and not found, with intervals of 90 %.

    Attributes
    ----------
    n_labels, found : int
    singletons, doubletons : int
        Classes with one and with two labels.
    undiscovered, low, high : float
        Classes still to be found: bias-corrected Chao1 and its log-normal interval (Chao, 1987).
    unseen_mass, mass_low, mass_high : float
        Chance that a random image is of a class not found (Good, 1953), with Esty's (1983) interval.
    unlabelled : int or None
        Images of the pool without a label, if that is known: no more classes can be found in it.
    """

    n_labels: int
    found: int
    singletons: int
    doubletons: int
    undiscovered: float
    low: float
    high: float
    unseen_mass: float
    mass_low: float
    mass_high: float
    unlabelled: int | None = None

    @property
    def mostly_lone(self) -> bool:
        """Whether most labels are the only one of their class.

        They then cover less than half of what there is (Good, 1953), and no estimate from counts is stable.
        """
        return self.unseen_mass > 0.5

    def still_undiscovered(self, n_more: int, of: float | None = None) -> float:
        """How many of `of` (by default all) undiscovered classes as many more labels would leave unfound.

        The extrapolation of Chao et al. (2014, Table 1), which also assumes random drawing.
        """
        left = self.undiscovered if of is None else of
        if left <= 0:
            return 0.0
        return left * (1 - self.singletons / (self.n_labels * left + self.singletons)) ** n_more


def unseen_classes(labels: Iterable[Hashable], n_images: int | None = None) -> UnseenClasses | None:
    """Chao1 and Good-Turing from the labels so far, of so many images; None without a label."""
    return unseen_of_counts(Counter(labels).values(), n_images)


def unseen_of_counts(counts_found: Collection[int], n_images: int | None = None) -> UnseenClasses | None:
    """The same from the labels of each class found."""
    counts = np.array([*counts_found])
    if not counts.size:
        return None
    n, found = int(counts.sum()), len(counts)
    one, two = int((counts == 1).sum()), int((counts == 2).sum())
    undiscovered = (n - 1) / n * one * max(one - 1, 0) / (2 * (two + 1))
    classes = undiscovered, *_chao_interval(n, found, one, two)
    mass = one / n, *_mass_interval(n, one, two)
    if n_images is None:
        return UnseenClasses(n, found, one, two, *classes, *mass)
    left = max(n_images - n, 0)
    undiscovered, low, high = (min(estimate, left) for estimate in classes)
    mass = mass if left else (0.0, 0.0, 0.0)
    return UnseenClasses(n, found, one, two, undiscovered, low, high, *mass, left)


def _chao_interval(n: int, found: int, one: int, two: int) -> tuple[float, float]:
    """Log-normal interval of the undiscovered classes; without an estimate, that of what chance may hide."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    q, d = (n - 1) / n, two + 1
    estimate = q * one * (one - 1) / (2 * d)
    if estimate > 0:
        variance = (
            estimate + q**2 * one * (2 * one - 1) ** 2 / (4 * d**2) + q**2 * one**2 * two * (one - 1) ** 2 / (4 * d**4)
        )
        factor = exp(z * sqrt(log(1 + variance / estimate**2)))
        return estimate / factor, estimate * factor
    # Colwell's EstimateS, appendix: classes of the mean size n / found are missed with this chance.
    missed = min(exp(-n / found), 0.99)
    spread = z * sqrt(found * missed * (1 - missed))
    return 0.0, (found * missed + spread) / (1 - missed)


def _mass_interval(n: int, one: int, two: int) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    mass = one / n
    half = z * sqrt(one * (1 - mass) + 2 * two) / n
    hidden = 1 - (1 - CONFIDENCE) ** (1 / n)  # a mass this large would have shown in n draws
    return max(mass - half, 0.0), min(max(mass + half, hidden), 1.0)
