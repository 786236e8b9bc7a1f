"""What the label API does, without HTTP: one request at a time, typed requests in, typed replies out."""

import hashlib
import threading

from msgspec import UNSET, UnsetType

from ..arrays import IndexArray
from ..errors import EvenpickError
from ..estimates import Outlook, chosen_at_random, unseen_of_counts
from ..labels import ClassList, Means
from ..names import checked_class_name, checked_name, same_class
from ..session import (
    Question,
    RecordedSession,
    WordSearch,
    by_likeness,
    by_prediction,
    change,
    rows_of_class,
    take_back,
)
from . import api
from .agreement import agreements, conflicts
from .loans import Loans
from .looking_back import LookingBack


class Desk:
    """Answers the requests of all pages, one at a time.

    The public methods from `next` to `release` are the POSTs of the API: their names, types and first lines make
    its description.
    """

    def __init__(
        self, session: RecordedSession, loans: Loans, show_target: bool, repeat: int, path: str = "/",
        classes: ClassList | None = None,
    ) -> None:  # fmt: skip
        self.session: RecordedSession = session
        self._path = path  # of the page
        self._list = classes or ClassList()
        self._loans, self._lock = loans, threading.Lock()
        self._show_target, self._repeat, self._search = show_target, repeat, WordSearch(session.pool)
        self._identity = f"{session.store.path.resolve()}\0{session.pool.folder}\0{len(session.pool)}"
        self.looking_back: LookingBack = LookingBack(session, self._lock, self._url, self._progress)

    def next(self, request: api.Next) -> api.HandedOut:
        """Hand out an image; the same until it is answered."""
        with self._lock:
            return self._handed_out(request)

    def label(self, request: api.Label) -> api.Answered:
        """Say the class of an image."""
        with self._lock:
            return self._answer(request, self._class_of(request.label))

    def skip(self, request: api.Skip) -> api.Answered:
        """Say that nobody can tell the class of an image; costs no budget."""
        with self._lock:
            return self._answer(request, None)

    def undo(self, request: api.Undo) -> api.Undone:
        """Take this annotator's last answer back and hand its image out again."""
        with self._lock:
            meant = None if request.entry is UNSET else request.entry
            undone = self._loans.undo(_page(request), self._annotator(request), request.request or None, meant)
            rows = [self.session.pool.row_of[one.image] for one in self.session.answered_with(undone)]
            row = self.session.pool.row_of[undone.image]
            return api.Undone(row, rows, self._progress(), self._turn_if_wanted(request))

    def alike(self, request: api.Alike) -> api.HandedOutMany:
        """Hand out the unlabelled images that look most like one, to be labelled at once; the first is itself."""
        order = by_likeness(self.session.pool, self._unanswered(), [request.row])
        return self._lent_many(request, [request.row, *order.tolist()], "grid")

    def of_class(self, request: api.OfClass) -> api.HandedOutMany:
        """Hand out unlabelled images that may be of a class, to be labelled at once."""
        pool, candidates = self.session.pool, self._unanswered()
        with self._lock:
            name, answers = self._class_of(request.label), self.session.session.answers
        if request.order == "nearest":
            order = by_likeness(pool, candidates, rows_of_class(answers, name))
        else:
            order = by_prediction(pool, candidates, answers, name, request.order == "surest")
        return self._lent_many(request, order.tolist(), "grid" if request.order == "nearest" else "confirmed")

    def of_words(self, request: api.OfWords) -> api.HandedOutMany:
        """Hand out the unlabelled images that are nearest to words, to be labelled at once; needs a text encoder."""
        order = self._search.nearest(request.words, self._unanswered())
        return self._lent_many(request, order.tolist(), "words")

    def label_many(self, request: api.LabelMany) -> api.Changed:
        """Say the class of many images at once, all or none; each costs one of the budget."""
        with self._lock:
            who, label, page = self._annotator(request), self._class_of(request.label), _page(request)
            sent = request.request or None
            return self._changed(request, self._loans.answer_many(page, who, request.rows, label, request.means, sent))

    def rename(self, request: api.Rename) -> api.Renamed:
        """Rename a class, or merge it into another."""
        with self._lock:
            who = self._annotator(request)
            others = [name for name in [*self._list.names, *self.session.counts] if name != request.old]
            new = self._known_class(request.new, others)
            entry = self._loans.rename(_page(request), who, request.old, new, request.request or None)
            return api.Renamed(entry, self._progress(), self._turn_if_wanted(request))

    def change(self, request: api.Change) -> api.Changed:
        """Change what was said of images that were answered; nobody's other answer is left standing."""
        with self._lock:
            label = None if request.label is None else self._class_of(request.label)
            entries = change(self.session, request.rows, label, self._annotator(request), request.request or None)
            return self._changed(request, entries)

    def take_back(self, request: api.TakeBack) -> api.Changed:
        """Undo entries: answers, changes, renamed and merged classes, and undos."""
        with self._lock:
            who = self._annotator(request)
            return self._changed(request, take_back(self.session, request.entries, who, request.request or None))

    def ask_again(self, request: api.AskAgain) -> api.Changed:
        """Take skips back: their images are asked for again, before any other."""
        with self._lock:
            entries = self._loans.ask_again(self._annotator(request), request.rows, request.request or None)
            return self._changed(request, entries)

    def unshown(self, request: api.Unshown) -> api.HandedOut:
        """Say that an image cannot be shown: it is passed over until asked for again, and nothing is recorded."""
        with self._lock:
            self._loans.pass_over(_page(request), request.row)
            return self._handed_out(request)

    def retry(self, request: api.Retry) -> api.HandedOut:
        """Ask again for the images that could not be shown."""
        with self._lock:
            self._loans.forget_passed_over()
            return self._handed_out(request)

    def upcoming(self, request: api.Upcoming) -> api.Ahead:
        """Say that the image is on the screen: both sides can work ahead on what may come next, a guess."""
        with self._lock:
            return api.Ahead([self._url(row) for row in self._loans.upcoming(_page(request))])

    def release(self, request: api.Release) -> api.Released:
        """Give the image of a page back unanswered."""
        with self._lock:
            self._loans.release(_page(request))
            return api.Released(True)

    def state(self) -> api.State:
        """Everything but the image."""
        with self._lock:
            session, opinions = self.session, self.session.opinions
            return api.State(
                workspace=str(session.store.path.parent),
                images=len(session.pool),
                annotator=session.annotator,
                repeat=self._repeat,
                show_target=self._show_target,
                closed=self._list.closed,
                guesses=self._loans.has_guesses,
                by_words=self._search.is_possible,
                progress=self._progress(),
                conflicts=[self._conflict(row) for row in conflicts(opinions)],
                agreement=agreements(opinions),
            )

    def _unanswered(self) -> IndexArray:
        with self._lock:
            return self.session.session.unanswered()

    def _lent_many(self, request: api.Grid, order: list[int], means: Means) -> api.HandedOutMany:
        """What reads the pool came before, so that nobody's single answer waits for it."""
        with self._lock:
            page, unwanted = _page(request), {*request.without}
            wanted = [row for row in dict.fromkeys(order) if row not in unwanted]
            tiles = [self._tile(row) for row in self._loans.lend_grid(page, wanted, request.count)]
            return api.HandedOutMany(tiles, means, self._loans.room(page), self._progress())

    def _tile(self, row: int) -> api.Tile:
        image, images = self.session.pool.image_ids[row], 1 + len(self.session.session.group(row))
        return api.Tile(row, image, self._url(row), self._url(row, "thumbnail"), images)

    def _changed(self, request: api.Recorded, entries: list[int]) -> api.Changed:
        return api.Changed(entries, self._progress(), self._turn_if_wanted(request))

    def _class_of(self, typed: str) -> str:
        return self._known_class(typed, [*self._list.names, *self.session.counts])

    def _known_class(self, typed: str, names: list[str]) -> str:
        name = checked_class_name(typed)
        meant = same_class(names, name)
        if meant is None and self._list.closed:
            raise EvenpickError(f"there is no class '{name}', and the list is closed: {', '.join(self._list.names)}")
        return meant or name

    def _answer(self, request: api.Label | api.Skip, label: str | None) -> api.Answered:
        who = self._annotator(request)
        without = request.without if isinstance(request, api.Label) else ()
        entry = self._loans.answer(
            _page(request), who, request.row, label, request.request or None, without, request.guesses
        )
        return api.Answered(entry, self._progress(), self._turn_if_wanted(request))

    def _handed_out(self, request: api.Next) -> api.HandedOut:
        turn = self._turn(request)
        return api.HandedOut(self._progress(), turn)

    def _annotator(self, request: api.Next) -> str:
        return checked_name("an annotator", request.annotator or self.session.annotator)

    def _turn_if_wanted(self, request: api.Recorded) -> api.Turn | UnsetType:
        return self._turn(request) if request.then_next else UNSET

    def _turn(self, request: api.Next) -> api.Turn:
        annotator = self._annotator(request)
        turn, undoable = self._loans.next(_page(request), annotator, request.guesses), self._undoable(annotator)
        if turn.question is None:
            return api.Turn(turn.status, undoable=undoable)
        question = turn.question
        target = question.target if self._show_target else UNSET
        row = question.index
        whole = self._url(row, "whole") if self._is_box(row) else UNSET
        guesses = [*question.offered] if request.guesses else []
        pool = self.session.pool
        image = api.Image(
            row, pool.image_ids[row], self._url(row), question.phase, target, whole, self._others(question),
            n_group if (n_group := len(pool.same_group(row))) > 1 else UNSET, guesses or UNSET,
        )  # fmt: skip
        return api.Turn(turn.status, image, undoable)

    def _undoable(self, annotator: str) -> api.Undoable | UnsetType:
        last = self.session.last_answers(annotator)
        return api.Undoable(last[-1].id, last[-1].label, len(last)) if last else UNSET

    def _progress(self) -> api.Progress:
        session = self.session.session
        labels = sum(session.counts.values())
        return api.Progress(
            budget=labels + session.labels_left,
            labels=labels,
            skipped=len(session.answers) - labels,
            unshown=len(self._loans.passed_over),
            phase=session.phase,
            classes=self._classes(),
            conflicts=len(conflicts(self.session.opinions)),
            unseen=self._unseen(),
        )

    def _classes(self) -> list[api.Class]:
        counts, row_of = self.session.counts, self.session.pool.row_of
        listed = [
            api.Class(
                one.name, counts.pop(one.name, 0), one.key or UNSET, one.note or UNSET,
                self._url(row_of[one.example], "thumbnail") if one.example in row_of else UNSET,
            )
            for one in self._list.classes
        ]  # fmt: skip
        return listed + [api.Class(name, count) for name, count in counts.items()]

    def _unseen(self) -> api.Unseen | None:
        """What costs nothing to say after every answer; the accuracy to expect takes seconds."""
        found = unseen_of_counts(self.session.counts.values(), len(self.session.pool.representatives))
        at_random = chosen_at_random(self.session.settings)
        unseen = Outlook(found, at_random=at_random).shown_classes
        return None if unseen is None else api.Unseen(unseen.undiscovered, unseen.low, unseen.high, unseen.unseen_mass)

    def _conflict(self, row: int) -> api.Conflict:
        return api.Conflict(row, self.session.pool.image_ids[row], self._opinions(row))

    def _opinions(self, row: int) -> list[api.Opinion]:
        return [api.Opinion(who, label) for who, label in self.session.opinions[row].items()]

    def _others(self, question: Question) -> list[api.Frame] | UnsetType:
        return [api.Frame(row, self._url(row, "thumbnail")) for row in self._group(question.index)] or UNSET

    def _group(self, row: int) -> list[int]:
        """The other rows that an answer about this one holds for; none where it was answered already."""
        if row in self.session.opinions:
            return []
        return [*self.session.session.group(row)]

    def _is_box(self, row: int) -> bool:
        try:
            return self.session.pool.part(row).box is not None
        except EvenpickError:
            return False  # cannot be shown, of which its address tells the reason

    def _url(self, row: int, kind: str = "image") -> str:
        return f"{self._path}{kind}/{row}?v={self._version(row)}"

    def _version(self, row: int) -> str:
        """Part of an image's address: no browser shows what another workspace, or a file that was replaced, had there."""
        facts = self.session.pool.facts
        version = facts.version[row] if facts else b""
        shown = self._identity.encode("utf-8", "surrogateescape") + b"\0" + version
        return hashlib.sha256(shown).hexdigest()[:12]


def _page(request: api.Request) -> str:
    return request.page or ""
