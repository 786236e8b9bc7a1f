"""Find the image files below a folder; what cannot be listed or read is told, not fatal."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from pathspec import GitIgnoreSpec

from ..errors import EvenpickError
from ..paths import Paths
from .kinds import IMAGE_NAMES, NOT_READ, in_place_of_a_folder, kind_of_file, why_not_read

LeaveOut: TypeAlias = Callable[[str, str], object]

# Folders of thumbnails, copies and deleted files; hidden ones are passed over anyway.
THUMBNAILS = frozenset(
    (
        "@eadir",
        "#recycle",
        "@recycle",
        "#snapshot",
        "__macosx",
        "$recycle.bin",
        "lost+found",
        "system volume information",
    )
)
_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip


def find_images(
    folder: Path, leave_out: LeaveOut = lambda name, reason: None, exclude: Sequence[str] = ()
) -> list[str]:
    """Image ids (paths relative to the folder, with `/`) of all images below it, sorted.

    A file counts by its name, or, where the name does not tell, by its first bytes. Hidden files and folders are passed
    over, and so are folders of thumbnails, those that hold a `pool/pool.json` (workspaces), and what a pattern of
    `exclude` matches (as in .gitignore). Links are followed; a folder that is reached twice counts once, under the path
    without links. `leave_out` is called with the name of each folder (ending in `/`) that cannot be listed, of each file
    that is like an image and not read, and why.

    Raises
    ------
    EvenpickError
        If the folder does not exist, cannot be listed or holds no image, or a pattern is none.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 (Path.is_dir raises where it may not look)
        raise EvenpickError(_no_folder(folder))
    left_out: list[tuple[str, str]] = []
    search = _Search(folder, _excluded_by(exclude), lambda name, reason: left_out.append((name, reason)))
    image_ids = sorted(search.images())
    if not image_ids:
        raise EvenpickError(f"folder '{folder}' holds no image, in it or below{_also(folder, left_out)}")
    for name, reason in left_out:
        leave_out(name, reason)
    return image_ids


class _Search:
    """One walk through a folder, in which no folder is entered twice."""

    def __init__(self, folder: Path, excluded: Callable[[str], bool], leave_out: LeaveOut) -> None:
        self._folder, self._excluded, self._leave_out = folder, excluded, leave_out
        above = [folder.resolve(), *folder.resolve().parents]
        self._above = {identity for parent in above if (identity := _identity(parent))}
        self._entered = set[tuple[int, int]]()

    def images(self) -> Iterator[str]:
        todo, links = [""], list[str]()
        while todo or links:
            # Links come last, so that what lies below the folder itself has the path without links.
            prefix = todo.pop() if todo else links.pop()
            identity = _identity(self._folder / prefix)
            if identity in self._entered:
                continue
            if identity:
                self._entered.add(identity)
            yield from self._images_of(prefix, todo, links)

    def _images_of(self, prefix: str, todo: list[str], links: list[str]) -> Iterator[str]:
        try:
            with os.scandir(self._folder / prefix) as listed:
                entries = sorted(listed, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            self._leave_out(prefix or "./", error.strerror or type(error).__name__)
            return
        for entry in entries:
            image_id = prefix + entry.name
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                if self._enters(entry, f"{image_id}/"):
                    (links if entry.is_symlink() else todo).append(f"{image_id}/")
            elif not self._excluded(image_id) and self._is_image(entry, image_id):
                yield image_id

    def _enters(self, entry: "os.DirEntry[str]", name: str) -> bool:
        path = self._folder / name
        # os.path.exists, unlike Path.exists, is False for what may not be looked at.
        if entry.name.lower() in THUMBNAILS or self._excluded(name) or os.path.exists(Paths(path).pool_json):  # noqa: PTH110
            return False
        # A link upwards would bring in all that lies beside the folder.
        return not (entry.is_symlink() and _identity(path) in self._above)

    def _is_image(self, entry: "os.DirEntry[str]", image_id: str) -> bool:
        extension = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 (hot)
        named = extension in IMAGE_NAMES
        if not _is_file(entry):
            if named:
                self._leave_out(image_id, _not_regular(self._folder / image_id))
            return False
        if named:
            return True
        kind = kind_of_file(self._folder / image_id, extension)
        reason = why_not_read(kind) if kind else ""
        if reason:
            self._leave_out(image_id, reason)
        return bool(kind) and not reason


def _excluded_by(patterns: Sequence[str]) -> Callable[[str], bool]:
    if not patterns:
        return lambda name: False
    try:
        return GitIgnoreSpec.from_lines(patterns).match_file
    except ValueError as error:
        raise EvenpickError(f"a pattern to exclude is none: {error}") from error


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _not_regular(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"a link that leads nowhere: {error.strerror}" if path.is_symlink() else str(error.strerror)
    return f"no regular file but {next((words for test, words in _SPECIAL if test(mode)), 'something else')}"


def _no_folder(folder: Path) -> str:
    if not os.path.exists(folder):  # noqa: PTH110
        return f"folder '{folder}' does not exist"
    if not folder.is_file():
        return f"'{folder}' is no folder"
    return f"'{folder}' is {in_place_of_a_folder(folder)}"


def _also(folder: Path, left_out: Sequence[tuple[str, str]]) -> str:
    """What else there was in a folder without images."""
    kinds = Counter(reason.removeprefix(NOT_READ) for _, reason in left_out if reason.startswith(NOT_READ))
    also = [f"{count:,} {kind}" for kind, count in kinds.most_common()]
    if also:
        return f", but files that are not read: {', '.join(also)}"
    others = [(name, reason) for name, reason in left_out if not reason.startswith(NOT_READ)]
    if not others:
        return ""
    name, reason = others[0]
    what = "cannot be listed" if name.endswith("/") else "is not read"
    return f"; '{folder / name}' {what}: {reason}"
