"""`train` as an estimator of scikit-learn, for its pipelines, searches and scores."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .arrays import Values
from .errors import EvenpickError
from .metrics import macro_accuracy
from .training import Model, train


class EvenpickClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn states no types
    """A classifier on fixed features for few and uneven labels: calibrated, corrected for class frequencies.

    Made for the many features of a network; of a few measurements, standardise them first.

    Parameters
    ----------
    strategy : str
        "logistic_regression", "svm", "nearest_mean", or "auto": the best of them on held-out folds.
    prior_correction : bool or "tuned"
        Correct for class frequencies as printed (True), not at all (False), or as each strategy is best.
    n_folds : int
        Folds over the labels that choose C, temperature and the correction.
    random_state : int
        Deals the folds.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    n_features_in_ : int
    model_ : Model
        With the nested accuracy of each strategy, and `save`.
    """

    def __init__(
        self,
        strategy: str = "logistic_regression",
        *,
        prior_correction: bool | str = "tuned",
        n_folds: int = 10,
        random_state: int = 0,
    ) -> None:
        self.strategy = strategy
        self.prior_correction = prior_correction
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> "EvenpickClassifier":
        """Train on features (n, n_features) and labels (n,)."""
        features, labels = validate_data(self, X, y, ensure_min_samples=2)
        check_classification_targets(labels)
        try:
            self.model_: Model = train(
                features, np.arange(len(features)), labels, self.strategy, self.prior_correction, self.random_state,
                n_folds=self.n_folds,
            )  # fmt: skip
        except EvenpickError as error:  # scikit-learn expects this kind
            raise ValueError(str(error)) from error
        self.classes_: NDArray[Any] = self.model_.classes_.astype(labels.dtype)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: ArrayLike) -> Values:
        """Calibrated and corrected probabilities, shape (n, n_classes), in the order of `classes_`."""
        return self._fitted().predict_proba(validate_data(self, X, reset=False))

    def decision_function(self, X: ArrayLike) -> Values:
        """Log probabilities but for a constant of each row, shape (n, n_classes); of two classes their difference (n,)."""
        model = self._fitted()
        scores = model.scores(validate_data(self, X, reset=False)) - model.shift
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Macro accuracy: that of each class, averaged over classes, unlike scikit-learn's own; in [0, 1]."""
        return macro_accuracy(np.asarray(y), self.predict(X))

    def _fitted(self) -> Model:
        check_is_fitted(self)
        return self.model_
