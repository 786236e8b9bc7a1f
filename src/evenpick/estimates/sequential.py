"""Totals over all pieces from draws with known chances, with nothing assumed of pieces or classifier.

Before draw m some pieces have their answer; of the others it draws i with chance q. So the sum over the first, plus
f(i) / q, is right on average (Hansen & Hurwitz, 1943), and their mean over the draws, weighted by what is fixed beforehand, is
too. What a draw is off by is on average 0 whatever came before, so that squares add up.
"""

from math import sqrt

from ..arrays import Values
from .audit_sample import AuditSample


def total_of(sample: AuditSample, values: Values, when_drawn: Values | None = None) -> tuple[float, float]:
    """The sum of `values` (n,) over all pieces of the pool, of which those with an answer are known, and its standard error.

    `when_drawn` (n,) are what a piece is worth that stands for others, by default the same.
    """
    drawn = values if when_drawn is None else when_drawn
    by_draw = sample.known @ values + drawn[sample.places] / sample.chances
    total = float(sample.weights @ by_draw)
    n = len(by_draw)
    squares = float((sample.weights**2 * (by_draw - total) ** 2).sum())
    return total, sqrt(squares * n / (n - 1))
