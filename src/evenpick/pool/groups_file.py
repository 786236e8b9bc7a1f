"""`groups.csv` of a workspace: the group of each image that does not stand alone, and why; people may edit it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..arrays import IndexArray
from ..counting import counted
from ..errors import EvenpickError, cut, first_few
from ..paths import Paths
from ..sheets import read_sheet
from .changes_csv import moved_ids
from .groups import numbered_groups

COLUMNS = ("image", "group", "reason")


class Member(NamedTuple):
    """The group that an image is in, by name (empty if it stands alone), and why."""

    group: str
    reason: str


def read_groups(paths: Paths, image_ids: list[str]) -> IndexArray | None:
    """The number of each image's group; None without a file, or where every image stands for itself.

    Raises
    ------
    EvenpickError
        If the file is no such table, or names an image that is not in the pool.
    """
    file = paths.groups
    if not (members := read_members(file)):
        return None
    ids = set(image_ids)
    if not members.keys() <= ids:
        members = read_members(file, moved_ids(paths.workspace, ids))
    unknown = members.keys() - ids
    if unknown:
        raise EvenpickError(
            f"'{file}' names {counted(len(unknown), 'image that is', 'images that are')} not in the pool: {first_few(sorted(unknown))}; "
            "delete their lines"
        )
    # A name of a group and the id of an image that stands alone may be equal.
    names = {image: member.group for image, member in members.items() if member.group}
    return numbered_groups((0, names[i]) if i in names else (1, i) for i in image_ids) if names else None


def read_members(file: Path, moved: Mapping[str, str] | None = None) -> dict[str, Member]:
    """The group of each image that the file names; one without a group stands alone.

    Images that have moved are called by their ids now, and so are groups that are called by an image.

    Raises
    ------
    EvenpickError
        If the file is no such table, or gives an image two groups.
    """
    if not file.is_file():
        return {}
    members: dict[str, Member] = {}
    sheet = read_sheet(file)
    _check_columns(file, sheet.columns)
    for _, row in sheet.by_column:
        named, group = row["image"], row["group"].strip()
        image, group = (moved or {}).get(named, named), (moved or {}).get(group, group)
        known = members.setdefault(image, Member(group, row.get("reason", "").strip()))
        if known.group != group:
            raise EvenpickError(
                f"'{file}' puts image '{image}' into two groups, '{known.group}' and '{group}': keep one line"
            )
    return {image: member for image, member in members.items() if image}


def _check_columns(file: Path, names: Sequence[str]) -> None:
    for name in COLUMNS[:2]:
        if name not in names:
            raise EvenpickError(
                f"'{file}' needs a first line with the columns {', '.join(COLUMNS)}; found {cut(', '.join(names)) or 'none'}; "
                "mend it, or delete it and embed again"
            )
