"""The report of a workspace: one self-contained HTML page, and the same facts as JSON and CSV."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically
from ..estimates import HeldOut, Outlook, held_out_labels, images_stood_for, outlook_of_record
from ..labels import Annotation, RecordedLabels, recorded_labels
from ..metrics import imbalance_ratio
from ..paths import Paths
from ..pool import Pool
from ..session import labels_until_accuracy
from ..training import Model
from .accuracies import accuracy_facts, headline, steps_of
from .class_table import class_table
from .confusions import calibration_facts, confusion_facts
from .diagnosis import diagnosis_of
from .doubts import doubt_facts
from .evaluation_file import model_digest, read_evaluation
from .found_curve import found_facts, learning_facts
from .page import DOUBTS, fragment_of, page_of
from .pictures import Pictures
from .pool_map import pool_map
from .predictions import PoolClasses, pool_classes
from .record_facts import labelled_of, model_facts, record_facts
from .source_view import source_view
from .tables import write_tables


def write_report(
    workspace: str | Path,
    title: str | None = None,
    comparison: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
) -> Path:
    """Write `report/index.html`, `report.json` and a CSV file for each plot and list; returns the page.

    Parameters
    ----------
    workspace : str or Path
        With labels; a model and an evaluation are shown when they are there.
    title : str, optional
    comparison : mapping, optional
        A table of methods to show first: `caption`, `columns`, `rows` and `sentence`.
    out : str or Path, optional
        Folder to write to; by default `report` in the workspace, which must be writable then.

    Raises
    ------
    EvenpickError
        If the workspace has no pool or no label yet, or a label of an image that the pool does not hold.
    """
    workspace = Path(workspace)
    pool = Pool.open(workspace)
    facts = report_facts(workspace, pool, title, comparison)
    where = Paths(workspace).report_page if out is None else Path(out, Paths(workspace).report_page.name)
    where.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(where.with_name("report.json"), _as_json(facts))
    write_tables(where.parent, facts)
    page = page_of(facts, _pictures(facts, pool), _tested(facts, workspace))
    write_atomically(where, page.encode("utf-8", "replace"))
    return where


def write_report_data(workspace: str | Path, file: str | Path) -> Path:
    """Write the facts of the report alone, as JSON; returns the file."""
    workspace, file = Path(workspace), Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, _as_json(report_facts(workspace, Pool.open(workspace))))
    return file


def report_fragment(workspace: str | Path) -> str:
    """The sentences, accuracies and classes of the report as HTML for a notebook: no script, styles that reach nothing else."""
    workspace = Path(workspace)
    return fragment_of(_summary(workspace, _read(workspace, Pool.open(workspace)), None))


def report_facts(
    workspace: Path, pool: Pool, title: str | None = None, comparison: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Everything that a report states, as JSON values."""
    read = _read(workspace, pool)
    facts = _summary(workspace, read, title) | {"comparison": comparison}
    labels, evaluation, held = read.labels, read.evaluation, read.held
    return facts | {
        "confusions": confusion_facts(evaluation, held, pool, labels.seen.counts),
        "calibration": calibration_facts(evaluation, held, images_stood_for(pool, labels)),
        "map": pool_map(pool, labels, read.predicted),
        "found": found_facts(labels.seen.names, facts["switch_at"], read.outlook.audit),
        "learning": learning_facts(read.outlook),
        "source_view": source_view(diagnosis_of(pool, labels)),
    }


@dataclass(frozen=True, eq=False)
class _Read:
    """What a workspace holds, and what follows from it; `kept` is its evaluation, even if it is of another model."""

    pool: Pool
    labels: RecordedLabels
    labelled: Sequence[Annotation]
    model: Model | None
    kept: dict[str, Any] | None
    of_this_model: bool
    outlook: Outlook
    held: HeldOut | None
    predicted: PoolClasses | None

    @property
    def evaluation(self) -> dict[str, Any] | None:
        return self.kept if self.of_this_model else None


def _read(workspace: Path, pool: Pool) -> _Read:
    labels = recorded_labels(workspace, pool)
    labelled = labelled_of(workspace, labels)
    model = Model.load(Paths(workspace).model) if Paths(workspace).model_json.exists() else None
    kept = read_evaluation(workspace)
    same = kept is not None and kept["model"] == model_digest(workspace)
    if kept and model:
        kept.setdefault("tau", model.choice.tau)  # which earlier versions did not keep
    held = held_out_labels(pool, labels.seen.rows, labels.seen.names)
    predicted = pool_classes(pool, labels, model)
    outlook = outlook_of_record(pool, labels, labels_until_accuracy(pool, labels))
    return _Read(pool, labels, labelled, model, kept, same, outlook, held, predicted)


def _summary(workspace: Path, read: _Read, title: str | None) -> dict[str, Any]:
    """What a fragment shows too."""
    facts = record_facts(workspace, read.pool, read.labels, read.labelled)
    outlook, evaluation, predicted = read.outlook, read.evaluation, read.predicted
    rows, recall_of = class_table(read.labelled, facts["switch_at"], evaluation, outlook.audit, read.held, predicted)
    facts |= {
        "title": title or f"Labels of {facts['folder'] or facts['workspace']}",
        "command": _command(facts["workspace"], title),
        "imbalance_ratio": imbalance_ratio([row["labels"] for row in rows]),
        "ratio_covers_undiscovered": evaluation is not None,
        "classes": rows,
        "recall_of": recall_of,
        "shares_by": predicted.said_by if predicted else "",
        "model": model_facts(read.model, read.labels.counts) if read.model else None,
        "evaluation": evaluation,
        "evaluation_is_stale": read.kept is not None and not read.of_this_model,
        **outlook.facts,
        "at_random": outlook.at_random,
        "doubtful": doubt_facts(read.pool, read.held.doubts if read.held else []),
        "expected": [list(row) for row in outlook.rows],
    }
    facts["accuracies"] = accuracy_facts(evaluation, outlook, facts["model"])
    steps = steps_of(facts, outlook)
    facts["headline"] = headline(facts, outlook, steps)
    facts["next"] = [{"command": step.command, "why": step.why} for step in steps]
    return facts


def _command(workspace: str, title: str | None) -> str:
    return f"evenpick report {shlex.quote(workspace)}" + (f" --title {shlex.quote(title)}" if title else "")


def _as_json(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, indent=1).encode()


def _pictures(facts: Mapping[str, Any], pool: Pool) -> Pictures:
    """Those of the pool: first what is shown for a reason, then the labelled images in their order."""
    confusions = facts["confusions"] or {"of_test_images": True}
    first = [one["image"] for one in facts["map"]["farthest"]]
    first += [one["image"] for one in facts["doubtful"][:DOUBTS]]
    first += [] if confusions["of_test_images"] else _shown_mistakes(confusions)
    return Pictures(pool, [*first, *(row["image"] for row in facts["labelled"])])


def _tested(facts: Mapping[str, Any], workspace: Path) -> Pictures:
    """Those of test images that are shown; none where it is not known in which pool they are."""
    confusions, kept = facts["confusions"], facts["evaluation"] or {}
    where = kept.get("seen_in")
    if (
        not where
        or not confusions
        or not confusions["of_test_images"]
        or not Paths(workspace / where).pool_json.exists()
    ):
        return Pictures(None, [])
    return Pictures(Pool.open(workspace / where), _shown_mistakes(confusions))


def _shown_mistakes(confusions: Mapping[str, Any]) -> list[str]:
    of_pairs = [image for pair in confusions["shown_pairs"] for image in pair["images"]]
    return [*of_pairs, *(one["image"] for one in confusions["mistakes"])]
