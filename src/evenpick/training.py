"""Train on the labelled images, calibrate on held-out folds, correct for class frequencies (section 3.4)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import safetensors.numpy
from numpy.typing import ArrayLike, NDArray

from ._version import __version__
from .cross_validation import N_FOLDS, TUNED_TAUS, Choice, CrossValidation, cross_validate, deal_folds, log_prior
from .durable import write_atomically
from .errors import EvenpickError, first_few, unknown_name
from .linear_head import LinearHead, normalised
from .pool import FloatArray, IndexArray, Pool, check_finite, feature_blocks, softmax
from .shallow_heads import SHALLOW_HEADS

FORMAT = 2
WEIGHTS = "weights.safetensors"
AUTO = "auto"
STRATEGIES = (*SHALLOW_HEADS, AUTO)

# What JSON and safetensors raise on files that are damaged, and what follows from facts that are something else.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, safetensors.SafetensorError)

Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A trained classifier.

    Attributes
    ----------
    strategy : str
        How it was trained; `"auto"` is resolved to what won.
    classes : tuple of str
        The discovered classes, sorted; columns of `predict_proba`.
    counts : tuple of int
        Labels of each class it was trained on: the prior that is corrected for.
    head : LinearHead
    choice : Choice
        C, the temperature (probabilities are softmax(scores / temperature)) and tau, the strength of the prior
        correction (log p - tau log prior, normalised): 0 for none, 1 as printed.
    source : dict
        Name and preprocessing of the source model whose features it takes.
    cross_validations : dict
        Of each strategy that was tried; empty if no class has two labels.
    """

    strategy: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    head: LinearHead
    choice: Choice
    source: dict[str, Any]
    cross_validations: dict[str, CrossValidation]

    @property
    def cross_validation(self) -> CrossValidation | None:
        """That of the strategy it was trained with."""
        return self.cross_validations.get(self.strategy)

    @property
    def shift(self) -> Values:
        """The prior correction: what is subtracted from the log probability of each class, shape (n_classes,)."""
        return self.choice.tau * log_prior(np.array(self.counts))

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
        return replace(self, choice=replace(self.choice, tau=float(tau)))

    def save(self, path: str | Path) -> None:
        """Write `weights.safetensors` and `model.json` into a folder; no pickle."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        weights = safetensors.numpy.save(
            # Made contiguous, because safetensors writes the memory as it lies, whatever the strides.
            {
                "weights": np.ascontiguousarray(self.head.weights),
                "intercepts": np.ascontiguousarray(self.head.intercepts),
            }
        )
        write_atomically(folder / WEIGHTS, weights)
        facts = {
            "format": FORMAT, "evenpick": __version__, "strategy": self.strategy,
            "classes": self.classes, "counts": self.counts, **asdict(self.choice), "source": self.source,
            "weights": hashlib.sha256(weights).hexdigest(),
            "cross_validations": {
                name: {**asdict(folds), "accuracy_of_c": list(folds.accuracy_of_c.items())}
                for name, folds in self.cross_validations.items()
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
                    f"model '{folder}' has format {facts['format']}; evenpick {__version__} reads {FORMAT}: train again"
                )
            data = (folder / WEIGHTS).read_bytes()
            if hashlib.sha256(data).hexdigest() != facts["weights"]:
                raise ValueError("the weights are not those that model.json names")
            arrays = safetensors.numpy.load(data)
            return cls(
                facts["strategy"], tuple(facts["classes"]), tuple(facts["counts"]),
                LinearHead(arrays["weights"], arrays["intercepts"]),
                Choice(facts["c"], facts["temperature"], facts["tau"]), facts["source"],
                {name: _cross_validation(folds) for name, folds in facts["cross_validations"].items()},
            )  # fmt: skip
        except _DAMAGE as error:
            raise EvenpickError(f"model '{folder}' is damaged ({error}): train again") from error

    def _features_of(self, features: ArrayLike | Pool) -> Any:
        if isinstance(features, Pool):
            _check_same_source(self.source, features.source)
            values: Any = features.features
        else:
            values = np.asarray(features, dtype=np.float32)
        width = self.head.weights.shape[1]
        if values.ndim != 2 or values.shape[1] != width:
            raise EvenpickError(f"the model takes features of shape (n, {width}); got {values.shape}")
        if isinstance(values, np.ndarray) and len(values):
            check_finite(values)
        return values

    def _probabilities(self, features: FloatArray) -> Values:
        scaled = self.head.scores(normalised(features)) / self.choice.temperature
        return softmax(scaled - self.shift)


def train(
    pool: Pool,
    indices: ArrayLike,
    labels: Sequence[str] | NDArray[Any],
    strategy: str = "svm",
    prior_correction: bool | str = True,
    random_state: int = 0,
    n_folds: int = N_FOLDS,
) -> Model:
    """Train a classifier on labelled rows of the pool.

    Ten folds over the labels choose C, the softmax temperature and, if asked, tau (each class's images are dealt
    round the folds; a class with one label stays in training), then all labels train the model. The class
    probabilities are divided by the class frequencies of the labels, which moves decisions towards the
    rare classes.

    Parameters
    ----------
    pool : Pool
    indices : array of shape (n_labels,)
        Rows of the pool.
    labels : sequence of str, shape (n_labels,)
    strategy : str
        A name of `SHALLOW_HEADS`, or "auto": the one with the best nested accuracy on the folds.
    prior_correction : bool or "tuned"
        Correct for class frequencies as printed (tau = 1), not at all (0), or with the tau between 0 and 1 that
        has the best macro accuracy on the folds.
    random_state : int
    n_folds : int

    Raises
    ------
    EvenpickError
        If there are fewer than two classes or folds, lengths differ, an option does not exist, or a row is named
        twice or is not in the pool.
    """
    if strategy not in STRATEGIES:
        raise unknown_name("strategy", strategy, STRATEGIES)
    if prior_correction not in (True, False, "tuned"):
        raise EvenpickError(f"train: prior_correction must be True, False or 'tuned'; got {prior_correction!r}")
    if n_folds < 2:
        raise EvenpickError(f"train: n_folds must be at least 2; got {n_folds}")
    rows, names = _checked_labels(pool, indices, labels)
    classes, numbers = np.unique(names, return_inverse=True)
    features = normalised(pool.features[rows])
    taus = TUNED_TAUS if prior_correction == "tuned" else (float(prior_correction),)
    tried = list(SHALLOW_HEADS) if strategy == AUTO else [strategy]
    found = _cross_validated(tried, features, numbers, taus, random_state, n_folds)
    best = max(tried, key=lambda name: folds.corrected_accuracy if (folds := found[name][1]) else 0.0)
    choice, head = found[best][0], SHALLOW_HEADS[best]
    fitted = head.fit(features, numbers, [c for c in head.grid if c <= choice.c])[-1]
    return Model(
        best, tuple(classes.tolist()), tuple(np.bincount(numbers).tolist()), fitted, choice, dict(pool.source),
        {name: folds for name, (_, folds) in found.items() if folds},
    )  # fmt: skip


def _cross_validated(
    tried: Sequence[str], features: NDArray[np.float32], labels: IndexArray, taus: Sequence[float], seed: int,
    n_folds: int,
) -> dict[str, tuple[Choice, CrossValidation | None]]:  # fmt: skip
    """Each strategy on the same folds, so that their accuracies differ by the strategy alone."""
    found = {}
    for name in tried:
        rng = np.random.default_rng(seed)
        folds = deal_folds(labels, n_folds, rng)
        found[name] = cross_validate(SHALLOW_HEADS[name], features, labels, folds, taus, rng)
    return found


def _cross_validation(facts: dict[str, Any]) -> CrossValidation:
    """As `save` wrote it: JSON knows no tuples and no numbers as keys."""
    own = {**facts, "accuracy_of_c": {float(c): float(a) for c, a in facts["accuracy_of_c"]}}
    return CrossValidation(**{**own, "fold_accuracies": tuple(facts["fold_accuracies"])})


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
