"""Train on the labelled images, calibrate on held-out folds, correct for class frequencies (section 3.4)."""

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from ._version import __version__
from .durable import write_atomically
from .errors import EvenpickError, first_few, unknown_name
from .linear_svm import C_GRID, LinearSVM, fit_path, normalised
from .metrics import class_counts, macro_accuracy
from .pool import FloatArray, IndexArray, Pool, check_finite, feature_blocks, softmax

FORMAT = 1
N_FOLDS = 10
STRATEGIES = ("svm",)

# What JSON, NumPy and zipfile raise on files that are damaged.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)

Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class CrossValidation:
    """What the held-out folds of the labelled images say; shares between 0 and 1.

    C and the temperature are chosen on these same folds, so the accuracies are optimistic.

    Attributes
    ----------
    accuracy_of_c : dict
        Macro accuracy of the raw margins for each C.
    accuracy, corrected_accuracy : float
        Macro accuracy of the calibrated probabilities without and with prior correction, at the chosen C.
    n_held_out, n_classes : int
        Images and classes that could be held out; a class with one label cannot.
    """

    accuracy_of_c: dict[float, float]
    accuracy: float
    corrected_accuracy: float
    n_held_out: int
    n_classes: int


@dataclass(frozen=True)
class Model:
    """A trained classifier.

    Attributes
    ----------
    classes : tuple of str
        The discovered classes, sorted; columns of `predict_proba`.
    counts : tuple of int
        Labels of each class it was trained on: the prior that is corrected for.
    svm : LinearSVM
    c, temperature : float
        Chosen by cross-validation; probabilities are softmax(margins / temperature).
    tau : float
        Strength of the prior correction: log p - tau log prior, normalised. 0 for none, 1 as printed.
    source : dict
        Name and preprocessing of the source model whose features it takes.
    cross_validation : CrossValidation or None
        None if no class has two labels.
    """

    classes: tuple[str, ...]
    counts: tuple[int, ...]
    svm: LinearSVM
    c: float
    temperature: float
    tau: float
    source: dict[str, Any]
    cross_validation: CrossValidation | None

    def predict(self, features: ArrayLike | Pool) -> NDArray[np.str_]:
        """The most probable class of each row of features (n, n_features) or of a pool; shape (n,)."""
        names = np.array(self.classes)
        return np.asarray(names[self.predict_proba(features).argmax(axis=1)])

    def predict_proba(self, features: ArrayLike | Pool) -> Values:
        """Calibrated and corrected probabilities, shape (n, n_classes), float64, rows sum to 1."""
        blocks = (block for _, block in feature_blocks(self._features_of(features)))
        return np.concatenate([self._probabilities(block) for block in blocks])

    def with_tau(self, tau: float) -> "Model":
        """The same classifier with another strength of the prior correction."""
        return Model(**{**self.__dict__, "tau": float(tau)})

    def save(self, path: str | Path) -> None:
        """Write `model.json` and `weights.npz` into a folder; no pickle."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = io.BytesIO()
        np.savez(arrays, weights=self.svm.weights, intercepts=self.svm.intercepts)
        write_atomically(folder / "weights.npz", arrays.getvalue())
        facts = {
            "format": FORMAT, "evenpick": __version__, "strategy": "svm",
            "classes": self.classes, "counts": self.counts, "c": self.c,
            "temperature": self.temperature, "tau": self.tau, "source": self.source,
            "cross_validation": self.cross_validation and {
                **self.cross_validation.__dict__,
                "accuracy_of_c": list(self.cross_validation.accuracy_of_c.items()),
            },
        }  # fmt: skip
        write_atomically(folder / "model.json", json.dumps(facts, indent=1).encode())

    @classmethod
    def load(cls, path: str | Path) -> "Model":
        """The model that `save` wrote.

        Raises
        ------
        EvenpickError
            If there is none, or it is damaged or of another version.
        """
        folder = Path(path)
        if not (folder / "model.json").is_file():
            raise EvenpickError(f"'{folder}' holds no model: run `evenpick train` first")
        try:
            facts = json.loads((folder / "model.json").read_bytes())
            if facts["format"] != FORMAT:
                raise EvenpickError(
                    f"model '{folder}' has format {facts['format']}; evenpick {__version__} reads {FORMAT}"
                )
            archive = io.BytesIO((folder / "weights.npz").read_bytes())  # np.load leaves a damaged file open
            with np.load(archive, allow_pickle=False) as arrays:
                svm = LinearSVM(arrays["weights"], arrays["intercepts"])
            folds = facts["cross_validation"]
            if folds:
                folds["accuracy_of_c"] = {float(c): float(a) for c, a in folds["accuracy_of_c"]}
            return cls(
                tuple(facts["classes"]), tuple(facts["counts"]), svm, facts["c"], facts["temperature"],
                facts["tau"], facts["source"], CrossValidation(**folds) if folds else None,
            )  # fmt: skip
        except _DAMAGE as error:
            raise EvenpickError(f"model '{folder}' is damaged ({error}): train again") from error

    def _features_of(self, features: ArrayLike | Pool) -> Any:
        if isinstance(features, Pool):
            _check_same_source(self.source, features.source)
            values: Any = features.features
        else:
            values = np.asarray(features, dtype=np.float32)
        width = self.svm.weights.shape[1]
        if values.ndim != 2 or values.shape[1] != width:
            raise EvenpickError(f"the model takes features of shape (n, {width}); got {values.shape}")
        if isinstance(values, np.ndarray) and len(values):
            check_finite(values)
        return values

    def _probabilities(self, features: FloatArray) -> Values:
        scaled = self.svm.margins(normalised(features)) / self.temperature
        return softmax(scaled - self.tau * _log_prior(np.array(self.counts)))


def train(
    pool: Pool,
    indices: ArrayLike,
    labels: Sequence[str] | NDArray[Any],
    strategy: str = "svm",
    prior_correction: bool = True,
    random_state: int = 0,
) -> Model:
    """Train a classifier on labelled rows of the pool.

    Ten folds over the labels choose C and the softmax temperature (each class's images are dealt round
    the folds; a class with one label stays in training), then all labels train the model. The class
    probabilities are divided by the class frequencies of the labels, which moves decisions towards the
    rare classes.

    Parameters
    ----------
    pool : Pool
    indices : array of shape (n_labels,)
        Rows of the pool.
    labels : sequence of str, shape (n_labels,)
    strategy : str
        "svm": a linear SVM on features of length 1.
    prior_correction : bool
        Whether the model corrects for class frequencies (tau = 1) or not (tau = 0).
    random_state : int

    Raises
    ------
    EvenpickError
        If there are fewer than two classes, lengths differ, or a row is named twice or is not in the pool.
    """
    if strategy not in STRATEGIES:
        raise unknown_name("strategy", strategy, STRATEGIES)
    rows, names = _checked_labels(pool, indices, labels)
    classes = sorted(set(names))
    numbers = np.searchsorted(classes, names)
    features = normalised(pool.features[rows])
    rng = np.random.default_rng(random_state)
    held_out = held_out_margins(features, numbers, len(classes), deal_folds(numbers, N_FOLDS, rng))
    counts = class_counts(names, classes)
    c, temperature, folds = _choose(held_out, numbers, counts)
    cs = [value for value in C_GRID if value <= c]
    svm = fit_path(features, numbers, len(classes), cs)[-1]
    return Model(
        tuple(classes), tuple(int(n) for n in counts), svm, c, temperature,
        float(prior_correction), dict(pool.source), folds,
    )  # fmt: skip


def deal_folds(labels: NDArray[np.intp], n_folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The fold of each image, -1 for one that is never held out because its class has no other."""
    folds = np.full(len(labels), -1, dtype=np.intp)
    dealt = 0
    for name in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == name))
        if len(members) > 1:
            folds[members] = (dealt + np.arange(len(members))) % n_folds
            dealt += len(members)
    return folds


