"""The folds that labels are dealt into, and the scores of each image from the fold that did not train on it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values
from .heads import ShallowHead
from .linear_head import LinearHead

N_FOLDS = 10
N_INNER_FOLDS = 3  # inside the training part of a fold


@dataclass(frozen=True)
class NestedFolds:
    """The fold of each image (n,), -1 for one that is never held out, and the folds inside each fold's training part."""

    outer: IndexArray
    inner: dict[int, IndexArray]


def deal_nested_folds(labels: IndexArray, n_folds: int, rng: np.random.Generator) -> NestedFolds:
    """Folds over the labels, and three folds over the training part of each."""
    outer = deal_folds(labels, n_folds, rng)
    run = np.unique(outer[outer >= 0]).tolist()
    return NestedFolds(outer, {fold: deal_folds(labels[outer != fold], N_INNER_FOLDS, rng) for fold in run})


def deal_folds(labels: IndexArray, n_folds: int, rng: np.random.Generator) -> IndexArray:
    """The fold of each image, -1 for one that is never held out because its class has no other.

    Classes are dealt in the order in which they are found among the labels: another name for one changes nothing.
    """
    folds = np.full(len(labels), -1, dtype=np.intp)
    dealt = 0
    for name in labels[np.sort(np.unique(labels, return_index=True)[1])]:
        members = rng.permutation(np.flatnonzero(labels == name))
        if len(members) > 1:
            folds[members] = (dealt + np.arange(len(members))) % n_folds
            dealt += len(members)
    return folds


def held_out_scores(
    head: ShallowHead,
    features: NDArray[np.floating],
    labels: IndexArray,
    folds: IndexArray,
    map_folds: Callable[..., Iterable[list[LinearHead]]] = map,
) -> Values:
    """Scores of each image from the fold that did not train on it, shape (n_C, n, n_classes).

    Rows of images that are never held out are nan. `map_folds` is the `map` that fits the folds.
    """
    scores = np.full((len(head.grid), len(labels), int(labels.max()) + 1), np.nan)
    run = np.unique(folds[folds >= 0])

    def fit(fold: int) -> list[LinearHead]:
        return head.fit(features[folds != fold], labels[folds != fold], head.grid)

    for fold, heads in zip(run, map_folds(fit, run), strict=True):
        for i, fitted in enumerate(heads):
            scores[i, folds == fold] = fitted.scores(features[folds == fold])
    return scores
