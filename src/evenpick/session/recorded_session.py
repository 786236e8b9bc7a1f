"""A session whose every answer is in the workspace's record before it counts."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..errors import EvenpickError
from ..labels import (
    BY_DEFAULT,
    DEFAULTS,
    SETTLED,
    Annotation,
    Answer,
    Entry,
    LabelStore,
    Phase,
    Rename,
    Undo,
    as_answers,
    counting_answers,
    have_been_asked_for,
    standing_answers,
)
from ..names import checked_class_name
from ..pool import Pool
from .audit import Demand, open_pieces, share_of
from .session import AUTO_BALANCING, Session
from .steering import Question


class RecordedSession:
    """The `Session` of a workspace; reopened, it arrives at the same state and the same next image.

    Parameters
    ----------
    workspace : str or Path
    pool : Pool
    budget : int, optional
        Needed for a new session; a recorded one brings its own.
    annotator : str
        Who answers, unless an answer says otherwise.
    **options
        `acquisition`, `balancing`, `patience`, `random_state`, `one_by_one`, `audit` of `Session`; by default as recorded.

    Raises
    ------
    EvenpickError
        If options contradict those that earlier answers were given under (only the budget may grow), or
        the record names an image that the pool does not hold.
    """

    def __init__(
        self,
        workspace: str | Path,
        pool: Pool,
        budget: int | None = None,
        annotator: str = "",
        **options: Any,
    ) -> None:
        self.pool: Pool = pool
        self.annotator: str = annotator
        self._opinions: dict[int, dict[str, str | None]] = {}
        self._known: dict[int, tuple[Annotation, Answer]] = {}  # by the id of the entry
        self._last_id = 0
        self._last_answers: dict[str, list[Annotation]] = {}  # by annotator
        self.store: LabelStore = LabelStore(workspace)
        try:
            asked = have_been_asked_for(self.store.entries())
            self.settings: dict[str, Any] = self._settings(workspace, asked, {"budget": budget, **options})
            self.session: Session = self._begun()
            self._replay()
            self._check_budget(workspace)
            self.settings["pieces"] = self.session.n_pieces
            self.store.store_settings(self.settings)
        except BaseException:
            self.store.close()
            raise

    def __enter__(self) -> "RecordedSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def __repr__(self) -> str:
        return f"Recorded{self.session!r}"

    @property
    def phase(self) -> Phase:
        """As `Session.phase`."""
        return self.session.phase

    @property
    def counts(self) -> dict[str, int]:
        """As `Session.counts`."""
        return self.session.counts

    def next(self) -> int | None:
        """As `Session.next`."""
        return self.session.next()

    @property
    def opinions(self) -> dict[int, dict[str, str | None]]:
        """What each annotator said of each answered row, None for a skip; the first answer counts."""
        return self._opinions

    def label(
        self,
        index: int,
        name: str,
        annotator: str | None = None,
        question: Question | None = None,
        request: str | None = None,
        without: Collection[int] = (),
    ) -> int:
        """Record a label, then let it count; returns the entry's id.

        Of several answers to an image all are kept and the first counts; one annotator answers once.
        `question` is what the image was asked for, with the guesses that were shown, and `request` names the sending
        (see `find`). The label holds for the others of the image's group (`Session.group`) too, but for the rows
        `without`.
        """
        return self._answer(index, checked_class_name(name), annotator, question, request, without)

    def skip(
        self,
        index: int,
        annotator: str | None = None,
        question: Question | None = None,
        request: str | None = None,
    ) -> int:
        """Record that an image, and with it its group, cannot be told; returns the entry's id."""
        return self._answer(index, None, annotator, question, request)

    def last_answers(self, annotator: str) -> Sequence[Annotation]:
        """What an undo of this annotator takes back: the last answer that stands, or all that were given at once with it."""
        return self._last_answers.get(annotator, ())

    def undo(
        self, annotator: str | None = None, request: str | None = None, entry_id: int | None = None
    ) -> Annotation:  # fmt: skip
        """Record that the last standing answer (of this annotator, if one is named) is taken back.

        Of images that were answered at once all are taken back; the last one is returned. With `entry_id` nothing is
        taken back unless that answer is the last, or one of those.
        """
        standing = standing_answers(self.store.entries())
        own = [entry for entry in standing if annotator is None or entry.annotator == annotator]
        if not own:
            self._replay()  # it may be another process that has taken it back meanwhile
            raise EvenpickError("there is no answer to undo")
        undone = max(own, key=lambda entry: entry.id)
        who = self.annotator if annotator is None else annotator
        others = [entry for entry in own if _are_one(entry, undone) and entry is not undone]
        if entry_id is not None and entry_id not in {entry.id for entry in (undone, *others)}:
            self._replay()  # it may be another process that has written meanwhile
            raise EvenpickError(_not_the_last(undone))
        undos = (Undo(entry.id, annotator=who) for entry in others)
        self.store.append([Undo(undone.id, annotator=who, request=request), *undos])
        self._replay()
        return undone

    def draw_audit(self, labels: int) -> None:
        """Ask for images drawn at random and for nothing else, until there are so many audit labels in all.

        The budget grows where it has no room for them. Fewer than there are already ends it.

        Raises
        ------
        EvenpickError
            If there are not so many images without an answer.
        """
        demand = self.session.demand_for(labels)
        needed = sum(self.counts.values()) + demand.until - self.session.audit_labels
        self.settings |= {"budget": max(self.settings["budget"], needed), "demand": [demand.after, demand.until]}
        self.store.store_settings(self.settings)
        self.session = self._begun()
        self._replay()

    def rename(self, old: str, new: str, annotator: str | None = None, request: str | None = None) -> int:
        """Give a class another name; the name of another class merges the two. Returns the entry's id."""
        if old not in self.counts:
            raise EvenpickError(f"class '{old}' does not exist; found so far: {', '.join(self.counts) or 'none'}")
        who = self.annotator if annotator is None else annotator
        name = checked_class_name(new)
        if name == old:
            raise EvenpickError(f"class '{old}' has this name already")
        entry_id = self.store.append([Rename(old, name, annotator=who, request=request)])[0]
        self._replay()
        return entry_id

    def reload(self) -> None:
        """Read the record anew, after other entries were written to it."""
        self._replay()

    def find(self, request: str) -> Entry | None:
        """The entry that this request has made already, so that sending it again changes nothing."""
        return self.store.find(request)

    def find_all(self, request: str) -> list[Entry]:
        """The entries that a request for several has made already."""
        found: list[Entry] = []
        while entry := self.store.find(part_of(request, len(found))):
            found.append(entry)
        return found

    def sent_before(self, request: str | None, is_same: Callable[[list[Entry]], bool]) -> list[int]:
        """The ids of what a request for several has made already; refused if these entries are not those it asks for."""
        done = self.find_all(request) if request else []
        if done and not is_same(done):
            raise EvenpickError(f"request '{request}' was something else before; give each its own id")
        return [entry.id for entry in done]

    def answered_with(self, answer: Annotation) -> list[Annotation]:
        """All answers that were given at once with this one, itself among them."""
        if not answer.means:
            return [answer]
        return [entry for entry in self.find_all(whole_of(answer)) if isinstance(entry, Annotation)]

    def _answer(
        self,
        index: int,
        name: str | None,
        annotator: str | None,
        question: Question | None,
        request: str | None,
        without: Collection[int] = (),
    ) -> int:
        who = self.annotator if annotator is None else annotator
        given = self._opinions.get(index, {})
        # Whoever answered may not answer again: `checked` refuses it, in the words of every session.
        second = bool(given) and who not in given
        answer = (
            self._same_question(index, name, without)
            if second
            else self.session.checked(index, name, question, without)
        )
        image, *inherited = (self.pool.image_ids[row] for row in answer.rows)
        taken_out = tuple(self.pool.image_ids[row] for row in answer.taken_out)
        offered = question.offered if question else ()
        said = Annotation(
            image, name, answer.phase, answer.target, tuple(inherited), taken_out, offered, chance=answer.chance,
            annotator=who, request=request,
        )  # fmt: skip
        entry_id = self.store.append([said])[0]
        if entry_id != self._last_id + 1:
            self._replay()  # another process has written meanwhile
            return entry_id
        self._last_id = entry_id
        self._opinions.setdefault(index, {})[who] = name
        self._keep_last(replace(said, id=entry_id))
        if not second:
            self.session.record(answer)
        return entry_id

    def _begun(self) -> Session:
        session = Session(self.pool, self.settings["budget"], **{name: self.settings[name] for name in DEFAULTS})
        session.replay((), Demand(*self.settings["demand"]) if self.settings.get("demand") else None)
        return session

    def _same_question(self, index: int, name: str | None, without: Collection[int]) -> Answer:
        first = next(answer for answer in self.session.answers if answer.index == index)
        inherited = tuple(row for row in first.inherited if row not in without)
        return replace(first, label=name, inherited=inherited, taken_out=tuple(sorted({*first.taken_out, *without})))

    def _replay(self) -> None:
        entries, row_of = self.store.entries(), self.pool.row_of
        standing = standing_answers(entries)
        self.session.replay(self._as_answers(counting_answers(standing)))
        self._last_id = entries[-1].id if entries else 0
        self._opinions, self._last_answers = {}, {}
        for entry in standing:
            self._opinions.setdefault(row_of[entry.image], {}).setdefault(entry.annotator, entry.label)
            self._keep_last(entry)

    def _keep_last(self, answer: Annotation) -> None:
        last = self._last_answers.get(answer.annotator)
        if last and _are_one(last[-1], answer):
            last.append(answer)
        else:
            self._last_answers[answer.annotator] = [answer]

    def _as_answers(self, counting: Sequence[Annotation]) -> list[Answer]:
        """As `as_answers`; those of before are taken as they were."""
        known = self._known
        new = [said for said in counting if said.id not in known or known[said.id][0] is not said]
        known.update(
            (said.id, (said, answer)) for said, answer in zip(new, as_answers(self.pool, self.store, new), strict=True)
        )
        return [known[said.id][1] for said in counting]

    def _check_budget(self, workspace: str | Path) -> None:
        budget, labels = self.settings["budget"], sum(self.session.counts.values())
        if labels > budget:
            right = min(labels + budget, len(self.pool))
            raise EvenpickError(
                f"workspace '{workspace}' holds {labels} labels, and --budget counts all of them, imported ones too; "
                f"got {budget}: for {right - labels} more say --budget {right}"
            )

    def _settings(self, workspace: str | Path, answered: bool, asked: dict[str, Any]) -> dict[str, Any]:
        recorded = self.store.settings or {}
        settings = {"budget": None, **DEFAULTS, **recorded, "evenpick": __version__}
        settings |= {name: _plain(value) for name, value in asked.items() if value is not None or name == "balancing"}
        changed = [n for n in ("budget", *DEFAULTS) if recorded and settings[n] != recorded.get(n, DEFAULTS.get(n))]
        if changed == ["budget"] and settings["budget"] > recorded["budget"]:
            changed = []
        if answered and changed:
            name = changed[0]
            instead = "; `evenpick audit` draws images from now on" if name == "audit" else ""
            raise EvenpickError(
                f"workspace '{workspace}' holds labels chosen with {name} {recorded.get(name, DEFAULTS.get(name))}, now "
                f"{settings[name]}; leave the option out to go on, or start again with --restart (the old labels are kept "
                f"aside){instead}"
            )
        if settings["budget"] is None:
            raise EvenpickError("a new session needs a budget: say --budget and how many labels you can pay for")
        if SETTLED in settings:
            settings[SETTLED] = [] if answered else [n for n in settings[SETTLED] if asked.get(n) is None]
        if asked.get("audit") is not None:
            settings[BY_DEFAULT] = False
        elif not recorded:
            settings[BY_DEFAULT] = True
        if settings.get(BY_DEFAULT) and not answered:  # budget and balancing may be others by now
            settings["audit"] = self._usual_share(settings)
        return settings

    def _usual_share(self, settings: dict[str, Any]) -> float:
        """Of a session without an answer of its own; imported ones may be there."""
        answers = self._as_answers(counting_answers(standing_answers(self.store.entries())))
        pool = replace(self.pool, groups=None) if settings["one_by_one"] else self.pool
        left = settings["budget"] - sum(answer.label is not None for answer in answers)
        to_come = min(left, len(open_pieces(pool, answers)))
        return share_of(None, to_come, settings["balancing"] == AUTO_BALANCING)


def part_of(request: str, number: int) -> str:
    """The name of one entry of a request for several; no request that is sent has a slash in it."""
    return f"{request}/{number}"


def whole_of(answer: Annotation) -> str:
    """The request for several that an answer is one of."""
    return (answer.request or "").rpartition("/")[0]


def _plain(value: Any) -> Any:
    """A number of NumPy as one of Python, which JSON can keep."""
    return value.item() if isinstance(value, np.generic) else value


def _are_one(one: Annotation, other: Annotation) -> bool:
    """Whether both are answers that were given at once."""
    return bool(one.means and other.means) and whole_of(one) == whole_of(other)


def _not_the_last(last: Annotation) -> str:
    now = "a skipped image" if last.label is None else f"'{last.label}'"
    return f"this is not your last answer any more: undo now takes back {now}"
