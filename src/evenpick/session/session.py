"""A labelling session: one state machine for people, files and simulations.

The session keeps the record of answers, the budget and what is refused; its steering decides what is asked next. The
record is all there is: every other state is derived from it and a seed, so undo and reopening are replays.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ..acquisition import AcquisitionFunction, check_budget, find_acquisition
from ..arrays import IndexArray
from ..errors import EvenpickError, check_seed, unknown_name
from ..labels import Answer, Phase
from ..names import checked_class_name
from ..notebook import PICTURES, by_class, html_table
from ..pool import Pool
from .audit import Audit, Demand, Draw, check_audit, open_pieces, share_of
from .balancing import Balancing
from .balancing_rules import BALANCINGS
from .discovery import Discovery
from .rounds import FIRST_ROUND, Rounds
from .steering import Question, Steering

# Two options that say the same word and mean different things.
AUTO_ACQUISITION = "auto"  # the rounds' own first round; without rounds the acquisition function of that name
AUTO_BALANCING = "auto"  # in rounds


class Session:
    """Decides which image to label next.

    Parameters
    ----------
    pool : Pool
    budget : int
        Labels to spend, 1 to `len(pool)`. A skip costs nothing.
    acquisition : str or callable
        A name of `ACQUISITIONS`, or `(pool, budget, rng) -> indices`: the order of discovery.
    balancing : str or None
        "auto", in rounds (see `rounds`); a name of `BALANCINGS`, the paper's; or None to discover until the
        budget is spent.
    patience : int
        Misses in a row after which a target is passed over; 0 never gives up (as printed).
    random_state : int
        Same seed and same answers, same questions.
    one_by_one : bool
        Ask for every image by itself. By default an answer about an image of a group holds for the others of the
        group too, costs one label, and no second image of a group is asked for before every group had its turn.
    audit : float or None
        Share of the labels, 0 to 0.5, that are about images drawn at random, from which an accuracy can be told that
        holds; spread evenly among the others. By default a tenth with balancing "auto", a budget of 200 or more and as many
        images or groups, for which that gives the 20 that the accuracy needs; else none.

    Raises
    ------
    EvenpickError
        If an option is not as above.
    """

    def __init__(
        self,
        pool: Pool,
        budget: int,
        acquisition: str | AcquisitionFunction = AUTO_ACQUISITION,
        balancing: str | None = AUTO_BALANCING,
        patience: int = 0,
        random_state: int = 0,
        one_by_one: bool = False,
        audit: float | None = None,
    ) -> None:
        pool = replace(pool, groups=None) if one_by_one and pool.groups is not None else pool
        check_budget(budget, len(pool))
        check_seed("session", random_state)
        find_acquisition(acquisition)
        if balancing == "none":  # as the command line writes it
            raise EvenpickError("balancing 'none' is written None in Python")
        if balancing not in (None, AUTO_BALANCING, *BALANCINGS):
            raise unknown_name("balancing", balancing, ["none", AUTO_BALANCING, *BALANCINGS])
        if isinstance(patience, bool) or not isinstance(patience, int | np.integer) or patience < 0:
            raise EvenpickError(f"patience must be 0 (never give up) or a larger whole number; got {patience!r}")
        share = share_of(audit, min(budget, len(open_pieces(pool, ()))), balancing == AUTO_BALANCING)
        self._pool, self._budget, self._balancing = pool, budget, balancing
        self._steering = _steering(pool, budget, acquisition, balancing, patience, random_state)
        self._audit = Audit(pool, random_state, share, self._steering)
        # The last pick and what was excluded from it; no answer has come since.
        self._last_asked: tuple[tuple[frozenset[int], frozenset[int]], Question | None] | None = None
        self.replay(())

    def __repr__(self) -> str:
        how = self._balancing or "no balancing"
        return (
            f"Session: {self._budget - self.labels_left} of {self._budget} labels, {len(self._counts)} classes, "
            f"{self.phase} ({how}), pool of {len(self._pool):,} images"
        )

    def _repr_html_(self) -> str:
        """The labels by class, and the images that were labelled last."""
        first, *rest = repr(self).split(", ", 1)
        last = [answer for answer in self.answers if answer.label is not None][: -PICTURES - 1 : -1]
        pictures = self._pool.pictures([answer.index for answer in last], [str(answer.label) for answer in last])
        return html_table(f"{first}, {rest[0]}", by_class(self.counts), ("class", "labels")) + pictures

    @property
    def phase(self) -> Phase:
        """`discovery` until the switch of Eq. 8, or with `auto` in the first round; `balancing` after it."""
        return self._steering.phase

    @property
    def counts(self) -> dict[str, int]:
        """Answers of each class found, in the order of discovery; what images inherited is not counted."""
        return dict(self._counts)

    def group(self, index: int) -> tuple[int, ...]:
        """The other rows that an answer about this one holds for: those of its group without an answer."""
        return tuple(row for row in self._pool.same_group(index).tolist() if row != index and self._free[row])

    def unanswered(self, exclude: Collection[int] = ()) -> IndexArray:
        """One row of each group that no answer is about, the one in its middle; once there is none, all open rows.

        `exclude` are rows whose groups are left out, as is what was drawn at random: it is asked for by itself.
        Ascending.
        """
        open_rows, drawn = self._free.copy(), self._drawn()
        for row in [*exclude, *([drawn.row] if drawn else [])]:
            open_rows[self._pool.same_group(row)] = False
        rows = self._pool.representatives
        waiting: IndexArray = rows[(open_rows & self._waits)[rows]]
        return waiting if len(waiting) else np.flatnonzero(open_rows)

    def is_open(self, index: int) -> bool:
        """Whether no answer holds for this row yet, and its file is there."""
        return bool(self._free[index])

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The record, first to last, without what was undone."""
        return tuple(self._answers)

    @property
    def target(self) -> str | None:
        """The class that `next` asks for; None in discovery, and with `auto`, which asks for no class."""
        return self._steering.target

    @property
    def audit_labels(self) -> int:
        """Labels of images that were drawn at random."""
        return self._audit.labels

    @property
    def audit_labels_to_come(self) -> int:
        """Those that the rest of the budget holds, if every question is answered."""
        return self._audit.to_come(min(self._labels_left, len(open_pieces(self._pool, self._answers))))

    @property
    def labels_demanded(self) -> int:
        """Labels of the budget that `draw_audit` keeps for images drawn at random."""
        return min(self._audit.demanded, self._labels_left)

    @property
    def labels_left(self) -> int:
        """What is left of the budget."""
        return self._labels_left

    def next(self, exclude: Collection[int] = ()) -> int | None:
        """The row to label next, the same until it is answered; None when budget or pool is spent.

        `exclude` are rows that other people look at; with several questions out, each keeps its target.
        """
        question = self.ask(exclude)
        return None if question is None else question.index

    def ask(self, exclude: Collection[int] = (), unshown: Collection[int] = ()) -> Question | None:
        """As `next`, with the phase and the target of the question; `unshown` are those of `exclude` that nobody can see.

        What is drawn waits where somebody looks at it, and is drawn among the others where nobody can.
        """
        without = frozenset(exclude), frozenset(unshown)
        if self._last_asked is None or self._last_asked[0] != without:
            self._last_asked = without, self._pick(*without)
        question = self._last_asked[1]
        if question is not None:
            self._asked[question.index] = question
        return question

    def upcoming(self, exclude: Collection[int], count: int) -> list[int]:
        """Rows that may well be asked for after those excluded; a guess that changes nothing."""
        drawn = self._audit.likely(self._answers, exclude, self._free & self._waits)
        rows = [] if drawn is None else [drawn]
        while len(rows) < count and (question := self._pick(frozenset(exclude) | {*rows})):
            rows.append(question.index)
        return rows

    def guesses(self, index: int, most: int = 3) -> tuple[str, ...]:
        """Classes that the probe of `auto` takes this image for, the likeliest first; none in the first round.

        Without `auto` there are none. They follow from the answers and the seed, and change no question.
        """
        return tuple(self._steering.guesses(index, most))

    def prepare(self, index: int | None = None) -> None:
        """Do ahead what the pick after an answer about this image costs, whatever the answer is.

        Changes no pick, only its time. With an image it may run in another thread, while a person looks;
        without one it makes up for all answers so far.
        """
        if index is None and (first := self._pick(frozenset())) and first.chance is not None:
            self._pick(frozenset([first.index]))  # what follows a drawn image is chosen, which takes longer
        self._steering.prepare(index)

    def draw_audit(self, labels: int) -> None:
        """Ask for images drawn at random and for nothing else, until there are so many audit labels in all.

        Fewer than there are already ends it.

        Raises
        ------
        EvenpickError
            If the budget or the images without an answer do not suffice.
        """
        demand = self.demand_for(labels)
        if (more := labels - self.audit_labels) > self.labels_left:
            raise EvenpickError(f"{more} more audit labels need a budget of {self._spent + more}; got {self._budget}")
        self.replay(self.answers, demand)

    def demand_for(self, labels: int) -> Demand:
        """What brings the audit labels to this number, if asked for now; see `replay`.

        Raises
        ------
        EvenpickError
            If there are not so many images without an answer.
        """
        check_audit(self._pool, self.answers, self.audit_labels, labels)
        return self._audit.demand_for(int(labels), self._spent)

    @property
    def n_pieces(self) -> int:
        """What a draw may be of, and what has its answer: images, or groups."""
        groups = self._pool.groups
        answered = {answer.index if groups is None else int(groups[answer.index]) for answer in self._answers}
        return len(open_pieces(self._pool, self._answers)) + len(answered)

    def label(self, index: int, name: str, without: Collection[int] = ()) -> None:
        """Answer an image, whether it was asked for or not, and with it the others of its `group` but those `without`.

        Raises
        ------
        EvenpickError
            If the row is not in the pool or is answered already, the name is empty, the budget is spent, or a row of
            `without` is not in the group.
        """
        self.record(self.checked(index, checked_class_name(name, f"the label of row {index}"), without=without))

    def skip(self, index: int) -> None:
        """Leave an image and its group out: it costs nothing and is not asked for again."""
        self.record(self.checked(index, None))

    def checked(
        self, index: int, name: str | None, question: Question | None = None, without: Collection[int] = ()
    ) -> Answer:
        """The answer as it would enter the record, refused if it is not allowed now; changes nothing.

        `question` is what the image was asked for, when the caller has kept it.
        """
        self._check_free(index)
        group = self.group(index)
        if strangers := sorted({*without} - {*group}):
            raise EvenpickError(f"row {strangers[0]} is not among the open images of the group of row {index}: {group}")
        if name is not None and self.labels_left <= 0:
            raise EvenpickError(f"the budget of {self._budget} labels is spent")
        question = question or self.question_of(index)
        inherited = tuple(row for row in group if row not in without)
        chance = self._chance(index, question)
        return Answer(index, name, question.phase, question.target, inherited, tuple(sorted(without)), chance)

    def undo(self) -> Answer:
        """Take the last answer back, and everything that followed from it.

        Raises
        ------
        EvenpickError
            If there is no answer.
        """
        if not self._answers:
            raise EvenpickError("there is no answer to undo")
        *kept, undone = self._answers
        self.replay(kept)
        return undone

    def replay(self, answers: Sequence[Answer], demand: Demand | None = None) -> None:
        """Start again and take these answers as given, and a `demand` for audit labels: there is no other state."""
        if demand is not None:
            self._audit.demand = demand
        self._answers = [*answers]
        self._counts: dict[str, int] = {}
        present = self._pool.present  # an image whose file is gone is not asked for
        self._free = np.ones(len(self._pool), dtype=bool) if present is None else present.copy()
        self._waits = np.ones(len(self._pool), dtype=bool)  # its group had no turn yet
        self._labels_left = self._budget
        self._asked: dict[int, Question] = {}  # by row, until it is answered
        self._last_asked = None
        self._count(answers)
        self._audit.replay(answers)
        self._steering.replay(answers)

    def record(self, answer: Answer) -> None:
        """Let an answer that was checked, or recorded earlier, count."""
        self._answers.append(answer)
        self._asked.pop(answer.index, None)
        self._last_asked = None
        self._count([answer])
        self._audit.note(answer)
        self._steering.note(answer)

    @property
    def _spent(self) -> int:
        return self._budget - self._labels_left

    def _count(self, answers: Sequence[Answer]) -> None:
        groups, seen = self._pool.groups, np.array([answer.index for answer in answers], np.intp)
        self._free[seen] = False
        self._free[[row for answer in answers for row in answer.inherited]] = False
        if groups is None or len(answers) == 1:
            self._waits[seen if groups is None else self._pool.same_group(seen[0])] = False
        else:
            self._waits &= ~np.isin(groups, groups[seen])
        for answer in answers:
            if answer.label is not None:
                self._counts[answer.label] = self._counts.get(answer.label, 0) + 1
                self._labels_left -= 1

    def _pick(self, exclude: frozenset[int], unshown: frozenset[int] = frozenset()) -> Question | None:
        if self._labels_left <= 0:
            return None
        open_rows = self._free.copy()
        for row in exclude:
            open_rows[self._pool.same_group(row)] = False
        if drawn := self._drawn(unshown):
            if open_rows[drawn.row]:
                return Question(drawn.row, self.phase, chance=drawn.chance)
            if not self._is_spared(drawn, exclude - unshown):
                return None
        if (open_rows & self._waits).any():
            open_rows &= self._waits
        return self._steering.pick(open_rows) if open_rows.any() else None

    def _is_spared(self, drawn: Draw, exclude: frozenset[int]) -> bool:
        """Whether the budget holds one more chosen image, while the drawn one is looked at, than an audit asks for."""
        elsewhere = sum(bool(self._free[row]) for row in exclude if row != drawn.row)
        return not self._audit.demanded or self._audit.demanded + elsewhere < self._labels_left

    def _drawn(self, unshown: Collection[int] = ()) -> Draw | None:
        """The draw that is out, asked for or not."""
        waiting = self._free & self._waits
        waiting[[*unshown]] = False
        return self._audit.draw(self._answers, waiting)

    def _chance(self, index: int, question: Question) -> float | None:
        """What is drawn is an audit answer however it comes; an undone one may be given again when another is out."""
        drawn = self._drawn()
        if drawn and index in self._pool.same_group(drawn.row):
            return drawn.chance
        return question.chance

    def question_of(self, index: int) -> Question:
        """What this image was asked for; after a reopening only the picks can tell that again."""
        if index not in self._asked and (again := self._pick(frozenset())) and again.index == index:
            return again
        return self._asked.get(index, Question(index, self.phase))

    def _check_free(self, index: int) -> None:
        if not 0 <= index < len(self._pool):
            raise EvenpickError(f"row {index} is not in the pool of {len(self._pool)} images")
        if self._free[index]:
            return
        image = self._pool.image_ids[index]
        for answer in self._answers:
            if index in answer.rows:
                seen = "" if answer.index == index else f" with its group, by '{self._pool.image_ids[answer.index]}'"
                raise EvenpickError(f"image '{image}' is answered already{seen}; undo first")
        raise EvenpickError(f"the file of image '{image}' is gone: put it back and embed again")


def phase_of(pool: Pool, answers: Sequence[Answer], budget: int, balancing: str | None) -> Phase:
    """The phase of a session that was given these answers; reads no feature and makes no plan."""
    steering = _steering(pool, budget, AUTO_ACQUISITION, balancing, 0, 0)
    steering.replay(answers)
    return steering.phase


def _steering(
    pool: Pool, budget: int, acquisition: str | AcquisitionFunction, balancing: str | None, patience: int, seed: int
) -> Steering:
    if balancing != AUTO_BALANCING:
        discovery = Discovery(pool, budget, acquisition, seed)
        if balancing is None:
            return discovery
        return Balancing(pool, discovery, BALANCINGS[balancing], budget, patience, seed)
    if acquisition == AUTO_ACQUISITION:
        return Rounds(pool, seed)
    return Rounds(pool, seed, Discovery(pool, min(budget, FIRST_ROUND), acquisition, seed))
