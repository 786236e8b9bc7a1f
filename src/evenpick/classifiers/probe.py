"""A quick classifier on the labels so far: what it is unsure of.

Logistic regression on features of length 1. It chooses images; the classifier that is handed out is `training`'s.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..machine import one_blas_thread
from ..probabilities import softmax
from .heads import logistic_regression
from .linear_head import in_own_basis

C = 30.0  # inverse regularisation on features of length 1


@dataclass(frozen=True)
class Probe:
    """Linear scores of shape (n, n_classes), and the log of the class frequencies (n_classes,) of its labels."""

    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    log_prior: NDArray[np.float64]

    def probabilities(self, features: NDArray[np.float32], corrected: bool = True) -> NDArray[np.float64]:
        """Shape (n, n_classes), rows sum to 1; if corrected, divided by the class frequencies."""
        scores = (features @ self.weights.T + self.intercepts).astype(np.float64)
        return softmax(scores - self.log_prior if corrected else scores)


def fit_probe(features: NDArray[np.float32], labels: IndexArray) -> Probe:
    """Train on features (n, d) of length 1 and class numbers (n,), at least two classes, all numbers used."""
    with one_blas_thread():
        points, basis = in_own_basis(features)
        head = logistic_regression(points, labels, (C,), tolerance=1e-4)[0].out_of(basis)
    prior = np.log(np.bincount(labels) / len(labels))
    return Probe(head.weights.astype(np.float32), head.intercepts.astype(np.float32), prior)
