"""Who looks at which image: several people label one session, each another image.

An image is lent to a page for a while. What is lent is in memory only: after a restart the record tells
what is answered, and the rest is asked for again.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..errors import EvenpickError
from ..labels import Annotation, Entry, Kind, Means, Undo
from ..session import Question, RecordedSession, check_room, label_many, standing_skips, take_back

Status: TypeAlias = Literal["image", "waiting", "finished"]

AHEAD = 3  # how many images a page loads ahead


@dataclass(frozen=True)
class Turn:
    """What a page does next: show an image, wait until others have answered, or say goodbye."""

    status: Status
    question: Question | None = None


@dataclass(frozen=True)
class _Loan:
    question: Question
    annotator: str
    until: float


@dataclass(frozen=True)
class _Grid:
    rows: frozenset[int]
    until: float


def _renamed(question: Question, old: str, new: str) -> Question:
    target = new if question.target == old else question.target
    offered = dict.fromkeys(new if name == old else name for name in question.offered)
    return replace(question, target=target, offered=tuple(offered))


class Loans:
    """Hands out the questions of a recorded session; callers take turns (one lock around every call).

    Parameters
    ----------
    session : RecordedSession
    repeat : int
        How many different annotators are asked for each image.
    seconds : float
        How long an image stays with a page that does not answer.
    clock : callable
        Seconds that only grow.
    guesses : bool
        Offer guesses to pages that ask for them.
    """

    def __init__(
        self,
        session: RecordedSession,
        repeat: int = 1,
        seconds: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
        guesses: bool = True,
    ) -> None:
        if repeat < 1:
            raise EvenpickError(f"repeat must be 1 (nobody is asked again) or more; got {repeat}")
        self._session, self._repeat, self._seconds, self._clock = session, repeat, seconds, clock
        self._has_guesses = guesses
        self._loans: dict[str, _Loan] = {}  # by page
        self._grids: dict[str, _Grid] = {}
        self._again: dict[int, Question] = {}  # skipped before, by row: asked first
        self.passed_over: set[int] = set()  # rows whose image cannot be shown now
        self._worker = ThreadPoolExecutor(1, "evenpick-prepare")
        session.session.prepare()

    @property
    def has_guesses(self) -> bool:
        """Whether there are guesses to offer, from the second round on."""
        return self._has_guesses and self._session.settings["balancing"] == "auto"

    def close(self) -> None:
        """Wait for what runs in the background."""
        self._worker.shutdown()

    def next(self, page: str, annotator: str, guesses: bool = False) -> Turn:
        """The image for this page: the one it has, or one that nobody else is looking at; with guesses, if it wants them."""
        self._forget_expired()
        loan = self._loans.get(page)
        if loan is None or not self._is_wanted(loan.question.index, annotator):
            self._loans.pop(page, None)
            turn = self._pick(annotator)
            if turn.question is None:
                return turn
            question = turn.question
        else:
            question = loan.question
        if guesses and not question.offered:
            question = replace(question, offered=self._guesses(page, question))
        self._lend(page, annotator, question)
        return Turn("image", question)

    def answer(
        self, page: str, annotator: str, row: int, label: str | None, request: str | None,
        without: Collection[int] = (), guesses: bool = False,
    ) -> int:  # fmt: skip
        """Record a label, or a skip when `label` is None; returns the entry's id.

        It holds for the group of the row too, but for the rows `without`. `guesses` says whether the page shows them.
        """
        kind: Kind = "skip" if label is None else "label"
        if done := self._done(request, kind, annotator, image=self._session.pool.image_ids[row]):
            return done.id
        loan = self._loans.get(page)
        lent = loan.question if loan and loan.question.index == row else None
        question = lent if lent or not guesses else self._lent_before(page, row)
        if label is None:
            entry_id = self._session.skip(row, annotator, question, request)
        else:
            entry_id = self._session.label(row, label, annotator, question, request, without)
        if lent is not None:
            del self._loans[page]
        return entry_id

    def undo(self, page: str, annotator: str, request: str | None, entry_id: int | None = None) -> Annotation:
        """Take this annotator's last answer back, and give its image to the page again, but for one of many at once."""
        if isinstance(done := self._done(request, "undo", annotator), Undo):
            return self._session.store.undone(done)
        undone = self._session.undo(annotator, request, entry_id)
        if undone.means is None:
            row = self._session.pool.row_of[undone.image]
            again = Question(row, undone.phase or self._session.phase, undone.target, undone.chance, undone.offered)
            self._lend(page, annotator, again)
        return undone

    def lend_grid(self, page: str, order: Iterable[int], count: int) -> list[int]:
        """The first rows of this order that nobody has, as many as the budget has room for: from now on this page's."""
        self.release(page)
        session, rows = self._session.session, list[int]()
        free = {*session.unanswered(self.passed_over | self._lent()).tolist()}
        most = min(count, self.room(page))
        for row in order:
            if len(rows) == most:
                break
            if row in free:
                rows.append(row)
                free.difference_update(session.group(row))  # their answer is that of this one
        self._grids[page] = _Grid(frozenset(rows), self._clock() + self._seconds)
        return rows

    def answer_many(
        self, page: str, annotator: str, rows: Sequence[int], label: str, means: Means, request: str | None
    ) -> list[int]:
        """Record one label of many images, all or none; returns the entries' ids."""
        if not (request and self._session.find_all(request)):
            check_room(len(rows), self.room(page))
        ids = label_many(self._session, rows, label, means, annotator, request)
        self._grids.pop(page, None)
        return ids

    def room(self, page: str) -> int:
        """Labels that the budget has left for a grid of this page.

        Images that others have out one by one go before, and those that are demanded for an audit.
        """
        self._forget_expired()
        session, opinions = self._session.session, self._session.opinions
        others = {loan.question.index for other, loan in self._loans.items() if other != page}
        return max(0, session.labels_left - session.labels_demanded - len(others - opinions.keys()))

    def rename(self, page: str, annotator: str, old: str, new: str, request: str | None) -> int:
        """Give a class another name or merge it into another; the page is asked anew. Returns the entry's id."""
        if done := self._done(request, "rename", annotator):
            return done.id
        entry_id = self._session.rename(old, new, annotator, request)
        self._loans.pop(page, None)  # a merge may change what is asked for, as it would after a restart
        self._loans = {
            page: replace(loan, question=_renamed(loan.question, old, new)) for page, loan in self._loans.items()
        }
        self._again = {row: _renamed(asked, old, new) for row, asked in self._again.items()}
        return entry_id

    def ask_again(self, annotator: str, rows: Sequence[int], request: str | None) -> list[int]:
        """Take skips of these rows, or all, back: their images are asked for next. Returns the ids of the new entries."""
        if done := self._session.sent_before(request, lambda made: all(isinstance(entry, Undo) for entry in made)):
            return done
        skips = standing_skips(self._session, rows)
        ids = take_back(self._session, [skip.id for skip in skips], annotator, request)
        if not ids:
            raise EvenpickError("none of these images was skipped" if rows else "no image was skipped")
        for skip in skips:
            row = self._session.pool.row_of[skip.image]
            self._again.setdefault(row, Question(row, skip.phase or self._session.phase, skip.target, skip.chance))
        return ids

    def release(self, page: str) -> None:
        """The page is closed: its images are for anyone."""
        self._loans.pop(page, None)
        self._grids.pop(page, None)

    def pass_over(self, page: str, row: int) -> None:
        """The image of this row cannot be shown: no page is handed it for now."""
        self.release(page)
        self.passed_over.add(row)

    def forget_passed_over(self) -> None:
        """The images that could not be shown are handed out again."""
        self.passed_over.clear()

    def upcoming(self, page: str) -> list[int]:
        """The page shows its image: time to work ahead. Returns rows that may come next, a guess."""
        count = AHEAD if self._session.phase == "discovery" else 1
        rows = self._session.session.upcoming(self._lent() | self.passed_over, count)
        if loan := self._loans.get(page):
            self._worker.submit(self._session.session.prepare, loan.question.index)
        return rows

    def _pick(self, annotator: str) -> Turn:
        opinions, session = self._session.opinions, self._session.session
        lent = Counter(loan.question.index for loan in self._loans.values())
        # Rows that need nobody else: once everyone who has the image now has answered, it has all its answers.
        enough = {row for row, people in lent.items() if people + len(opinions.get(row, {})) >= self._repeat}
        # Rows on other pages of the same person, who answers an image once.
        own = {loan.question.index for loan in self._loans.values() if loan.annotator == annotator}
        taken = enough | own | self.passed_over | self._in_grids()
        if (second := self._second_look(annotator, taken)) is not None:
            return Turn("image", second)
        # The session itself passes over what is answered.
        question = self._asked_again(taken) or session.ask(taken - opinions.keys(), self.passed_over)
        # Each unanswered row that is lent may cost a label, however many people have it.
        unanswered = lent.keys() - opinions.keys()
        if question is not None and (question.index in unanswered or len(unanswered) < session.labels_left):
            return Turn("image", question)
        out = unanswered or self._in_grids() - opinions.keys()
        return Turn("waiting" if out and session.labels_left > 0 else "finished")

    def _asked_again(self, taken: set[int]) -> Question | None:
        session = self._session.session
        self._again = {row: asked for row, asked in self._again.items() if session.is_open(row)}
        free = (asked for row, asked in self._again.items() if taken.isdisjoint((row, *session.group(row))))
        return next(free, None)

    def _second_look(self, annotator: str, taken: set[int]) -> Question | None:
        """An answered image that still wants this annotator's opinion."""
        if self._repeat == 1:
            return None
        for answer in self._session.session.answers:
            if answer.index not in taken and self._is_wanted(answer.index, annotator):
                return Question(answer.index, answer.phase, answer.target, answer.chance)
        return None

    def _is_wanted(self, row: int, annotator: str) -> bool:
        """Whether this annotator's answer would be a new one; an image that was skipped is left alone."""
        given = self._session.opinions.get(row, {})
        return annotator not in given and len(given) < self._repeat and None not in given.values()

    def _lent_before(self, page: str, row: int) -> Question:
        """What a page was lent that answers only now, after the server was started again; its guesses are the same."""
        question = self._session.session.question_of(row)
        return replace(question, offered=self._guesses(page, question))

    def _guesses(self, page: str, question: Question) -> tuple[str, ...]:
        """None where they could sway what must not be: images drawn at random, second opinions."""
        elsewhere = {loan.question.index for other, loan in self._loans.items() if other != page}
        is_second = question.index in elsewhere or question.index in self._session.opinions
        if not self._has_guesses or is_second or question.chance is not None:
            return ()
        return self._session.session.guesses(question.index)

    def _lend(self, page: str, annotator: str, question: Question) -> None:
        self._loans[page] = _Loan(question, annotator, self._clock() + self._seconds)

    def _forget_expired(self) -> None:
        now = self._clock()
        self._loans = {page: loan for page, loan in self._loans.items() if loan.until > now}
        self._grids = {page: grid for page, grid in self._grids.items() if grid.until > now}

    def _lent(self) -> set[int]:
        self._forget_expired()
        return {loan.question.index for loan in self._loans.values()} | self._in_grids()

    def _in_grids(self) -> set[int]:
        return {row for grid in self._grids.values() for row in grid.rows}

    def _done(self, request: str | None, kind: Kind, annotator: str, image: str | None = None) -> Entry | None:
        """The entry that a request sent again has made already."""
        entry = self._session.find(request) if request else None
        about = entry.image if isinstance(entry, Annotation) else None
        if entry and (entry.kind, entry.annotator, about) != (kind, annotator, image):
            raise EvenpickError(f"request '{request}' was something else before; give each its own id")
        return entry
