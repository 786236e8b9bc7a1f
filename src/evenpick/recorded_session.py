"""A session whose every answer is in the workspace's record before it counts."""

from pathlib import Path
from typing import Any

from ._version import __version__
from .errors import EvenpickError
from .label_store import Entry, LabelStore, effective_answers
from .pool import Pool
from .session import Answer, Phase, Session, checked_class_name

DEFAULTS: dict[str, Any] = {
    "acquisition": "ent_inv_div", "balancing": "ratio_max", "patience": 0, "random_state": 0,
}  # fmt: skip


class RecordedSession:
    """The `Session` of a workspace; reopened, it arrives at the same state and the same next image.

    Parameters
    ----------
    workspace : str or Path
    pool : Pool
    budget : int, optional
        Needed for a new session; a recorded one brings its own.
    annotator : str
        Who answers, unless an answer says otherwise.
    **options
        `acquisition`, `balancing`, `patience`, `random_state` of `Session`; by default as recorded.

    Raises
    ------
    EvenpickError
        If options contradict those that earlier answers were given under, or the record names an image
        that the pool does not hold.
    """

    def __init__(
        self,
        workspace: str | Path,
        pool: Pool,
        budget: int | None = None,
        annotator: str = "",
        **options: Any,
    ) -> None:
        self.pool, self.annotator = pool, annotator
        self.store = LabelStore(workspace)
        try:
            entries = self.store.entries()
            self.settings = self._settings(workspace, bool(entries), {"budget": budget, **options})
            session_options = {name: self.settings[name] for name in DEFAULTS}
            self.session = Session(pool, self.settings["budget"], **session_options)
            self.store.store_settings(self.settings)
            self._replay()
        except BaseException:
            self.store.close()
            raise

    def __enter__(self) -> "RecordedSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    @property
    def phase(self) -> Phase:
        """As `Session.phase`."""
        return self.session.phase

    @property
    def counts(self) -> dict[str, int]:
        """As `Session.counts`."""
        return self.session.counts

    def next(self) -> int | None:
        """As `Session.next`."""
        return self.session.next()

    def label(self, index: int, name: str, annotator: str | None = None) -> int:
        """Record a label, then let it count; returns the entry's id."""
        answer = self.session.checked(index, checked_class_name(name))
        return self._append("label", answer, annotator)

    def skip(self, index: int, annotator: str | None = None) -> int:
        """Record that an image cannot be told; returns the entry's id."""
        answer = self.session.checked(index, None)
        return self._append("skip", answer, annotator)

    def undo(self, annotator: str | None = None) -> Entry:
        """Record that the last standing answer (of this annotator, if one is named) is taken back."""
        standing = effective_answers(self.store.entries())
        own = [entry for entry in standing if annotator is None or entry.annotator == annotator]
        if not own:
            raise EvenpickError("there is no answer to undo")
        undone = max(own, key=lambda entry: entry.id or 0)
        who = self.annotator if annotator is None else annotator
        self.store.append([Entry("undo", who, undoes=undone.id)])
        self._replay()
        return undone

    def rename(self, old: str, new: str, annotator: str | None = None) -> None:
        """Give a class another name; the name of another class merges the two."""
        if old not in self.counts:
            raise EvenpickError(f"class '{old}' does not exist; found so far: {', '.join(self.counts) or 'none'}")
        who = self.annotator if annotator is None else annotator
        self.store.append([Entry("rename", who, label=checked_class_name(new), target=old)])
        self._replay()

    def _append(self, kind: Any, answer: Answer, annotator: str | None) -> int:
        image = self.pool.image_ids[answer.index]
        who = self.annotator if annotator is None else annotator
        entry = Entry(kind, who, image, answer.label, answer.phase, answer.target)
        entry_id = self.store.append([entry])[0]
        self.session.record(answer)
        return entry_id

    def _replay(self) -> None:
        self.session.replay(recorded_answers(self.pool, self.store))

    def _settings(self, workspace: str | Path, answered: bool, asked: dict[str, Any]) -> dict[str, Any]:
        recorded = self.store.settings or {}
        settings = {"budget": None, **DEFAULTS, **recorded, "evenpick": __version__}
        settings |= {name: value for name, value in asked.items() if value is not None or name == "balancing"}
        changed = [n for n in ("budget", *DEFAULTS) if recorded and settings[n] != recorded[n]]
        if answered and changed:
            name = changed[0]
            raise EvenpickError(
                f"workspace '{workspace}' holds labels chosen with {name} {recorded[name]}, now {settings[name]}; "
                "leave the option out to go on, or start again with --restart (the old labels are kept aside)"
            )
        if settings["budget"] is None:
            raise EvenpickError("a new session needs a budget: say --budget and how many labels you can pay for")
        return settings


def recorded_answers(pool: Pool, store: LabelStore) -> list[Answer]:
    """The answers that stand, as a session takes them."""
    answers = []
    for entry in effective_answers(store.entries()):
        if entry.image not in pool.index_of:
            raise EvenpickError(f"'{store.path}' names an image that the pool does not hold: {entry.image!r}")
        phase: Phase = "balancing" if entry.phase == "balancing" else "discovery"
        answers.append(Answer(pool.index_of[entry.image], entry.label, phase, entry.target))
    return answers


def set_aside(workspace: str | Path) -> Path | None:
    """Rename the record, so that a new one can begin; returns where the old one is."""
    with LabelStore(workspace) as store:
        path = store.path
        if not store.entries():
            return None
    numbered = (path.with_name(f"labels-{i}.sqlite") for i in range(1, 10**6))
    kept = next(name for name in numbered if not name.exists())
    path.rename(kept)
    return kept
