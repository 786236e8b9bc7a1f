"""How the rows of a pool are made of boxes, kept in the workspace with a copy of their file."""

import json
import shutil
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..images import MARGIN
from ..paths import Paths
from .options import EmbedOptions

_WITHOUT = ("keep", "leave")
_GIVEN = "given"  # what the copy is called, less the suffix of the file


@dataclass(frozen=True)
class BoxSettings:
    """What is fixed with the first row; see `EmbedOptions`."""

    box_confidence: float = 0.2
    box_category: tuple[str, ...] = ()
    box_margin: float = MARGIN
    without_boxes: str = "keep"


def read_box_settings(paths: Paths) -> BoxSettings | None:
    """The settings of a workspace; None where rows are whole images."""
    try:
        found = json.loads(_file(paths).read_bytes())
    except FileNotFoundError:
        return None
    return BoxSettings(**{**found, "box_category": tuple(found["box_category"])})


def margin_of_boxes(paths: Paths) -> float:
    """The margin around boxes of a workspace."""
    settings = read_box_settings(paths)
    return MARGIN if settings is None else settings.box_margin


def kept_boxes(paths: Paths) -> Path:
    """The workspace's own copy of the file of boxes.

    Raises
    ------
    EvenpickError
        If there is none.
    """
    if (kept := find_kept_boxes(paths)) is None:
        raise EvenpickError(
            f"the file of boxes is missing in '{paths.boxes}': name it again by `evenpick embed --boxes`"
        )
    return kept


def find_kept_boxes(paths: Paths) -> Path | None:
    """The same; None if there is none."""
    return next(iter(sorted(paths.boxes.glob(f"{_GIVEN}*"))), None)


def settled(paths: Paths, options: EmbedOptions, begun: bool) -> BoxSettings | None:
    """The settings that hold: those of the workspace, or else those asked for; None for whole images.

    Raises
    ------
    EvenpickError
        If those asked for are no settings, or differ from those of a pool that was `begun`.
    """
    asked = {name: value for name in _NAMES if (value := getattr(options, name)) not in (None, ())}
    if "box_category" in asked:
        asked["box_category"] = tuple(sorted(asked["box_category"]))
    kept = read_box_settings(paths)
    if kept is None and options.boxes is None:
        for name in asked:
            raise EvenpickError(f"--{name.replace('_', '-')} is about boxes: name their file with --boxes")
        return None
    if kept is None and begun:
        raise EvenpickError(f"workspace '{paths.workspace}' was embedded without boxes; use another workspace")
    found = _checked(BoxSettings(**asked))
    if not begun and options.boxes is not None:
        return found
    if kept and not begun:
        return _checked(replace(kept, **asked))
    for name in asked if kept else ():
        if getattr(kept, name) != getattr(found, name):
            raise EvenpickError(
                f"workspace '{paths.workspace}' was embedded with --{name.replace('_', '-')} {getattr(kept, name)}, "
                f"now {getattr(found, name)}; use another workspace"
            )
    return kept or found


def options_for_other(paths: Paths, folder: Path, boxes: Path | None) -> EmbedOptions:
    """How another folder is to be seen for a classifier of this workspace: by boxes as its own, where it has any.

    Raises
    ------
    EvenpickError
        If it has, and those of the folder are not named.
    """
    settings = read_box_settings(paths)
    if boxes is None and settings is not None:
        raise EvenpickError(f"the classifier was trained on boxes: name the file with those of '{folder}' by --boxes")
    return EmbedOptions(boxes=boxes, **({} if settings is None or boxes is None else asdict(settings)))


def forget_other_boxes(paths: Paths, boxes: Path | None) -> None:
    """Throw the pool of another folder away that was made of other boxes than these."""
    if not paths.pool_json.is_file() or boxes is None or not boxes.exists():
        return
    kept = find_kept_boxes(paths)
    if kept is None or _content(kept) != _content(boxes):
        shutil.rmtree(paths.workspace)


def _content(given: Path) -> list[bytes]:
    files = sorted(given.glob("*.csv")) if given.is_dir() else [given]
    return [file.read_bytes() for file in files]


def keep_boxes(paths: Paths, settings: BoxSettings, given: Path) -> None:
    """Keep a copy of a file of boxes, or of the tables of a package, and the settings."""
    paths.boxes.mkdir(exist_ok=True)
    target = paths.boxes / f"{_GIVEN}{given.suffix if given.is_file() else ''}"
    new = paths.boxes / f"next-{target.name}"  # it may be the copy itself that is given
    _remove(new)
    if given.is_dir():
        new.mkdir()
        for table in given.glob("*.csv"):
            shutil.copyfile(table, new / table.name)
    else:
        shutil.copyfile(given, new)
    if target.is_dir():
        _remove(target)
    new.replace(target)
    for old in paths.boxes.glob(f"{_GIVEN}*"):
        if old != target:
            _remove(old)
    write_atomically(_file(paths), json.dumps(asdict(settings)).encode())


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


_NAMES = [field.name for field in fields(BoxSettings)]


def _file(paths: Paths) -> Path:
    return paths.boxes / "settings.json"


def _checked(settings: BoxSettings) -> BoxSettings:
    for what, rule, right in (
        ("--box-confidence", "from 0 to 1", 0 <= settings.box_confidence <= 1),
        ("--box-margin", "from 0 to 2", 0 <= settings.box_margin <= 2),
        ("--without-boxes", "keep or leave", settings.without_boxes in _WITHOUT),
    ):
        if not right:
            got = getattr(settings, what.removeprefix("--").replace("-", "_"))
            raise EvenpickError(f"{what} must be {rule}; got {got}")
    return settings
