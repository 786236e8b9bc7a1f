"""What the labelling API does, without HTTP: one request at a time, bodies in, JSON values out."""

import hashlib
import threading
from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any

from ..estimates import unseen_of_counts
from ..names import checked_name
from ..session import RecordedSession
from .agreement import agreements, conflicts
from .loans import Handout, Turn


class Desk:
    """What the handlers do, one at a time; every method returns what is sent as JSON."""

    def __init__(self, session: RecordedSession, handout: Handout, show_target: bool, repeat: int) -> None:
        self.session, self.handout, self.lock = session, handout, threading.Lock()
        self._show_target, self._repeat = show_target, repeat
        # Part of every image's address, so that no browser shows the image of another workspace.
        identity = f"{session.store.path.resolve()}\0{session.pool.folder}\0{len(session.pool)}"
        self._version = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self.posts: dict[str, Callable[[dict[str, Any], str, str], dict[str, Any]]] = {
            "/api/next": self._next, "/api/label": self._label, "/api/skip": self._skip,
            "/api/undo": self._undo, "/api/rename": self._rename, "/api/release": self._release,
            "/api/upcoming": self._upcoming,
        }  # fmt: skip

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a body that was checked."""
        annotator = checked_name("an annotator", body.get("annotator", self.session.annotator))
        page = body.get("page", "")
        with self.lock:
            answer = self.posts[path](body, page, annotator)
            if body.get("then_next"):
                answer["turn"] = self._turn(self.handout.next(page, annotator))
            return answer

    def state(self) -> dict[str, Any]:
        """Everything but the image."""
        with self.lock:
            session, opinions = self.session, self.session.opinions
            return {
                "workspace": str(session.store.path.parent), "images": len(session.pool),
                "annotator": session.annotator, "repeat": self._repeat, "show_target": self._show_target,
                "progress": self._progress(),
                "conflicts": [self._conflict(row) for row in conflicts(opinions)],
                "agreement": [asdict(pair) for pair in agreements(opinions)],
            }  # fmt: skip

    def _next(self, body: dict[str, Any], page: str, annotator: str) -> dict[str, Any]:
        turn = self.handout.next(page, annotator)
        return {"progress": self._progress(), "turn": self._turn(turn)}

    def _label(self, body: dict[str, Any], page: str, annotator: str) -> dict[str, Any]:
        entry = self.handout.answer(page, annotator, body["row"], body["label"], body.get("request"))
        return {"entry": entry, "progress": self._progress()}

    def _skip(self, body: dict[str, Any], page: str, annotator: str) -> dict[str, Any]:
        entry = self.handout.answer(page, annotator, body["row"], None, body.get("request"))
        return {"entry": entry, "progress": self._progress()}

    def _undo(self, body: dict[str, Any], page: str, annotator: str) -> dict[str, Any]:
        undone = self.handout.undo(page, annotator, body.get("request"))
        return {"row": self.session.pool.index_of[undone.image], "progress": self._progress()}

    def _rename(self, body: dict[str, Any], page: str, annotator: str) -> dict[str, Any]:
        self.handout.rename(page, annotator, body["old"], body["new"], body.get("request"))
        return {"progress": self._progress()}

    def _release(self, body: dict[str, Any], page: str, annotator: str) -> dict[str, Any]:
        self.handout.release(page)
        return {"released": True}

    def _upcoming(self, body: dict[str, Any], page: str, annotator: str) -> dict[str, Any]:
        return {"urls": [self._url(row) for row in self.handout.upcoming(page)]}

    def _progress(self) -> dict[str, Any]:
        session = self.session.session
        labels = sum(session.counts.values())
        return {
            "budget": labels + session.labels_left, "labels": labels,
            "skipped": len(session.answers) - labels, "phase": session.phase,
            "classes": [{"name": name, "count": count} for name, count in session.counts.items()],
            "conflicts": len(conflicts(self.session.opinions)), "unseen": _unseen(session.counts.values(), len(self.session.pool)),
        }  # fmt: skip

    def _turn(self, turn: Turn) -> dict[str, Any]:
        if turn.question is None:
            return {"status": turn.status}
        question = turn.question
        target = {"target": question.target} if self._show_target else {}
        image = {"row": question.index, "url": self._url(question.index), "phase": question.phase, **target}
        return {"status": turn.status, "image": image}

    def _conflict(self, row: int) -> dict[str, Any]:
        given = self.session.opinions[row].items()
        answers = [{"annotator": who, "label": label} for who, label in given]
        return {"row": row, "image": self.session.pool.image_ids[row], "answers": answers}

    def _url(self, row: int) -> str:
        return f"/image/{row}?v={self._version}"


def _unseen(counts: Collection[int], n_images: int) -> dict[str, float] | None:
    """What costs nothing to say after every answer; the accuracy to expect takes seconds."""
    unseen = unseen_of_counts(counts, n_images)
    if unseen is None or unseen.too_early:
        return None
    return {"undiscovered": unseen.undiscovered, "low": unseen.low, "high": unseen.high, "mass": unseen.unseen_mass}
