"""Which rows the pages of files make."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from ..errors import EvenpickError
from ..images import UnreadableImageError, page_count, read_image_file
from .images_csv import ImageRow
from .options import EmbedOptions

TOGETHER = 32  # pages of a file that are read at once
MOST = 100_000  # pages of a file: what a header claims need not be there
_PAGES = ("first", "all")
_ONE_PAGE = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm")
)


def pages_of(folder: Path, options: EmbedOptions, rows: Sequence[ImageRow]) -> Callable[[str], int]:
    """How many pages of a file of the folder are rows: all if so asked, or as before where nothing is asked."""
    if options.pages not in (None, *_PAGES):
        raise EvenpickError(f"--pages must be first or all; got {options.pages}")
    before = any(row.part.startswith("page=") for row in rows)
    if options.pages == "first" or not (options.pages or before):
        return lambda file: 1

    def count(file: str) -> int:
        if PurePosixPath(file).suffix.lower() in _ONE_PAGE:
            return 1
        try:
            return min(MOST, page_count(read_image_file(folder / file)))
        except UnreadableImageError:
            return 1  # embedding tells why

    return count


def rows_of_pages(new: ImageRow, count: int) -> list[list[ImageRow]]:
    """A row `path#k` for each page of a file, as many lists as are read one after the other."""
    pages = [new._replace(image=f"{new.image}#{k}", file=new.image, part=f"page={k}") for k in range(1, count + 1)]
    return [pages[i : i + TOGETHER] for i in range(0, count, TOGETHER)]
