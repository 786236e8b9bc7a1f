"""The shallow strategies: linear classifiers on fixed features, transformed to length 1, each for a grid of settings.

Every `fit` takes features (n, n_features) of length 1, class numbers (n,), all numbers from 0 to n_classes - 1
used, and a grid of ascending settings, and gives one `LinearHead` for each setting.
"""

import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .linear_head import LinearHead
from .linear_svm import C_GRID, fit_path

_CENTRED_C = 10.0  # of logistic regression

Fit: TypeAlias = Callable[[NDArray[np.floating], NDArray[np.intp], Sequence[float]], list[LinearHead]]


@dataclass(frozen=True)
class ShallowHead:
    """One way to train on fixed features: its name in words, its grid of C, how it is fitted.

    `teacher_c` is the C with which it predicts pseudo-labels, `student_c` that with which it learns from them: of the SVM from
    a few runs on caltech, places and food with 200 and 500 labels chosen by `ent_inv_div`, none of them in benchmarks/;
    of logistic regression its only one. Scores that are `log_probabilities` (but for a constant an image) are corrected
    for class frequencies as they are, before any temperature. One that is `centred` takes features as
    `FeatureTransform.fitted_to` makes them, others at length 1 only.
    """

    words: str
    grid: tuple[float, ...]
    fit: Fit
    teacher_c: float
    student_c: float
    log_probabilities: bool = False
    centred: bool = False


def linear_svm(features: NDArray[np.floating], labels: NDArray[np.intp], grid: Sequence[float]) -> list[LinearHead]:
    """Squared hinge loss, one against the rest (section 3.4 of the paper)."""
    return fit_path(features, labels, int(labels.max()) + 1, grid)


def nearest_mean(features: NDArray[np.floating], labels: NDArray[np.intp], grid: Sequence[float]) -> list[LinearHead]:
    """The class whose mean is nearest (Euclidean): |x - m|^2 is linear in x but for |x|^2, the same for all."""
    members = labels == np.arange(labels.max() + 1)[:, None]
    means = np.array([features[of_class].mean(axis=0, dtype=np.float64) for of_class in members])
    return [LinearHead(2 * means, -(means**2).sum(axis=1)) for _ in grid]


# Silencing warnings is a matter of the whole process, and folds are fitted in threads. The search itself is mostly
# Python, which takes turns anyway.
_one_at_a_time = threading.Lock()


def logistic_regression(
    features: NDArray[np.floating], labels: NDArray[np.intp], cs: Sequence[float], tolerance: float = 1e-4
) -> list[LinearHead]:
    """The head for each C, ascending, each searched for from the last one's weights."""
    from sklearn.linear_model import LogisticRegression

    model, heads = LogisticRegression(warm_start=True, tol=tolerance, max_iter=200), []
    for c in cs:
        with _one_at_a_time, warnings.catch_warnings():
            # Close to the optimum is good enough, and many classes with one label each are usual here.
            warnings.simplefilter("ignore", UserWarning)
            model.set_params(C=c).fit(features, labels)
        weights, intercepts = model.coef_.copy(), model.intercept_.copy()
        if len(weights) == 1:  # two classes share one row of scores
            weights, intercepts = np.vstack([-weights, weights]) / 2, np.array([-intercepts[0], intercepts[0]]) / 2
        heads.append(LinearHead(weights, intercepts))
    return heads


SHALLOW_HEADS: dict[str, ShallowHead] = {
    "svm": ShallowHead("linear SVM", C_GRID, linear_svm, 10.0, 1.0),
    "logistic_regression": ShallowHead(
        "logistic regression",
        (_CENTRED_C,),
        logistic_regression,
        _CENTRED_C,
        _CENTRED_C,
        log_probabilities=True,
        centred=True,
    ),
    "nearest_mean": ShallowHead("nearest class mean", (1.0,), nearest_mean, 1.0, 1.0),
}
