"""What people are shown of the estimates: which numbers, from when on, and in which words.

Status, the report, the labelling page and their JSON all take it from here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..counting import counted
from ..labels import Annotation, RecordedLabels
from ..pool import Pool
from .audit import AuditEstimate, audit_estimate
from .audit_sample import drawn_one_by_one, draws_of_this_pool
from .audit_words import later, next_step, rows_of, sentences_of, share
from .expectation import LITTLE, Estimate, Expectation, expected_accuracy, points_between
from .groups import n_pieces, one_of_each_group
from .missing_classes import ENOUGH, UnseenClasses, unseen_classes

OF_GROUPS = (
    "All this is of groups: each counts once, however many images show it, and it holds for new groups like those of this "
    "pool. For other places or times it may be worse."
)
OF_IMAGES = (
    "The audit labels were drawn image by image, and many look like a labelled one of their group: for new groups the accuracy may be "
    "much lower. What twice the labels would bring counts each group once."
)
A_GUESS = (
    "This is a guess, from labels that were chosen: {}. It is over all classes and for "
    "images like those of this pool; the folds of `train` speak of the labelled images alone, and `evaluate` of its test images."
)
WELL_KNOWN = 0.02  # standard error of the accuracy, up to which a curve that does not rise says to stop


@dataclass(frozen=True)
class Outlook:
    """What the labels tell of classes and accuracy, and how much of it is shown.

    Attributes
    ----------
    unseen : UnseenClasses or None
        None before the first label.
    expectation : Expectation or None
        None where it cannot be estimated yet, or was not asked for.
    of_groups : bool
        Whether all of it is of groups of images, not of single ones.
    audit : AuditEstimate or None
        What the audit labels tell; it then comes before all else.
    at_random : bool
        Whether all labels are of images that were drawn at random, all alike. Of labels that were chosen nothing can be said of
        classes not found.
    n_outdated : int
        Audit answers that are left out, as their images were drawn when the pool was larger or smaller.
    audit_of_images : bool
        Whether images of groups were drawn one by one, so that the audit speaks of images.
    labels_until : int or None
        Labels still to come until those drawn by the session's share tell an accuracy, where its budget brings that.
    """

    unseen: UnseenClasses | None
    expectation: Expectation | None = None
    of_groups: bool = False
    audit: AuditEstimate | None = None
    at_random: bool = False
    n_outdated: int = 0
    audit_of_images: bool = False
    labels_until: int | None = None

    @property
    def what_holds(self) -> str:
        """What gives a figure that is no guess."""
        if self.labels_until:
            return f"after {self.labels_until} more labels those drawn at random give a figure that holds"
        return "`evenpick audit` gives a figure that holds"

    @property
    def enough(self) -> bool:
        """Whether there are labels enough, and most of them not the only one of their class."""
        return self.unseen is not None and self.unseen.n_labels >= ENOUGH and not self.unseen.mostly_lone

    @property
    def shown_classes(self) -> UnseenClasses | None:
        """Classes not found, by labels that were drawn at random, once there are enough."""
        return self.unseen if self.at_random and self.enough else None

    @property
    def shown_accuracy(self) -> Expectation | None:
        """The accuracy to expect, once there are labels enough."""
        return self.expectation if self.enough else None

    @property
    def facts(self) -> dict[str, Any]:
        """All numbers and the sentences, as JSON values."""
        too_early = {"too_early": not self.enough}
        return {
            "unseen": {**asdict(self.unseen), **too_early} if self.unseen else None,
            "expectation": asdict(self.expectation) if self.expectation else None,
            "audit": asdict(self.audit) if self.audit else None,
            "holds_for": "new groups" if self.of_groups and not self._of_images else "images of this pool",
            "outlook": self.sentences,
        }

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The numbers that are shown, with their names."""
        if self.audit:
            return rows_of(self.audit, self.expectation)
        rows, unseen, expected = [], self.shown_classes, self.shown_accuracy
        if unseen:
            classes = _interval(unseen.undiscovered, unseen.low, unseen.high, ".0f")
            chance = _interval(unseen.unseen_mass, unseen.mass_low, unseen.mass_high, ".1%")
            rows += [("classes not found, Chao1", classes), ("chance that an image is of one", chance)]
        if expected:
            rows.append(("macro accuracy to expect now, a guess", share(expected.now)))
        if expected and expected.n_more:
            rows.append((f"with {expected.n_labels + expected.n_more} labels", share(expected.doubled)))
        return rows

    @property
    def sentences(self) -> list[str]:
        """What is still to be found, what is reached, what more labels would buy, and what that holds for."""
        limits = [self._outdated] if self.n_outdated else []
        if self.of_groups and self.unseen:
            limits.append(OF_IMAGES if self._of_images else OF_GROUPS)
        if self.audit:
            return sentences_of(self.audit, self.expectation, self._drawn) + limits
        guess = [A_GUESS.format(self.what_holds)] if self.expectation and not self.at_random else []
        return self._of_classes_and_accuracy() + guess + limits

    @property
    def accuracy_now(self) -> Estimate | None:
        """Macro accuracy over all classes: what audit labels tell, else what is to be expected; None where neither is shown."""
        if self.audit:
            return self.audit.macro
        return self.shown_accuracy.now if self.shown_accuracy else None

    @property
    def accuracy_later(self) -> Estimate | None:
        """The same with twice the labels, or with all; None where no image is left."""
        expected = self.expectation if self.audit else self.shown_accuracy
        if expected is None or not expected.n_more:
            return None
        return later(self.audit, expected) if self.audit else expected.doubled

    @property
    def next_step(self) -> str:
        """What to do next, by what more labels would buy; empty where that cannot be told."""
        if self.audit:
            return next_step(self.audit, self.expectation)
        if not self.shown_accuracy or not self.shown_accuracy.n_more:
            return ""
        return _of_more(self.shown_accuracy)

    @property
    def _outdated(self) -> str:
        return (
            f"Of the audit labels {self.n_outdated} are left out: they were drawn when there were more or fewer {self._drawn}s "
            "than now. `evenpick audit` draws others; its --labels counts all."
        )

    @property
    def _of_images(self) -> bool:
        return self.audit is not None and self.audit_of_images

    @property
    def _drawn(self) -> str:
        return "group" if self.of_groups and not self.audit_of_images else "image"

    @property
    def _each(self) -> str:
        return "group" if self.of_groups else "image"

    def _of_classes_and_accuracy(self) -> list[str]:
        unseen, expectation = self.unseen, self.expectation
        if unseen is None:
            return ["Nothing can be said before the first label."]
        each = self._each
        said = [_still_to_find(unseen, self.at_random, each)]
        if unseen.found > 1 and unseen.mostly_lone:
            return [*said, "Without that, neither can the accuracy over all classes."]
        if expectation is None:
            return [*said, "The accuracy cannot be told yet: it needs two classes, and one of them with two labels."]
        now, doubled = expectation.now, expectation.doubled
        n, n_more = expectation.n_labels, expectation.n_more
        reached = f"Trained on these {n} labels, expect a macro accuracy of {share(now)} over all classes"
        if not n_more:
            return [*said, f"{reached}. Every {each} has a label."]
        if not self.shown_accuracy:
            span = f"{now.low:.0%} and {now.high:.0%}"
            return [*said, f"The macro accuracy over all classes lies between {span}; more labels will tell."]
        return [*said, f"{reached}; with {n + n_more} labels {share(doubled)}.", _of_more(expectation)]


