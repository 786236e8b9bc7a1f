"""A classifier that is trained in one step, for the many trainings of a learning curve: ridge regression on the classes."""

import numpy as np
from scipy import linalg

from ..arrays import FloatArray, IndexArray, Values
from ..probabilities import margins

RIDGE = 0.3  # of kernel values near 1; between 0.1 and 1 the predictions hardly change


class RidgeClassifier:
    """Least squares on one target a class, 1 or 0, all classes weighing the same (Hoerl & Kennard, 1970).

    With X the features of the images in training and a column of ones, Y their targets, and W a diagonal of weights, 1 on
    average over the classes, it predicts the class of the largest score x B, where

        B = (X' W X + r I)^-1 X' W Y = X' (X X' + r W^-1)^-1 Y,   r = 0.3

    The first system is d + 1 wide, the second as wide as there are images: the smaller one is solved.

    Parameters
    ----------
    features : array of shape (n, d)
        Of length 1.
    labels : array of intp, shape (n,)
        Class numbers.
    """

    def __init__(self, features: FloatArray, labels: IndexArray) -> None:
        self.labels = labels
        self._points = _with_one(features)
        self._kernel = self._points @ self._points.T if len(labels) <= self._points.shape[1] else None

    def predict_held_out(self, training: IndexArray, held_out: IndexArray) -> tuple[IndexArray, Values]:
        """Classes and margins of some of the images, trained on others of them."""
        if self._kernel is None:
            return self._predict(training, self._points[held_out])
        return self._predict(training, self._kernel[np.ix_(held_out, training)])

    def predict(self, features: FloatArray) -> tuple[IndexArray, Values]:
        """Classes and margins of other images (m, d), trained on all."""
        points = _with_one(features)
        everyone = np.arange(len(self.labels))
        return self._predict(everyone, points if self._kernel is None else points @ self._points.T)

    def _predict(self, training: IndexArray, inputs: Values) -> tuple[IndexArray, Values]:
        """`inputs` are points or, where the kernel is used, their products with the points in training."""
        classes, solution = self._fit(training)
        scores = inputs @ solution
        best = classes[scores.argmax(axis=1)]
        return best, margins(scores if len(classes) > 1 else np.hstack([0 * scores, scores]))

    def _fit(self, training: IndexArray) -> tuple[IndexArray, Values]:
        """The classes in training, and what inputs are multiplied with to give the score of each."""
        classes, numbers, counts = np.unique(self.labels[training], return_inverse=True, return_counts=True)
        loss = counts[numbers] * (len(classes) / len(training))  # 1 / weight: every class weighs the same
        targets = (numbers[:, None] == np.arange(len(classes))).astype(np.float64)
        if self._kernel is None:
            points = self._points[training]
            weighted: Values = points / loss[:, None]
            system, right_side = weighted.T @ points, weighted.T @ targets
            ridge: FloatArray | float = RIDGE
        else:
            system, right_side = self._kernel[np.ix_(training, training)], targets
            ridge = RIDGE * loss
        system[np.diag_indices(len(system))] += ridge
        solution = linalg.solve(system, right_side, assume_a="pos", overwrite_a=True, check_finite=False)
        return classes, np.asarray(solution)


def _with_one(features: FloatArray) -> Values:
    """With a column of ones, whose weight is the intercept."""
    return np.column_stack([features.astype(np.float64), np.ones(len(features))])
