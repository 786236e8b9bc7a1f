"""A session answered by an oracle: what people would have labelled, and in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray
from ..errors import EvenpickError
from ..labels import Phase
from ..pool import Pool
from .session import Session

Oracle: TypeAlias = Sequence[str] | NDArray[Any] | Callable[[int], str | None]


@dataclass(frozen=True)
class SimulationResult:
    """What a simulated session labelled, first to last.

    Attributes
    ----------
    indices : array of shape (n_labels,), intp
    labels : list of str, length n_labels
    phases : list of `"discovery"` or `"balancing"`, length n_labels
        The phase in which each image was asked for.
    targets : list of str or None, length n_labels
        The class that each image was asked for.
    switch_at : int or None
        How many labels were spent when balancing began; None if it never did.
    """

    indices: IndexArray
    labels: list[str]
    phases: list[Phase]
    targets: list[str | None]
    switch_at: int | None


def simulate(pool: Pool, oracle: Oracle, budget: int, **session_options: Any) -> SimulationResult:
    """Run a `Session` to its end with the answers of an oracle.

    Parameters
    ----------
    pool : Pool
    oracle : sequence of str of length n, or callable
        One label a row of the pool, or a function of the row; None skips the image.
    budget : int
        Labels to spend.
    **session_options
        As for `Session`.

    Raises
    ------
    EvenpickError
        If the oracle does not fit the pool, or an option of the session is wrong.
    """
    session = Session(pool, budget, **session_options)
    answer_all(session, as_function(oracle, len(pool)))
    return result_of(session)


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
            session.label(index, str(label))


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
    )


def as_function(oracle: Oracle, n_images: int) -> Callable[[int], str | None]:
    """The oracle as a function of the row."""
    if callable(oracle):
        return oracle
    if len(oracle) != n_images:
        raise EvenpickError(f"the oracle must have one label for each of the {n_images} images; got {len(oracle)}")
    return lambda index: None if oracle[index] is None else str(oracle[index])
