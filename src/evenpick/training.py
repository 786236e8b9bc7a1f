"""Train on the labelled images, calibrate on held-out folds, correct for class frequencies (section 3.4)."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import safetensors.numpy
from numpy.typing import ArrayLike, NDArray

from ._version import __version__
from .cross_validation import (
    N_FOLDS,
    TUNED_TAUS,
    Choice,
    CrossValidation,
    Validated,
    cross_validate,
    deal_folds,
    log_prior,
)
from .durable import write_atomically
from .errors import EvenpickError, first_few, unknown_name
from .image_batches import FineTunedNetwork
from .linear_head import LinearHead, normalised
from .metrics import macro_accuracy
from .network_validation import FineTuningLeftOut, FineTuningOptions, planned, validate_network
from .pool import IndexArray, Pool, check_finite, feature_blocks, softmax
from .preprocessing import Preprocessing
from .shallow_heads import SHALLOW_HEADS

FORMAT = 2
WEIGHTS = "weights.safetensors"
NETWORK = "network.onnx"
AUTO, FINETUNE = "auto", "finetune"
STRATEGIES = (*SHALLOW_HEADS, FINETUNE, AUTO)

Fitted: TypeAlias = Callable[[], LinearHead | FineTunedNetwork]  # trained on all labels once it has won

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
    head : LinearHead or FineTunedNetwork
        What gives the scores: a linear classifier on the source's features, or the source fine-tuned.
    choice : Choice
        C, the temperature (probabilities are softmax(scores / temperature)) and tau, the strength of the prior
        correction (log p - tau log prior, normalised): 0 for none, 1 as printed.
    source : dict
        Name and preprocessing of the source model whose features it takes.
    cross_validations : dict
        Of each strategy that was tried; empty if no class has two labels.
    left_out : str
        Why "auto" did not try fine-tuning, in words; empty if it did or was not asked to.
    """

    strategy: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    head: LinearHead | FineTunedNetwork
    choice: Choice
    source: dict[str, Any]
    cross_validations: dict[str, CrossValidation]
    left_out: str = ""

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
        """Calibrated and corrected probabilities, shape (n, n_classes), float64, rows sum to 1.

        A fine-tuned network looks at the images of a pool themselves and takes no bare features.
        """
        if isinstance(self.head, FineTunedNetwork):
            return self._probabilities(self.head.logits(_files(features)))
        values = self._features_of(features, self.head)
        head = self.head
        blocks = (normalised(block) for _, block in feature_blocks(values))
        return np.concatenate([self._probabilities(head.scores(block)) for block in blocks])

    def with_tau(self, tau: float) -> "Model":
        """The same classifier with another strength of the prior correction."""
        return replace(self, choice=replace(self.choice, tau=float(tau)))

    def save(self, path: str | Path) -> None:
        """Write `model.json` and `weights.safetensors`, or `network.onnx`, into a folder; no pickle."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        weights = _to_bytes(self.head)
        write_atomically(folder / _file_of(self.strategy), weights)
        facts = {
            "format": FORMAT, "evenpick": __version__, "strategy": self.strategy,
            "classes": self.classes, "counts": self.counts, **asdict(self.choice), "source": self.source,
            "weights": hashlib.sha256(weights).hexdigest(),
            "cross_validations": {
                name: {**asdict(folds), "accuracy_of_c": list(folds.accuracy_of_c.items())}
                for name, folds in self.cross_validations.items()
            },
            "left_out": self.left_out,
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
            data = (folder / _file_of(facts["strategy"])).read_bytes()
            if hashlib.sha256(data).hexdigest() != facts["weights"]:
                raise ValueError("the weights are not those that model.json names")
            return cls(
                facts["strategy"], tuple(facts["classes"]), tuple(facts["counts"]),
                _from_bytes(data, facts),
                Choice(facts["c"], facts["temperature"], facts["tau"]), facts["source"],
                {name: _cross_validation(folds) for name, folds in facts["cross_validations"].items()},
                facts["left_out"],
            )  # fmt: skip
        except _DAMAGE as error:
            raise EvenpickError(f"model '{folder}' is damaged ({error}): train again") from error

    def _features_of(self, features: ArrayLike | Pool, head: LinearHead) -> Any:
        if isinstance(features, Pool):
            _check_same_source(self.source, features.source)
            values: Any = features.features
        else:
            values = np.asarray(features, dtype=np.float32)
        width = head.weights.shape[1]
        if values.ndim != 2 or values.shape[1] != width:
            raise EvenpickError(f"the model takes features of shape (n, {width}); got {values.shape}")
        if isinstance(values, np.ndarray) and len(values):
            check_finite(values)
        return values

    def _probabilities(self, scores: Values) -> Values:
        return softmax(scores / self.choice.temperature - self.shift)


def train(
    pool: Pool,
    indices: ArrayLike,
    labels: Sequence[str] | NDArray[Any],
    strategy: str = "svm",
    prior_correction: bool | str = True,
    random_state: int = 0,
    n_folds: int = N_FOLDS,
    fine_tuning: FineTuningOptions | None = None,
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
        A name of `SHALLOW_HEADS`; "finetune": the source network with a new head, all layers trained; or "auto":
        the one of all these with the best nested accuracy on the folds that each has run.
    prior_correction : bool or "tuned"
        Correct for class frequencies as printed (tau = 1), not at all (0), or with the tau between 0 and 1 that
        has the best macro accuracy on the folds.
    random_state : int
    n_folds : int
    fine_tuning : FineTuningOptions, optional
        Epochs, bounds, checkpoints and progress of "finetune" and "auto".

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
    taus = TUNED_TAUS if prior_correction == "tuned" else (float(prior_correction),)
    task = _Task(pool, rows, numbers, taus, random_state, n_folds)
    found: dict[str, tuple[Validated, Fitted]] = {}
    for name in SHALLOW_HEADS if strategy == AUTO else {strategy} & set(SHALLOW_HEADS):
        found[name] = task.shallow(name)
    left_out = ""
    if strategy in (AUTO, FINETUNE):
        try:
            found[FINETUNE] = task.fine_tuned(fine_tuning or FineTuningOptions())
        except FineTuningLeftOut as reason:
            if strategy == FINETUNE:
                raise
            left_out = str(reason)
    best = _best({name: checked for name, (checked, _) in found.items()}, numbers)
    checked, fitted = found[best]
    return Model(
        best, tuple(classes.tolist()), tuple(np.bincount(numbers).tolist()), fitted(), checked.choice,
        dict(pool.source), {n: c.cross_validation for n, (c, _) in found.items() if c.cross_validation}, left_out,
    )  # fmt: skip


@dataclass(frozen=True)
class _Task:
    """What every strategy is given, the same folds among it, so that accuracies differ by the strategy alone."""

    pool: Pool
    rows: IndexArray
    labels: IndexArray
    taus: Sequence[float]
    seed: int
    n_folds: int

    def shallow(self, name: str) -> tuple[Validated, Fitted]:
        rng, head = np.random.default_rng(self.seed), SHALLOW_HEADS[name]
        features = normalised(self.pool.features[self.rows])
        folds = deal_folds(self.labels, self.n_folds, rng)
        checked = cross_validate(head, features, self.labels, folds, self.taus, rng)
        cs = [c for c in head.grid if c <= checked.choice.c]
        return checked, lambda: head.fit(features, self.labels, cs)[-1]

    def fine_tuned(self, options: FineTuningOptions) -> tuple[Validated, Fitted]:
        if self.pool.folder is None:
            raise FineTuningLeftOut("fine-tuning needs the images themselves; this pool has features only")
        plan = planned(self.pool.source, len(self.rows), self.n_folds, options)
        folds = deal_folds(self.labels, self.n_folds, np.random.default_rng(self.seed))
        files = _files(self.pool.take(self.rows))
        checked, tuned = validate_network(
            self.pool.source, files, self.labels, folds, plan, options, self.taus, self.seed
        )
        return checked, lambda: FineTunedNetwork(tuned.onnx(), tuned.preprocessing)


def _best(found: dict[str, Validated], labels: IndexArray) -> str:
    """The strategy that told the images apart best which every one was asked; of equals the first."""
    shared = np.all([checked.told >= 0 for checked in found.values()], axis=0)
    if not shared.any():
        return next(iter(found))
    return max(found, key=lambda name: macro_accuracy(labels[shared], found[name].told[shared]))


def _files(pool: Any) -> list[Path]:
    if not isinstance(pool, Pool) or pool.folder is None:
        raise EvenpickError("a fine-tuned network looks at images: give it a pool with a folder, as `embed` makes it")
    return [pool.folder / image_id for image_id in pool.image_ids]


def _file_of(strategy: str) -> str:
    return NETWORK if strategy == FINETUNE else WEIGHTS


def _to_bytes(head: LinearHead | FineTunedNetwork) -> bytes:
    if isinstance(head, FineTunedNetwork):
        return head.onnx
    # Made contiguous, because safetensors writes the memory as it lies, whatever the strides.
    arrays = {"weights": head.weights, "intercepts": head.intercepts}
    return bytes(safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def _from_bytes(data: bytes, facts: dict[str, Any]) -> LinearHead | FineTunedNetwork:
    if facts["strategy"] == FINETUNE:
        return FineTunedNetwork(data, Preprocessing.from_dict(facts["source"]["preprocessing"]))
    return LinearHead(**safetensors.numpy.load(data))


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
