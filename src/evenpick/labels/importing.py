"""Labels that were given elsewhere, into the record: which are new, which replace others, which are second opinions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import EvenpickError
from .record import Entry, LabelStore, standing_answers


def import_labels(store: LabelStore, labels: Mapping[str, str], annotator: str) -> int:
    """Record labels that were given elsewhere; returns how many were new. A skip gives way to a label.

    Raises
    ------
    EvenpickError
        If an image has another label already; nothing is recorded then.
    """
    standing = standing_answers(store.entries())
    recorded = {str(image): str(entry.label) for image, entry in _first_labels(standing).items()}
    clashes = [image for image, label in labels.items() if recorded.get(image, label) != label]
    if clashes:
        first = clashes[0]
        raise EvenpickError(
            f"{len(clashes)} images have another label in '{store.path}', the first '{first}': "
            f"'{recorded[first]}' there, '{labels[first]}' here; nothing was imported"
        )
    new = [Entry("label", annotator, image, label) for image, label in labels.items() if image not in recorded]
    store.append([*(Entry("undo", annotator, undoes=skip.id) for skip in _given_way(standing, new)), *new])
    return len(new)


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


def import_answers(store: LabelStore, answers: Sequence[Entry], returned: Sequence[Entry] = ()) -> Imported:
    """Record labels and skips that people gave elsewhere, each person at most one to an image.

    The answers of all are kept, the first label of an image counts, and skips give way to it. What a person
    said last of an image replaces what he said before. `returned` are answers that went along from a record
    and came back: where the person has ever answered the image in this record, that is known already.
    """
    entries = store.entries()
    standing = standing_answers(entries)
    # As they were given: a class that was renamed since, or an answer that was undone, is no new answer.
    last = {_who(entry): entry.label for entry in entries if entry.kind in ("label", "skip")}
    new = [answer for answer in returned if _who(answer) not in last]
    new += [answer for answer in answers if _who(answer) not in last or last[_who(answer)] != answer.label]
    labels = [answer for answer in new if answer.label is not None]
    skips = [answer for answer in new if answer.label is None]
    named = {_who(answer) for answer in new}
    corrected = [entry for entry in standing if _who(entry) in named]
    kept = [entry for entry in standing if _who(entry) not in named]
    by = {answer.image: answer.annotator for answer in reversed(labels)}
    undone = [Entry("undo", entry.annotator, undoes=entry.id) for entry in corrected]
    undone += [Entry("undo", by[entry.image], undoes=entry.id) for entry in _given_way(kept, labels)]
    store.append([*undone, *labels, *skips])
    counts = _first_labels([*kept, *labels])
    second = [answer for answer in labels if counts[answer.image] is not answer]
    disagreeing = sum(answer.label != counts[answer.image].label for answer in second)
    known = len(answers) + len(returned) - len(new)
    return Imported(len(labels), len(skips), known, len(corrected), len(second), disagreeing)


def _who(entry: Entry) -> tuple[str | None, str]:
    return entry.image, entry.annotator


def _given_way(standing: Sequence[Entry], labels: Iterable[Entry]) -> list[Entry]:
    """The skips that new labels replace: those of images that have no label yet."""
    labelled = {label.image for label in labels} - _first_labels(standing).keys()
    return [entry for entry in standing if entry.kind == "skip" and entry.image in labelled]


def _first_labels(entries: Iterable[Entry]) -> dict[str | None, Entry]:
    """The label that counts of each image."""
    first: dict[str | None, Entry] = {}
    for entry in entries:
        if entry.label is not None:
            first.setdefault(entry.image, entry)
    return first
