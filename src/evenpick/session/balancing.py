"""The paper's balancing (section 3.3): when to switch, which class to ask for, how an image is scored.

n_c counts the labels of each discovered class c. Classes below the mean of n_c are under-represented
(ur), the others over-represented (or). All of it is derived from the labels so far.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import Values

_TIE = 1e-9  # scores this close, relative to their size, are a tie: the permutation decides, not rounding

Counts: TypeAlias = NDArray[np.intp]


def should_switch(counts: Counts, budget: int) -> bool:
    """Whether the labels left are just enough to even out the classes (Eq. 8, with `<=`).

    Parameters
    ----------
    counts : array of shape (n_discovered,)
        Labels of each discovered class.
    budget : int
        All labels that will be spent.
    """
    if not counts.size:
        return False
    under = counts < counts.mean()
    gap = counts[~under].mean() - counts[under].mean() if under.any() else 0.0
    # Counts are whole: rounding in the means must not decide between < and <=.
    return bool(budget - counts.sum() <= under.sum() * gap + 1e-9)


class TargetChoice:
    """Which class to ask for: the fewest labels, then the least often targeted, then the oldest.

    With `patience` k > 0, a target missed k times in a row is passed over until every other
    under-represented class has been, or until it is hit.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._targeted: list[int] = []
        self._misses: list[int] = []
        self._passed_over: set[int] = set()

    def choose(self, counts: Counts) -> int:
        """The class (in order of discovery) to ask for now; asking changes nothing, only answers do."""
        under = np.flatnonzero(counts < counts.mean())
        eligible = under.tolist() if under.size else list(range(len(counts)))
        waiting = [c for c in eligible if c not in self._passed_over] or eligible
        return min(waiting, key=lambda c: (counts[c], self._targeted[c], c))

    def observe(self, target: int | None, label: int) -> None:
        """Take note of an answer: what was asked for, if anything, and what it was."""
        while len(self._targeted) <= label:
            self._targeted.append(0)
            self._misses.append(0)
        if target in self._passed_over:
            self._passed_over.clear()  # it was asked for again, so every other one has been passed over
        self._misses[label] = 0
        self._passed_over.discard(label)
        if target is None:
            return
        self._targeted[target] += 1
        if target != label:
            self._misses[target] += 1
            if 0 < self._patience <= self._misses[target]:
                self._misses[target] = 0
                self._passed_over.add(target)


@dataclass(frozen=True)
class BalancingForm:
    """How an image is scored, lowest best, from its distance to the target's mean and to the others'.

    `reduce` makes one distance of those to the over-represented classes; `score` grows with the
    distance to the target and falls with the other. Without an or-class the distance to the target is
    the score.
    """

    reduce: np.ufunc
    score: Callable[[Values, Values], Values]
    quotient: bool  # of distances; else a distance itself

    def tie_width(self, scores: Values, to_target: Values) -> float:
        """How far apart two scores may be and still tie: relative to what they are made of."""
        best = abs(float(scores.min()))
        return _TIE * (best if self.quotient else max(best, float(to_target.min())))


def _ratio(to_target: Values, to_other: Values) -> Values:
    """The quotient; 0 / 0, an image that lies on every mean, counts as 0."""
    scores = np.where(to_target > 0, np.inf, 0.0)
    return np.divide(to_target, to_other, out=scores, where=to_other > 0)


BALANCINGS: dict[str, BalancingForm] = {
    # d(mu_target, x) / max over or-classes of d(mu_j, x): Eq. 9 as printed.
    "ratio_max": BalancingForm(np.maximum, _ratio, quotient=True),
    # d(mu_target, x) - min over or-classes of d(mu_j, x): the authors' later form.
    "diff_min": BalancingForm(np.minimum, np.subtract, quotient=False),
}
