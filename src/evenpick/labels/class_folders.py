"""Labels in and out as a folder of images, one folder a class: `class/image`.

Of an image's path the first part is its class, the rest its id. What file systems refuse in a name is
percent-encoded; `classes.csv` beside the class folders tells the names that are too long even so, or that
differ from another only in case.
"""

import csv
import filecmp
import hashlib
import io
import re
import shutil
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np

from ..atomic_files import write_csv, writing
from ..errors import EvenpickError
from ..images import Part, UnreadableImageError, find_images, open_part
from ..names import checked_class_name
from ..paths import Paths
from ..pool import Pool, read_images_csv, read_state
from .columns import TableOptions
from .entries import labelled_images
from .record import LabelStore
from .tables import LabelRow, LabelTable, UnknownImagesError, label_table

CLASSES = "classes.csv"
_SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval"))
_PART = ".png"  # ends the name of a part of a file, which is written anew
_LONGEST = 240  # bytes; most file systems take 255

# What Windows or the shell's `..` and hidden files make of a name; `%` and `~` so that reading back is exact.
_REFUSED = re.compile(r'[<>:"/\\|?*%~\x00-\x1f\x7f]|^\.|[. ]$')
_SHORTENED = re.compile(r"~[0-9a-f]{16}$")
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)


def export_folder(
    target: Path, store: LabelStore, pool: Pool, part_of: Mapping[str, str] | None = None
) -> tuple[int, int]:
    """Copy every labelled image to `target/class/image`; returns how many there are, and were copied now.

    With parts to `target/part/class/image`. A row that is a part of a file, such as a box, is written as what is seen
    of it: `target/class/image#1.png`.

    Parameters
    ----------
    target : Path
        New, empty, or left by an earlier export: what is there already is not copied again.
    store : LabelStore
    pool : Pool
        With the folder of photographs.

    Raises
    ------
    EvenpickError
        If the target holds anything that this export would not write, or lies among the photographs, where its
        copies would be embedded; nothing is copied then.
    """
    gone = (
        set[str]() if pool.present is None else {pool.image_ids[row] for row in np.flatnonzero(~pool.present).tolist()}
    )
    labelled = labelled_images(store.entries())
    labels = {image: str(answer.label) for image, answer in labelled if image not in gone}
    if not labels:
        raise EvenpickError(f"'{store.path}' has no label yet: label or import some first")
    if pool.folder is None or not pool.folder.is_dir():
        raise EvenpickError(f"the folder of photographs '{pool.folder}' does not exist: put it back where it was")
    if target.resolve().is_relative_to(pool.folder.resolve()):
        raise EvenpickError(f"'{target}' is in the folder of photographs '{pool.folder}': export to a folder beside it")
    folders = class_folders(labels.values())
    above = {} if part_of is None else {image_id: f"{part_of[image_id]}/" for image_id in labels}
    parts = {_inside(image_id): _part(store, pool, image_id) for image_id in labels}
    files = {
        f"{above.get(image_id, '')}{folders[labels[image_id]]}/{image_id}{_PART if part.text else ''}": part
        for image_id, part in parts.items()
    }
    _check_target(target, files)
    target.mkdir(parents=True, exist_ok=True)
    _write_classes(target / CLASSES, folders)
    copied = sum(_copy(target, name, source) for name, source in files.items())
    return len(files), copied


