"""The classes of a workspace, when they are known before anybody labels: names, keys, notes and examples."""

import csv
import json
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..names import checked_class_name
from ..paths import Paths
from ..sheets import rows_with_names

KEYS = "123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class ListedClass:
    """A class, the key that answers it, what to heed, and the image that shows it; empty where not given."""

    name: str
    key: str = ""
    note: str = ""
    example: str = ""


@dataclass(frozen=True)
class ClassList:
    """The classes known beforehand; closed: there are no others."""

    classes: tuple[ListedClass, ...] = ()
    closed: bool = False

    @property
    def names(self) -> list[str]:
        """The names in the order of the list."""
        return [listed.name for listed in self.classes]


def read_class_list(file: Path, image_ids: Container[str], closed: bool) -> ClassList:
    """The classes of a file: a name a line, or a CSV whose first line names the columns name, key, note and example.

    Raises
    ------
    EvenpickError
        Naming file and line, if a name or key is none or is there twice, or an example is not in the pool.
    """
    try:
        rows = [*rows_with_names(file.read_text("utf-8-sig"))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = str(error) if isinstance(error, csv.Error) else getattr(error, "strerror", None) or "save it as UTF-8"
        raise EvenpickError(f"class list '{file}' cannot be read: {reason}") from error
    classes: list[ListedClass] = []
    for place, row in rows:
        listed = _checked(f"'{file}', line {place}", row, image_ids)
        for other in classes:
            if listed.name == other.name or (listed.key and listed.key == other.key):
                same = "name" if listed.name == other.name else "key"
                raise EvenpickError(f"'{file}', line {place}: {same} {getattr(listed, same)!r} is there twice")
        classes.append(listed)
    if not classes:
        raise EvenpickError(f"class list '{file}' names no class: write one name a line")
    return ClassList(tuple(classes), closed)


def keep_class_list(workspace: str | Path, classes: ClassList) -> None:
    """Keep the list in the workspace, for the next time."""
    write_atomically(Paths(workspace).class_list, json.dumps(asdict(classes), indent=1).encode())


def kept_class_list(workspace: str | Path) -> ClassList:
    """The list that is kept in the workspace; an empty one where there is none.

    Raises
    ------
    EvenpickError
        If the file is damaged.
    """
    file = Paths(workspace).class_list
    if not file.is_file():
        return ClassList()
    try:
        kept = json.loads(file.read_text("utf-8"))
        return ClassList(tuple(ListedClass(**one) for one in kept["classes"]), bool(kept["closed"]))
    except (ValueError, KeyError, TypeError) as error:
        raise EvenpickError(f"'{file}' is damaged: delete it, and give the list again with --classes") from error


def _checked(place: str, row: Mapping[str, str], image_ids: Container[str]) -> ListedClass:
    name = checked_class_name(row["name"] if row.get("name") else "", f"{place}: a class name")
    key = row.get("key", "").strip().lower()
    if key and (len(key) != 1 or key not in KEYS):
        raise EvenpickError(f"{place}: a key must be one of 1 to 9 and a to z; got {key!r}")
    example = row.get("example", "").strip()
    if example and example not in image_ids:
        raise EvenpickError(f"{place}: example '{example}' is not in the pool: name a path below the embedded folder")
    return ListedClass(name, key, row.get("note", "").strip(), example)
