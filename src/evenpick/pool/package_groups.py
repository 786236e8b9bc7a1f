"""Groups that a package of camera traps brings: what its tables call one sequence or event."""

from collections import Counter

from ..detections import is_camtrap_dp, read_camtrap_dp
from ..errors import EvenpickError
from ..images import resolve_addresses
from ..paths import Paths
from .box_settings import find_kept_boxes
from .pool import Pool


def package_groups(paths: Paths, pool: Pool) -> list[str]:
    """The sequence of each row, empty where it stands alone.

    Boxes of an image with several boxes stand alone: two animals of one sequence may be of two species, and nothing says
    which box of the next frame shows which of them.

    Raises
    ------
    EvenpickError
        If the pool was made without a package, or it tells no sequence of any image.
    """
    given = find_kept_boxes(paths)
    if given is None or not is_camtrap_dp(given):
        raise EvenpickError("--group-by sequence needs a pool that was embedded with a Camtrap DP package as --boxes")
    media = list(read_camtrap_dp(given).media.values())
    files = resolve_addresses([one.path for one in media], {*pool.files})
    sequence_of = {file: one.sequence for file, one in zip(files, media, strict=True)}
    rows_of = Counter(pool.files)
    names = [sequence_of.get(file, "") if rows_of[file] == 1 else "" for file in pool.files]
    if not any(names):
        raise EvenpickError(
            "--group-by sequence: the package tells no eventID or sequenceID of any image that has one box at most"
        )
    return names