def read_folder(
    folder: Path,
    workspace: Path,
    skipped: Iterable[str] = (),
    options: TableOptions | None = None,
    replaced: Iterable[str] = (),
) -> LabelTable:
    """The labels of a folder `class/image`, or of several such folders called `train`, `val` and so on.

    An image is known by its bytes, which the pool has a checksum of, or else by its path below the class or folder. Its path
    comes first where it names an image that is among those `replaced` since they were labelled, or that has these bytes by
    now and was not embedded anew: an export of it holds what lies there, which may be the bytes of another image.

    Raises
    ------
    EvenpickError
        If an image lies beside the class folders, is not in the pool, or lies in two classes; if a folder is a
        link or cannot be listed, or `classes.csv` does not tell a shortened name.
    """
    asked, names = options or TableOptions(), _all_images(folder)
    splits = _splits(names)
    if asked.split is not None and asked.split not in splits:
        found = f"it has {', '.join(splits)}" if splits else "it has none, such as train and val"
        raise EvenpickError(f"--split names a folder of class folders in '{folder}'; {found}; got {asked.split!r}")
    state = read_state(workspace)
    rows = read_images_csv(Paths(workspace), state)
    of_digest: dict[str, list[str]] = {}
    for row in rows:
        if not row.part:
            of_digest.setdefault(row.sha256, []).append(row.image)
    advice = "a file must be a copy of an image of the pool, or have its path below the class folder"
    image_ids, left_out = {row.image for row in rows}, set(skipped)
    named = [(name, *_inside_split(name, splits)) for name in names]
    taken = [(name, inner) for name, split, inner in named if asked.split in (None, split)]
    photos = Path(state["folder"]) if state["folder"] else None
    files = list(_labelled_files(folder, taken, of_digest, image_ids, {*replaced}, photos))
    table = label_table(folder, [row for row, _ in files], image_ids, left_out)
    if table.unknown and not asked.skip_unknown:
        raise UnknownImagesError(folder, table.unknown, advice)
    by_path = {row.image for row, by_bytes in files if not by_bytes}
    form = f"Read as class folders in {', '.join(splits)}" if splits else ""
    return replace(table, by_path=len(by_path & table.labels.keys()), form=form)


def _part(store: LabelStore, pool: Pool, image_id: str) -> Part:
    if image_id not in pool.row_of:
        raise EvenpickError(f"'{store.path}' names an image that the pool does not hold: {image_id!r}")
    return pool.part(pool.row_of[image_id])


def _splits(names: Sequence[str]) -> list[str]:
    """The folders of class folders, where all of the images lie in such; none where they lie in class folders."""
    first = {name.partition("/")[0] for name in names}
    nested = any(name.count("/") > 1 for name in names)
    return sorted(first) if nested and all(name.casefold() in _SPLITS for name in first) else []


def _inside_split(name: str, splits: Sequence[str]) -> tuple[str, str]:
    """The split of a file, and its path within."""
    split, _, rest = name.partition("/")
    return (split, rest) if splits else ("", name)


def _labelled_files(
    folder: Path,
    names: Iterable[tuple[str, str]],
    of_digest: Mapping[str, Sequence[str]],
    image_ids: Container[str],
    replaced: Container[str],
    photos: Path | None,
) -> Iterator[tuple[LabelRow, bool]]:
    """Image and class of each file, and whether the image is known by its bytes."""
    class_of = _read_classes(folder / CLASSES)
    for name, inner in names:
        first, slash, image_id = inner.partition("/")
        if not slash and inner == name:
            raise EvenpickError(f"'{folder}' must hold a folder for each class; image '{name}' lies beside them")
        label = _class_of(folder, first, class_of) if slash else ""  # test images of a split need have no class
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        by_path = image_id if image_id in image_ids or name not in image_ids else name
        if by_path not in image_ids and by_path.removesuffix(_PART) in image_ids:
            by_path = by_path.removesuffix(_PART)
        by_bytes = of_digest.get(digest, ())
        own = by_path in by_bytes or by_path in replaced
        if by_bytes and not own:
            own = by_path in image_ids and _lies_there(photos, by_path, folder / name)
        image = by_bytes[-1] if by_bytes and not own else by_path
        yield LabelRow(f"'{name}'", image, label), image in by_bytes


def _lies_there(photos: Path | None, image_id: str, copy: Path) -> bool:
    """Whether the file of an image has the bytes of this copy now, whatever it had when it was embedded."""
    file = None if photos is None else photos / image_id
    return file is not None and file.is_file() and filecmp.cmp(file, copy, shallow=False)


def _all_images(folder: Path) -> list[str]:
    """As `find_images`, but what it would pass over is refused: half of the labels look like all of them."""

    def refuse(name: str, reason: str) -> None:
        if name.endswith("/"):
            raise EvenpickError(f"'{folder / name}' cannot be listed: {reason}")

    for path in folder.rglob("*"):
        if path.is_symlink() and path.is_dir():
            raise EvenpickError(f"'{path}' is a link, which is not followed: put the folder itself there")
    return find_images(folder, refuse)


