"""Audit answers: about images that are drawn at random, so that figures which follow from them hold.

All others are about images that were chosen, from which no accuracy can be told without a guess. An audit image is drawn
the moment that one is due, among the *pieces* without an answer: an image, or a group, for which its representative
stands. Its draw follows from the answers so far and the seed. It is out until its piece is answered, by whichever way
that answer comes, and nothing that a person does brings another one in its place. Should others be answered meanwhile,
its chance is that among those that are left: with its answer they are known, and it stands for the rest.

The chance of piece i, of n open ones, is half 1 / n and half 1 / (C n_c): one of the C classes that a probe sees among
the open pieces, then one of the n_c pieces that it takes for that class. So rare classes are in it more often than by
chance alone, no piece is left out, and before there is a probe all are alike.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values
from ..errors import EvenpickError
from ..estimates import ENOUGH
from ..labels import Answer, RecordedLabels
from ..pool import Pool
from .rounds import History
from .sample import is_sampled
from .steering import Predicted, Steering
from .weighted_coverage import predicted_after

MOST_SHARE = 0.5
USUAL_SHARE = 0.1
FIRST_LABEL = 6  # no label before it is an audit label: classes are to be found first
BY_CLASS = 0.5  # of the chance, what goes by the predicted classes
_MOST_OWED = 3  # where an image is out for long, others do not wait for it


@dataclass(frozen=True)
class Demand:
    """Audit labels beside the share: after so many labels nothing else, until there are so many audit labels in all."""

    after: int
    until: int


@dataclass(frozen=True)
class Draw:
    """A drawn row, and the chance that this draw had of drawing it from among the pieces that wait."""

    row: int
    chance: float


class Turns:
    """Whether an audit answer is due, from the answers alone.

    With a share s the session's own label numbered k is to be an audit label where floor(k s) grows; imported ones do not
    count. One that is put off, as its image is out or was skipped, stays due.

    Attributes
    ----------
    drawn : int
        Draws that were answered, skips among them.
    audited : int
        Audit labels.
    due_since : int or None
        How many answers there were when the draw that is out became due; None if none is.
    """

    def __init__(self, share: float, demand: Demand | None) -> None:
        self._share, self._demand = share, demand
        self._answers = self._labels = self._own = self._owed = 0
        self.drawn = self.audited = 0
        self.due_since: int | None = None
        self._settle()

    @property
    def demanded(self) -> int:
        """Audit labels that are still to come before anything else is asked for."""
        if self._demand is None or self._labels < self._demand.after:
            return 0
        return max(0, self._demand.until - self.audited)

    def note(self, answer: Answer) -> None:
        """Let an answer count."""
        self._answers += 1
        if answer.chance is not None:
            self.drawn += 1
            self.due_since = None
        if answer.label is not None:
            self._labels += 1
            if answer.chance is not None:
                self.audited += 1
                self._owed = max(0, self._owed - 1)
            if self._share and not answer.imported:
                self._own += 1
                self._owed = min(self._owed + self._is_turn(self._own + 1), _MOST_OWED)
        self._settle()

    def to_come(self, n_labels: int) -> int:
        """Audit labels among so many more, if every question is answered."""
        *_, last = self._foreseen(n_labels)
        return last - self.audited

    def labels_until(self, audited: int, n_labels: int) -> int | None:
        """Labels that bring the audit labels to this number, if every question is answered; None if so many do not."""
        return next((more for more, there in enumerate(self._foreseen(n_labels)) if there >= audited), None)

    def _foreseen(self, n_labels: int) -> Iterator[int]:
        """The audit labels now and after each of so many more labels, if every question is answered."""
        turns = copy(self)
        yield turns.audited
        for _ in range(n_labels):
            turns.note(Answer(0, "", "discovery", chance=None if turns.due_since is None else 1.0))
            yield turns.audited

    def _settle(self) -> None:
        if not self._owed and (self._demand is None or not self.demanded):
            self.due_since = None
        elif self.due_since is None:
            self.due_since = self._answers

    def _is_turn(self, label: int) -> bool:
        return label >= FIRST_LABEL and math.floor(label * self._share) > math.floor((label - 1) * self._share)


class Audit:
    """The draws of one session, one at a time; `demand` may be set before a replay."""

    def __init__(self, pool: Pool, seed: int, share: float, steering: Steering) -> None:
        self._pool, self._seed, self._share, self._steering = pool, seed, share, steering
        self._predicted: tuple[object, Predicted | None] | None = None  # for a demand, after which answers
        self.demand: Demand | None = None
        self.replay(())

    @property
    def demanded(self) -> int:
        """As `Turns.demanded`."""
        return self._turns.demanded

    @property
    def labels(self) -> int:
        """Audit labels so far."""
        return self._turns.audited

    def to_come(self, n_labels: int) -> int:
        """Audit labels among so many more, if every question is answered."""
        return self._turns.to_come(n_labels)

    def demand_for(self, labels: int, n_labels: int) -> Demand:
        """What brings the audit labels to this number, asked for now, after `n_labels`."""
        if self.demand and self.demanded:  # it goes on: the image that is out stays
            return Demand(self.demand.after, labels)
        return Demand(n_labels, labels)

    def replay(self, answers: Sequence[Answer]) -> None:
        """Start again with these answers."""
        self._turns = Turns(self._share, self.demand)
        self._race: Race | None = None  # of the draw that is out
        for answer in answers:
            self._turns.note(answer)

    def note(self, answer: Answer) -> None:
        """Let an answer count."""
        drawn = self._turns.drawn
        self._turns.note(answer)
        if self._turns.drawn > drawn:
            self._race = None

    def draw(self, answers: Sequence[Answer], waiting: NDArray[np.bool_]) -> Draw | None:
        """The draw that is out; None if none is due.

        `answers` are all so far and `waiting` (n,) marks the rows without an answer whose group has none either.
        """
        if self._turns.due_since is None:
            return None
        if self._race is None:
            self._race = self._begin(answers[: self._turns.due_since], self._turns.drawn)
        return self._race.first(waiting)

    def likely(self, answers: Sequence[Answer], looked_at: Collection[int], waiting: NDArray[np.bool_]) -> int | None:
        """What may be drawn once the next of the rows that are looked at has its label: a guess that changes nothing."""
        out = self.draw(answers, waiting)
        if out and out.row not in looked_at:
            return None
        after = copy(self._turns)
        after.note(Answer(0, "", "discovery", chance=out.chance if out else None))
        if after.due_since is None:
            return None
        left = waiting.copy()
        for row in looked_at:
            left[self._pool.same_group(row)] = False
        drawn = self._begin(answers, after.drawn).first(left)
        return None if drawn is None else drawn.row

    def _begin(self, answers: Sequence[Answer], number: int) -> "Race":
        rows = open_pieces(self._pool, answers)
        return Race(rows, chances_of(rows, self._classes(answers)), self._times(number)[rows])

    def _classes(self, answers: Sequence[Answer]) -> Predicted | None:
        """Of one that was demanded by a probe on all labels before the demand, else by the one that steers."""
        history = History.of(answers)
        # One that was out before the demand, by the share, stays as it was drawn.
        if not self._turns.demanded or self.demand is None or history.n_labels < self.demand.after:
            return self._steering.predicted(answers)
        known = history.first(self.demand.after)
        if self._predicted is None or self._predicted[0] != known:
            drawn_after = known if is_sampled(self._pool, known) else ()
            self._predicted = known, predicted_after(self._pool, self._seed, known, drawn_after)
        return self._predicted[1]

    def _times(self, number: int) -> Values:
        # One for each row of the pool, so that one more answer does not turn the draw round.
        return np.random.default_rng([self._seed, 4, number]).exponential(size=len(self._pool))


class Race:
    """A draw with given chances: of exponential times, each divided by the chance of its row, the least wins.

    Among any part of the rows the least is that of a draw among them alone. So should the winner's piece be answered
    otherwise, or nobody can see it, the next one is drawn among the others.
    """

    def __init__(self, rows: IndexArray, chances: Values, times: Values) -> None:
        self._rows, self._chances, self._times = rows, chances, times / chances

    def first(self, waiting: NDArray[np.bool_]) -> Draw | None:
        """The winner of those that wait, with its chance among them; None if none does."""
        left = np.flatnonzero(waiting[self._rows])
        if not len(left):
            return None
        place = left[self._times[left].argmin()]
        whole = self._chances[left].sum() if len(left) < len(self._rows) else 1.0
        return Draw(int(self._rows[place]), float(self._chances[place] / whole))


def labels_until_accuracy(pool: Pool, labels: RecordedLabels) -> int | None:
    """Labels still to come until those drawn by the session's share tell an accuracy; None where its budget does not bring it."""
    settings, told = labels.settings or {}, sum(draw.label is not None for draw in labels.draws)
    if not settings.get("audit") or told >= ENOUGH:
        return None
    turns = Turns(settings["audit"], Demand(*settings["demand"]) if settings.get("demand") else None)
    for answer in labels.answers:
        turns.note(answer)
    pool = replace(pool, groups=None) if settings.get("one_by_one") else pool
    left = min(settings["budget"] - len(labels.seen.names), len(open_pieces(pool, labels.answers)))
    return turns.labels_until(ENOUGH, left)


