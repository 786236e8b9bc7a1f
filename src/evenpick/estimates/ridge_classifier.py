"""A classifier that is trained in one step, for the many trainings of a learning curve: ridge regression on the classes."""

from itertools import combinations

import numpy as np
from scipy import linalg

from ..arrays import FloatArray, IndexArray, Values
from ..probabilities import margins

RIDGE = 0.3  # of kernel values near 1; between 0.1 and 1 the predictions hardly change
_SMALL_CLASS = 100  # labels; beyond that the weight of a class hardly changes when one of them is left out


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

    def scores(self, features: FloatArray) -> Values:
        """The score of each class for other images (m, d), trained on all; shape (m, n_classes)."""
        _, solution = self._fit(np.arange(len(self.labels)))
        points = _with_one(features)
        return np.asarray((points if self._kernel is None else points @ self._points.T) @ solution)

    def scores_left_out(self) -> Values:
        """The scores (n, n_classes) of each image, trained on all others, without a second training.

        With D = r W^-1, G = (X X' + D)^-1 and a = G Y, leaving out image i and giving the others of its class S the weight that
        they then have adds E to D, infinite for i; the score becomes y_i - v_i, (E^-1 + G_SS) v = a_S.
        """
        counts = np.bincount(self.labels)
        targets = (self.labels[:, None] == np.arange(len(counts))).astype(np.float64)
        ridges = np.asarray(counts[self.labels] * (RIDGE * len(counts) / len(self.labels)), dtype=np.float64)
        inverse = _Inverse(self._points, self._kernel, ridges)
        solved, diagonal = inverse.times(targets), inverse.diagonal
        left_out = targets - solved / diagonal[:, None]
        for number in np.flatnonzero((counts > 1) & (counts <= _SMALL_CLASS)):
            members = np.flatnonzero(self.labels == number)
            system = inverse.block(members)
            for place, row in enumerate(members):
                left_out[row] = targets[row] - _without(system, [place], ridges[row], solved[members])[0]
        self._inverse, self._solved, self._ridges = inverse, solved, ridges
        return np.asarray(left_out)

    def right_without_two(self, fewest: int = 3, most: int = 8) -> Values:
        """The share (n,) of the others of its class that can be left out beside an image and it is still predicted right.

        Of classes with `fewest` to `most` images; nan for others. After `scores_left_out`.
        """
        counts = np.bincount(self.labels)
        right = np.full(len(self.labels), np.nan)
        for number in np.flatnonzero((counts >= fewest) & (counts <= most)):
            members = np.flatnonzero(self.labels == number)
            system, solved = self._inverse.block(members), self._solved[members]
            right[members] = 0
            for pair in combinations(range(len(members)), 2):
                own = np.eye(len(counts))[number]
                scores = own - _without(system, [*pair], self._ridges[members[0]], solved)
                right[members[[*pair]]] += (scores.argmax(axis=1) == number) / (len(members) - 1)
        return right

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


def _without(system: Values, places: list[int], ridge: float, solved: Values) -> Values:
    """(E^-1 + G_SS)^-1 a_S at these places of a class S, which are left out; the others weigh as those of a smaller class."""
    n = len(system)
    lighter = np.full(n, -n / (len(places) * ridge))
    lighter[places] = 0
    return np.asarray(linalg.solve(system + np.diag(lighter), solved, check_finite=False)[places])


class _Inverse:
    """(X X' + D)^-1 for points X (n, d) and a diagonal D (n,), as such or, where n > d, by what it is made of."""

    def __init__(self, points: Values, kernel: Values | None, diagonal: Values) -> None:
        self._whole: Values | None = None
        self._outer = 1 / diagonal
        if kernel is not None:
            self._whole = linalg.inv(kernel + np.diag(diagonal), check_finite=False)
            return
        scaled = points * self._outer[:, None]
        system = points.T @ scaled
        system[np.diag_indices(len(system))] += 1
        root = linalg.cholesky(system, lower=True, check_finite=False)
        self._half: Values = linalg.solve_triangular(root, scaled.T, lower=True, check_finite=False).T

    @property
    def diagonal(self) -> Values:
        if self._whole is not None:
            return np.diag(self._whole).copy()
        return np.asarray(self._outer - (self._half**2).sum(axis=1))

    def times(self, values: Values) -> Values:
        if self._whole is not None:
            return self._whole @ values
        return np.asarray(values * self._outer[:, None] - self._half @ (self._half.T @ values))

    def block(self, rows: IndexArray) -> Values:
        """Of these rows and columns."""
        if self._whole is not None:
            return self._whole[np.ix_(rows, rows)]
        return np.asarray(np.diag(self._outer[rows]) - self._half[rows] @ self._half[rows].T)