def _class_of(folder: Path, name: str, class_of: Mapping[str, str]) -> str:
    found = class_of.get(unicodedata.normalize("NFC", name))  # some file systems take accents apart
    if found is None and _SHORTENED.search(name):
        raise EvenpickError(
            f"'{folder / CLASSES}' does not tell the class of the folder '{name}': put the file of the export there, "
            "or rename the folder"
        )
    return unquote(name) if found is None else found


def class_folders(labels: Iterable[str]) -> dict[str, str]:
    """A folder name for each class, that every file system takes and that no two share."""
    folders: dict[str, str] = {}
    taken = {CLASSES}
    for label in dict.fromkeys(labels):
        name = folder_name(label)
        if len(name.encode()) > _LONGEST or _folded(name) in taken:
            name = _shortened(label)
        folders[label] = name
        taken.add(_folded(name))
    return folders


def folder_name(label: str) -> str:
    """The name with what file systems refuse percent-encoded; `urllib.parse.unquote` gives it back."""
    name = _REFUSED.sub(lambda found: _percent(found[0]), label)
    return _percent(name[0]) + name[1:] if _RESERVED.match(name) else name


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _shortened(label: str) -> str:
    """A name that the class alone has: `~` is in no other; see `classes.csv` for what it stands for."""
    start = folder_name(label).encode()[:200].decode(errors="ignore")
    return f"{start}~{hashlib.sha256(label.encode()).hexdigest()[:16]}"


def _folded(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _inside(image_id: str) -> str:
    path = PurePosixPath(image_id)
    if path.is_absolute() or ".." in path.parts:
        raise EvenpickError(f"image ids must be paths inside the embedded folder; the pool has '{image_id}'")
    return image_id


def _check_target(target: Path, files: Mapping[str, Part]) -> None:
    """Refuse a target that holds anything else than these files."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise EvenpickError(f"'{target}' must be a folder, or not exist yet")
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target).as_posix()
        passed_over = path.is_dir() or name == CLASSES or path.name.startswith(".")  # hidden: never an image
        if path.is_symlink() or not (passed_over or name in files):
            raise EvenpickError(
                f"'{target}' holds '{name}', which the labels do not put there now: export to a new folder"
            )
        if name in files and not _same(path, files[name]):
            raise EvenpickError(f"'{path}' differs from '{files[name]}': export to a new folder")


def _same(file: Path, part: Part) -> bool:
    return file.read_bytes() == _encoded(part) if part.text else filecmp.cmp(file, part.file)


def _encoded(part: Part) -> bytes:
    """What is seen of a part, as a PNG."""
    try:
        buffer = io.BytesIO()
        open_part(part).save(buffer, "PNG")
        return buffer.getvalue()
    except UnreadableImageError as error:
        raise EvenpickError(f"image '{part}' cannot be read: {error}; put it back where it was") from error


def _copy(target: Path, name: str, source: Part) -> bool:
    file = target / name
    if file.exists():
        # Compared already: this export's own, unless two image ids differ in nothing that this file system keeps.
        if _same(file, source):
            return False
        raise EvenpickError(f"'{file}' is another image's already: this disk takes the two names for the same")
    file.parent.mkdir(parents=True, exist_ok=True)
    with writing(file) as temporary:
        if source.text:
            temporary.write_bytes(_encoded(source))
        else:
            shutil.copyfile(source.file, temporary)
    shutil.copystat(source.file, file)
    return True


def _write_classes(file: Path, folders: Mapping[str, str]) -> None:
    rows = [(folder, label) for label, folder in folders.items() if unquote(folder) != label]
    if rows:
        write_csv(file, ("folder", "class"), rows)


def _read_classes(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle, strict=True))
        return {unicodedata.normalize("NFC", row["folder"] or ""): checked_class_name(row["class"]) for row in rows}
    except (ValueError, KeyError, csv.Error, EvenpickError) as error:
        raise EvenpickError(f"'{file}' must be a CSV table with the columns folder and class ({error})") from error
