"""What `evenpick diagnose` prints: transferability of a workspace's source, before and after labels."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..estimates import (
    AGREEING,
    INFORMATIVE,
    Advice,
    MeasuredTransfer,
    SourceKnowledge,
    advice,
    measured_transfer,
    one_of_each_group,
    source_knowledge,
)
from ..labels import RecordedLabels, recorded_labels
from ..notebook import html_sentences, html_table
from ..pool import Pool
from .lines import in_lines

SHOWN = 5  # words that are named


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """Both looks at a workspace's source, and what follows; of an encoder without classes only the second."""

    knowledge: SourceKnowledge | None
    measured: MeasuredTransfer | None
    advice: Advice
    words: Mapping[str, int] = field(
        default_factory=dict
    )  # how many images the source takes for each, where it has words

    @property
    def facts(self) -> dict[str, Any]:
        """Everything, for JSON."""
        knows = None if self.words or self.knowledge is None else self.knowledge.knows  # of words nothing tells yet
        knowledge = {**asdict(self.knowledge), "knows": knows} if self.knowledge else None
        measured = asdict(self.measured) if self.measured else None
        facts = {"before_labels": knowledge, "measured": measured, "advice": asdict(self.advice)}
        return facts | ({"words": dict(self.words)} if self.words else {})

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The numbers with their names, each with what it means."""
        rows = [("source classes", "none: it is an encoder")]
        if self.knowledge:
            rows = _by_words(self.knowledge) if self.words else _before_labels(self.knowledge)
        rows += [("it takes images for", _most_seen(self.words))] if self.words else []
        if self.measured is None:
            return rows
        after = self.measured
        return [
            *rows,
            ("labels", f"{after.n_labels} of {after.n_classes} classes"),
            (
                "words and your classes agree" if self.words else "its classes and yours agree",
                _number(after.agreement, "; 0: by chance, 1: wholly" + ("" if self.words else f", {AGREEING} is good")),
            ),
            ("the most similar labelled image", _neighbour(after)),
            ("LogME", _number(after.log_me, "; only to compare sources by: more is better")),
        ]

    def __repr__(self) -> str:
        return "\n".join([self.advice.method, self.advice.finding, in_lines(self.rows)])

    def _repr_html_(self) -> str:
        return html_sentences([self.advice.method, self.advice.finding]) + html_table("", self.rows)


def diagnose(workspace: Path) -> Diagnosis:
    """Look at the pool, and at the labels if there are any; changes nothing.

    Raises
    ------
    EvenpickError
        If there is no pool.
    """
    pool = Pool.open(workspace)
    return diagnosis_of(pool, recorded_labels(workspace, pool))


def diagnosis_of(pool: Pool, labels: RecordedLabels) -> Diagnosis:
    """The same of a pool and a record that are open."""
    knowledge = None if pool.predictions is None else source_knowledge(pool)
    rows, names = one_of_each_group(pool, labels.rows, labels.names)
    measured = measured_transfer(pool, rows, names) if names else None
    words = _images_of_words(pool)
    return Diagnosis(knowledge, measured, advice(knowledge, measured, by_words=bool(words)), words)


def _images_of_words(pool: Pool) -> dict[str, int]:
    words = pool.source.words if pool.source else None
    if words is None or not words.names:
        return {}
    counts = np.bincount(pool.source_class, minlength=len(words.names)).tolist()
    return dict(zip(words.names, counts, strict=True))


def _most_seen(images: Mapping[str, int]) -> str:
    order = sorted(images.items(), key=lambda one: -one[1])
    seen, none = [f"{name} ({n:,})" for name, n in order if n], [name for name, n in order if not n]
    more = f" and {len(seen) - SHOWN} more" if len(seen) > SHOWN else ""
    missing = f"; none for {len(none)} of {len(order)} words, such as {none[0]}" if none else ""
    return f"{', '.join(seen[:SHOWN])}{more}{missing}"


def _before_labels(before: SourceKnowledge) -> list[tuple[str, str]]:
    settled = f"{_settled(before)} of the question which class of its own an image is; {INFORMATIVE} is good"
    return [
        ("of its own classes it sees", _kinds(before)),
        ("the largest of them hold", _largest(before)),
        ("it is sure of its class", f"{before.confidence:.0%}, on average"),
        ("one prediction settles", settled),
    ]


def _by_words(before: SourceKnowledge) -> list[tuple[str, str]]:
    return [
        ("of the words it sees", _kinds(before)),
        ("the largest of them hold", _largest(before)),
        ("it is sure of its word", f"{before.confidence:.0%}, on average"),
        ("one prediction settles", f"{_settled(before)} of the question which word an image is"),
    ]


def _settled(before: SourceKnowledge) -> str:
    """Nothing where the estimate for a few images falls below 0."""
    return f"{max(before.information, 0):.2f}"


def _kinds(before: SourceKnowledge) -> str:
    return f"{len(before.shares)}, as diverse as {before.effective_classes:.1f} of equal size"


def _largest(before: SourceKnowledge) -> str:
    return ", ".join(f"{share:.1%}" for share in before.shares[:5]) + " of the images"


def _neighbour(after: MeasuredTransfer) -> str:
    if after.neighbour_accuracy is None:
        return "cannot be told yet"
    return (
        f"is of the same class for {after.neighbour_accuracy:.0%} of the images of a class, averaged over the classes; "
        f"by guessing {after.guess_accuracy:.0%}"
    )


def _number(value: float | None, meaning: str) -> str:
    return "cannot be told yet" if value is None else f"{value:.2f}{meaning}"
