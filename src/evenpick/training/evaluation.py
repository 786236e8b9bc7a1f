"""How good a trained model is on images whose classes are known and that it has not seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import EvenpickError, first_few
from ..label_values import Label, checked_labels
from ..metrics import CalibrationBin, calibration_bins, macro_accuracy, macro_standard_error
from ..names import same_class
from ..notebook import CLASSES, html_table
from ..pool import Pool, given_pool
from ..probabilities import softmax
from .class_results import ClassResult, Confusion, Mistake, Predicted, confusions
from .model import Model


@dataclass(frozen=True)
class Evaluation:
    """How good a classifier is on test images; shares between 0 and 1.

    The half widths are of 95 % intervals that cover the draw of the test images, not that of the labels. Each group of
    images that show the same thing counts once in them.

    Attributes
    ----------
    n_images, n_groups : int
        Test images, and the groups that they are of: as many where nothing is grouped.
    tau : float
        Strength of the classifier's own prior correction. With 0 it predicts without, and `corrected_accuracy` is with
        the printed one.
    accuracy, corrected_accuracy : float
        Macro accuracy (mean recall) over all classes of the test set, undiscovered ones counting 0, without and with
        prior correction.
    overall_accuracy : float
        Share of all images that the classifier, as it predicts, is right about: frequent classes decide it.
    macro_f1 : float
        Mean over all classes of the harmonic mean of precision and recall, as the classifier predicts.
    classes : tuple of ClassResult
    confusions : tuple of Confusion
        Pairs of classes that are confused, the most frequent first.
    """

    n_images: int
    n_groups: int
    tau: float
    accuracy: float
    accuracy_half_width: float
    corrected_accuracy: float
    corrected_half_width: float
    overall_accuracy: float
    overall_half_width: float
    macro_f1: float
    f1_half_width: float
    classes: tuple[ClassResult, ...]
    confusions: tuple[Confusion, ...]
    unreadable: tuple[tuple[str, str], ...] = ()  # labelled test images that were left out, and why
    unknown: tuple[str, ...] = ()  # labelled images that the folder does not hold, passed over
    among_labels: int = 0  # test images that the classifier may have been trained on
    near_labels: int = 0  # others that show the same thing as one of those
    on_new: "Evaluation | None" = None  # the same without both, if there are any, and others too
    ungrouped: str = ""  # why images that show the same thing could not be found, if they could not
    misspelt: tuple[
        tuple[str, str], ...
    ] = ()  # classes of the test set that differ from one of the classifier's in case
    mistakes: tuple[Mistake, ...] = ()  # images that it is wrong about, the surest first
    calibration: tuple[CalibrationBin, ...] = ()  # how often it is right, by how sure it is

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
    def sentences(self) -> list[str]:
        """The figures over all classes, and what is to be known with them."""
        groups = f"groups: {self.n_groups}, " if self.n_groups < self.n_images else ""
        said = [
            f"On {self.n_images} test images ({groups}classes: {len(self.classes)}); in brackets: from, to, nineteen times in twenty:",
            f"  macro accuracy {self._macro_in_words()}: every class counts the same",
            f"  overall accuracy {_with_interval(self.overall_accuracy, self.overall_half_width)}: every image counts the same",
            f"  macro F1 {_with_interval(self.macro_f1, self.f1_half_width)}",
        ]
        if self.ungrouped:
            said.append(f"Each image counts by itself, so that the intervals may be too narrow: {self.ungrouped}.")
        if self.undiscovered:
            said.append(f"Classes that were never found, which count 0: {first_few(self.undiscovered)}.")
        if self.unknown:
            said.append(f"Labels of images that the folder does not hold, passed over: {first_few(self.unknown)}.")
        for name, meant in self.misspelt:
            said.append(f"Class '{name}' counts 0; the classifier knows '{meant}': write both the same way.")
        return said

    def _repr_html_(self) -> str:
        first, *lines = self.sentences
        worst = [
            (one.name, one.n_images, f"{one.recall:.0%} ({one.low:.0%} to {one.high:.0%})")
            for one in self.worst_first[:CLASSES]
        ]
        said = html_table(first, [[line.strip()] for line in [*lines, *([self.warning] if self.warning else [])]])
        pairs = html_table("Most confused", [[repr(pair)] for pair in self.confusions[:5]]) if self.confusions else ""
        return said + html_table("The worst classes", worst, ("class", "images", "recall (95 %)")) + pairs

    def _macro_in_words(self) -> str:
        plain = _with_interval(self.accuracy, self.accuracy_half_width)
        corrected = _with_interval(self.corrected_accuracy, self.corrected_half_width)
        if self.tau:
            return f"{corrected} with and {plain} without prior correction"
        return f"{plain} ({corrected} with the printed prior correction, which this classifier does not make)"

    @property
    def worst_first(self) -> list[ClassResult]:
        """The classes, those with the lowest recall first."""
        return sorted(self.classes, key=lambda one: (one.recall, str(one.name)))

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
    if len(given) != len(pool):
        raise EvenpickError(f"evaluate: {len(pool)} test images need as many labels; got {len(given)}")
    if type(given[0]) is not type(model.classes[0]):
        raise EvenpickError(
            f"evaluate: labels must be of the type that the model was trained with, "
            f"{type(model.classes[0]).__name__}; got {given[0]!r:.40} ({type(given[0]).__name__})"
        )
    predicted = _predicted(model, pool, np.array(given))
    classes = tuple(predicted.of_class(name, name in model.classes) for name in sorted(set(given)))
    pieces = [predicted.pieces(predicted.true == result.name) for result in classes]
    positives = [
        (piece + predicted.pieces(predicted.own == result.name)) / 2
        for piece, result in zip(pieces, classes, strict=True)
    ]
    overall = float((predicted.own == predicted.true).mean())
    f1 = [result.f1 for result in classes]

    def half_width(shares: list[float], sizes: list[float] | list[int]) -> float:
        return 1.96 * macro_standard_error(shares, sizes)

    n_groups = len(np.unique(predicted.groups))
    return Evaluation(
        len(given), n_groups, model.choice.tau,
        macro_accuracy(predicted.true, predicted.plain), half_width([one.accuracy for one in classes], pieces),
        macro_accuracy(predicted.true, predicted.corrected), half_width([one.corrected_accuracy for one in classes], pieces),
        overall, half_width([overall], [n_groups]), float(np.mean(f1)), half_width(f1, positives),
        classes, confusions(predicted.true.tolist(), predicted.own.tolist()), misspelt=_misspelt(classes, model),
        mistakes=predicted.mistakes(pool.image_ids),
        calibration=calibration_bins(predicted.probability, predicted.own == predicted.true),
    )  # fmt: skip


def _predicted(model: Model, pool: Pool, true: NDArray[Any]) -> Predicted:
    names, scores = np.array(model.classes), model.scores(pool)
    corrected = model if model.choice.tau else model.with_tau(1)
    groups = np.arange(len(pool)) if pool.groups is None else pool.groups
    plain, with_correction, own = (
        names[(scores - shift).argmax(axis=1)] for shift in (0.0, corrected.shift, model.shift)
    )
    column = {name: i for i, name in enumerate(model.classes)}
    probabilities = softmax(scores - model.shift)
    known = np.array([column.get(name, -1) for name in true.tolist()])
    of_true = np.where(known < 0, 0.0, probabilities[np.arange(len(true)), known])
    return Predicted(true, plain, with_correction, own, groups, probabilities.max(axis=1), of_true)


def _with_interval(share: float, half_width: float) -> str:
    return f"{share:.1%} ({max(share - half_width, 0.0):.1%} to {min(share + half_width, 1.0):.1%})"


def _misspelt(classes: Iterable[ClassResult], model: Model) -> tuple[tuple[str, str], ...]:
    known = [name for name in model.classes if isinstance(name, str)]
    unknown = [str(one.name) for one in classes if not one.discovered and known]
    return tuple((name, meant) for name in unknown if (meant := same_class(known, name)))
