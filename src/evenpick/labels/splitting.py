"""Labelled images dealt into training, validation and test, whole groups at a time."""

import re
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from ..errors import EvenpickError
from ..pool import Pool

_PARTS = {2: ("train", "test"), 3: ("train", "val", "test")}


def shares_of(text: str) -> dict[str, Fraction]:
    """What 70/15/15 (train, val, test) or 80/20 (train, test) says.

    Raises
    ------
    EvenpickError
        If it is not two or three percentages above 0 that make 100.
    """
    numbers = text.split("/")
    known = all(re.fullmatch(r"\d+(\.\d+)?", number) for number in numbers)
    shares = [Fraction(number) / 100 for number in numbers] if known else []
    if len(shares) not in _PARTS or min(shares) <= 0 or sum(shares) != 1:
        raise EvenpickError(
            f"--split must be percentages of train, val and test, such as 70/15/15, or of train and test; got '{text}'"
        )
    return dict(zip(_PARTS[len(shares)], shares, strict=True))


def split_labels(labels: Mapping[str, str], pool: Pool, shares: Mapping[str, Fraction], seed: int) -> dict[str, str]:
    """The part that each labelled image is in; images of one group are in one part.

    Class by class, rarest first, its groups in random order: the first one to train, each further one to the part that
    has least of the images that it should have of this class and, if two lack as much, of all images. So a class with
    one group is in train alone. A group of several classes counts for the rarest of them.
    """
    group_of = {image: _group(pool, image) for image in labels}
    images_of: dict[object, list[str]] = {}
    for image, group in group_of.items():
        images_of.setdefault(group, []).append(image)
    groups_with = Counter(label for images in images_of.values() for label in {labels[image] for image in images})
    groups_of: dict[str, list[object]] = {}
    for group, images in images_of.items():
        rarest = min((labels[image] for image in images), key=lambda label: (groups_with[label], label))
        groups_of.setdefault(rarest, []).append(group)
    rng, everything, parts = np.random.default_rng(seed), _Dealt(shares, len(labels)), dict[str, str]()
    for label in sorted(groups_of, key=lambda label: (groups_with[label], label)):
        groups = groups_of[label]
        dealt = _Dealt(shares, sum(len(images_of[group]) for group in groups))
        for turn, place in enumerate(rng.permutation(len(groups)).tolist()):
            images = images_of[groups[place]]
            part = max(
                shares, key=lambda part: (not turn and part == "train", dealt.lacks(part), everything.lacks(part))
            )
            dealt.take(part, len(images))
            everything.take(part, len(images))
            parts |= dict.fromkeys(images, part)
    return parts


class _Dealt:
    """How many images each part lacks of its share."""

    def __init__(self, shares: Mapping[str, Fraction], images: int) -> None:
        self._lacking = {part: share * images for part, share in shares.items()}

    def lacks(self, part: str) -> Fraction:
        return self._lacking[part]

    def take(self, part: str, images: int) -> None:
        self._lacking[part] -= images


def _group(pool: Pool, image: str) -> object:
    """What the images of a group have in common; an image that is no longer in the pool stands alone."""
    row = pool.row_of.get(image)
    return image if row is None or pool.groups is None else int(pool.groups[row])
