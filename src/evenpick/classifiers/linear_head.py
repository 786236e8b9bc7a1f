"""A linear classifier on transformed features: what every shallow strategy trains."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ..arrays import Values
from ..feature_transform import UNIT_LENGTH, FeatureTransform


@dataclass(frozen=True)
class LinearHead:
    """Scores = transform(features) @ weights.T + intercepts, one column a class.

    Attributes
    ----------
    weights : array of shape (n_classes, n_features), float64
    intercepts : array of shape (n_classes,), float64
    transform : FeatureTransform
        Of the features of an image; `scores` takes them transformed.
    """

    weights: Values
    intercepts: Values
    transform: FeatureTransform = UNIT_LENGTH

    def scores(self, features: NDArray[np.floating]) -> Values:
        """The score of each class, shape (n, n_classes), of features that are transformed; the highest is the class."""
        return np.asarray(features @ self.weights.T + self.intercepts, dtype=np.float64)

    def out_of(self, basis: Values) -> "LinearHead":
        """The same head for features as they were before `in_own_basis` gave this basis."""
        return replace(self, weights=self.weights @ basis)


def in_own_basis(features: NDArray[np.floating]) -> tuple[Values, Values]:
    """The features (n, rank) in the basis (rank, n_features) of their singular vectors, rank = min(n, n_features).

    Points @ basis are the features, and lengths and distances stay: a linear head with an L2 penalty is the same in
    both. Where labels are fewer than features it is found sooner, and a basis for all labels serves every fold.
    """
    exact = features.astype(np.float64)
    if len(features) > features.shape[1]:
        # Any orthonormal basis of all dimensions is exact, and eigenvectors take a fraction of the time.
        basis = linalg.eigh(exact.T @ exact)[1].T[::-1]
        return exact @ basis.T, basis
    left, singular, right = linalg.svd(exact, full_matrices=False)
    return left * singular, right
