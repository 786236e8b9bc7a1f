"""`images.csv`: a row of the pool on each line, its file and what is known of it."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..atomic_files import csv_bytes
from ..paths import Paths
from .committed import read_committed
from .storage import damaged


class ImageRow(NamedTuple):
    """One row of the pool, as text: empty is what is not known."""

    image: str  # the id: the path below the folder, or `path#k` of a part
    sha256: str  # of the whole file
    size: str = ""  # of the file, in bytes
    mtime_ns: str = ""
    taken: str = ""  # ISO 8601, as the camera wrote it
    camera: str = ""  # make, model and serial number
    file: str = ""  # the path below the folder, where it is not the id
    part: str = ""  # a box `x,y,width,height` in pixels of the upright image, or `page=N`
    gone: str = ""  # "yes" if the file was not there at the last look


class ImageFacts(NamedTuple):
    """What `images.csv` says of all rows, a column each; see `ImageRow`."""

    taken: tuple[str, ...]
    camera: tuple[str, ...]
    file: tuple[str, ...]
    part: tuple[str, ...]
    gone: tuple[str, ...]
    version: NDArray[
        np.bytes_
    ]  # tells what a file holds from what it held before: the end of its checksum, or else time

    @classmethod
    def of(cls, rows: Iterable[ImageRow]) -> "ImageFacts":
        """The columns of these rows."""
        listed = list(rows)
        told = ((row.taken, row.camera, row.file, row.part, row.gone) for row in listed)
        taken, camera, file, part, gone = zip(*told, strict=True)
        # An array, since a million texts that are all different would take much memory.
        versions = [(row.sha256 or row.mtime_ns)[-12:].encode("utf-8", "surrogateescape") for row in listed]
        return cls(taken, camera, file, part, gone, np.array(versions, "S12"))

    def take(self, rows: Iterable[int]) -> "ImageFacts":
        """The same of some rows."""
        index = list(rows)
        taken, camera, file, part, gone = (tuple(column[i] for i in index) for column in self[:5])
        return ImageFacts(taken, camera, file, part, gone, self.version[np.array(index, np.intp)])


def lines_of(rows: Iterable[ImageRow], header: bool = False) -> bytes:
    """The lines of these rows, the names of the columns before them if asked for."""
    return csv_bytes([*([ImageRow._fields] if header else []), *rows])


def read_images_csv(paths: Paths, state: Mapping[str, Any]) -> list[ImageRow]:
    """Every committed row of the pool, first to last.

    Raises
    ------
    EvenpickError
        If the file is missing, cut short, or not what `pool.json` says of it.
    """
    file = paths.images_csv(state.get("images_csv", 0))
    data = read_committed(file, state["images_csv_bytes"], state.get("images_csv_sha256"))
    return rows_in(file, data, header=state["format"] > 1)


def rows_in(file: Path, data: bytes, header: bool) -> list[ImageRow]:
    """The rows of a table; one without a header is of the first version and has only id and checksum."""
    # surrogateescape: a file name on disk need not be valid UTF-8.
    lines = csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""))
    if header and data:
        next(lines)
    try:
        return [ImageRow(*line) for line in lines]
    except TypeError:
        raise damaged(file, "is damaged: a line has too few or too many cells") from None
