"""Audit answers beside what was known when their images were drawn, whatever was changed or taken back since.

The order of the answers that count does not tell that: an answer that was changed stands at the end of it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .entries import Annotation, Entry, Undo


@dataclass(frozen=True)
class AuditDraw:
    """An image that was drawn at random.

    Attributes
    ----------
    image : str
    label : str or None
        Its class by the answer that counts; None if nobody could tell.
    chance : float
        What this draw had of drawing it.
    before : frozenset of str
        The images about which there was an answer by then, without those that inherited one.
    n_pieces : int or None
        How many images, or groups, there were by then, with an answer or without; None if nobody knows.
    """

    image: str
    label: str | None
    chance: float
    before: frozenset[str]
    n_pieces: int | None = None


def audit_draws(
    entries: Sequence[Entry], effective: Iterable[Annotation], pieces: Sequence[tuple[str, int]] = ()
) -> list[AuditDraw]:
    """The draws whose answers are among those that count, in the order in which they were first answered.

    `pieces` are how many images or groups there were, and since when, in that order.
    """
    since = [at for at, _ in pieces]
    wanted = {(answer.image, answer.chance): answer for answer in effective if answer.chance is not None}
    by_id = {entry.id: entry for entry in entries}
    standing: Counter[str] = Counter()  # answers of each image
    undone_by: Counter[int] = Counter()  # undos of each entry that stand themselves
    draws = []

    def count(entry: Entry, change: int) -> None:
        if isinstance(entry, Annotation):
            standing[entry.image] += change
        elif isinstance(entry, Undo):
            undone_by[entry.undoes] += change
            if undone_by[entry.undoes] == (change > 0):  # the first one came or the last one went
                count(by_id[entry.undoes], -change)

    for entry in entries:
        # The first answer of a draw; a changed one repeats it.
        if isinstance(entry, Annotation) and entry.chance and (said := wanted.pop((entry.image, entry.chance), None)):
            before = frozenset(image for image, answers in standing.items() if answers > 0)
            known = bisect_right(since, entry.at)
            draws.append(
                AuditDraw(entry.image, said.label, entry.chance, before, pieces[known - 1][1] if known else None)
            )
        count(entry, 1)
    return draws
