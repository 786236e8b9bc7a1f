"""How good a strategy is, by folds over the labels that choose C, temperature and tau together.

What is chosen is chosen on held-out images. The accuracy that is stated is nested: for each fold, C, temperature
and tau are chosen inside its training part alone, so that no image takes part in a choice of them that it judges.
Where there is one C and the prior is corrected for before the temperature or not at all, nothing that is chosen changes
which class is predicted; the temperature then comes from the other folds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values
from ..machine import cores, one_blas_thread
from ..metrics import expected_calibration_error, macro_accuracy
from ..probabilities import softmax
from .choice import TUNED_TAUS, Choice, at_temperature, choose, log_prior
from .folds import NestedFolds, held_out_scores
from .heads import ShallowHead

Progress: TypeAlias = Callable[[int, int], None]  # steps done, steps in all: each fold is trained, and then judged
T = TypeVar("T")
NO_FOLD = -1  # as in the folds of images that are never held out


@dataclass(frozen=True)
class CrossValidation:
    """What the held-out folds of the labelled images say of one strategy; shares between 0 and 1.

    Attributes
    ----------
    accuracy, corrected_accuracy : float
        Nested macro accuracy of the calibrated probabilities, without and with prior correction.
    fold_accuracies : tuple of float
        Nested macro accuracy with prior correction of each fold, over the classes that it holds.
    calibration_error_before, calibration_error : float
        Expected calibration error (15 bins) of softmax(scores) and of softmax(scores / temperature).
    accuracy_of_c : dict
        Macro accuracy with prior correction for each C, on the folds that choose C.
    n_held_out, n_classes : int
        Images and classes that could be held out; a class with one label cannot.
    bounds : str
        What was left out to save time, in words; empty if nothing.
    """

    accuracy: float
    corrected_accuracy: float
    fold_accuracies: tuple[float, ...]
    calibration_error_before: float
    calibration_error: float
    accuracy_of_c: dict[float, float]
    n_held_out: int
    n_classes: int
    bounds: str = ""


@dataclass(frozen=True)
class Validated:
    """What to train with; how good that is, None if no class has two labels; and what the folds predicted.

    `predicted` holds the class number of each image, with prior correction, by what did not see it; -1 where there is none.
    """

    choice: Choice
    cross_validation: CrossValidation | None
    predicted: IndexArray


@dataclass(frozen=True)
class FoldJudge:
    """What judges one fold: scores (n, n_classes) and a choice, neither made with its images."""

    fold: int
    scores: Values
    choice: Choice


def cross_validate(
    head: ShallowHead,
    features: NDArray[np.floating],
    labels: IndexArray,
    folds: NestedFolds,
    taus: Sequence[float],
    progress: Progress = lambda done, total: None,
) -> Validated:
    """What to train with, and how good that is."""
    run, done = list(folds.inner), 0
    in_full = head.log_probabilities and tuple(taus) == TUNED_TAUS
    nothing_chosen = len(head.grid) == 1 and (in_full or tuple(taus) == (0.0,))  # that changes which class is predicted
    progress(0, 2 * len(run))

    # The folds share the cores: BLAS would do worse with several on one fold.
    with one_blas_thread(), ThreadPoolExecutor(cores()) as executor:

        def counted(function: Callable[[int], T], folds: Iterable[int]) -> Iterator[T]:
            nonlocal done
            for result in executor.map(function, folds):
                done += 1
                progress(done, 2 * len(run))
                yield result

        scores = held_out_scores(head, features, labels, folds.outer, counted)
        if nothing_chosen:
            choose_for = partial(_temperature_of_others, head.grid[0], scores[0], labels, folds.outer, in_full)
            taus = (choose_for(NO_FOLD).tau,) if run else taus
        else:
            choose_for = partial(_chosen_within, head, features, labels, folds, taus)
        choice, accuracy_of_c = choose(scores, labels, head.grid, taus)
        choices = list(counted(choose_for, run))
    judges = [FoldJudge(fold, scores[head.grid.index(own.c)], own) for fold, own in zip(run, choices, strict=True)]
    return validated(choice, accuracy_of_c, labels, folds.outer, judges)


def _chosen_within(
    head: ShallowHead,
    features: NDArray[np.floating],
    labels: IndexArray,
    folds: NestedFolds,
    taus: Sequence[float],
    fold: int,
) -> Choice:
    """The choice for a fold by three folds inside its training part."""
    part = folds.outer != fold
    scores = held_out_scores(head, features[part], labels[part], folds.inner[fold])
    return choose(scores, labels[part], head.grid, taus)[0]


def _temperature_of_others(
    c: float, scores: Values, labels: IndexArray, folds: IndexArray, corrected: bool, fold: int
) -> Choice:
    """The choice for a fold where only the temperature is open: that of the other folds' held-out images."""
    others = (folds >= 0) & (folds != fold)
    return at_temperature(c, scores[others], labels[others], corrected)


def validated(
    choice: Choice,
    accuracy_of_c: dict[float, float],
    labels: IndexArray,
    folds: IndexArray,
    judges: Sequence[FoldJudge],
    bounds: str = "",
) -> Validated:
    """What the folds say, each of its judge; `folds` (n,) are -1 for images that no judge has."""
    predicted, tested = np.full(len(labels), -1, dtype=np.intp), folds >= 0
    if not tested.any():
        return Validated(choice, None, predicted)
    raw = np.full((len(labels), int(labels.max()) + 1), np.nan)
    plain = raw.copy()
    for judge in judges:
        held, own = folds == judge.fold, judge.choice
        raw[held], plain[held] = judge.scores[held], judge.scores[held] / own.temperature
        predicted[held] = (plain[held] - own.tau * log_prior(np.bincount(labels[~held]))).argmax(axis=1)
    found = CrossValidation(
        macro_accuracy(labels[tested], plain[tested].argmax(axis=1)),
        macro_accuracy(labels[tested], predicted[tested]),
        tuple(macro_accuracy(labels[held], predicted[held]) for held in (folds == judge.fold for judge in judges)),
        expected_calibration_error(softmax(raw[tested]), labels[tested]),
        expected_calibration_error(softmax(plain[tested]), labels[tested]),
        accuracy_of_c,
        int(tested.sum()),
        len(np.unique(labels[tested])),
        bounds,
    )
    return Validated(choice, found, predicted)
