"""A linear classifier on features of length 1: what every shallow strategy trains."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class LinearHead:
    """Scores = features @ weights.T + intercepts, one column a class.

    Attributes
    ----------
    weights : array of shape (n_classes, n_features), float64
    intercepts : array of shape (n_classes,), float64
    """

    weights: Values
    intercepts: Values

    def scores(self, features: NDArray[np.floating]) -> Values:
        """The score of each class, shape (n, n_classes); the highest is the class."""
        return np.asarray(features @ self.weights.T + self.intercepts, dtype=np.float64)


def normalised(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Features scaled to length 1, a zero vector left as it is (section 3.4 of the paper)."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(lengths > 0, lengths, 1), dtype=np.float32)
