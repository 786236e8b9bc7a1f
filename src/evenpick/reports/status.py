"""Where a workspace stands, what to expect of its labels, and what more would buy: `evenpick status`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..estimates import expected_accuracy, in_words, unseen_classes
from ..labels import RecordedLabels, recorded_labels
from ..metrics import imbalance_ratio
from ..pool import Pool
from ..session import phase_of
from .lines import in_lines


@dataclass(frozen=True, repr=False)
class Status:
    """Where a workspace stands and what to expect.

    Attributes
    ----------
    facts : dict
        Everything, as JSON values.
    """

    facts: dict[str, Any]

    @property
    def title(self) -> str:
        """What the rows are of."""
        return f"{self.facts['workspace']}: {self.facts['images']:,} images; intervals of 90 %"

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The numbers with their names, for a table."""
        return _rows_of(self.facts)

    @property
    def sentences(self) -> list[str]:
        """What is still to be found, what is reached, and what more labels would buy."""
        return list(self.facts["outlook"])

    def __repr__(self) -> str:
        return "\n".join([self.title, in_lines(self.rows), *self.sentences])


def workspace_status(workspace: Path) -> Status:
    """The status of a workspace; changes nothing.

    Raises
    ------
    EvenpickError
        If there is no pool.
    """
    pool = Pool.open(workspace)
    labels = recorded_labels(workspace, pool)
    counts, settings = labels.counts, labels.settings
    facts = {
        "workspace": str(workspace),
        "images": len(pool),
        "labels": len(labels.names),
        "budget": settings["budget"] if settings else None,
        "not_told": len(labels.skipped),
        "phase": phase_of(pool, labels.answers, settings["budget"], settings["balancing"]) if settings else "discovery",
        "classes_found": len(counts),
        "imbalance_ratio": imbalance_ratio(list(counts.values())) if counts else None,
        **outlook(pool, labels),
    }
    return Status(facts)


def outlook(pool: Pool, labels: RecordedLabels) -> dict[str, Any]:
    """What to expect, as JSON values: `unseen`, `expectation` and the sentences `outlook`."""
    unseen = unseen_classes(labels.names, len(pool))
    # Without a count of the classes there is no accuracy over all of them.
    expectation = None if unseen is None or unseen.mostly_lone else expected_accuracy(pool, labels.rows, labels.names)
    return {
        "unseen": {**asdict(unseen), "too_early": unseen.too_early} if unseen else None,
        "expectation": asdict(expectation) if expectation else None,
        "outlook": in_words(expectation, unseen),
    }


def _rows_of(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    of = f" of {facts['budget']}" if facts["budget"] else ""
    skipped = f", {facts['not_told']} could not be told" if facts["not_told"] else ""
    ratio = facts["imbalance_ratio"]
    rows = [
        ("labels", f"{facts['labels']}{of}{skipped}"),
        ("phase", facts["phase"]),
        ("classes found", str(facts["classes_found"])),
        ("imbalance ratio over them", "none yet" if ratio is None else f"{ratio:.2f}"),
    ]
    unseen = facts["unseen"]
    if unseen and not unseen["too_early"]:
        rows += [
            ("classes not found, Chao1", _interval(unseen["undiscovered"], unseen["low"], unseen["high"], ".0f")),
            (
                "chance that an image is of one",
                _interval(unseen["unseen_mass"], unseen["mass_low"], unseen["mass_high"], ".1%"),
            ),
        ]
    expected = facts["expectation"]
    if expected and not unseen["too_early"]:
        rows.append(("macro accuracy to expect now", _interval(**expected["now"], form=".0%")))
        if expected["n_more"]:
            later = f"with {expected['n_labels'] + expected['n_more']} labels"
            rows.append((later, _interval(**expected["doubled"], form=".0%")))
    return rows


def _interval(value: float, low: float, high: float, form: str) -> str:
    return f"{value:{form}} ({low:{form}} to {high:{form}})"
