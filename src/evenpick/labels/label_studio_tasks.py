"""Tasks for Label Studio: the images to label in pick order, with the answers so far, and a labelling config.

Label Studio names everybody who made an imported annotation after the importing user. So that the answers
come back as they went, each task also holds them in its data, by person; see `label_studio_answers`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from .._version import __version__
from ..acquisition import check_budget, find_acquisition, select_more
from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..names import checked_class_name
from ..pool import Pool
from .answers import DEFAULTS, SETTLED, labels_in, said_of
from .entries import have_been_asked_for, standing_answers
from .record import LabelStore

LOCAL_FILES = "/data/local-files/?d="  # where Label Studio serves files below its document root
CHOICES, IMAGE = "label", "image"  # the names of the tags in the labelling config
IMAGE_ID, ANSWERS = "image_id", "answers"  # what a task's data holds beside the address of the image


def export_tasks(
    file: Path,
    store: LabelStore,
    pool: Pool,
    settings: Mapping[str, Any],
    image_url: str | None = None,
    classes: Sequence[str] = (),
) -> tuple[int, int]:
    """Write the tasks as JSON and, beside them, the labelling config; returns tasks with and without answers.

    Parameters
    ----------
    file : Path
        The labelling config goes beside it, with the suffix `.xml`.
    store : LabelStore
        Answered images come first, in the order of the answers, with an annotation for each answer.
    pool : Pool
    settings : mapping
        `budget` (labels in all), `acquisition` and `random_state`; by default those of the record. The images
        still to label are the ones that `evenpick select` chooses for what is left of the budget.
    image_url : str, optional
        What comes before the image ids in an address. By default, where Label Studio serves the folder of
        photographs if its document root is the folder above.
    classes : sequence of str
        Classes to offer besides those found so far.

    Raises
    ------
    EvenpickError
        If no budget is known, no class is, or the settings do not fit the pool.
    """
    if file.suffix.lower() == ".xml":
        raise EvenpickError(f"'{file}' is to hold tasks as JSON: give it another suffix; the .xml goes beside it")
    standing = standing_answers(store.entries())
    config = labelling_config([*(answer.label for answer in standing if answer.label), *classes])
    prefix = _prefix(pool, image_url)
    answers: dict[str, dict[str, str | None]] = {}  # of each image, by person
    for answer in standing:
        answers.setdefault(answer.image, {}).setdefault(answer.annotator, answer.label)
    done = [_answered_task(image_id, prefix, given) for image_id, given in answers.items()]
    todo = [_task(image_id, prefix) for image_id in _still_to_label(store, pool, settings)]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file.with_suffix(".xml"), config.encode())
    write_atomically(file, json.dumps([*done, *todo], indent=1).encode())
    return len(done), len(todo)


def labelling_config(classes: Iterable[str]) -> str:
    """The labelling config that asks for one of these classes, as XML."""
    names = list(dict.fromkeys(checked_class_name(name) for name in classes))
    if not names:
        raise EvenpickError("no class is known yet, and Label Studio needs some: name each with --class")
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", name=IMAGE, value=f"${IMAGE}")
    choices = ElementTree.SubElement(view, "Choices", name=CHOICES, toName=IMAGE, choice="single", required="true")
    for name in names:
        # Label Studio takes `$5` for a task's data called 5: it is shown a wide dollar sign, and means the alias.
        shown = name.replace("$", "\uff04")
        attributes = {"value": name} if shown == name else {"value": shown, "alias": name}
        ElementTree.SubElement(choices, "Choice", attributes)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _still_to_label(store: LabelStore, pool: Pool, settings: Mapping[str, Any]) -> list[str]:
    given = {name: value for name, value in settings.items() if value is not None}
    labels = labels_in(store, pool)
    chosen = {"budget": None, **DEFAULTS, **(labels.settings or {}), **given}
    if chosen["budget"] is None:
        raise EvenpickError("no budget is recorded: say --budget and how many labels you can pay for")
    check_budget(chosen["budget"], len(pool))
    find_acquisition(chosen["acquisition"])
    left = min(chosen["budget"] - len(labels.seen.names), len(pool) - len(labels.answered))
    if left <= 0:
        return []
    order = select_more(pool, labels.answered, left, chosen["acquisition"], chosen["random_state"])
    if given and not have_been_asked_for(store.entries()):  # as `evenpick select` does
        settled = said_of(chosen, {*chosen.get(SETTLED, ()), *given})
        store.store_settings({**chosen, SETTLED: settled, "evenpick": __version__})
    return [pool.image_ids[row] for row in order]


def _prefix(pool: Pool, image_url: str | None) -> str:
    if image_url is not None:
        return image_url if image_url.endswith(("/", "=")) else f"{image_url}/"
    if pool.folder is None:
        raise EvenpickError("the pool has no folder of photographs: say with --image-url where its images are")
    return f"{LOCAL_FILES}{_quoted(pool.folder.name)}/"


def _quoted(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"))


def _task(image_id: str, prefix: str) -> dict[str, Any]:
    data = {IMAGE: prefix + _quoted(image_id)}
    if image_id.encode("utf-8", "ignore").decode() == image_id:  # else no JSON can hold it; the address does
        data[IMAGE_ID] = image_id
    return {"data": data}


def _answered_task(image_id: str, prefix: str, given: Mapping[str, str | None]) -> dict[str, Any]:
    task = _task(image_id, prefix)
    task["data"][ANSWERS] = dict(given)
    task["annotations"] = [_annotation(label) for label in given.values()]
    return task


def _annotation(label: str | None) -> dict[str, Any]:
    """One answer; a skip is what Label Studio calls a cancelled annotation."""
    choice = {"from_name": CHOICES, "to_name": IMAGE, "type": "choices", "value": {"choices": [label]}}
    # Label Studio would take what is imported for ground truth.
    return {"result": [] if label is None else [choice], "was_cancelled": label is None, "ground_truth": False}
