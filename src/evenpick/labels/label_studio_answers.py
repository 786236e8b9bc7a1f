"""What Label Studio exports, JSON, JSON-MIN and CSV, as answers of people to images of the pool."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import EvenpickError
from ..images import resolve_addresses
from ..names import checked_class_name, checked_name
from .entries import Annotation
from .label_studio_files import read_tasks
from .label_studio_tasks import ANSWERS, CHOICES, IMAGE, IMAGE_ID
from .tables import UnknownImagesError

CHOICE_KEYS = (CHOICES, "choice", "class", "category")  # ours, and what others call the tag in JSON-MIN


@dataclass(frozen=True)
class Answers:
    """Labels and skips of a file, each person at most one to an image: new ones, and those that evenpick sent
    along and that came back; how many images have none; images that were left out when embedding; what was passed
    over because it chooses several classes, or is not in the pool."""

    new: list[Annotation]
    returned: list[Annotation]
    unanswered: int
    skipped: list[str]
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Annotation:
    person: Any  # an id, or a dict with the email
    changed_by: Any  # an id, None if nobody did
    choices: list[Any]
    cancelled: bool
    made: tuple[str, int]


@dataclass(frozen=True)
class _Task:
    name: str  # in messages
    data: Mapping[str, Any]
    annotations: list[_Annotation]


def read_answers(
    file: Path, image_ids: Collection[str], skipped: Iterable[str] = (), annotator: str = "", skip_unknown: bool = False
) -> Answers:
    """The answers in what Label Studio exported.

    Parameters
    ----------
    file : Path
        JSON, JSON-MIN or CSV.
    image_ids : collection of str
        The image ids that may be named. A task names its image by `image_id`, or else by its address.
    skipped : iterable of str
        Image ids that were left out when embedding: they are passed over and listed.
    annotator : str
        Who answered where the file does not say.
    skip_unknown : bool
        Pass over images that are in neither list.

    Raises
    ------
    EvenpickError
        If the file is something else, names an image that is in neither list, or one person gives an image two classes.
    """
    tasks = [_task(file, number, item) for number, item in enumerate(read_tasks(file), start=1)]
    left_out = set(skipped)
    images = _images(file, tasks, {*image_ids, *left_out})
    unknown = [image for image in images if image not in image_ids and image not in left_out]
    if unknown and not skip_unknown:
        advice = "a task must have `image_id`, or an address that ends in such a path"
        raise UnknownImagesError(file, unknown, advice)
    by_image: dict[str, list[_Task]] = {}
    for task, image in zip(tasks, images, strict=True):
        by_image.setdefault(image, []).append(task)
    answers = Answers([], [], 0, [image for image in by_image if image in left_out], unknown=unknown)
    for image in {*answers.skipped, *unknown}:
        del by_image[image]
    unanswered = sum(not _answer(file, image, same, annotator, answers) for image, same in by_image.items())
    return replace(answers, unanswered=unanswered)


def _task(file: Path, number: int, item: Mapping[str, Any]) -> _Task:
    name = f"task {item.get('id', number)}"
    try:
        if not isinstance(item.get("data"), dict):
            return _Task(name, item, _minimal(file, name, item))
        annotations = [_annotation(annotation) for annotation in item.get("annotations") or ()]
        return _Task(name, item["data"], annotations)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise EvenpickError(f"'{file}', {name}: it is not as Label Studio exports tasks ({error!r})") from error


def _annotation(found: Mapping[str, Any]) -> _Annotation:
    results = [part for part in found["result"] or () if part["type"] == "choices"]
    ours = [part for part in results if part["from_name"] == CHOICES] or results
    choices = [choice for part in ours for choice in part["value"]["choices"]]
    cancelled = bool(found.get("was_cancelled"))
    return _Annotation(found.get("completed_by"), found.get("updated_by"), choices, cancelled, _made(found, "id"))


def _minimal(file: Path, name: str, item: Mapping[str, Any]) -> list[_Annotation]:
    """The one annotation in an item of JSON-MIN, which leaves out the cancelled ones."""
    if "annotation_id" in item and item["annotation_id"] is None:
        return []  # what is called a label here came with the task
    value = next((item[key] for key in CHOICE_KEYS if item.get(key) is not None), None)
    if value is None and item.get("annotation_id") is not None:
        raise EvenpickError(
            f"'{file}', {name}: it is annotated, but has none of {', '.join(CHOICE_KEYS)}, "
            "which JSON-MIN tells choices by: export as JSON"
        )
    if value is None:
        return []
    parts = value if isinstance(value, list) else [value]  # one item for each place where the tag was used
    nested = [part["choices"] if isinstance(part, dict) else [part] for part in parts]
    choices = [choice for part in nested for choice in part]
    return [_Annotation(item.get("annotator"), None, choices, False, _made(item, "annotation_id"))]


def _made(found: Mapping[str, Any], number: str) -> tuple[str, int]:
    """Sorts annotations by when they were made: of several the first counts."""
    drawn = found.get(number)
    return str(found.get("created_at") or ""), drawn if isinstance(drawn, int) else 0


def _images(file: Path, tasks: Iterable[_Task], image_ids: Collection[str]) -> list[str]:
    named: list[str | None] = []
    addresses: list[str] = []
    for task in tasks:
        image_id = task.data.get(IMAGE_ID)
        is_known = isinstance(image_id, str) and image_id in image_ids
        named.append(image_id if is_known else None)
        if not is_known:
            addresses.append(_address(file, task))
    found = iter(resolve_addresses(addresses, image_ids))
    return [next(found) if name is None else name for name in named]


def _address(file: Path, task: _Task) -> str:
    value = task.data.get(IMAGE)
    if value is None:  # somebody else's tasks, whose image has another name
        texts = [text for text in task.data.values() if isinstance(text, str)]
        value = next((text for text in texts if "/" in text), texts[0] if texts else None)
    if not isinstance(value, str):
        raise EvenpickError(f"'{file}', {task.name}: its data must have the address of an image; got {value!r:.60}")
    return value


def _answer(file: Path, image: str, tasks: Iterable[_Task], annotator: str, answers: Answers) -> bool:
    """Add what each person said of an image; returns whether anybody did."""
    new: dict[str, str | None] = {}
    returned: dict[str, str | None] = {}
    for person, label, came_back in _given(file, image, tasks, annotator, answers.refused):
        given = returned if came_back else new
        if label is not None and given.get(person) not in (None, label):
            raise EvenpickError(
                f"'{file}': {person} labels image '{image}' twice, as '{given[person]}' and '{label}': keep one of them"
            )
        given[person] = label if label is not None else given.get(person)
    answers.new.extend(Annotation(image, label, annotator=person) for person, label in new.items())
    answers.returned.extend(
        Annotation(image, label, annotator=person) for person, label in returned.items() if person not in new
    )
    return bool(new or returned)


def _given(
    file: Path, image: str, tasks: Iterable[_Task], annotator: str, refused: list[str]
) -> Iterator[tuple[str, str | None, bool]]:
    """Person, label (None for a skip) and whether this answer was sent along; first to last. What chooses several
    classes goes to `refused`."""
    found = [(annotation, task) for task in tasks for annotation in task.annotations]
    sent = {task.name: _sent(task) for _, task in found}  # JSON-MIN repeats a task for each annotation
    for annotation, task in sorted(found, key=lambda pair: pair[0].made):
        if len(annotation.choices) > 1 and not annotation.cancelled:
            refused.append(f"{task.name} (image '{image}') chooses {', '.join(map(repr, annotation.choices))}")
        elif annotation.cancelled or annotation.choices:
            label = None if annotation.cancelled else _label(file, task, image, annotation.choices)
            answers = sent[task.name]
            sender = next((person for person, before in answers.items() if before == label), None)
            if sender is None:
                yield _person(_said_by(annotation, task), annotator), label, False
            else:
                del answers[sender]
                yield sender, label, True


def _sent(task: _Task) -> dict[str, str | None]:
    """The answers that evenpick sent along with the task; see `label_studio`."""
    answers = task.data.get(ANSWERS)
    return dict(answers) if isinstance(answers, dict) else {}


def _said_by(annotation: _Annotation, task: _Task) -> Any:
    """Who gave an answer: of one that was sent along, Label Studio names who imported it, and who changed it."""
    own = annotation.person.get("id") if isinstance(annotation.person, dict) else annotation.person
    changed = ANSWERS in task.data and annotation.changed_by not in (None, own)
    return annotation.changed_by if changed else annotation.person


def _label(file: Path, task: _Task, image: str, choices: list[Any]) -> str:
    return checked_class_name(choices[0], f"'{file}', {task.name} (image '{image}'): a class name")


def _person(found: Any, annotator: str) -> str:
    if isinstance(found, dict):
        found = found.get("email") or found.get("id")
    if isinstance(found, int):
        found = f"Label Studio user {found}"
    return checked_name("an annotator's name", found) if found else annotator
