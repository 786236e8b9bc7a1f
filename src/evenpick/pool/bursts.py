"""Bursts: photographs taken one after the other that look alike.

A photograph joins the group of one of the three before it if the two are near-copies and it looks alike enough to all of
that group: so a chain of small steps never joins what looks different.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Singles, Values
from ..vectors import normalised
from .blocks import BLOCK_ROWS, Features
from .looks import References, distances_between
from .sequences import Sequences

# In units of `looks.py`; all measured by benchmarks/near_copies.py.
TIMED = 1.3  # neighbours in time may differ by this
NUMBERED = 1.0  # neighbours by their names alone only by this, and
ROOM = 1.5  # only where different images are this far apart
_WIDEST = 1.4  # the largest difference within a group, as a multiple of that between neighbours

_LONG_RUN = 100  # photographs: a longer run is no burst, and there
_OF_ROOM = 0.6  # near-copies must be this much nearer than different images
_BEFORE = 3  # photographs that one may follow: two subjects may take turns
_REMEMBERED = 16  # of a group, that a new one is compared with
_NEVER = -1.0


class Bursts(NamedTuple):
    """The group of each row, called by the first of its rows in the order taken.

    `untold` is how many rows without a time look like the one before, in a pool where different images do too.
    """

    group: IndexArray
    untold: int


def bursts(features: Features, taken: Sequences, unit: float) -> Bursts:
    """Find them, block by block."""
    finder = _Finder(taken, unit, References.of(features, taken), np.bincount(taken.run))
    group = np.arange(len(taken.order))
    open_groups: dict[int, list[Singles]] = {}
    untold = 0
    for start in range(0, len(group), BLOCK_ROWS):
        places = np.arange(max(start - _BEFORE, 0), min(start + BLOCK_ROWS, len(group)))
        looks = normalised(features[taken.order[places]])
        links = finder.links(places, looks, start - int(places[0]))
        _join(group, open_groups, links, looks, int(places[0]))
        untold += links.untold
        recent = set(group[places[-_BEFORE:]].tolist())
        open_groups = {number: seen for number, seen in open_groups.items() if number in recent}
    named = np.empty(len(group), np.intp)
    named[taken.order] = taken.order[group]
    return Bursts(named, untold)


@dataclass(frozen=True)
class _Links:
    """Pairs of near-copies in a block: the later and the earlier one, and how far the later one's group may reach."""

    later: IndexArray
    earlier: IndexArray
    widest: Values
    untold: int


@dataclass(frozen=True)
class _Finder:
    taken: Sequences
    unit: float
    references: References
    length: NDArray[np.intp]  # of each run

    def links(self, places: IndexArray, looks: Singles, new: int) -> _Links:
        """The near-copies among these places, nearest first for each; the first `new` places were later ones before."""
        most = np.where(self.taken.timed[places], TIMED, NUMBERED) * self.unit
        run = self.taken.run[places]
        found = []
        for step in range(1, min(_BEFORE, len(places) - 1) + 1):
            distances = distances_between(looks[step:], looks[:-step])
            near = (run[step:] == run[:-step]) & (distances <= most[step:])
            later = np.flatnonzero(near) + step
            found.append(np.stack([later, later - step, distances[near]], axis=1))
        pairs = np.concatenate(found) if found else np.empty((0, 3))
        pairs = pairs[pairs[:, 0] >= new]
        later, earlier = pairs[:, 0].astype(np.intp), pairs[:, 1].astype(np.intp)
        limit = self._limits(places, looks, np.unique(pairs[:, :2].astype(np.intp)))
        reach = np.minimum(limit[later], limit[earlier])
        untold = len(np.unique(later[reach < 0]))
        kept = np.flatnonzero(pairs[:, 2] <= reach)
        kept = kept[np.lexsort((pairs[kept, 2], later[kept]))]
        return _Links(later[kept], earlier[kept], _WIDEST * reach[kept], untold)

    def _limits(self, places: IndexArray, looks: Singles, asked: IndexArray) -> Values:
        """How far a near-copy may be from each of the places asked for; below 0 where looks tell nothing."""
        limit = np.zeros(len(places))
        timed = self.taken.timed[places]
        long = self.length[self.taken.run[places]] > _LONG_RUN
        limit[timed] = TIMED * self.unit
        by_name, in_long_run = asked[~timed[asked]], asked[(timed & long)[asked]]
        room = self.references.room(looks[by_name], places[by_name])
        limit[by_name] = np.where(room >= ROOM * self.unit, NUMBERED * self.unit, _NEVER)
        room = self.references.room(looks[in_long_run], places[in_long_run], whole_runs=False)
        limit[in_long_run] = np.minimum(TIMED * self.unit, _OF_ROOM * room)
        return limit


def _join(group: IndexArray, open_groups: dict[int, list[Singles]], links: _Links, looks: Singles, first: int) -> None:
    """Put each later photograph into the group of the nearest earlier one whose group is alike enough."""
    joined = -1
    for later, earlier, widest in zip(links.later.tolist(), links.earlier.tolist(), links.widest.tolist(), strict=True):
        if later == joined:
            continue
        number = int(group[first + earlier])
        seen = open_groups.setdefault(number, [looks[earlier]])
        if distances_between(np.array(seen), looks[[later] * len(seen)]).max() > widest:
            continue
        group[first + later] = number
        joined = later
        if len(seen) < _REMEMBERED:
            seen.append(looks[later])
        else:  # the first stays, and those of the whole group take turns
            seen[1 + (first + later) % (_REMEMBERED - 1)] = looks[later]
