"""Small pictures of rows of a pool as data addresses, each made once, no more of them than a page may weigh."""

from collections.abc import Iterable

from ..images import data_address
from ..machine import map_in_threads
from ..pool import Pool

LARGE, SMALL = 96, 64  # pixels of the longer side
FEW = 400  # pictures of which the large size is made
MOST_BYTES = 3_500_000  # of all data addresses together


class Pictures:
    """Pictures by image id; None where the file is gone, the pool has none, or the page is full.

    What comes first has a picture first; so the same images in the same order give the same pictures.
    """

    def __init__(self, pool: Pool | None, images: Iterable[str]) -> None:
        self._pool, self._found = pool, dict[str, str | None]()
        wanted = list(dict.fromkeys(images))
        self._side = LARGE if len(wanted) <= FEW else SMALL
        left = MOST_BYTES
        for image, made in zip(wanted, map_in_threads(self._made, wanted), strict=True):
            left -= len(made or "")
            if left < 0:
                break
            self._found[image] = made
        self.n_left_out = len(wanted) - len(self._found)

    def of(self, image: str) -> str | None:
        """The picture of an image that was named at the beginning."""
        return self._found.get(image)

    def _made(self, image: str) -> str | None:
        if self._pool is None or self._pool.folder is None or image not in self._pool.row_of:
            return None
        return data_address(self._pool.part(self._pool.row_of[image]), self._side)
