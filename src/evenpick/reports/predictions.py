"""The class of every image of the pool: its label, else what the classifier of the workspace or a quick one takes it for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..classifiers import LinearHead, fit_probe
from ..labels import RecordedLabels
from ..pool import Pool, feature_blocks
from ..training import Model
from ..vectors import normalised

BY_MODEL, BY_PROBE = "the trained classifier", "a quick classifier trained on the labels"


@dataclass(frozen=True, eq=False)
class PoolClasses:
    """The class number of every row (n,), labelled ones as they are labelled, and who said those of the others."""

    classes: tuple[str, ...]
    numbers: IndexArray
    said_by: str

    @property
    def shares(self) -> dict[str, float]:
        """The share of the pool that is of each class."""
        counts = np.bincount(self.numbers, minlength=len(self.classes)) / len(self.numbers)
        return dict(zip(self.classes, counts.tolist(), strict=True))


def pool_classes(pool: Pool, labels: RecordedLabels, model: Model | None) -> PoolClasses | None:
    """The model says it where it is a linear one of these features and knows these classes, no other; None of one class."""
    classes = tuple(sorted({*labels.names}))
    if len(classes) < 2:
        return None
    place = {name: number for number, name in enumerate(classes)}
    given = np.array([place[name] for name in labels.names], np.intp)
    by_model = model is not None and _fits(model, pool, classes)
    numbers = _by_model(pool, model, place) if model and by_model else _by_probe(pool, labels.rows, given)
    numbers[labels.rows] = given
    return PoolClasses(classes, numbers, BY_MODEL if by_model else BY_PROBE)


def _fits(model: Model, pool: Pool, classes: tuple[str, ...]) -> bool:
    """A fine-tuned network would look at every image once more."""
    if not isinstance(model.head, LinearHead) or {str(name) for name in model.classes} != {*classes}:
        return False
    same = model.source is None or pool.source is None or model.source.fingerprint == pool.source.fingerprint
    return same and model.head.weights.shape[1] == pool.features.shape[1]


def _by_model(pool: Pool, model: Model, place: dict[str, int]) -> IndexArray:
    own = np.array([place[str(name)] for name in model.classes], np.intp)
    blocks = [(model.scores(block) - model.shift).argmax(axis=1) for _, block in feature_blocks(pool.features)]
    return np.asarray(own[np.concatenate(blocks)])


def _by_probe(pool: Pool, rows: IndexArray, given: IndexArray) -> IndexArray:
    # It numbers classes in the order of its labels' numbers; every number is used.
    probe = fit_probe(normalised(pool.features[rows]), given)

    def taken_for(block: NDArray[np.float32]) -> IndexArray:
        return np.asarray(probe.probabilities(normalised(block)).argmax(axis=1))

    return np.concatenate([taken_for(block) for _, block in feature_blocks(pool.features)])