def outlook_of(
    pool: Pool,
    indices: ArrayLike,
    labels: Sequence[str],
    audit: AuditEstimate | None = None,
    at_random: bool = False,
) -> Outlook:
    """What to expect of labels of these rows of the pool; the accuracy takes seconds."""
    rows, names = one_of_each_group(pool, np.asarray(indices, np.intp), labels)
    unseen, of_groups = unseen_classes(names, n_pieces(pool, rows)), pool.groups is not None
    # Without a count of the classes there is no accuracy over all of them.
    if unseen is None or unseen.mostly_lone:
        return Outlook(unseen, None, of_groups, audit, at_random)
    return Outlook(unseen, expected_accuracy(pool, rows, names), of_groups, audit, at_random)


def outlook_of_record(pool: Pool, labels: RecordedLabels, labels_until: int | None = None) -> Outlook:
    """What the labels of a record tell, its audit labels first; takes seconds."""
    audit, at_random = audit_estimate(pool, labels), chosen_at_random(labels.settings, labels.annotations)
    outlook = outlook_of(pool, labels.rows, labels.names, audit, at_random)
    n_outdated = len(labels.draws) - len(draws_of_this_pool(pool, labels))
    return replace(
        outlook, n_outdated=n_outdated, audit_of_images=drawn_one_by_one(pool, labels), labels_until=labels_until
    )


def chosen_at_random(settings: Mapping[str, Any] | None, annotations: Iterable[Annotation] = ()) -> bool:
    """Whether a session asked for all labels, and for images all alike."""
    if settings is None or settings["acquisition"] != "random" or settings["balancing"] is not None:
        return False
    return all(said.phase is not None for said in annotations)


def _still_to_find(unseen: UnseenClasses, at_random: bool, each: str) -> str:
    if unseen.unlabelled == 0:
        return f"All {unseen.found} classes of the pool are found: every {each} has a label."
    if unseen.n_labels < ENOUGH:
        return f"How many classes are still to be found cannot be told from fewer than {ENOUGH} labels."
    are = "is the only one of its class" if unseen.singletons == 1 else "are the only one of their class"
    lone = f"{unseen.singletons} of {unseen.n_labels} labels {are}"
    if unseen.mostly_lone:
        return f"How many classes are still to be found cannot be told yet: {lone}."
    if not at_random:
        return f"How many classes are still to be found cannot be told from labels that were chosen; {lone}."
    chance = f"{unseen.unseen_mass:.1%} ({unseen.mass_low:.1%} to {unseen.mass_high:.1%})"
    if round(unseen.high) == 0 and not unseen.singletons:
        return f"These labels give no sign of more classes; a random image is of another one with a chance of {chance}."
    return (
        f"About {unseen.undiscovered:.0f} more classes are to be found ({unseen.low:.0f} to {max(unseen.high, 1):.0f}), "
        f"and a random image is of one of them with a chance of {chance}."
    )


def _interval(value: float, low: float, high: float, form: str) -> str:
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def _of_more(expected: Expectation) -> str:
    more = "Twice the labels" if expected.n_more == expected.n_labels else "Labels of all images"
    now, later, error = expected.now.value, expected.doubled.value, expected.curve.error
    if later - now < LITTLE and error > WELL_KNOWN:
        return (
            f"By the learning curve {more[0].lower()}{more[1:]} would buy a point at most, but these labels tell that "
            f"curve to about {counted(round(100 * error), 'point')} only."
        )
    if later - now < LITTLE:
        return f"{more} would buy little: a point at most. This is a good place to stop."
    points = points_between(now, later)
    found = min(round(100 * expected.gained_by_discovery), points)
    part = f", {found} of them by finding classes" if found else ""
    return f"{more} would buy about {counted(points, 'point')}{part}."
