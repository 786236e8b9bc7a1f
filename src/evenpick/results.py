"""What methods of a workspace return, where no other room has a name for it; each reads as its command prints it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .arrays import IndexArray, Values
from .counting import counted
from .errors import first_few
from .label_values import Label
from .labels import write_predictions
from .metrics import class_counts, imbalance_ratio
from .notebook import by_class, html_table
from .pool import Pool

if TYPE_CHECKING:
    from .session import SimulationResult


@dataclass(frozen=True, repr=False)
class Selection:
    """Images to label, first choice first.

    Attributes
    ----------
    indices : array of shape (budget,), intp
        Rows of the pool.
    image_ids : list of str, length budget
        Paths below the embedded folder.
    file : Path
        The table to fill in.
    """

    indices: IndexArray
    image_ids: list[str]
    file: Path
    pool: Pool | None = field(default=None, compare=False)  # what a notebook shows pictures of

    def __repr__(self) -> str:
        return f"{counted(len(self.image_ids), 'image')} to label, first choice first: '{self.file}'"

    def _repr_html_(self) -> str:
        return _with_pictures(repr(self), self.pool, self.indices)


@dataclass(frozen=True, repr=False)
class Found:
    """Images that words find, the nearest first.

    Attributes
    ----------
    indices : array of shape (count,), intp
        Rows of the pool.
    image_ids : list of str, length count
        Paths below the embedded folder.
    words : str
    """

    indices: IndexArray
    image_ids: list[str]
    words: str
    pool: Pool | None = field(default=None, compare=False)  # what a notebook shows pictures of

    def __repr__(self) -> str:
        return f"{self._title}: {first_few(self.image_ids)}"

    def _repr_html_(self) -> str:
        return _with_pictures(self._title, self.pool, self.indices)

    @property
    def _title(self) -> str:
        number = len(self.image_ids)
        return f"{counted(number, 'image')} nearest to '{self.words}'"


@dataclass(frozen=True, repr=False)
class Simulated:
    """A session that known labels answered.

    Attributes
    ----------
    result : SimulationResult
    classes : list of str
        All classes of the known labels of the pool, sorted.
    budget : int
        Labels asked for.
    """

    result: "SimulationResult"
    classes: list[str]
    budget: int
    pool: Pool | None = field(default=None, compare=False)  # what a notebook shows pictures of

    @property
    def imbalance_ratio(self) -> float:
        """Of the labels over all classes, those not found among them."""
        return imbalance_ratio(class_counts(self.result.labels, self.classes))

    def __repr__(self) -> str:
        labels, switch_at = self.result.labels, self.result.switch_at
        said = (
            f"{len(labels)} labels, {len(set(labels))} of {len(self.classes)} classes found, "
            f"imbalance ratio {self.imbalance_ratio:.2f}."
        )
        if drawn := sum(chance is not None for chance in self.result.chances):
            said += f" {drawn} of the labels are of images drawn at random."
        if len(labels) < self.budget:
            said += f"\nOf a budget of {self.budget} only {len(labels)} were there to give: no other image has a known label."
        if switch_at is None:
            return said
        hits = [target == label for target, label in zip(self.result.targets, labels, strict=True) if target]
        asked = f"; the class asked for came {sum(hits)} times of {len(hits)}" if hits else ""
        return f"{said}\nBalancing began after {switch_at} labels{asked}."

    def _repr_html_(self) -> str:
        first, *more = repr(self).splitlines()
        labels = [str(label) for label in self.result.labels]
        pictures = "" if self.pool is None else self.pool.pictures(self.result.indices, labels)
        counts = html_table("", by_class(Counter(self.result.labels)), ("class", "labels"))
        return html_table(first, [[line] for line in more]) + counts + pictures


@dataclass(frozen=True, repr=False)
class Predictions:
    """The class of every readable image of a folder.

    Attributes
    ----------
    image_ids : list of str, length n
        Paths below the folder, sorted.
    labels : list, length n
        The most probable class of each.
    classes : tuple
    probabilities : array of shape (n, n_classes), float64
        Calibrated and corrected; rows sum to 1.
    left_out : list of (str, str)
        Images that cannot be read, and why.
    warning : str
        What is to be said of the probabilities; empty if nothing.
    """

    image_ids: list[str]
    labels: list[Label]
    classes: tuple[Label, ...]
    probabilities: Values
    left_out: list[tuple[str, str]]
    warning: str = ""

    def write_csv(self, file: str | Path, every_probability: bool = False) -> None:
        """Write a table of image, label and its probability; if so asked, those of every class too.

        Then there are the second most probable class, its probability, the margin between the two, and a column
        `probability of NAME` for each class.
        """
        write_predictions(
            Path(file), self.image_ids, self.labels, self.probabilities, self.classes if every_probability else ()
        )

    def __repr__(self) -> str:
        counts = [f"{count:,} {name}" for name, count in Counter(self.labels).most_common()]
        return f"{len(self.labels):,} predictions: {', '.join(counts[:5])}{', ...' if len(counts) > 5 else ''}"

    def _repr_html_(self) -> str:
        return html_table(f"{len(self.labels):,} predictions", by_class(Counter(self.labels)), ("class", "images"))


def _with_pictures(title: str, pool: Pool | None, rows: IndexArray) -> str:
    return html_table(title, ()) + ("" if pool is None else pool.pictures(rows))
