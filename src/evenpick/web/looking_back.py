"""What the review page reads: every answer, those that images inherited, and those that may be wrong."""

import threading
from collections.abc import Callable

from msgspec import UNSET

from ..estimates import doubtful_labels
from ..session import RecordedSession, standing_grids
from . import api


class LookingBack:
    """Reads a session under the lock of its desk; `url` gives the address of an image, `progress` how far all is."""

    def __init__(
        self,
        session: RecordedSession,
        lock: threading.Lock,
        url: Callable[..., str],
        progress: Callable[[], api.Progress],
    ) -> None:
        self._session, self._lock, self._url, self._progress = session, lock, url, progress

    def review(self) -> api.Review:
        """Every answer that stands."""
        with self._lock:
            given = [self._given(row, opinions) for row, opinions in reversed(self._session.opinions.items())]
            row_of = self._session.pool.row_of
            grids = [
                api.GivenAtOnce([one.id for one in grid], [row_of[one.image] for one in grid], grid[0].label or "", grid[0].annotator)
                for grid in standing_grids(self._session)
            ]  # fmt: skip
            inherited = sum(len(answer.inherited) for answer in self._session.session.answers)
            return api.Review(self._progress(), given, grids, inherited)

    def inherited(self) -> api.Inherited:
        """What images inherited from the answer about another one of their group."""
        with self._lock:
            opinions = self._session.opinions
            heirs = [
                self._given(row, opinions[answer.index], answer.index)
                for answer in reversed(self._session.session.answers)
                for row in answer.inherited
            ]
            return api.Inherited(heirs)

    def doubtful(self) -> api.Doubtful:
        """Labels that may be wrong, worst first; takes a second or two of many labels."""
        with self._lock:
            labelled = [answer for answer in self._session.session.answers if answer.label is not None]
            pool = self._session.pool
        doubts = doubtful_labels(
            pool, [answer.index for answer in labelled], [str(answer.label) for answer in labelled]
        )
        return api.Doubtful(
            [api.Doubted(one.row, one.label, one.likely, one.probability, one.likely_probability) for one in doubts]
        )

    def _given(self, row: int, opinions: dict[str, str | None], seen: int | None = None) -> api.Given:
        image, said = self._session.pool.image_ids[row], [api.Opinion(*opinion) for opinion in opinions.items()]
        return api.Given(row, image, self._url(row), self._url(row, "thumbnail"), said, UNSET if seen is None else seen)
