"""A session answered by an oracle: what people would have labelled, and in which order."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..errors import EvenpickError
from ..label_values import Label, checked_label, checked_labels
from ..labels import Phase
from ..notebook import by_class, html_table
from ..pool import Pool
from .session import Session

Oracle: TypeAlias = Sequence[Label | None] | NDArray[Any] | Callable[[int], Label | None]


@dataclass(frozen=True)
class SimulationResult:
    """What a simulated session labelled, first to last.

    Attributes
    ----------
    indices : array of shape (n_labels,), intp
    labels : list, length n_labels
        As the oracle gave them: text, whole numbers, numbers or bools; blanks around text are gone.
    phases : list of `"discovery"` or `"balancing"`, length n_labels
        The phase in which each image was asked for.
    targets : list of labels or None, length n_labels
        The class that each image was asked for.
    switch_at : int or None
        How many labels were spent when balancing began; None if it never did.
    chances : list of float or None, length n_labels
        Of an image that was drawn at random: the chance of that draw; None for one that was chosen.
    """

    indices: IndexArray
    labels: list[Label]
    phases: list[Phase]
    targets: list[Label | None]
    switch_at: int | None
    chances: list[float | None] = field(default_factory=list)

    def __repr__(self) -> str:
        began = "balancing never began" if self.switch_at is None else f"balancing began after {self.switch_at}"
        return f"SimulationResult: {len(self.labels)} labels, {len(set(self.labels))} classes, {began}"

    def _repr_html_(self) -> str:
        return html_table(repr(self), by_class(Counter(self.labels)), ("class", "labels"))


def simulate(pool: Pool, oracle: Oracle, budget: int, **session_options: Any) -> SimulationResult:
    """Run a `Session` to its end with the answers of an oracle.

    Parameters
    ----------
    pool : Pool
    oracle : sequence of length n, or callable
        One label a row of the pool, or a function of the row: text, whole numbers, numbers or bools, all of one type.
        None skips the image.
    budget : int
        Labels to spend.
    **session_options
        As for `Session`.

    Raises
    ------
    EvenpickError
        If the oracle does not fit the pool, a label is missing otherwise than by None or of another type than the first,
        or an option of the session is wrong.
    """
    session, ask = Session(pool, budget, **session_options), as_function(oracle, len(pool))
    given: dict[str, Label] = {}  # by the text that the session knows it by

    def answer(row: int) -> str | None:
        label = ask(row)
        if label is None:
            return None
        first = next(iter(given.values()), label)
        if type(label) is not type(first):  # as text the two may be the same
            raise EvenpickError(f"simulate: labels must be of one type; got {first!r} and, for row {row}, {label!r}")
        given.setdefault(str(label), label)
        return str(label)

    answer_all(session, answer)
    result = result_of(session)
    labels = [given.get(str(name), name) for name in result.labels]
    return replace(result, labels=labels, targets=[given.get(str(name), name) for name in result.targets])


class Asks(Protocol):
    """A `Session`, or one that also records."""

    def next(self) -> int | None: ...
    def label(self, index: int, name: str) -> object: ...
    def skip(self, index: int) -> object: ...


def answer_all(session: Asks, oracle: Callable[[int], str | None]) -> None:
    """Answer until the session has no more questions."""
    while (index := session.next()) is not None:
        label = oracle(index)
        if label is None:
            session.skip(index)
        else:
            session.label(index, label)


def result_of(session: Session) -> SimulationResult:
    """What a session has labelled so far."""
    labelled = [answer for answer in session.answers if answer.label is not None]
    phases = [answer.phase for answer in labelled]
    first_balanced = phases.index("balancing") if "balancing" in phases else None
    return SimulationResult(
        np.array([answer.index for answer in labelled], dtype=np.intp),
        [str(answer.label) for answer in labelled],
        phases,
        [answer.target for answer in labelled],
        first_balanced,
        [answer.chance for answer in labelled],
    )


def as_function(oracle: Oracle, n_images: int) -> Callable[[int], Label | None]:
    """The oracle as a function of the row whose labels are checked, those of a sequence before it is asked."""
    if callable(oracle):
        ask = oracle
        return lambda row: None if (label := ask(row)) is None else checked_label(f"simulate: row {row}", label)
    if len(oracle) != n_images:
        raise EvenpickError(f"the oracle must have one label for each of the {n_images} images; got {len(oracle)}")
    rows = [row for row, label in enumerate(oracle) if label is not None]
    return dict(zip(rows, checked_labels("simulate", [oracle[row] for row in rows], rows), strict=True)).get
