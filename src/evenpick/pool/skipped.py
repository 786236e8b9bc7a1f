"""Images that were left out when embedding, and why: `skipped.csv` of a workspace."""

import csv
import hashlib
import io
import stat
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from ..atomic_files import csv_bytes
from ..errors import EvenpickError
from ..paths import Paths
from .storage import read_state

COLUMNS = ("image", "reason", "twin", "size", "mtime_ns")
_SAME_CONTENT = "same content as "


@dataclass(frozen=True, order=True)
class Skipped:
    """An image that was left out, the reason in words and, of a copy, the image of the pool that has the same bytes.

    Size and time of the file tell whether it is still the same.
    """

    image_id: str
    reason: str
    twin: str | None = None
    size: str = field(default="", compare=False)
    mtime_ns: str = field(default="", compare=False)


def copy_of(twin: str, image_id: str, size: str = "", mtime_ns: str = "") -> Skipped:
    """An image that is left out because its twin is in the pool."""
    return Skipped(image_id, _SAME_CONTENT + twin, twin, size, mtime_ns)


def with_stat(folder: Path, skipped: Skipped) -> Skipped:
    """The same with size and time of its file now, if they are not known."""
    try:
        found = (folder / skipped.image_id).stat()
    except OSError:
        return skipped
    known = bool(skipped.size) or not stat.S_ISREG(found.st_mode)
    return skipped if known else replace(skipped, size=str(found.st_size), mtime_ns=str(found.st_mtime_ns))


def read_skipped(workspace: Path) -> dict[str, Skipped]:
    """What was left out when embedding, by image id.

    Raises
    ------
    EvenpickError
        If the file is not what `embed` wrote.
    """
    file, pool_json = Paths(workspace).skipped, Paths(workspace).pool_json
    if not file.is_file():
        return {}
    data = file.read_bytes()
    known = read_state(workspace).get("skipped_sha256", []) if pool_json.is_file() else []
    if known and hashlib.sha256(data).hexdigest() not in known:
        raise _damaged(file)
    rows = csv.DictReader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""))
    read = _skipped if "twin" in (rows.fieldnames or ()) else _skipped_without_column
    try:
        return {row["image"]: read(row) for row in rows}
    except (KeyError, TypeError, AttributeError, csv.Error):
        raise _damaged(file) from None


def _damaged(file: Path) -> EvenpickError:
    return EvenpickError(f"'{file}' is damaged, or was changed: run `evenpick embed` again, which writes it anew")


def _skipped(row: dict[str, str]) -> Skipped:
    return Skipped(row["image"], row["reason"], row["twin"] or None, row.get("size") or "", row.get("mtime_ns") or "")


def _skipped_without_column(row: dict[str, str]) -> Skipped:
    """Older files name the twin in the reason only."""
    twin = row["reason"].removeprefix(_SAME_CONTENT)
    return Skipped(row["image"], row["reason"], twin if twin != row["reason"] else None)


def lines_of_skipped(skipped: Iterable[Skipped]) -> bytes:
    """The whole of `skipped.csv`."""
    return csv_bytes([COLUMNS, *map(astuple, skipped)])
