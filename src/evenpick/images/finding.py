"""Find the image files below a folder; what cannot be listed is told, not fatal."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import EvenpickError
from ..paths import Paths

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm"}
)


def find_images(folder: Path, leave_out: Callable[[str, str], object] = lambda name, reason: None) -> list[str]:
    """Image ids (paths relative to the folder, with `/`) of all images below it, sorted.

    Hidden files and folders are passed over, and so are folders that hold a `pool/pool.json`
    (workspaces). Linked folders are not entered, so that a loop of links cannot trap the search.
    `leave_out` is called with the name, ending in `/`, of each folder that cannot be listed, and why.

    Raises
    ------
    EvenpickError
        If the folder does not exist, cannot be listed or holds no image.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 (Path.is_dir raises where it may not look)
        raise EvenpickError(f"folder '{folder}' does not exist")
    unlisted: list[OSError] = []
    image_ids = sorted(_walk(folder, unlisted))
    left_out = [(f"{_id_below(folder, error.filename)}/", error.strerror or type(error).__name__) for error in unlisted]
    if not image_ids:
        names = ", ".join(sorted(EXTENSIONS))
        also = f"; '{unlisted[0].filename}' cannot be listed: {left_out[0][1]}" if left_out else ""
        raise EvenpickError(f"folder '{folder}' holds no image; looked for {names} in it and below{also}")
    for name, reason in left_out:
        leave_out(name, reason)
    return image_ids


def _walk(folder: Path, unlisted: list[OSError]) -> Iterator[str]:
    for parent, folders, files in os.walk(folder, onerror=unlisted.append):
        # os.path.exists, unlike Path.exists, is False for what may not be looked at.
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not os.path.exists(Paths(Path(parent, name)).pool_json)  # noqa: PTH110
        ]
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in EXTENSIONS:  # noqa: PTH122 (hot)
                yield _id_below(folder, Path(parent, name))


def _id_below(folder: Path, path: str | Path) -> str:
    return Path(path).relative_to(folder).as_posix()
