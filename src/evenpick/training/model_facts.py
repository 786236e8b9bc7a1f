"""`model.json` as text, and back into facts that are what they must be."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

FORMAT = 4
READ = (2, 3, FORMAT)  # 2 has no checksum, both before 4 know no transform but length 1


class DamagedModelError(ValueError):
    """What is wrong with a `model.json`, in one line."""


def facts_to_text(facts: Mapping[str, Any]) -> bytes:
    """The facts as JSON, with their checksum."""
    return json.dumps({**facts, "checksum": _checksum(facts)}, indent=1).encode()


def facts_in(data: bytes) -> dict[str, Any]:
    """What `facts_to_text` was given; of a format that is not in `READ`, the format alone.

    Raises
    ------
    DamagedModelError
    """
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedModelError(f"no JSON: {error}") from error
    if not isinstance(facts, dict) or not _is_whole(facts.get("format")):
        raise DamagedModelError("it states no format")
    if facts["format"] not in READ:
        return {"format": facts["format"]}
    checksum = facts.pop("checksum", None)
    if facts["format"] > 2 and checksum != _checksum(facts):
        raise DamagedModelError("model.json was changed")
    if facts["format"] < FORMAT:
        facts["power"] = 1.0
    for name, holds in _RULES.items():
        if name not in facts or not holds(facts[name]):
            raise DamagedModelError(f"'{name}' is {facts.get(name, 'missing')!r:.60}")
    if len(facts["classes"]) != len(facts["counts"]):
        raise DamagedModelError(f"{len(facts['classes'])} classes have {len(facts['counts'])} counts")
    return facts


def _checksum(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_classes(value: object) -> bool:
    if not isinstance(value, list) or not isinstance(value[0] if value else None, str | int | float | bool):
        return False
    return {type(name) for name in value} == {type(value[0])} and len({*value}) == len(value)


def _are_counts(value: object) -> bool:
    return isinstance(value, list) and all(_is_whole(count) and 0 < count < 2**53 for count in value)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_source(value: object) -> bool:
    if value == {}:
        return True
    texts, sizes = ("name", "licence", "fingerprint"), ("feature_size", "class_count")
    lists = ("member_names", "class_lists")
    return (
        isinstance(value, dict)
        and {*value} - {"predicting", *lists} == {*texts, *sizes, "preprocessing"}
        and all(_is_text(value[name]) for name in texts)
        and all(_is_whole(value[name]) for name in sizes)
        and isinstance(value["preprocessing"], dict)
        and isinstance(value.get("predicting", []), list)
        and all(map(_is_whole, value.get("predicting", [])))
        and all(isinstance(value.get(name, []), list) and all(map(_is_text, value.get(name, []))) for name in lists)
    )


def _are_folds(value: object) -> bool:
    return isinstance(value, dict) and all(_is_fold(folds) for folds in value.values())


def _is_fold(value: object) -> bool:
    numbers = ("accuracy", "corrected_accuracy", "calibration_error_before", "calibration_error")
    return (
        isinstance(value, dict)
        and {*value} - {"bounds"} == {*numbers, "fold_accuracies", "accuracy_of_c", "n_held_out", "n_classes"}
        and all(_is_number(value[name]) for name in numbers)
        and all(_is_whole(value[name]) for name in ("n_held_out", "n_classes"))
        and _is_text(value.get("bounds", ""))
        and isinstance(value["fold_accuracies"], list)
        and all(map(_is_number, value["fold_accuracies"]))
        and isinstance(value["accuracy_of_c"], list)
        and all(
            isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)) for pair in value["accuracy_of_c"]
        )
    )


_RULES = {
    "strategy": _is_text,
    "classes": _are_classes,
    "counts": _are_counts,
    "c": _is_number,
    "temperature": lambda value: _is_number(value) and value > 0,
    "tau": _is_number,
    "power": lambda value: _is_number(value) and 0 < value <= 1,
    "source": _is_source,
    "weights": _is_hash,
    "cross_validations": _are_folds,
    "left_out": _is_text,
}
