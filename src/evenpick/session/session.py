"""A labelling session: one state machine for people, files and simulations.

Discovery asks for the images of the acquisition function in their order. Then balancing begins: as in the paper,
after the switch, it asks for the rare classes found so far; `auto` asks in rounds for what a probe on the
labels is unsure of. The record of answers is all there is: every other state is derived from it and a
seed, so undo and reopening are replays.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..acquisition import AcquisitionFunction, check_budget, find_acquisition, ordered
from ..arrays import IndexArray
from ..errors import EvenpickError, check_seed, unknown_name
from ..labels import Answer, Phase
from ..names import checked_class_name
from ..pool import Pool
from .balancing import BALANCINGS, TargetChoice, should_switch
from .nearest_images import NextImage
from .rounds import FIRST_ROUND, Answers, ProbedCoverage, first_labels, round_start

AUTO = "auto"


@dataclass(frozen=True)
class Question:
    """An image to label, and why: the phase and the class it was asked for in."""

    index: int
    phase: Phase
    target: str | None = None


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
        "auto", see `probed_coverage`; a name of `BALANCINGS`, the paper's; or None to discover until the
        budget is spent.
    patience : int
        Misses in a row after which a target is passed over; 0 never gives up (as printed).
    random_state : int
        Same seed and same answers, same questions.

    Raises
    ------
    EvenpickError
        If an option is not as above.
    """

    def __init__(
        self,
        pool: Pool,
        budget: int,
        acquisition: str | AcquisitionFunction = AUTO,
        balancing: str | None = AUTO,
        patience: int = 0,
        random_state: int = 0,
    ) -> None:
        check_budget(budget, len(pool))
        check_seed("session", random_state)
        find_acquisition(acquisition)
        if balancing not in (None, AUTO, *BALANCINGS):
            raise unknown_name("balancing", balancing, ["none", AUTO, *BALANCINGS])
        if patience < 0:
            raise EvenpickError(f"patience must be 0 (never give up) or more; got {patience}")
        self._pool, self._budget, self._acquisition = pool, budget, acquisition
        self._patience, self._seed = patience, random_state
        self._balances = balancing in BALANCINGS
        self._probed = ProbedCoverage(pool, random_state) if balancing == AUTO else None
        # The order of discovery, made when it is first asked for: a session reopened in balancing needs none.
        self._walk: IndexArray | None = None
        rank = np.empty(len(pool), np.intp)
        rank[np.random.default_rng([random_state, 1]).permutation(len(pool))] = np.arange(len(pool))
        form = BALANCINGS.get(balancing or "", BALANCINGS["ratio_max"])
        self._next_image = NextImage(pool.features, form, rank)
        self._answers: list[Answer] = []
        # The last pick and what was excluded from it; no answer has come since.
        self._last_asked: tuple[frozenset[int], Question | None] | None = None
        self._start()

    @property
    def phase(self) -> Phase:
        """`discovery` until the switch of Eq. 8, or with `auto` in the first round; `balancing` after it."""
        return self._phase

    @property
    def counts(self) -> dict[str, int]:
        """Labels of each class found, in the order of discovery."""
        return dict(zip(self._classes, self._counts, strict=True))

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The record, first to last, without what was undone."""
        return tuple(self._answers)

    @property
    def target(self) -> str | None:
        """The class that `next` asks for; None in discovery, and with `auto`, which asks for no class."""
        if self._phase == "discovery" or self._probed:
            return None
        return self._classes[self._targets.choose(np.array(self._counts))]

    @property
    def labels_left(self) -> int:
        """What is left of the budget."""
        return self._budget - sum(self._counts)

    def next(self, exclude: Collection[int] = ()) -> int | None:
        """The row to label next, the same until it is answered; None when budget or pool is spent.

        `exclude` are rows that other people look at; with several questions out, each keeps its target.
        """
        question = self.ask(exclude)
        return None if question is None else question.index

    def ask(self, exclude: Collection[int] = ()) -> Question | None:
        """As `next`, with the phase and the target of the question."""
        without = frozenset(exclude)
        if self._last_asked is None or self._last_asked[0] != without:
            self._last_asked = without, self._pick(without)
        question = self._last_asked[1]
        if question is not None:
            self._asked[question.index] = question
        return question

    def upcoming(self, exclude: Collection[int], count: int) -> list[int]:
        """Rows that may well be asked for after those excluded; a guess that changes nothing."""
        rows: list[int] = []
        while len(rows) < count and (question := self._pick(frozenset(exclude) | {*rows})):
            rows.append(question.index)
        return rows

    def prepare(self, index: int | None = None) -> None:
        """Do ahead what the pick after an answer about this image costs, whatever the answer is.

        Changes no pick, only its time. With an image it may run in another thread, while a person looks;
        without one it makes up for all answers so far.
        """
        if index is None:
            self._pick(frozenset())
            if self._counts and self._balances:
                self._next_image.update(self._sums / np.array(self._counts)[:, None])
        elif self._probed:
            self._probed.prepare(self._plain_answers())
        elif self._balances:
            self._next_image.prepare(index)

    def label(self, index: int, name: str) -> None:
        """Answer an image, whether it was asked for or not.

        Raises
        ------
        EvenpickError
            If the row is not in the pool or is answered already, the name is empty, or the budget is spent.
        """
        self.record(self.checked(index, checked_class_name(name, f"the label of row {index}")))

    def skip(self, index: int) -> None:
        """Leave an image out: it costs nothing and is not asked for again."""
        self.record(self.checked(index, None))

    def checked(self, index: int, name: str | None, question: Question | None = None) -> Answer:
        """The answer as it would enter the record, refused if it is not allowed now; changes nothing.

        `question` is what the image was asked for, when the caller has kept it.
        """
        self._check_free(index)
        if name is not None and self.labels_left <= 0:
            raise EvenpickError(f"the budget of {self._budget} labels is spent")
        question = question or self._question_of(index)
        return Answer(index, name, question.phase, question.target)

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

    def replay(self, answers: Sequence[Answer]) -> None:
        """Start again and take these answers as given: the state depends on nothing else."""
        self._answers = []
        self._start()
        for answer in answers:
            self.record(answer)

    def _start(self) -> None:
        self._phase: Phase = "discovery"
        self._classes: list[str] = []
        self._counts: list[int] = []
        self._sums = np.empty((0, self._pool.features.shape[1]))
        self._targets = TargetChoice(self._patience)
        self._free = np.ones(len(self._pool), dtype=bool)
        self._position = 0  # in the walk: everything before it is answered
        self._asked: dict[int, Question] = {}  # by row, until it is answered
        self._last_asked = None

    def record(self, answer: Answer) -> None:
        """Let an answer that was checked, or recorded earlier, count."""
        self._answers.append(answer)
        self._free[answer.index] = False
        self._asked.pop(answer.index, None)
        self._last_asked = None
        if answer.label is None:
            return
        self._count(answer)
        if self._probed:
            self._phase = "balancing" if sum(self._counts) >= FIRST_ROUND else "discovery"
        elif self._balances and should_switch(np.array(self._counts), self._budget):
            self._phase = "balancing"  # final: nothing sets it back but a replay

    def _count(self, answer: Answer) -> None:
        assert answer.label is not None
        if answer.label not in self._classes:
            self._classes.append(answer.label)
            self._counts.append(0)
            self._sums = np.vstack([self._sums, np.zeros((1, self._sums.shape[1]))])
        position = self._classes.index(answer.label)
        n = self._counts[position]
        before = self._sums[position] / n if n else None
        self._counts[position] += 1
        self._sums[position] += self._pool.features[answer.index]
        self._next_image.add(answer.index, position, before, self._sums[position] / (n + 1), n + 1)
        # A target whose only labels were undone since is no class any more.
        asked_for = self._classes.index(answer.target) if answer.target in self._classes else None
        self._targets.observe(asked_for, position)

    def _pick(self, exclude: frozenset[int]) -> Question | None:
        open_rows = self._free.copy()
        open_rows[[*exclude]] = False
        if self.labels_left <= 0 or not open_rows.any():
            return None
        if self._probed and (self._phase == "balancing" or self._acquisition == AUTO):
            return Question(self._probed.round_after(self._answers_before_round()).first(open_rows), self._phase)
        if self._phase == "discovery":
            return Question(self._discovery_pick(open_rows), "discovery")
        return self._balanced_pick(open_rows)

    def _answers_before_round(self) -> Answers:
        return first_labels(self._plain_answers(), round_start(sum(self._counts)))

    def _plain_answers(self) -> Answers:
        # Of classes only the order in which they were found: another name for one changes no round.
        numbers: dict[str, int] = {}
        return tuple(
            (a.index, None if a.label is None else numbers.setdefault(a.label, len(numbers))) for a in self._answers
        )

    def _balanced_pick(self, open_rows: NDArray[np.bool_]) -> Question:
        counts = np.array(self._counts)
        target = self._targets.choose(counts)
        others = [int(j) for j in np.flatnonzero(counts >= counts.mean()) if j != target]
        index = self._next_image.pick(self._sums / counts[:, None], target, others, open_rows)
        return Question(index, "balancing", self._classes[target])

    def _question_of(self, index: int) -> Question:
        # After a reopening a question may be out that only the picks can tell again.
        if index not in self._asked and (again := self._pick(frozenset())) and again.index == index:
            return again
        return self._asked.get(index, Question(index, self._phase))

    def _check_free(self, index: int) -> None:
        if not 0 <= index < len(self._pool):
            raise EvenpickError(f"row {index} is not in the pool of {len(self._pool)} images")
        if not self._free[index]:
            raise EvenpickError(f"image '{self._pool.image_ids[index]}' is answered already; undo first")

    def _discovery_pick(self, open_rows: NDArray[np.bool_]) -> int:
        """The first open row in discovery order; when skips use it up, the function is asked for more."""
        if self._walk is None:
            self._walk = self._discovery_order(min(self._budget, FIRST_ROUND) if self._probed else self._budget)
        while True:
            while self._position < len(self._walk) and not self._free[self._walk[self._position]]:
                self._position += 1
            for index in self._walk[self._position :].tolist():
                if open_rows[index]:
                    return int(index)
            longer = self._discovery_order(min(2 * len(self._walk), len(self._pool)))
            self._walk = np.concatenate([self._walk, longer])

    def _discovery_order(self, length: int) -> IndexArray:
        rng = np.random.default_rng(self._seed)
        return ordered(self._pool, length, self._acquisition, rng)
