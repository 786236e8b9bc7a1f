"""How good a trained model is on images whose classes are known and that it has not seen."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import EvenpickError
from ..label_values import Label, checked_labels
from ..metrics import macro_accuracy, macro_standard_error
from ..pool import Pool, given_pool
from .model import Model


@dataclass(frozen=True)
class ClassResult:
    """One class of the test set: its images and the share of them that are recognised."""

    name: Label
    discovered: bool
    n_images: int
    accuracy: float
    corrected_accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Macro accuracies (shares, over all classes of the test set, undiscovered ones counting 0).

    The half widths are of 95 % intervals that cover the draw of the test images, not that of the labels.
    """

    n_images: int
    accuracy: float
    accuracy_half_width: float
    corrected_accuracy: float
    corrected_half_width: float
    classes: tuple[ClassResult, ...]
    unreadable: tuple[tuple[str, str], ...] = ()  # labelled test images that were left out, and why
    among_labels: int = 0  # test images that the classifier may have been trained on
    near_labels: int = 0  # others that show the same thing as one of those
    on_new: "Evaluation | None" = None  # the same without both, if there are any, and others too

    @property
    def warning(self) -> str:
        """What to say if test images are not new; empty if all are."""
        known = self.among_labels + self.near_labels
        if not known:
            return ""
        said = f"{self.among_labels} of {self.n_images} test images are among the labels"
        said += f", {self.near_labels} more show the same thing as one of them" if self.near_labels else ""
        if self.on_new is None:
            return f"{said}: none is new, and the accuracy says nothing of new images."
        plain, corrected = self.on_new.accuracy, self.on_new.corrected_accuracy
        return (
            f"{said}: the accuracy is too high. On the other {self.on_new.n_images} it is {corrected:.1%} with and "
            f"{plain:.1%} without prior correction."
        )

    @property
    def undiscovered(self) -> list[Label]:
        """Classes of the test set that no label names."""
        return [result.name for result in self.classes if not result.discovered]


def evaluate(model: Model, pool: Pool | ArrayLike, labels: Iterable[object]) -> Evaluation:
    """Compare the model's predictions with the true classes, without and with prior correction.

    The correction is the model's own; for a model whose tau is 0 it is the printed one, tau = 1.

    Parameters
    ----------
    model : Model
    pool : Pool, or array of features of shape (n, n_features)
        The test images.
    labels : sequence, length len(pool)
        Of the type that the model was trained with.

    Raises
    ------
    EvenpickError
        If the lengths differ, a label is missing or of another type, or the pool is of another source than the model.
    """
    pool = given_pool("evaluate", pool)
    given = checked_labels("evaluate", labels)
    true = np.array(given)
    if len(true) != len(pool):
        raise EvenpickError(f"evaluate: {len(pool)} test images need as many labels; got {len(true)}")
    if type(given[0]) is not type(model.classes[0]):
        raise EvenpickError(
            f"evaluate: labels must be of the type that the model was trained with, "
            f"{type(model.classes[0]).__name__}; got {given[0]!r:.40} ({type(given[0]).__name__})"
        )
    names, scores = np.array(model.classes), model.scores(pool)
    own = model if model.choice.tau else model.with_tau(1)
    plain, corrected = names[scores.argmax(axis=1)], names[(scores - own.shift).argmax(axis=1)]
    results = []
    for name in sorted(set(true.tolist())):
        members = true == name
        results.append(
            ClassResult(
                name,
                name in model.classes,
                int(members.sum()),
                float((plain[members] == name).mean()),
                float((corrected[members] == name).mean()),
            )
        )
    sizes = [result.n_images for result in results]
    return Evaluation(
        len(true),
        macro_accuracy(true, plain),
        1.96 * macro_standard_error([result.accuracy for result in results], sizes),
        macro_accuracy(true, corrected),
        1.96 * macro_standard_error([result.corrected_accuracy for result in results], sizes),
        tuple(results),
    )
