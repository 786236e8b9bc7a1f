"""What the record, the model and the pool of a workspace say by themselves, as JSON values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from .._version import __version__
from ..classifiers import SUFFIX, LinearHead, head_of
from ..errors import EvenpickError
from ..labels import SETTLED, Annotation, RecordedLabels
from ..pool import Pool, read_skipped
from ..session import labels_until_accuracy
from ..training import Model


def labelled_of(workspace: Path, labels: RecordedLabels) -> list[Annotation]:
    """The answers that are labels, first to last.

    Raises
    ------
    EvenpickError
        If there is none.
    """
    labelled = [entry for entry in labels.annotations if entry.label is not None]
    if not labelled:
        raise EvenpickError(f"workspace '{workspace}' has no label yet: label or import some first")
    return labelled


def switch_of(labelled: Sequence[Annotation]) -> int | None:
    """How many labels there were when balancing began; None if it did not."""
    phases = [entry.phase for entry in labelled]
    return phases.index("balancing") if "balancing" in phases else None


def record_facts(workspace: Path, pool: Pool, labels: RecordedLabels, labelled: Sequence[Annotation]) -> dict[str, Any]:
    """Who labelled what, by which settings, of which images."""
    asked = [entry for entry in labelled if entry.phase == "balancing" and entry.target]
    settings = labels.settings and {name: value for name, value in labels.settings.items() if name != SETTLED}
    return {
        "date": date.today().isoformat(),
        "evenpick": __version__,
        # Names alone: a report is shown to others, whom no path on this machine concerns.
        "workspace": workspace.resolve().name,
        "folder": pool.folder.name if pool.folder else None,
        "n_images": len(pool),
        "skipped": len(read_skipped(workspace)),
        "source": pool.source.without_folders.to_json() if pool.source else {},
        "settings": settings,
        "n_labels": len(labelled),
        "n_audit_labels": sum(draw.label is not None for draw in labels.draws),
        "labels_until_accuracy": labels_until_accuracy(pool, labels),
        "n_not_told": len(labels.seen.skipped),
        "n_inherited": len(labels.names) - len(labelled),
        "classes_found": len(labels.counts),
        "switch_at": switch_of(labelled),
        "target_hits": sum(entry.label == entry.target for entry in asked),
        "target_asks": len(asked),
        "labelled": [
            {"image": e.image, "label": e.label, "phase": e.phase or "imported", "target": e.target or ""}
            for e in labelled
        ],
    }


def model_facts(model: Model, counts: Mapping[str, int]) -> dict[str, Any]:
    """How it was trained and what the folds say; `counts` are the labels of each class now."""
    folds, head = model.cross_validation, head_of(model.strategy)
    words = "the source model, fine-tuned"
    if head and isinstance(model.head, LinearHead):
        words = f"{head.words} on {model.head.transform.words}"
    return {
        "strategy": model.strategy,
        "words": words,
        "self_trained": model.strategy.endswith(SUFFIX),
        "chooses_c": head is not None and len(head.grid) > 1,
        "left_out": model.left_out,
        **asdict(model.choice),
        "n_labels": sum(model.counts),
        "out_of_date": not is_of(model, counts),
        "cross_validation": asdict(folds) if folds else None,
        "cross_validations": {name: asdict(tried) for name, tried in model.cross_validations.items()},
    }


def is_of(model: Model, counts: Mapping[str, int]) -> bool:
    """Whether the model was trained on as many labels of each class."""
    return dict(zip(map(str, model.classes), model.counts, strict=True)) == counts


def choice_in_words(model: Mapping[str, Any]) -> str:
    """Which strategy the folds chose, and by how much."""
    tried = {name: _judged(folds) for name, folds in model["cross_validations"].items()}
    if model["strategy"] not in tried:
        return "No class has two labels, so nothing could be held out and no strategy was compared."
    own = tried.pop(model["strategy"])
    said = f"'{model['strategy']}' reaches {own:.1%} on the held-out folds"
    if not tried:
        return f"{said}. No other strategy was tried."
    best = max(tried, key=lambda name: tried[name])
    if tried[best] > own:
        return f"{said}; '{best}' reaches {tried[best]:.1%}, but was not clearly better on the images that both judged."
    return f"{said}, the next best, '{best}', {tried[best]:.1%}. So '{model['strategy']}' was taken."


def _judged(folds: Mapping[str, Any]) -> float:
    return float(folds["corrected_accuracy"])