def held_out_margins(features: FloatArray, labels: NDArray[np.intp], n_classes: int, folds: NDArray[np.intp]) -> Values:
    """Margins of each image from the fold that did not train on it, shape (n_C, n, n_classes).

    Rows of images that are never held out are nan.
    """
    margins = np.full((len(C_GRID), len(labels), n_classes), np.nan)
    for fold in np.unique(folds[folds >= 0]):
        tested = folds == fold
        for i, svm in enumerate(fit_path(features[~tested], labels[~tested], n_classes)):
            margins[i, tested] = svm.margins(features[tested])
    return margins


def fit_temperature(margins: Values, labels: NDArray[np.intp]) -> float:
    """The temperature whose softmax gives the labels the highest likelihood (Guo et al., 2017)."""
    picked = np.arange(len(labels)), labels

    def loss(log_temperature: float) -> float:
        scaled = margins / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[picked]))

    # Margins at a small C differ by thousandths, so the search spans eight orders of magnitude.
    grid = np.linspace(np.log(1e-5), np.log(1e3), 60)
    best = int(np.argmin([loss(value) for value in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def _choose(
    margins: Values, labels: NDArray[np.intp], counts: NDArray[np.intp]
) -> tuple[float, float, CrossValidation | None]:
    """C, the temperature, and what the folds say of both."""
    tested = ~np.isnan(margins[0, :, 0])
    if not tested.any():
        return 1.0, 1.0, None  # one label a class: nothing to choose by
    true, margins = labels[tested], margins[:, tested]
    accuracies = [macro_accuracy(true, of_c.argmax(axis=1)) for of_c in margins]
    # Of equal accuracies the largest C: classes with one label cannot be held out, and a small C ignores them.
    best = len(C_GRID) - 1 - int(np.argmax(accuracies[::-1]))
    temperature = fit_temperature(margins[best], true)
    corrected = margins[best] / temperature - _log_prior(counts)
    return (
        C_GRID[best],
        temperature,
        CrossValidation(
            dict(zip(C_GRID, accuracies, strict=True)),
            accuracies[best],
            macro_accuracy(true, corrected.argmax(axis=1)),
            int(tested.sum()),
            len(np.unique(true)),
        ),
    )


def _log_prior(counts: NDArray[np.intp]) -> Values:
    return np.asarray(np.log(counts / counts.sum()), dtype=np.float64)


def _checked_labels(
    pool: Pool, indices: ArrayLike, labels: Sequence[str] | NDArray[Any]
) -> tuple[IndexArray, list[str]]:
    rows = np.asarray(indices)
    names = [str(label) for label in labels]
    if rows.ndim != 1 or len(rows) != len(names):
        raise EvenpickError(f"train: each row needs one label; got {rows.size} rows and {len(names)} labels")
    if len(set(names)) < 2:
        raise EvenpickError(
            f"train needs labels of at least two classes; got {len(names)} labels of "
            f"{first_few(sorted(set(names))) or 'none'}: label more images first"
        )
    if not np.issubdtype(rows.dtype, np.integer) or ((rows < 0) | (rows >= len(pool))).any():
        raise EvenpickError(f"train: rows must be whole numbers from 0 to {len(pool) - 1} (the pool)")
    twice = np.flatnonzero(np.bincount(rows, minlength=len(pool)) > 1)
    if len(twice):
        ids = [pool.image_ids[i] for i in twice.tolist()]
        raise EvenpickError(f"train: an image must be labelled once; labelled twice: {first_few(ids)}")
    return rows.astype(np.intp), names


def _check_same_source(model: dict[str, Any], pool: Any) -> None:
    if model and pool and model.get("fingerprint") != pool.get("fingerprint"):
        raise EvenpickError(
            f"the model takes features of source '{model.get('name')}'; the pool has those of "
            f"'{pool.get('name')}': embed the images with the model's source"
        )
