"""Ten folds over the labels: they choose C, temperature and tau together, and say honestly how good that is.

What is chosen is chosen on held-out images. The accuracy that is stated is nested: for each fold, C, temperature
and tau are chosen inside its training part alone, so that no image takes part in a choice of them that it judges.
Where there is one C and no prior correction, nothing that is chosen changes what an image is told to be; the
temperature then comes from the other folds.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ..arrays import Values
from ..machine import cores, one_blas_thread
from ..metrics import expected_calibration_error, macro_accuracy, macro_standard_error
from ..probabilities import softmax
from .heads import ShallowHead
from .linear_head import LinearHead

N_FOLDS = 10
N_INNER_FOLDS = 3  # inside the training part of a fold
TUNED_TAUS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Choice:
    """C, the softmax temperature, and the strength tau of the prior correction."""

    c: float
    temperature: float
    tau: float


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
    predicted: NDArray[np.intp]


def cross_validate(
    head: ShallowHead,
    features: NDArray[np.floating],
    labels: NDArray[np.intp],
    folds: NDArray[np.intp],
    taus: Sequence[float],
    rng: np.random.Generator,
) -> Validated:
    """What to train with, and how good that is."""
    run = np.unique(folds[folds >= 0])
    chosen = len(head.grid) > 1 or tuple(taus) != (0.0,)  # else nothing that changes what an image is told to be
    inner = [deal_folds(labels[folds != fold], N_INNER_FOLDS, rng) for fold in run if chosen]
    # The folds share the cores: BLAS would do worse with several on one fold.
    with one_blas_thread(), ThreadPoolExecutor(cores()) as executor:
        scores = held_out_scores(head, features, labels, folds, executor.map)
        choice, accuracy_of_c = choose(scores, labels, head.grid, taus)

        def within(fold: int, dealt: NDArray[np.intp]) -> tuple[Values, Choice, Values]:
            part = folds != fold
            held = held_out_scores(head, features[part], labels[part], dealt)
            own, _ = choose(held, labels[part], head.grid, taus)
            return scores[head.grid.index(own.c)], own, log_prior(np.bincount(labels[part]))

        def alone(fold: int) -> tuple[Values, Choice, Values]:
            others = (folds >= 0) & (folds != fold)
            own = Choice(head.grid[0], fit_temperature(scores[0, others], labels[others]), 0.0)
            return scores[0], own, log_prior(np.bincount(labels))

        own_choices = executor.map(within, run, inner) if chosen else map(alone, run)
        judged = dict(zip(run.tolist(), own_choices, strict=True))
    return validated(choice, accuracy_of_c, labels, folds, judged)


def validated(
    choice: Choice,
    accuracy_of_c: dict[float, float],
    labels: NDArray[np.intp],
    folds: NDArray[np.intp],
    judged: dict[int, tuple[Values, Choice, Values]],
    bounds: str = "",
) -> Validated:
    """Judge each fold by held-out scores (n, n_classes), and the choice and log prior that are not of its own making."""
    predicted, tested = np.full(len(labels), -1, dtype=np.intp), folds >= 0
    if not tested.any():
        return Validated(choice, None, predicted)
    raw = np.full((len(labels), int(labels.max()) + 1), np.nan)
    plain = raw.copy()
    for fold, (scores, own, prior) in judged.items():
        held = folds == fold
        raw[held], plain[held] = scores[held], scores[held] / own.temperature
        predicted[held] = (plain[held] - own.tau * prior).argmax(axis=1)
    found = CrossValidation(
        macro_accuracy(labels[tested], plain[tested].argmax(axis=1)),
        macro_accuracy(labels[tested], predicted[tested]),
        tuple(macro_accuracy(labels[folds == fold], predicted[folds == fold]) for fold in judged),
        expected_calibration_error(softmax(raw[tested]), labels[tested]),
        expected_calibration_error(softmax(plain[tested]), labels[tested]),
        accuracy_of_c,
        int(tested.sum()),
        len(np.unique(labels[tested])),
        bounds,
    )
    return Validated(choice, found, predicted)


def deal_folds(labels: NDArray[np.intp], n_folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
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
    labels: NDArray[np.intp],
    folds: NDArray[np.intp],
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


def choose(
    scores: Values, labels: NDArray[np.intp], grid: Sequence[float], taus: Sequence[float]
) -> tuple[Choice, dict[float, float]]:
    """C, temperature and tau by the macro accuracy of the corrected predictions of the held-out images.

    The three are judged together: a C that looks good by its raw scores may have no temperature with which the
    correction does not overshoot. The second answer is the best accuracy of each C.
    """
    tested = ~np.isnan(scores[0, :, 0])
    if not tested.any():
        return Choice(1.0 if 1.0 in grid else grid[-1], 1.0, max(taus)), {}  # one label a class: nothing to choose by
    true, prior = labels[tested], log_prior(np.bincount(labels))
    found: list[tuple[float, float, Choice]] = []
    for c, of_c in zip(grid, scores[:, tested], strict=True):
        temperature = fit_temperature(of_c, true)
        for tau in taus:
            predicted = (of_c / temperature - tau * prior).argmax(axis=1)
            found.append((*macro_with_error(true, predicted), Choice(c, temperature, tau)))
    # Of equal accuracies the largest C: classes with one label cannot be held out, and a small C ignores them.
    highest, error, _ = max(found, key=lambda entry: (entry[0], entry[2].c, entry[2].tau))
    # The printed correction stands unless a weaker one is better by more than half a standard error: with a whole
    # one it stood where it cost a point, with none a few labels of a class chose tau by luck.
    tau = max(of.tau for accuracy, _, of in found if accuracy >= highest - error / 2)
    *_, best = max((entry for entry in found if entry[2].tau == tau), key=lambda entry: (entry[0], entry[2].c))
    return best, {c: max(accuracy for accuracy, _, of in found if of.c == c) for c in grid}


def macro_with_error(true: NDArray[np.intp], predicted: NDArray[np.intp]) -> tuple[float, float]:
    """Macro accuracy over the classes of `true`, and its standard error."""
    sizes = np.bincount(true)
    here = sizes > 0
    shares = np.bincount(true, weights=true == predicted)[here] / sizes[here]
    return float(shares.mean()), macro_standard_error(shares, sizes[here])


def fit_temperature(scores: Values, labels: NDArray[np.intp]) -> float:
    """The temperature whose softmax gives the labels the highest likelihood (Guo et al., 2017).

    The labels are softened as Platt (1999) does, 1 / (n + 2) of each going to the other classes: where every image is
    told right a temperature of 0 would be best, whose probabilities of 0 and 1 no prior correction can move.
    """
    n, n_classes = scores.shape
    picked = np.arange(n), labels
    doubt = 1 / (n + 2)

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        others = (scaled.sum(axis=1) - scaled[picked]) / (n_classes - 1)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - (1 - doubt) * scaled[picked] - doubt * others))

    # Margins at a small C differ by thousandths, so the search spans eight orders of magnitude.
    grid = np.linspace(np.log(1e-5), np.log(1e3), 60)
    best = int(np.argmin([loss(value) for value in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def log_prior(counts: NDArray[np.intp]) -> Values:
    """Log of the class frequencies, shape (n_classes,)."""
    return np.asarray(np.log(counts / counts.sum()), dtype=np.float64)
