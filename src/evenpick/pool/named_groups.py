"""Groups that somebody names: by time, by folder, by a pattern of names, or by a column of a table."""

import re
from collections.abc import Container, Mapping

from ..errors import EvenpickError, first_few
from .image_tables import check_column, column_by_image, table_and_column
from .pool import Pool
from .sequences import sequences

WAYS = ("auto", "time", "folder", "sequence", "none")


def check_group_by(group_by: str) -> None:
    """Refuse what can never be used: a table without the column, a pattern that is none."""
    if group_by in WAYS:
        return
    if table := table_and_column(group_by):
        check_column(*table)
    else:
        _expression(f"--group-by '{group_by}'", group_by)


def named_groups(
    pool: Pool, group_by: str, gap: float, passed_over: Container[str], moved: Mapping[str, str]
) -> list[str]:
    """The name of each row's group, empty for an image that stands alone.

    `group_by` is "time" or what `names_by` takes.

    Raises
    ------
    EvenpickError
        If it cannot be used, tells nothing, or makes one group of everything.
    """
    names = _by_time(pool, gap) if group_by == "time" else names_by("--group-by", pool, group_by, passed_over, moved)
    if len(pool) > 1 and len(set(names)) == 1 and names[0]:
        raise EvenpickError(
            f"--group-by {group_by} makes one group, '{names[0]}', of all {len(pool)} images, and one answer would "
            "label them all: choose another way"
        )
    return names


def names_by(option: str, pool: Pool, way: str, passed_over: Container[str], moved: Mapping[str, str]) -> list[str]:
    """What "folder", FILE.csv:COLUMN or a regular expression says of each row; empty for nothing.

    Of an expression its groups count, or else the whole match. A table may name images that were passed over, and
    `moved` ones by their old ids. Messages name the option.

    Raises
    ------
    EvenpickError
        If it cannot be used, or tells nothing.
    """
    if way == "folder":
        return [file.rpartition("/")[0] or "." for file in pool.files]
    if table := table_and_column(way):
        said = column_by_image(*table, pool.row_of, passed_over, moved)
        return [said.get(image, "") for image in pool.image_ids]
    return _by_pattern(f"{option} '{way}'", pool, way)


def _by_time(pool: Pool, gap: float) -> list[str]:
    taken = sequences(pool.files, pool.taken, pool.camera, gap)
    if not taken.timed.any():
        raise EvenpickError("--group-by time: no image says when it was taken; use 'auto' or a regular expression")
    first: dict[int, str] = {}
    names = [""] * len(pool)
    for row, run, timed in zip(taken.order.tolist(), taken.run.tolist(), taken.timed.tolist(), strict=True):
        if timed:
            names[row] = first.setdefault(run, pool.image_ids[row])
    return names


def _by_pattern(subject: str, pool: Pool, pattern: str) -> list[str]:
    expression = _expression(subject, pattern)
    found = [expression.search(image) for image in pool.image_ids]
    names = [" ".join(match.groups("") or (match[0],)).strip() if match else "" for match in found]
    if not any(names):
        raise EvenpickError(
            f"{subject} matches no image, such as {first_few(pool.image_ids[:1])}; "
            "it is a regular expression on paths below the folder"
        )
    return names


def _expression(subject: str, pattern: str) -> "re.Pattern[str]":
    try:
        return re.compile(pattern)
    except re.error as error:
        ways = WAYS if subject.startswith("--group-by") else ("folder",)
        raise EvenpickError(
            f"{subject} is no regular expression: {error}; other ways are {', '.join(ways)} and FILE.csv:COLUMN"
        ) from error
