"""Multinomial logistic regression with an L2 penalty, scikit-learn's, for a path of C."""

import threading
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .linear_head import LinearHead

# Silencing warnings is a matter of the whole process, and folds are fitted in threads. The search itself is mostly
# Python, which takes turns anyway.
_one_at_a_time = threading.Lock()


def logistic_regression(
    features: NDArray[np.floating], labels: NDArray[np.intp], cs: Sequence[float], tolerance: float = 1e-3
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
