"""JSON that other tools write, read so that what is wrong in it is told with its place."""

import json
import math
from pathlib import Path
from typing import Any

from ..errors import EvenpickError


def read_json(file: Path) -> Any:
    """What a JSON file holds.

    Raises
    ------
    EvenpickError
        If it is missing, or no JSON: with the line.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise EvenpickError(f"'{file}' cannot be read as JSON: {reason}") from error


def field(place: str, item: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    """The value of a field that must be there, and of a kind."""
    if not isinstance(item, dict):
        raise EvenpickError(f"{place} must be an object; got {item!r:.60}")
    if name not in item:
        raise EvenpickError(f"{place} needs '{name}'; it has {', '.join(map(repr, item)) or 'nothing'}")
    value = item[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        words = " or ".join(_WORDS[one] for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise EvenpickError(f"{place}: '{name}' must be {words}; got {value!r:.60}")
    return value


def box_of(place: str, item: Any) -> tuple[float, float, float, float]:
    """The four finite numbers of its field `bbox`."""
    values = field(place, item, "bbox", list)
    if len(values) != 4 or not all(_is_finite(value) for value in values):
        raise EvenpickError(f"{place}: 'bbox' must be four finite numbers, x, y, width and height; got {values!r:.80}")
    x, y, width, height = map(float, values)
    return x, y, width, height


def confidence_of(place: str, item: Any, name: str) -> float:
    """The confidence in its field of this name."""
    value = field(place, item, name, (int, float))
    if not 0 <= value <= 1:
        raise EvenpickError(f"{place}: '{name}' must be from 0 to 1; got {value!r:.60}")
    return float(value)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_WORDS: dict[type, str] = {
    dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number",
}  # fmt: skip
