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


def deal_nested_folds(
    labels: IndexArray, n_folds: int, rng: np.random.Generator, groups: IndexArray | None = None
) -> NestedFolds:
    """Folds over the labels, and three folds over the training part of each; no group is divided by any."""
    groups = np.arange(len(labels)) if groups is None else groups
    outer = deal_folds(labels, n_folds, rng, groups)
    parts = {fold: outer != fold for fold in np.unique(outer[outer >= 0]).tolist()}
    inner = {fold: deal_folds(labels[part], N_INNER_FOLDS, rng, groups[part]) for fold, part in parts.items()}
    return NestedFolds(outer, inner)


def deal_folds(
    labels: IndexArray, n_folds: int, rng: np.random.Generator, groups: IndexArray | None = None
) -> IndexArray:
    """The fold of each image, -1 for one that is never held out because its class has no other group of images.

    Classes are dealt in the order in which they are found among the labels: another name for one changes nothing. A
    group of images of several classes goes with the first of them, and is held out as a whole or not at all.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    folds = np.full(len(labels), -1, dtype=np.intp)
    fold_of: dict[int, int] = {}
    for name in _in_order_found(labels):
        members = np.flatnonzero(labels == name)
        own = _in_order_found(groups[members])
        if len(own) > 1:
            for group in rng.permutation(own).tolist():
                fold_of.setdefault(group, len(fold_of) % n_folds)
            dealt = np.array([fold_of[group] for group in groups[members].tolist()])
            # A group of several classes can bring all images of one into the same fold.
            folds[members] = dealt if (dealt != dealt[0]).any() else -1
    folds[np.isin(groups, groups[folds < 0])] = -1  # what is partly in training is wholly there
    return folds


def _in_order_found(values: IndexArray) -> IndexArray:
    """Each value once, in the order in which they come first."""
    return values[np.sort(np.unique(values, return_index=True)[1])]


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
