"""One cell of the paper's grid: labels are bought, the SVM arm is trained on them, and tested.

The SVM's C comes from ten folds over the labels, once for the plain and once for the prior-corrected accuracy.
"""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..classifiers import (
    N_FOLDS,
    SHALLOW_HEADS,
    ShallowHead,
    choose,
    deal_folds,
    held_out_scores,
    in_own_basis,
    log_prior,
)
from ..metrics import class_counts, classes_found, imbalance_ratio, macro_accuracy
from ..pool import Pool
from ..session import simulate
from ..vectors import normalised

FULL = "full"  # all labels of the pool: the upper bound of Eq. 10

_SVM = SHALLOW_HEADS["svm"]
# All labels of a pool: three folds tell enough, and C = 100 would take as long as all others.
_FULL_FOLDS, _FULL_SVM = 3, replace(_SVM, grid=_SVM.grid[:-1])


@dataclass(frozen=True)
class Cell:
    """One run: which labels are bought, and of which data set."""

    data_set: str
    acquisition: str
    balancing: str | None
    budget: int
    seed: int


@dataclass(frozen=True)
class Labelled:
    """A pool and the true class of each row, shape (n,)."""

    pool: Pool
    labels: NDArray[np.str_]


def run_cell(cell: Cell, train: Labelled, test: Labelled, pool_share: float) -> dict[str, Any]:
    """The cell, what was bought, and test accuracies in percent."""
    pool, labels = train.pool, train.labels
    start, bought = time.perf_counter(), dict[str, int | float | None]()
    if cell.acquisition == FULL:
        chosen = np.arange(len(pool))
    else:
        chosen, bought = _buy(pool, labels, cell, pool_share)
    selected = time.perf_counter()
    head, n_folds = (_FULL_SVM, _FULL_FOLDS) if cell.acquisition == FULL else (_SVM, N_FOLDS)
    counts = class_counts(labels[chosen], sorted(set(labels)))
    return (
        asdict(cell)
        | {"classes_found": classes_found(labels[chosen]), "imbalance_ratio": round(imbalance_ratio(counts), 4)}
        | bought
        | svm_accuracies(Labelled(pool.take(chosen), labels[chosen]), test, cell.seed, head, n_folds)
        | {"folds": n_folds, "largest_c": head.grid[-1]}
        | {"select_seconds": round(selected - start, 2), "train_seconds": round(time.perf_counter() - selected, 2)}
    )


def _buy(
    pool: Pool, labels: NDArray[np.str_], cell: Cell, pool_share: float
) -> tuple[IndexArray, dict[str, int | float | None]]:
    """The labelled rows, and how balancing went."""
    drawn = np.random.default_rng(cell.seed).permutation(len(pool))[: int(pool_share * len(pool))]
    result = simulate(
        pool.take(drawn), labels[drawn], cell.budget, acquisition=cell.acquisition, balancing=cell.balancing,
        random_state=cell.seed, audit=0,
    )  # fmt: skip
    asked = [target == label for target, label in zip(result.targets, result.labels, strict=True) if target]
    hits = round(float(np.mean(asked)), 4) if asked else None
    return drawn[result.indices], {"switch_at": result.switch_at, "target_hits": hits}


def svm_accuracies(
    train: Labelled, test: Labelled, seed: int, head: ShallowHead = _SVM, n_folds: int = N_FOLDS
) -> dict[str, float]:
    """Test macro accuracy in percent without and with prior correction, each with the C that is best for it.

    The models are those of `train(..., "svm", prior_correction=False, unlabelled=())` and `True`; both come from one set
    of fits.
    """
    classes, numbers = np.unique(train.labels, return_inverse=True)
    if len(classes) == 1:
        only = round(100 * macro_accuracy(test.labels, np.full(len(test.labels), classes[0])), 3)
        return {"accuracy": only, "corrected_accuracy": only}
    features, basis = in_own_basis(normalised(np.asarray(train.pool.features)))
    folds = deal_folds(numbers, n_folds, np.random.default_rng(seed))
    held_out = held_out_scores(head, features, numbers, folds)
    plain, corrected = (choose(held_out, numbers, head.grid, (tau,))[0] for tau in (0.0, 1.0))
    fitted = head.fit(features, numbers, [c for c in head.grid if c <= max(plain.c, corrected.c)])
    test_features, prior = normalised(np.asarray(test.pool.features)) @ basis.T, log_prior(np.bincount(numbers))
    found: dict[str, float] = {}
    for name, choice in (("accuracy", plain), ("corrected_accuracy", corrected)):
        scores = fitted[head.grid.index(choice.c)].scores(test_features) / choice.temperature
        predicted = classes[(scores - choice.tau * prior).argmax(axis=1)]
        found |= {name: round(100 * macro_accuracy(test.labels, predicted), 3), f"{name}_c": choice.c}
    return found