def open_pieces(pool: Pool, answers: Sequence[Answer]) -> IndexArray:
    """One row of each group without an answer (every row without groups), ascending; no row whose file is gone."""
    rows = pool.representatives
    answered = np.array([row for answer in answers for row in answer.rows], np.intp)
    is_open = np.ones(len(pool), bool) if pool.present is None else pool.present.copy()
    if pool.groups is None:
        is_open[answered] = False
    else:
        had_its_turn = np.zeros(len(rows), bool)  # there are as many groups
        had_its_turn[pool.groups[answered]] = True
        is_open &= ~had_its_turn[pool.groups]
    pieces: IndexArray = rows[is_open[rows]]
    return pieces


def chances_of(rows: IndexArray, predicted: Predicted | None) -> Values:
    """The chance of each row (n,); rows without a predicted class have the uniform part alone."""
    uniform = np.full(len(rows), 1 / max(1, len(rows)))
    if predicted is None or not len(rows):
        return uniform
    places = np.minimum(np.searchsorted(rows, predicted.rows), len(rows) - 1)
    is_open = rows[places] == predicted.rows
    places, classes = places[is_open], predicted.classes[is_open]
    if not len(places):
        return uniform
    counts = np.bincount(classes)
    by_class = np.zeros(len(rows))
    by_class[places] = 1 / (np.count_nonzero(counts) * counts[classes])
    mixed: Values = (1 - BY_CLASS) * uniform + BY_CLASS * by_class
    return mixed


