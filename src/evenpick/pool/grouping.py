"""Groups of a workspace: found again by each `embed`, with what people changed by hand kept.

`groups.csv` is what stands, and people may edit it. `pool/groups.csv` is what was last written there: where the two
differ, somebody changed it.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_files import write_atomically, write_csv
from ..errors import EvenpickError
from ..paths import Paths
from ..sources import SourceModel
from .auto_groups import auto_groups, unit_of
from .changes_csv import moved_ids, read_changes
from .groups_file import COLUMNS, Member, read_members
from .image_tables import table_and_column, table_digest, with_absolute_table
from .named_groups import check_group_by, named_groups
from .package_groups import package_groups
from .pool import Pool
from .skipped import read_skipped

DEFAULT_GAP = 60.0  # seconds
_MANY = 0.1  # of the pool
_BY_HAND = "by hand"
_ALONE = Member("", _BY_HAND)


def check_grouping(workspace: str | Path, group_by: str | None, gap: float | None) -> None:
    """Refuse what can be seen to be wrong before the images are looked at; errors as in `group_images`."""
    if gap is not None:
        _checked_gap(gap)
    if group_by is not None:
        check_group_by(group_by)
    elif before := _settings(Paths(workspace).groups_json).get("group_by"):
        _check_remembered(workspace, before)
    read_members(Paths(workspace).groups)


def _check_remembered(workspace: str | Path, group_by: str) -> None:
    try:
        check_group_by(group_by)
    except EvenpickError as error:
        raise EvenpickError(
            f"workspace '{workspace}' is grouped by {group_by}: {error}; say --group-by with what there is now, or auto"
        ) from error


def group_images(
    workspace: str | Path, pool: Pool, source: SourceModel | None, group_by: str | None = None, gap: float | None = None
) -> None:
    """Find which images of the pool show the same thing, and write `groups.csv`; done again only if something changed.

    `group_by` and `gap` are by default as they were before, at first "auto" and 60 seconds.

    Raises
    ------
    EvenpickError
        If a pattern, table or column cannot be used, or `groups.csv` is no such table.
    """
    paths = Paths(workspace)
    before = _settings(paths.groups_json)
    way = with_absolute_table(group_by or before.get("group_by", "auto"))
    asked = {
        "group_by": way,
        "gap": _checked_gap(before.get("gap", DEFAULT_GAP) if gap is None else gap),
        "images": len(pool),
        "changes": len(read_changes(workspace)),
        "table": table_digest(way),
    }
    if paths.groups.is_file() and asked == {key: before.get(key) for key in asked}:
        return
    moved = moved_ids(workspace, pool.row_of)
    by_hand = _changed_by_hand(paths, moved)
    unit = before.get("unit") or (unit_of(pool, source) if asked["group_by"] == "auto" else None)
    found, untold = _found(paths, pool, asked, unit, moved)
    stands = _with_changes(found, {image: by_hand[image] for image in pool.image_ids if image in by_hand})
    _write(paths, [(image, *stands[image]) for image in pool.image_ids if image in stands])
    write_atomically(paths.groups_json, json.dumps({**asked, "unit": unit, "untold": untold}).encode())


def group_as(workspace: str | Path, other: str | Path, pool: Pool, source: SourceModel | None) -> None:
    """Find the groups of another folder, whose pool is in `other`, by the way and gap of this workspace.

    A table names images of the folder that it was made for, so there "auto" takes its place.
    """
    before = _settings(Paths(workspace).groups_json)
    group_by = before.get("group_by", "auto")
    group_images(other, pool, source, "auto" if table_and_column(group_by) else group_by, before.get("gap"))


def limits_of(workspace: str | Path, pool: Pool, source: SourceModel | None) -> tuple[float, float]:
    """The unit of looks and the gap of a workspace, measured if it was not before."""
    before = _settings(Paths(workspace).groups_json)
    return before.get("unit") or unit_of(pool, source), before.get("gap", DEFAULT_GAP)


def hint_of(workspace: str | Path, pool: Pool) -> str:
    """What to say where "auto" could not tell frames of a video from different images; empty if it could."""
    untold = _settings(Paths(workspace).groups_json).get("untold", 0)
    if untold < _MANY * len(pool):
        return ""
    return (
        f"{untold:,} images look like the one before them by name, but different images look as alike here, so they are no "
        "group. If they are frames of videos, or one thing each in a folder, say --group-by folder or a regular expression"
    )


def _found(
    paths: Paths, pool: Pool, asked: Mapping[str, Any], unit: float | None, moved: Mapping[str, str]
) -> tuple[dict[str, Member], int]:
    """The group of each image that does not stand alone, and how many images "auto" could not tell apart."""
    ids, untold = pool.image_ids, 0
    if asked["group_by"] == "none":
        return {}, untold
    if asked["group_by"] == "auto":
        assert unit is not None
        group, copied, untold = auto_groups(pool, unit, asked["gap"])
        names = [ids[first] for first in group.tolist()]
        reasons = np.where(copied, "copy", "taken together").tolist()
    elif asked["group_by"] == "sequence":
        names, reasons = package_groups(paths, pool), ["sequence"] * len(ids)
    else:
        names = named_groups(pool, asked["group_by"], asked["gap"], read_skipped(Path(paths.workspace)), moved)
        reasons = [asked["group_by"]] * len(ids)
    size = Counter(names)
    found = {
        image: Member(name, reason)
        for image, name, reason in zip(ids, names, reasons, strict=True)
        if name and size[name] > 1
    }
    return found, untold


def _write(paths: Paths, rows: Sequence[tuple[str, str, str]]) -> None:
    """Replace `groups.csv`, and what says how it was written; see `_last_written` for a run that is killed here."""
    write_csv(paths.groups_next, COLUMNS, rows)
    write_csv(paths.groups, COLUMNS, rows)
    paths.groups_next.replace(paths.groups_written)


def _last_written(paths: Paths, moved: Mapping[str, str]) -> dict[str, Member]:
    new = paths.groups_next
    whole = new.is_file() and new.read_bytes() == paths.groups.read_bytes()
    return read_members(new if whole else paths.groups_written, moved)


def _changed_by_hand(paths: Paths, moved: Mapping[str, str]) -> dict[str, Member]:
    """What people changed in `groups.csv`, now or before; an image whose line they took out stands alone."""
    if not paths.groups.is_file():
        return {}
    written, now = _last_written(paths, moved), read_members(paths.groups, moved)
    changed = {
        image: Member(member.group, _BY_HAND) for image, member in now.items() if _differs(member, written.get(image))
    }
    taken_out = {image for image in written.keys() - now.keys() if written[image].reason != _BY_HAND}
    return changed | dict.fromkeys(taken_out, _ALONE)


def _differs(now: Member, written: Member | None) -> bool:
    return now.reason == _BY_HAND or written is None or now.group != written.group


def _with_changes(found: Mapping[str, Member], by_hand: Mapping[str, Member]) -> dict[str, Member]:
    """The groups found, less those who are elsewhere by hand.

    Groups are called by an image of them, so an image that was put to another by hand goes where that one is now.
    """
    moved = {
        image: Member(found[member.group].group, member.reason) if member.group in found else member
        for image, member in by_hand.items()
    }
    together = {**found, **moved}
    size = Counter(member.group for member in together.values())
    return {image: member for image, member in together.items() if image in moved or size[member.group] > 1}


def _settings(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    kinds: dict[str, Any] = {"group_by": str, "gap": (int, float), "unit": (int, float, type(None)), "untold": int}
    try:
        settings: dict[str, Any] = json.loads(file.read_bytes())
        if not isinstance(settings, dict) or not all(
            isinstance(settings[name], kind) for name, kind in kinds.items() if name in settings
        ):
            raise TypeError
    except (ValueError, TypeError) as error:
        raise EvenpickError(
            f"'{file}' is damaged: move it away and run `evenpick embed` again, with --group-by if you had said it"
        ) from error
    return settings


def _checked_gap(gap: float) -> float:
    if not (math.isfinite(gap) and gap >= 0):
        raise EvenpickError(f"--gap must be seconds, 0 or more; got {gap}")
    return float(gap)
