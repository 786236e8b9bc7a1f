"""The order in which photographs were taken: by their times or, where there are none, by the numbers in their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Values

_NUMBERS = re.compile(r"([0-9]+)")
# As telephones and camera traps name files: IMG_20240501_080000.jpg, 2024-05-01 08-00-00.jpg
_TIME_IN_NAME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)([01]\d)\2([0-3]\d)[-_.T ]{0,3}([0-2]\d)([-_.:h]?)([0-5]\d)\6([0-5]\d)(?!\d{4})"
)


@dataclass(frozen=True)
class Sequences:
    """Rows in the order in which they were taken, and where a new run of photographs begins.

    Attributes
    ----------
    order : int array of shape (n,)
        The row at each place.
    run : int array of shape (n,)
        Number of the run at each place, growing. Of timed photographs: of one folder and camera, each at most the
        gap after the one before. Of others: names of one folder that differ in their last number only.
    timed : bool array of shape (n,)
        Whether the photograph at each place has a time.
    """

    order: IndexArray
    run: IndexArray
    timed: NDArray[np.bool_]


def sequences(files: Sequence[str], taken: Sequence[str] | None, camera: Sequence[str] | None, gap: float) -> Sequences:
    """The order of n files, by their paths, times (ISO 8601, empty for none) and cameras; the gap is in seconds."""
    seconds = photographed_at(files, taken)
    timed = ~np.isnan(seconds)
    keys: list[tuple[object, ...]] = []
    for row, (path, second, known) in enumerate(zip(files, seconds.tolist(), timed.tolist(), strict=True)):
        folder, _, name = path.rpartition("/")
        # Text and numbers by turns, so that any two can be compared.
        parts = tuple(int(part) if i % 2 else part for i, part in enumerate(_NUMBERS.split(name)))
        if known:
            keys.append((folder, 1, (camera[row] if camera else "",), second, parts))
        else:
            keys.append((folder, 0, (*_NUMBERS.split(name)[:-2], parts[-1]), 0.0, parts))
    order = np.array(sorted(range(len(files)), key=keys.__getitem__), np.intp)
    new = np.ones(len(order), bool)
    new[1:] = [keys[i][:3] != keys[j][:3] for i, j in zip(order[1:].tolist(), order.tolist(), strict=False)]
    new[1:] |= np.diff(np.where(timed, seconds, 0.0)[order]) > gap
    return Sequences(order, np.cumsum(new) - 1, timed[order])


def photographed_at(files: Sequence[str], taken: Sequence[str] | None) -> Values:
    """The time of each photograph since some day, nan for none; a time in the name counts where there is no other."""
    texts = [""] * len(files) if taken is None else list(taken)
    texts = [text[:26] or _time_in(file) for text, file in zip(texts, files, strict=True)]
    times = np.array(texts, "datetime64[us]")
    seconds: Values = (times - np.datetime64("2000-01-01", "us")) / np.timedelta64(1, "s")
    return seconds


def _time_in(path: str) -> str:
    found = _TIME_IN_NAME.search(path.rpartition("/")[2])
    if found is None:
        return ""
    year, _, month, day, hour, _, minute, second = found.groups()
    text = f"{year}-{month}-{day}T{hour}:{minute}:{second}"
    try:
        np.datetime64(text, "s")
    except ValueError:  # a number that only looks like a time
        return ""
    return text
