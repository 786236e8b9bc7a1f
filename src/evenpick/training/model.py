"""A trained classifier: probabilities from features or images, written to and read from a folder."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import ArrayLike, NDArray

from .._version import __version__
from ..arrays import Values
from ..atomic_files import write_atomically
from ..classifiers import Choice, CrossValidation, LinearHead, log_prior
from ..errors import EvenpickError
from ..feature_transform import FeatureTransform
from ..images import Part, Preprocessing
from ..label_values import Label, checked_labels
from ..metrics import macro_accuracy
from ..notebook import by_class, html_table
from ..pool import Pool, check_finite, feature_blocks
from ..probabilities import softmax
from ..sources import SourceDescription
from .model_facts import FORMAT, READ, DamagedModelError, facts_in, facts_to_text
from .network import FineTunedNetwork

_OTHERS = ("weights*.safetensors", "network*.onnx", "weights.npz")
_SHOWN = 5  # classes in a `repr`
FINETUNE = "finetune"  # the strategy whose model is a network, not a linear head

# What JSON and safetensors raise on files that are damaged, and what follows from facts that are something else.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, EvenpickError, safetensors.SafetensorError)


@dataclass(frozen=True, repr=False)
class Model:
    """A trained classifier.

    Attributes
    ----------
    strategy : str
        How it was trained; `"auto"` is resolved to what won.
    classes : tuple of str, int, float or bool
        The discovered classes, sorted, in the type of the labels; columns of `predict_proba`.
    counts : tuple of int
        Labels of each class it was trained on: the prior that is corrected for.
    head : LinearHead or FineTunedNetwork
        What gives the scores: a linear classifier on the source's features, or the source fine-tuned.
    choice : Choice
        C, the temperature (probabilities are softmax(scores / temperature)) and tau, the strength of the prior
        correction (log p - tau log prior, normalised): 0 for none, 1 as printed.
    source : SourceDescription or None
        The source model whose features it takes; None if it was trained on a pool from arrays.
    cross_validations : dict
        Of each strategy that was tried; empty if no class has two labels.
    left_out : str
        Why "auto" did not try fine-tuning, in words; empty if it did or was not asked to.
    """

    strategy: str
    classes: tuple[Label, ...]
    counts: tuple[int, ...]
    head: LinearHead | FineTunedNetwork
    choice: Choice
    source: SourceDescription | None
    cross_validations: dict[str, CrossValidation]
    left_out: str = ""

    def __repr__(self) -> str:
        c, temperature, tau = self.choice.c, self.choice.temperature, self.choice.tau
        counts = [f"{name!r} {n}" for name, n in zip(self.classes, self.counts, strict=True)]
        more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
        lines = [
            f"Model(strategy={self.strategy!r}) of {sum(self.counts)} labels of {len(self.classes)} classes",
            f"  classes: {', '.join(counts[:_SHOWN])}{more}",
            f"  C = {c:g}, temperature {temperature:.3g}, prior correction tau = {tau:.3g}",
        ]
        if folds := self.cross_validation:
            lines.append(
                f"  nested macro accuracy {folds.corrected_accuracy:.1%} on held-out folds "
                f"({folds.n_classes} of {len(self.classes)} classes)"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, _, *lines = repr(self).splitlines()
        said = html_table(first, [[line.strip()] for line in lines])
        return said + html_table("", by_class(dict(zip(self.classes, self.counts, strict=True))), ("class", "labels"))

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes as an array (n_classes,), the name by which scikit-learn knows them."""
        return np.array(self.classes)

    @property
    def n_features_in_(self) -> int:
        """Features that it takes; a fine-tuned network takes none, but images."""
        if isinstance(self.head, LinearHead):
            return int(self.head.weights.shape[1])
        raise AttributeError("a fine-tuned network takes images, not features")

    @property
    def cross_validation(self) -> CrossValidation | None:
        """That of the strategy it was trained with."""
        return self.cross_validations.get(self.strategy)

    @property
    def warning(self) -> str:
        """What to say of the probabilities if nothing shows how sure they are; empty if something does."""
        if self.cross_validations:
            return ""
        return "The probabilities are not calibrated, and how good the classifier is cannot be told: no class has two labels."

    @property
    def shift(self) -> Values:
        """The prior correction: what is subtracted from the log probability of each class, shape (n_classes,)."""
        return self.choice.tau * log_prior(np.array(self.counts))

    def predict(self, features: ArrayLike | Pool) -> NDArray[Any]:
        """The most probable class of each row of features (n, n_features) or of a pool, in the type of the labels; shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(features).argmax(axis=1)])

    def score(self, features: ArrayLike | Pool, labels: Iterable[object]) -> float:
        """Macro accuracy on features or a pool with known classes: a class never found counts 0; in [0, 1].

        Scikit-learn's `score` weighs images; this one weighs classes, as everything here.
        """
        return macro_accuracy(np.array(checked_labels("score", labels)), self.predict(features))

    def predict_proba(self, features: ArrayLike | Pool) -> Values:
        """Calibrated and corrected probabilities, shape (n, n_classes), float64, rows sum to 1.

        A fine-tuned network looks at the images of a pool themselves and takes no bare features.
        """
        return softmax(self.scores(features) - self.shift)

    def scores(self, features: ArrayLike | Pool) -> Values:
        """Scores over temperature, shape (n, n_classes): log probabilities without prior correction, but for a constant."""
        if isinstance(self.head, FineTunedNetwork):
            return self.head.logits(parts_of(features)) / self.choice.temperature
        head, values = self.head, self._features_of(features, self.head)
        blocks = [head.scores(head.transform(block)) for _, block in feature_blocks(values)]
        return np.concatenate([np.empty((0, len(self.classes))), *blocks]) / self.choice.temperature

    def with_tau(self, tau: float) -> "Model":
        """The same classifier with another strength of the prior correction."""
        return replace(self, choice=replace(self.choice, tau=float(tau)))

    def save(self, path: str | Path) -> None:
        """Write the weights into a folder, under a name of their own, and then `model.json`; no pickle.

        Until `model.json` is replaced, the model that was there before is whole.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        weights = _to_bytes(self.head)
        digest = hashlib.sha256(weights).hexdigest()
        file = folder / _file_of(self.strategy, digest)
        write_atomically(file, weights)
        facts = {
            "format": FORMAT, "evenpick": __version__, "strategy": self.strategy,
            "classes": self.classes, "counts": self.counts, **asdict(self.choice), "source": self.source.to_json() if self.source else {},
            "weights": digest, "power": self.head.transform.power if isinstance(self.head, LinearHead) else 1.0,
            "cross_validations": {
                name: {**asdict(folds), "accuracy_of_c": list(folds.accuracy_of_c.items())}
                for name, folds in self.cross_validations.items()
            },
            "left_out": self.left_out,
        }  # fmt: skip
        write_atomically(folder / "model.json", facts_to_text(facts))
        for other in [other for pattern in _OTHERS for other in folder.glob(pattern) if other != file]:
            other.unlink(missing_ok=True)  # of a model that was here before

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
            facts = facts_in((folder / "model.json").read_bytes())
        except DamagedModelError as error:
            raise EvenpickError(f"model '{folder}' is damaged ({error}): train again") from error
        if facts["format"] not in READ:
            raise EvenpickError(
                f"model '{folder}' has format {facts['format']}; evenpick {__version__} reads {READ[0]} to {READ[-1]}: train again"
            )
        try:
            data = _weights(folder, facts["strategy"], facts["weights"])
            source = SourceDescription.from_json(facts["source"]) if facts["source"] else None
            return cls(
                facts["strategy"], tuple(facts["classes"]), tuple(facts["counts"]),
                _from_bytes(data, facts),
                Choice(facts["c"], facts["temperature"], facts["tau"]), source,
                {name: _cross_validation(folds) for name, folds in facts["cross_validations"].items()},
                facts["left_out"],
            )  # fmt: skip
        except _DAMAGE as error:
            reason = " ".join(str(error).split())
            raise EvenpickError(f"model '{folder}' is damaged ({reason}): train again") from error

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


