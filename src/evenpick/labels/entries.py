"""The entries of a record, and which of the answers in it count.

Several people may answer for one image, and take an answer back. What was not taken back *stands*
(`standing_answers`); all of it is kept. Of the answers that stand for one image, one counts, by one of two rules:

* Labelling: the first answer counts, also if it is a skip (`effective_answers`). The image was asked once and
  somebody answered; it is not asked again.
* Importing: the first label counts, and skips give way to it (`first_labels`). Who brings a label could tell the
  class, so an image that others skipped becomes a labelled one: the import takes these skips back, and from
  then on both rules agree.

An answer about one image of a group holds for the others too: they *inherit* it. What was said of an image that was seen
counts before what it inherits, whichever came first: so labels of single images may divide a group among classes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

Phase: TypeAlias = Literal["discovery", "balancing"]
Kind: TypeAlias = Literal["label", "skip", "undo", "rename"]
# One of many images answered at once; of those of one predicted class; of those that were found by words.
Means: TypeAlias = Literal["grid", "confirmed", "words"]


@dataclass(frozen=True, kw_only=True)
class _Entry:
    annotator: str
    request: str | None = None  # chosen by who sent it, so that sending it again changes nothing
    at: str = ""  # UTC, ISO 8601; the record gives it, and the id
    id: int = 0


@dataclass(frozen=True)
class Annotation(_Entry):
    """What one person said of one image: its class, or that it cannot be told, which is a skip."""

    image: str  # path relative to the folder
    label: str | None  # None for a skip
    phase: Phase | None = None  # None for what was imported
    target: str | None = None  # the class that was asked for
    inherited: tuple[str, ...] = ()  # images of the same group that the answer holds for too
    taken_out: tuple[str, ...] = ()  # images of the same group that it does not hold for
    offered: tuple[str, ...] = ()  # classes that were offered as guesses, the likeliest first
    means: Means | None = None  # None for an answer of its own
    chance: float | None = None  # of an image drawn at random: the chance of that draw; None for one that was chosen

    @property
    def kind(self) -> Kind:
        """Label or skip."""
        return "skip" if self.label is None else "label"


@dataclass(frozen=True)
class Undo(_Entry):
    """An entry is taken back."""

    undoes: int  # its id
    kind: ClassVar[Kind] = "undo"


@dataclass(frozen=True)
class Rename(_Entry):
    """A class gets another name; the name of another class merges the two."""

    old: str
    new: str
    kind: ClassVar[Kind] = "rename"


Entry: TypeAlias = Annotation | Undo | Rename


def standing_answers(entries: Iterable[Entry]) -> list[Annotation]:
    """The annotations that stand: what was undone is gone, renamed classes bear the new name.

    A renamed class and an undo can be undone too: then it is as if they had never been.
    """
    entries = list(entries)
    undone: set[int] = set()
    for entry in reversed(entries):
        if isinstance(entry, Undo) and entry.id not in undone:
            undone.add(entry.undoes)
    # From the end: what a class is called now is known before its answers come, in one pass however many renames there are.
    now: dict[str | None, str] = {}
    standing: list[Annotation] = []
    for entry in reversed(entries):
        if isinstance(entry, Undo) or entry.id in undone:
            continue
        if isinstance(entry, Rename):
            now[entry.old] = now.get(entry.new, entry.new)
        else:
            standing.append(_renamed(entry, now) if now else entry)
    return standing[::-1]


def _renamed(answer: Annotation, now: Mapping[str | None, str]) -> Annotation:
    """The answer with the names that its classes have now; two that were merged are one guess."""
    if answer.label not in now and answer.target not in now and not answer.offered:
        return answer
    label, target = now.get(answer.label, answer.label), now.get(answer.target, answer.target)
    offered = tuple(dict.fromkeys(now.get(name, name) for name in answer.offered))
    if (label, target, offered) == (answer.label, answer.target, answer.offered):
        return answer
    return replace(answer, label=label, target=target, offered=offered)


def have_been_asked_for(entries: Iterable[Entry]) -> bool:
    """Whether a session asked for any of these, taken back since or not; imported answers were no session's choice."""
    return any(isinstance(entry, Annotation) and entry.phase for entry in entries)


def effective_answers(entries: Iterable[Entry]) -> list[Annotation]:
    """The answers that count when labelling: of those that stand, the first to each image, with the images that inherit it."""
    return counting_answers(standing_answers(entries))


def counting_answers(standing: Iterable[Annotation]) -> list[Annotation]:
    """As `effective_answers`, of the answers that stand."""
    first: dict[str, Annotation] = {}
    for answer in standing:
        first.setdefault(answer.image, answer)
    answered, effective = {*first}, []
    for answer in first.values():
        if answer.inherited:
            heirs = tuple(image for image in answer.inherited if image not in answered)
            answered.update(heirs)
            answer = answer if heirs == answer.inherited else replace(answer, inherited=heirs)
        effective.append(answer)
    return effective


def labelled_images(entries: Iterable[Entry]) -> list[tuple[str, Annotation]]:
    """Every image that has a label, with the answer that it is from: its own, or the one that it inherited."""
    labelled = [answer for answer in effective_answers(entries) if answer.label is not None]
    return [(image, answer) for answer in labelled for image in (answer.image, *answer.inherited)]


def first_labels(answers: Iterable[Annotation]) -> dict[str, Annotation]:
    """The label of each image that counts when importing: of answers that stand, the first that is no skip."""
    first: dict[str, Annotation] = {}
    for answer in answers:
        if answer.label is not None:
            first.setdefault(answer.image, answer)
    return first
