"""Labels as callers give them: none may be missing, all are of one type, and predictions come back in that type."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .errors import EvenpickError

Label: TypeAlias = str | bool | int | float  # what JSON keeps

# How a subclass, as of an enumeration, becomes the plain value. A bool is an int too, so it comes first.
_PLAIN: dict[type, Any] = {str: str.__str__, bool: bool, int: int, float: float}


def checked_labels(subject: str, values: Iterable[object], rows: Sequence[int] | None = None) -> list[Label]:
    """The labels as plain Python has them; `rows` are what messages call them by, by default 0 and up.

    Raises
    ------
    EvenpickError
        If one is refused by `checked_label`, or two are of different types.
    """
    if isinstance(values, str | bytes):
        raise EvenpickError(f"{subject}: labels must be a sequence, one for each row; got {values!r:.40}")
    listed = list(values)
    names = range(len(listed)) if rows is None else rows
    labels = [checked_label(f"{subject}: row {row}", value) for row, value in zip(names, listed, strict=True)]
    for row, label in zip(names, labels, strict=True):
        if type(label) is not type(labels[0]):
            raise EvenpickError(
                f"{subject}: labels must be of one type; row {names[0]} has {_described(labels[0])}, "
                f"row {row} {_described(label)}"
            )
    return labels


def checked_label(where: str, value: object) -> Label:
    """The label as plain Python has it; the message of an error begins with `where` it stands.

    Raises
    ------
    EvenpickError
        If it is missing (None, nan, NaT, NA, blank text), bytes, or of a type that is no `Label`.
    """
    plain = value.item() if isinstance(value, np.bool_ | np.integer | np.floating | np.str_) else value
    if is_missing(plain):
        raise EvenpickError(f"{where}: the label is missing ({plain!r}); give its class or leave the image out")
    if isinstance(value, bytes):
        raise EvenpickError(f"{where}: the label is bytes ({value!r:.40}); decode it to text")
    for of_type, plainly in _PLAIN.items():
        if isinstance(plain, of_type) and not (isinstance(plain, float) and math.isinf(plain)):
            label: Label = plainly(plain)
            return label
    raise EvenpickError(f"{where}: a label must be text, a finite number or a bool; got {_described(value)}")


def is_missing(value: object) -> bool:
    """Whether it stands for no value: None, nan, NaT, pandas' NA, a masked entry, blank text."""
    if isinstance(value, str):
        return not value.strip()
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):  # pandas', not imported
        return True
    return isinstance(value, float | np.generic) and bool(value != value)  # only nan and NaT differ from themselves


def _described(value: object) -> str:
    return f"{value!r:.40} ({type(value).__name__})"