def parts_of(pool: Any) -> list[Part]:
    """The images of a pool that knows its folder."""
    if not isinstance(pool, Pool) or pool.folder is None:
        raise EvenpickError("a fine-tuned network looks at images: give it a pool with a folder, as `embed` makes it")
    return [pool.part(row) for row in range(len(pool))]


def _file_of(strategy: str, digest: str) -> str:
    """Two models in one folder never share a file."""
    return f"network-{digest[:16]}.onnx" if strategy == FINETUNE else f"weights-{digest[:16]}.safetensors"


def _weights(folder: Path, strategy: str, digest: str) -> bytes:
    file = folder / _file_of(strategy, digest)
    if not file.exists():  # as they were named before format 3
        file = folder / ("network.onnx" if strategy == FINETUNE else "weights.safetensors")
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError("the weights are not those that model.json names")
    return data


def _to_bytes(head: LinearHead | FineTunedNetwork) -> bytes:
    if isinstance(head, FineTunedNetwork):
        return head.onnx
    # Made contiguous, because safetensors writes the memory as it lies, whatever the strides.
    arrays: dict[str, NDArray[Any]] = {"weights": head.weights, "intercepts": head.intercepts}
    if head.transform.centre is not None:
        arrays["centre"] = head.transform.centre
    return bytes(safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def _from_bytes(data: bytes, facts: dict[str, Any]) -> LinearHead | FineTunedNetwork:
    if facts["strategy"] == FINETUNE:
        return FineTunedNetwork(data, Preprocessing.from_dict(facts["source"]["preprocessing"]))
    arrays = safetensors.numpy.load(data)
    transform = FeatureTransform(arrays.pop("centre", None), facts["power"])
    head = LinearHead(**arrays, transform=transform)
    if len(head.weights) != len(facts["classes"]):
        raise ValueError(f"weights of {len(head.weights)} classes, not {len(facts['classes'])}")
    if transform.centre is not None and transform.centre.shape != head.weights.shape[1:]:
        raise ValueError(f"a centre of {transform.centre.shape} for weights of {head.weights.shape}")
    return head


def _cross_validation(facts: dict[str, Any]) -> CrossValidation:
    """As `save` wrote it: JSON knows no tuples and no numbers as keys."""
    own = {**facts, "accuracy_of_c": {float(c): float(a) for c, a in facts["accuracy_of_c"]}}
    return CrossValidation(**{**own, "fold_accuracies": tuple(facts["fold_accuracies"])})


def _check_same_source(model: SourceDescription | None, pool: SourceDescription | None) -> None:
    if model and pool and model.fingerprint != pool.fingerprint:
        raise EvenpickError(
            f"the model takes features of source '{model.name}'; the pool has those of "
            f"'{pool.name}': embed the images with the model's source"
        )
