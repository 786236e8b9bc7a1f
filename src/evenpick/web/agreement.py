"""Where several people looked at the same images: what they disagree on, and how much they agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

# Of each row of the pool, what each annotator said, None for a skip; first answer first.
Opinions: TypeAlias = Mapping[int, Mapping[str, str | None]]


@dataclass(frozen=True)
class Agreement:
    """Two people on the images that both labelled; kappa is None where chance alone explains it all."""

    annotators: tuple[str, str]
    images: int
    same: float
    kappa: float | None


def conflicts(opinions: Opinions) -> list[int]:
    """The rows that people answered differently."""
    return [row for row, given in opinions.items() if len(set(given.values())) > 1]


def agreements(opinions: Opinions) -> list[Agreement]:
    """Cohen's kappa of every two annotators who labelled an image in common; skips are left out."""
    both: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for given in opinions.values():
        labelled = sorted((who, label) for who, label in given.items() if label is not None)
        for (one, first), (other, second) in combinations(labelled, 2):
            both.setdefault((one, other), []).append((first, second))
    return [_agreement(pair, labels) for pair, labels in sorted(both.items())]


def _agreement(annotators: tuple[str, str], labels: list[tuple[str, str]]) -> Agreement:
    same = sum(first == second for first, second in labels) / len(labels)
    return Agreement(annotators, len(labels), same, _kappa(labels))


def _kappa(labels: list[tuple[str, str]]) -> float | None:
    if len({name for pair in labels for name in pair}) < 2:
        return None  # both always said the same one class: 0 / 0
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(*zip(*labels, strict=True)))