def check_audit(pool: Pool, answers: Sequence[Answer], had: int, labels: int) -> None:
    """Refuse a number of audit labels in all, of which there are some already, that the pool does not hold."""
    if isinstance(labels, bool) or not isinstance(labels, int | np.integer) or labels < 0:
        raise EvenpickError(f"the number of audit labels must be a whole number from 0; got {labels!r}")
    if labels - had > (left := len(open_pieces(pool, answers))):
        what = "images" if pool.groups is None else "groups"
        raise EvenpickError(f"{labels} audit labels are {labels - had} more, and {left} {what} have no answer yet")


def share_of(audit: float | None, n_labels: int, by_auto: bool) -> float:
    """What is asked for, checked; if nothing is, a tenth where `auto` steers and that gives as many as figures need, else 0.

    `n_labels` are still to come, no more than there are pieces for: imported ones are no audit labels.

    What a tenth costs is measured for `auto` alone; the paper's rules are to choose as printed.
    """
    if audit is not None:
        check_share(audit)
        return float(audit)
    return USUAL_SHARE if by_auto and int(USUAL_SHARE * n_labels) >= ENOUGH else 0.0


def check_share(share: float) -> None:
    """Refuse a share of audit answers that cannot be drawn evenly among the others."""
    if isinstance(share, bool) or not isinstance(share, int | float | np.number) or not 0 <= share <= MOST_SHARE:
        raise EvenpickError(f"audit must be a share of the labels from 0 (none) to {MOST_SHARE}; got {share!r}")
