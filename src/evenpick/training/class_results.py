"""What predictions of test images say of each class, with intervals that count each group of images once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values
from ..label_values import Label
from ..metrics import share_interval


@dataclass(frozen=True)
class ClassResult:
    """One class of the test set: its images, and how they fare.

    Attributes
    ----------
    name : str or int
    discovered : bool
        Whether the classifier knows it.
    n_images : int
    accuracy, corrected_accuracy : float
        The share of its images that are recognised, without and with prior correction.
    low, high : float
        95 % interval of the recall.
    recall, precision, f1 : float
        Of the classifier as it predicts; precision is 0 where nothing was taken for the class.
    n_predicted : int
        Images that it takes for the class.
    """

    name: Label
    discovered: bool
    n_images: int
    accuracy: float
    corrected_accuracy: float
    recall: float
    low: float
    high: float
    precision: float
    f1: float
    n_predicted: int


@dataclass(frozen=True)
class Confusion:
    """Images of one class that are taken for another."""

    true: Label
    predicted: Label
    n: int
    of: int  # images of the class

    def __repr__(self) -> str:
        return f"{self.true} is taken for {self.predicted} in {self.n} of {self.of} images"


@dataclass(frozen=True)
class Mistake:
    """A test image that is taken for another class: how sure the classifier is of either, 0 of a class it does not know."""

    image: str
    true: Label
    predicted: Label
    probability: float
    probability_of_true: float


@dataclass(frozen=True, eq=False)
class Predicted:
    """Test images with their classes, all of shape (n,).

    Attributes
    ----------
    true, plain, corrected, own : array
        The true classes, and those predicted without and with prior correction and as the classifier predicts.
    groups : array of intp
        Images of one number show the same thing.
    probability, probability_of_true : array
        As the classifier predicts: of `own`, and of the true class, 0 where it does not know it.
    """

    true: NDArray[Any]
    plain: NDArray[Any]
    corrected: NDArray[Any]
    own: NDArray[Any]
    groups: IndexArray
    probability: Values
    probability_of_true: Values

    def mistakes(self, images: Sequence[str]) -> tuple[Mistake, ...]:
        """The images that it is wrong about, those first that it is surest of."""
        wrong = np.flatnonzero(self.own != self.true)
        order = wrong[np.argsort(-self.probability[wrong], kind="stable")]
        true, own = self.true.tolist(), self.own.tolist()
        return tuple(
            Mistake(images[i], true[i], own[i], float(self.probability[i]), float(self.probability_of_true[i]))
            for i in order.tolist()
        )

    def pieces(self, members: NDArray[np.bool_]) -> int:
        """How many groups these images are of."""
        return len(np.unique(self.groups[members]))

    def of_class(self, name: Label, discovered: bool) -> ClassResult:
        """How the images of a class fare; there is at least one."""
        members, taken = self.true == name, self.own == name
        n, n_predicted, right = int(members.sum()), int(taken.sum()), int((members & taken).sum())
        low, high = share_interval(right / n, self.pieces(members))
        return ClassResult(
            name, discovered, n,
            float((self.plain[members] == name).mean()), float((self.corrected[members] == name).mean()),
            right / n, low, high, right / n_predicted if n_predicted else 0.0, 2 * right / (n + n_predicted), n_predicted,
        )  # fmt: skip


def confusions(true: Sequence[Label], predicted: Sequence[Label]) -> tuple[Confusion, ...]:
    """Every pair of classes that is confused, the most frequent first."""
    sizes = Counter(true)
    pairs = Counter((name, taken) for name, taken in zip(true, predicted, strict=True) if name != taken)
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], -pair[1] / sizes[pair[0][0]], str(pair[0])))
    return tuple(Confusion(name, taken, n, sizes[name]) for (name, taken), n in ordered)
