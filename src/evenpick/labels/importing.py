"""Labels that were given elsewhere, into the record: which are new, which replace others, which are second opinions.

Which label of an image counts here, and when skips give way, is said in `entries`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..counting import counted
from ..errors import EvenpickError
from .entries import Annotation, Entry, Undo, first_labels, labelled_images, standing_answers
from .imports import append_import
from .record import LabelStore


def import_labels(
    store: LabelStore,
    labels: Mapping[str, str],
    annotator: str,
    replacing: bool = False,
    seen: Mapping[str, str] | None = None,
) -> int:
    """Record the labels of images; returns how many were new.

    Images that inherited their label, from an image that `seen` names, inherit it here too if that one's is new.

    With `replacing`, labels that say something else are taken back, whoever gave them.

    Raises
    ------
    EvenpickError
        If an image has another label already and none is to be replaced; nothing is recorded then.
    """
    recorded, standing = label_of_images(store), standing_answers(store.entries())
    clashes = [image for image, label in labels.items() if recorded.get(image, label) != label]
    if clashes and not replacing:
        first = clashes[0]
        raise EvenpickError(
            f"{counted(len(clashes), 'image has', 'images have')} another label in '{store.path}', the first '{first}': "
            f"'{recorded[first]}' there, '{labels[first]}' here; nothing was imported: --replace takes those here"
        )
    clashing = {*clashes}
    replaced = [answer for answer in standing if answer.image in clashing]
    kept = [answer for answer in standing if answer.image not in clashing]
    without_label = {*clashes, *(heir for answer in replaced for heir in answer.inherited)}  # once those are taken back
    new = {image: label for image, label in labels.items() if image not in recorded or image in without_label}
    origin = {heir: answer.image for answer in replaced for heir in answer.inherited if heir not in labels}
    seen = seen or {}
    origin |= {heir: image for heir, image in seen.items() if {heir, image} <= new.keys() and image not in seen}
    annotations = _with_heirs(new, origin, annotator)
    taken_back = [Undo(answer.id, annotator=annotator) for answer in replaced]
    append_import(store, [*taken_back, *_skips_taken_back(kept, annotations), *annotations])
    return len(new)


def label_of_images(store: LabelStore) -> dict[str, str]:
    """The label of each image that has one: the first that was given to it, or what it inherited."""
    entries = store.entries()
    own, inherited = first_labels(standing_answers(entries)).items(), labelled_images(entries)
    return {image: str(answer.label) for image, answer in (*inherited, *own)}


def _with_heirs(labels: Mapping[str, str], origin: Mapping[str, str], annotator: str) -> list[Annotation]:
    """An annotation of each image, but of those that inherit from their `origin` among them."""
    heirs: dict[str, list[str]] = {}
    for heir, image in sorted(origin.items()):
        heirs.setdefault(image, []).append(heir)
    own = (image for image in labels if image not in origin)
    return [
        Annotation(image, labels[image], inherited=tuple(heirs.get(image, ())), annotator=annotator) for image in own
    ]


@dataclass(frozen=True)
class Imported:
    """What an import added: labels and skips; how many replace what the same person said before, how many labels
    are second opinions, and how many of these disagree with the label that counts."""

    labels: int
    skips: int
    known: int
    corrected: int
    second: int
    disagreeing: int


def import_answers(store: LabelStore, answers: Sequence[Annotation], returned: Sequence[Annotation] = ()) -> Imported:
    """Record labels and skips that people gave elsewhere, each person at most one to an image.

    The answers of all are kept. What a person said last of an image replaces what they said before. `returned`
    are answers that went along from a record and came back: where the person has ever answered for the image in
    this record, they are known already.
    """
    entries = store.entries()
    new = [*_new(entries, answers, returned)]
    labels = [answer for answer in new if answer.label is not None]
    skips = [answer for answer in new if answer.label is None]
    standing, renewed = standing_answers(entries), {_by_whom(answer) for answer in new}
    corrected = [answer for answer in standing if _by_whom(answer) in renewed]
    kept = [answer for answer in standing if _by_whom(answer) not in renewed]
    taken_back = [Undo(answer.id, annotator=answer.annotator) for answer in corrected]
    append_import(store, [*taken_back, *_skips_taken_back(kept, labels), *labels, *skips])
    counting = first_labels([*kept, *labels])
    second = [answer for answer in labels if counting[answer.image] is not answer]
    disagreeing = sum(answer.label != counting[answer.image].label for answer in second)
    known = len(answers) + len(returned) - len(new)
    return Imported(len(labels), len(skips), known, len(corrected), len(second), disagreeing)


def _new(
    entries: Iterable[Entry], answers: Iterable[Annotation], returned: Iterable[Annotation]
) -> Iterator[Annotation]:
    """Of `returned` and `answers` those that the record does not know."""
    # As they were given: a class that was renamed since, or an answer that was undone, is no new answer.
    last = {_by_whom(entry): entry.label for entry in entries if isinstance(entry, Annotation)}
    yield from (answer for answer in returned if _by_whom(answer) not in last)
    yield from (answer for answer in answers if _by_whom(answer) not in last or last[_by_whom(answer)] != answer.label)


def _by_whom(answer: Annotation) -> tuple[str, str]:
    return answer.image, answer.annotator


def _skips_taken_back(standing: Sequence[Annotation], labels: Sequence[Annotation]) -> list[Undo]:
    """For images that have no label yet: their skips give way to the first of the new labels."""
    labelled = first_labels(standing)
    who = {image: label.annotator for image, label in first_labels(labels).items() if image not in labelled}
    skips = [answer for answer in standing if answer.label is None and answer.image in who]
    return [Undo(skip.id, annotator=who[skip.image]) for skip in skips]
