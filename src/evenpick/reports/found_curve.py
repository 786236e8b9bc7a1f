"""Classes found against labels given, and what as many labels drawn at random would have found of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from ..arrays import Values
from ..estimates import AuditEstimate, Outlook


def found_facts(names: Sequence[str], switch_at: int | None, audit: AuditEstimate | None) -> dict[str, Any]:
    """The classes found after each label; with an audit, beside it what random drawing would have found of the same classes.

    Only audit labels tell the classes' shares of the pool without a bias that would flatter one of the two.
    """
    first = {name: place for place, name in reversed([*enumerate(names)])}
    found = np.cumsum([first[name] == place for place, name in enumerate(names)]).tolist()
    facts: dict[str, Any] = {"found": found, "switch_at": switch_at, "random": None}
    if audit:
        sizes = np.maximum(np.rint([one.share.value * audit.n_pieces for one in audit.classes]), 1)
        n = np.minimum(np.arange(1, len(names) + 1), audit.n_pieces)
        facts["random"] = np.round(expected_at_random(sizes, audit.n_pieces, n), 3).tolist()
    return facts


def expected_at_random(sizes: ArrayLike, n_images: int, n_drawn: ArrayLike) -> Values:
    """How many of the classes of these sizes as many draws without replacement find on average, shape of `n_drawn`.

    A class is missed with the chance of the hypergeometric distribution: C(N - K, n) / C(N, n).
    """
    of = np.minimum(np.asarray(sizes, dtype=np.float64), n_images)
    n = np.asarray(n_drawn, dtype=np.float64)[..., None]
    left = n_images - of - n  # images of other classes that are not drawn; below 0 the class cannot be missed
    possible = np.maximum(left, 0)
    missed = gammaln(n_images - of + 1) - gammaln(possible + 1) - gammaln(n_images + 1) + gammaln(n_images - n + 1)
    return np.asarray(np.where(left < 0, 1.0, 1 - np.exp(missed)).sum(axis=-1))


def learning_facts(outlook: Outlook) -> dict[str, Any] | None:
    """Accuracy against labels: what folds over the labels say of fewer, and what is to be expected now and of more."""
    expected, now = outlook.expectation, outlook.accuracy_now
    if expected is None or now is None:
        return None
    later, n = outlook.accuracy_later, expected.n_labels
    points = [
        {"labels": round(share * n), "accuracy": accuracy}
        for share, accuracy in zip(expected.curve.trained_on, expected.curve.points, strict=True)
    ]
    known = [(n, now), *([(n + expected.n_more, later)] if later else [])]
    return {
        "folds": points[::-1],
        "all_classes": [{"labels": at, "value": e.value, "low": e.low, "high": e.high} for at, e in known],
        "by_audit": outlook.audit is not None,
    }
