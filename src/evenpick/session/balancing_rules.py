"""The paper's rules of balancing (section 3.3): when to switch, which class to ask for, how an image is scored.

Counts are the labels of each class found. Classes below their mean are under-represented, the others over-represented.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Values

_TIE = 1e-9  # scores this close, relative to their size, are a tie: the permutation decides, not rounding


def should_switch(counts: Sequence[int], budget: int) -> bool:
    """Whether the labels left of the budget are just enough to even out the classes (Eq. 8, with `<=`)."""
    under = [counts[number] for number in under_represented(counts)]
    if not under:
        return len(counts) > 0 and budget <= sum(counts)
    over_mean = (sum(counts) - sum(under)) / (len(counts) - len(under))
    gap = over_mean - sum(under) / len(under)
    # Counts are whole: rounding in the means must not decide between < and <=.
    return budget - sum(counts) <= len(under) * gap + 1e-9


def under_represented(counts: Sequence[int]) -> list[int]:
    """The numbers of the classes with fewer labels than the mean."""
    mean = sum(counts) / max(len(counts), 1)
    return [number for number, count in enumerate(counts) if count < mean]


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

    def choose(self, counts: Sequence[int]) -> int:
        """The class (in order of discovery) to ask for now; asking changes nothing, only answers do."""
        eligible = under_represented(counts) or range(len(counts))
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

    `reduce` makes one distance of those to the over-represented classes; `score` grows with the distance to the target
    and falls with that one. Without an over-represented class the distance to the target is the score.
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
    # d(mu_target, x) / max over over-represented classes j of d(mu_j, x): Eq. 9 as printed.
    "ratio_max": BalancingForm(np.maximum, _ratio, quotient=True),
    # d(mu_target, x) - min over the same of d(mu_j, x): the authors' later form.
    "diff_min": BalancingForm(np.minimum, np.subtract, quotient=False),
}
