"""Which source model suits these images? Several, asked about the labelled images alone."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..arrays import IndexArray, Singles
from ..errors import EvenpickError
from ..estimates import measured_transfer, one_of_each_group
from ..images import all_cut
from ..machine import Progress
from ..metrics import mean_interval
from ..pool import Pool
from ..sources import SourceModel
from .strategies import train

_BATCH = 8


@dataclass(frozen=True)
class ComparedSource:
    """What the labels say of one source.

    Attributes
    ----------
    name : str
    accuracy : float
        Nested macro accuracy of the linear SVM with prior correction, on the same folds for all.
    fold_accuracies : tuple of float
        The same of each fold.
    log_me : float
        Log evidence per label and class of a linear model (You et al., 2021).
    milliseconds : float
        An image, decoding included, as it ran here.
    """

    name: str
    accuracy: float
    fold_accuracies: tuple[float, ...]
    log_me: float
    milliseconds: float

    def ahead_of(self, other: "ComparedSource") -> tuple[float, float]:
        """By how much, on average over the folds, and the half width of the 95 % interval of that."""
        return mean_interval(np.subtract(self.fold_accuracies, other.fold_accuracies))


@dataclass(frozen=True, repr=False)
class SourceComparison:
    """Sources compared on the same labels, the first one being that of the pool."""

    sources: tuple[ComparedSource, ...]
    n_labels: int

    @property
    def columns(self) -> list[str]:
        """Of the table."""
        return ["source", "accuracy %", "ahead of the first", "LogME", "ms an image"]

    @property
    def rows(self) -> list[list[str]]:
        """As the command prints them."""
        rows = []
        for one in self.sources:
            mean, half = one.ahead_of(self.sources[0])
            ahead = "" if one is self.sources[0] else f"{100 * mean:+.1f} ± {100 * half:.1f}"
            rows.append([one.name, f"{100 * one.accuracy:.1f}", ahead, f"{one.log_me:.2f}", f"{one.milliseconds:.0f}"])
        return rows

    @property
    def sentence(self) -> str:
        """What follows."""
        first, *others = self.sources
        ahead = {one.name: one.ahead_of(first) for one in others}
        clear = [name for name, (mean, half) in ahead.items() if mean > half]
        if not clear:
            return f"No source is clearly ahead of '{first.name}' on these {self.n_labels} labels: stay with it."
        best = max(clear, key=lambda name: ahead[name][0])
        return (
            f"'{best}' is ahead of '{first.name}' on these {self.n_labels} labels (interval above 0): embed a new workspace "
            "with it, and take your labels there with `export` and `import`."
        )

    def __repr__(self) -> str:
        return "\n".join([*("  ".join(row) for row in [self.columns, *self.rows]), self.sentence])


def compare_sources(
    pool: Pool,
    rows: IndexArray,
    labels: Sequence[str],
    sources: Sequence[SourceModel],
    random_state: int = 0,
    progress: Progress = lambda done, total: None,
) -> SourceComparison:
    """Look at the labelled images, rows of the pool, with each source, and judge each on the same folds.

    Raises
    ------
    EvenpickError
        If there are fewer than two classes with two labels, a labelled image cannot be read, or a source gives
        features that are not finite.
    """
    groups = None if pool.groups is None else pool.groups[rows]
    first, names = one_of_each_group(pool, rows, labels)
    classes, counts = np.unique(names, return_counts=True)
    if (counts >= 2).sum() < 2:
        raise EvenpickError(
            f"compare-sources takes two classes with two labels or more each, of different groups; got {len(labels)} labels of "
            f"{len(classes)} classes: label more first"
        )
    places = np.flatnonzero(np.isin(rows, first))  # one of each group
    found, total = [], len(rows) * len(sources)
    for place, source in enumerate(sources):
        begin = time.perf_counter()
        features = _features(pool, rows, source, partial(_report, progress, place * len(rows), total))
        milliseconds = 1000 * (time.perf_counter() - begin) / len(rows)
        seen, every = Pool.from_arrays(features, groups=groups), np.arange(len(rows))
        folds = train(seen, every, labels, "svm", random_state=random_state, unlabelled=()).cross_validation
        evidence = measured_transfer(seen, places, [labels[i] for i in places.tolist()]).log_me
        assert folds is not None  # there are classes with two labels
        assert evidence is not None
        accuracies = folds.corrected_accuracy, folds.fold_accuracies
        found.append(ComparedSource(source.name, *accuracies, evidence, milliseconds))
    return SourceComparison(tuple(found), len(rows))


def _report(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _features(pool: Pool, rows: IndexArray, source: SourceModel, progress: Callable[[int], None]) -> Singles:
    cuts = [(pool.part(row), source.preprocessing.cuts) for row in rows.tolist()]
    jobs = [cuts[start : start + _BATCH] for start in range(0, len(cuts), _BATCH)]
    features: list[Singles] = []
    with contextlib.closing(all_cut(jobs)) as images:
        for some in images:
            features.append(source.see(some)[0])
            progress(sum(map(len, features)))
    return np.concatenate(features)
