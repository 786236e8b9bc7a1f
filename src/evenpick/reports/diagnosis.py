"""What `evenpick diagnose` prints: transferability of a workspace's source, before and after labels."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..estimates import Advice, MeasuredTransfer, SourceKnowledge, advice, measured_transfer, source_knowledge
from ..labels import recorded_labels
from ..pool import Pool
from .lines import in_lines


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """Both looks at a workspace's source, and what follows."""

    knowledge: SourceKnowledge
    measured: MeasuredTransfer | None
    advice: Advice

    @property
    def facts(self) -> dict[str, Any]:
        """Everything, for JSON."""
        knowledge = {**asdict(self.knowledge), "knows": self.knowledge.knows}
        measured = asdict(self.measured) if self.measured else None
        return {"before_labels": knowledge, "measured": measured, "advice": asdict(self.advice)}

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The numbers with their names, for a table."""
        before, shares = self.knowledge, self.knowledge.shares
        rows = [
            ("source classes predicted", f"{len(shares)}, {before.effective_classes:.1f} in effect"),
            ("largest shares of the pool", ", ".join(f"{share:.1%}" for share in shares[:5])),
            ("mean confidence", f"{before.confidence:.1%}"),
            ("diversity that a prediction resolves", f"{before.information:.2f}"),
        ]
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
    knowledge, labels = source_knowledge(pool), recorded_labels(workspace, pool)
    measured = measured_transfer(pool, labels.rows, labels.names) if labels.names else None
    return Diagnosis(knowledge, measured, advice(knowledge, measured))


def _number(value: float | None) -> str:
    return "cannot be told yet" if value is None else f"{value:.2f}"
