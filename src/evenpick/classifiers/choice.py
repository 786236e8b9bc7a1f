"""The choice of C, temperature and tau by the images that were held out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ..arrays import IndexArray, Values
from ..metrics import macro_standard_error

TUNED_TAUS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Choice:
    """C, the softmax temperature, and the strength tau of the prior correction."""

    c: float
    temperature: float
    tau: float


def choose(
    scores: Values, labels: IndexArray, grid: Sequence[float], taus: Sequence[float]
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


def at_temperature(c: float, scores: Values, labels: IndexArray, corrected: bool) -> Choice:
    """The temperature of these held-out scores (n, n_classes), 1 if there are none, where nothing else is open.

    If corrected, tau is 1 / temperature: scores / T - tau * log prior then tells the classes apart as scores - log prior.
    """
    temperature = fit_temperature(scores, labels) if len(labels) else 1.0
    return Choice(c, temperature, corrected / temperature)


def macro_with_error(true: IndexArray, predicted: IndexArray) -> tuple[float, float]:
    """Macro accuracy over the classes of `true`, and its standard error."""
    sizes = np.bincount(true)
    here = sizes > 0
    shares = np.bincount(true, weights=true == predicted)[here] / sizes[here]
    return float(shares.mean()), macro_standard_error(shares, sizes[here])


def fit_temperature(scores: Values, labels: IndexArray) -> float:
    """The temperature whose softmax gives the labels the highest likelihood (Guo et al., 2017).

    The labels are softened as Platt (1999) does, 1 / (n + 2) of each going to the other classes: where every image is
    predicted right a temperature of 0 would be best, whose probabilities of 0 and 1 no prior correction can move.
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


def log_prior(counts: IndexArray) -> Values:
    """Log of the class frequencies, shape (n_classes,)."""
    return np.asarray(np.log(counts / counts.sum()), dtype=np.float64)
