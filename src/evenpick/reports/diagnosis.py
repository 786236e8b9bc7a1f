"""What `evenpick diagnose` prints: transferability of a workspace's source, before and after labels."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..estimates import (
    Advice,
    MeasuredTransfer,
    SourceKnowledge,
    advice,
    measured_transfer,
    one_of_each_group,
    source_knowledge,
)
from ..labels import recorded_labels
from ..pool import Pool
from .lines import in_lines


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """Both looks at a workspace's source, and what follows; of an encoder without classes only the second."""

    knowledge: SourceKnowledge | None
    measured: MeasuredTransfer | None
    advice: Advice

    @property
    def facts(self) -> dict[str, Any]:
        """Everything, for JSON."""
        knowledge = {**asdict(self.knowledge), "knows": self.knowledge.knows} if self.knowledge else None
        measured = asdict(self.measured) if self.measured else None
        return {"before_labels": knowledge, "measured": measured, "advice": asdict(self.advice)}

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The numbers with their names, for a table."""
        rows = _before_labels(self.knowledge) if self.knowledge else [("source classes", "none: it is an encoder")]
        if self.measured is None:
            return rows
        after = self.measured
        return [
            *rows,
            ("labels", f"{after.n_labels} of {after.n_classes} classes"),
            ("agreement of source classes and labels", _number(after.agreement)),
            ("accuracy of the nearest labelled image", _number(after.neighbour_accuracy)),
            ("LogME, to compare sources by", _number(after.log_me)),
        ]

    def __repr__(self) -> str:
        return "\n".join([in_lines(self.rows), self.advice.finding, self.advice.method])


def diagnose(workspace: Path) -> Diagnosis:
    """Look at the pool, and at the labels if there are any; changes nothing.

    Raises
    ------
    EvenpickError
        If there is no pool.
    """
    pool = Pool.open(workspace)
    knowledge = None if pool.predictions is None else source_knowledge(pool)
    labels = recorded_labels(workspace, pool)
    rows, names = one_of_each_group(pool, labels.rows, labels.names)
    measured = measured_transfer(pool, rows, names) if names else None
    return Diagnosis(knowledge, measured, advice(knowledge, measured))


def _before_labels(before: SourceKnowledge) -> list[tuple[str, str]]:
    return [
        ("source classes predicted", f"{len(before.shares)}, {before.effective_classes:.1f} in effect"),
        ("largest shares of the pool", ", ".join(f"{share:.1%}" for share in before.shares[:5])),
        ("mean confidence", f"{before.confidence:.1%}"),
        ("diversity that a prediction resolves", f"{before.information:.2f}"),
    ]


def _number(value: float | None) -> str:
    return "cannot be told yet" if value is None else f"{value:.2f}"
