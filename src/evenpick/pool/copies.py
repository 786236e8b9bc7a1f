"""Copies anywhere in a pool: images saved again, resized or mirrored, whatever their names and folders.

Found by locality-sensitive hashing (Charikar, 2002): which side of random planes a feature vector lies on makes a code,
and only images of one code are compared. The time is near linear; a copy is missed with a chance that
benchmarks/near_copies.py states.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Singles, Values
from ..vectors import normalised
from .blocks import Features, feature_blocks
from .looks import References, distances_between, evenly
from .sequences import Sequences

# Measured by benchmarks/near_copies.py.
COPY = 0.8  # the largest distance of a copy, in units of `copy_unit.py`
OF_ROOM = 0.4  # and as a share of how far different images are away
ROOM = 1.5  # and only where that is so many units

_TABLES = 24
_MOST_BITS = 20
_IMAGES_A_CODE = 4
_COMPARED = 16  # images of one code, in a random order, that each is compared with
_SKETCH = 128  # planes by which a pair is judged before its features are read
_LARGEST_SHARE = 0.26  # of them that may lie between two copies
_PAIRS = 4096  # read at a time
_MEAN_OF = 4096  # images

_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


def copies(features: Features, taken: Sequences, unit: float) -> Iterator[tuple[int, int]]:
    """Pairs of rows that are copies, nearest first."""
    if len(features) < 2:
        return
    pairs, distances = alike(features, COPY * unit)
    references = References.of(features, taken)
    place_of = np.empty(len(taken.order), np.intp)
    place_of[taken.order] = np.arange(len(taken.order))
    asked, where = np.unique(pairs, return_inverse=True)
    limit = np.concatenate(
        [
            copy_limit(references.room(normalised(features[rows]), place_of[rows]), unit)
            for rows in np.array_split(asked, len(asked) // _PAIRS + 1)
        ]
    )
    kept = distances <= limit[where.reshape(pairs.shape)].min(axis=1)
    yield from map(tuple, pairs[kept].tolist())


def copy_limit(room: Values, unit: float) -> Values:
    """How far a copy may be from images that different ones are so far away from; below 0 where looks tell nothing."""
    return np.where(room >= ROOM * unit, np.minimum(COPY * unit, OF_ROOM * room), -1.0)


def alike(features: Features, most: float) -> tuple[IndexArray, Singles]:
    """Pairs of rows (n_pairs, 2) at most so far apart, nearest first, and their distances."""
    bits = int(np.clip(np.log2(max(len(features) / _IMAGES_A_CODE, 1)), 1, _MOST_BITS))
    sides = _sides(features, bits)
    rng = np.random.default_rng(0)
    keys = np.concatenate([_candidates(sides, table, bits, rng) for table in range(_TABLES)])
    pairs = np.stack(np.divmod(np.unique(keys), len(features)), axis=1)
    distances = np.concatenate(
        [
            distances_between(normalised(features[some[:, 0]]), normalised(features[some[:, 1]]))
            for some in np.array_split(pairs, len(pairs) // _PAIRS + 1)
        ]
    )
    nearest = np.argsort(distances, kind="stable")
    nearest = nearest[distances[nearest] <= most]
    return pairs[nearest], distances[nearest]


def _sides(features: Features, bits: int) -> NDArray[np.uint8]:
    """On which side of random planes through the middle of the pool each row lies, eight planes a byte."""
    width = features.shape[1]
    planes = np.random.default_rng(0).normal(size=(width, max(_TABLES * bits, _SKETCH))).astype(np.float32)
    middle = normalised(features[evenly(len(features), _MEAN_OF)]).mean(axis=0) @ planes
    return np.concatenate([np.packbits(normalised(b) @ planes > middle, axis=1) for _, b in feature_blocks(features)])


def _candidates(sides: NDArray[np.uint8], table: int, bits: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Pairs that share this table's code and are near by their sketch, each as `smaller row * n + larger row`."""
    n = len(sides)
    at = table * bits
    window = np.unpackbits(sides[:, at // 8 : (at + bits - 1) // 8 + 1], axis=1)[:, at % 8 : at % 8 + bits]
    code = window @ (1 << np.arange(bits, dtype=np.int64))
    order = rng.permutation(n)
    order = order[np.argsort(code[order], kind="stable")]
    sketch = sides[order, : _SKETCH // 8]
    found = []
    for step in range(1, min(_COMPARED, n - 1) + 1):
        same = np.flatnonzero(code[order[step:]] == code[order[:-step]])
        between = _ONES[sketch[same + step] ^ sketch[same]].sum(axis=1)
        near = same[between <= _LARGEST_SHARE * _SKETCH]
        found.append(np.stack([order[near], order[near + step]], axis=1))
    pairs = np.sort(np.concatenate(found), axis=1).astype(np.int64)
    return np.asarray(pairs[:, 0] * n + pairs[:, 1])
