"""`report/evaluation.json`: how good the classifier is on test images, kept for the report."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..paths import Paths
from ..training import Evaluation

PAIRS, EXAMPLES = 30, 6  # pairs of classes whose mistakes are kept, and how many of each
SUREST = 60  # mistakes that are kept whatever their pair
# What every version has kept.
_FIGURES = frozenset((
    "n_images", "accuracy", "accuracy_half_width", "corrected_accuracy", "corrected_half_width", "classes",
))  # fmt: skip
_KEPT = _FIGURES | {"test_set", "model", "undiscovered"}


def write_evaluation(workspace: Path, evaluation: Evaluation, test_set: str, seen_in: Path | None = None) -> None:
    """Keep an evaluation of the workspace's model for the report.

    `seen_in` is the workspace whose pool holds the test images: this one, or one within it. Without it the report shows
    no pictures of them.
    """
    paths = Paths(workspace)
    paths.report.mkdir(parents=True, exist_ok=True)
    facts = {
        "test_set": test_set,
        "seen_in": None if seen_in is None else seen_in.resolve().relative_to(workspace.resolve()).as_posix(),
        "model": model_digest(workspace),
        "undiscovered": evaluation.undiscovered,
        "n_mistakes": len(evaluation.mistakes),
        **asdict(_examples_only(evaluation)),
    }
    write_atomically(paths.evaluation, json.dumps(facts, indent=1).encode())


def read_evaluation(workspace: Path) -> dict[str, Any] | None:
    """What was kept; None where nothing was."""
    file = Paths(workspace).evaluation
    try:
        facts: dict[str, Any] | None = json.loads(file.read_bytes()) if file.is_file() else None
        if facts is not None and not _is_whole(facts):
            raise ValueError("no evaluation")
    except ValueError as error:
        raise EvenpickError(f"'{file}' is damaged: run `evenpick evaluate` again, or delete it") from error
    return facts


def _is_whole(facts: Any) -> bool:
    if not isinstance(facts, dict) or not facts.keys() >= _KEPT:
        return False
    new = facts.get("on_new")
    return not new or (isinstance(new, dict) and new.keys() >= _FIGURES)


def on_new_images(evaluation: Mapping[str, Any]) -> Mapping[str, Any]:
    """The evaluation on test images that no label shows; the whole of it, where all are such or none is."""
    new = evaluation.get("on_new")
    return {"tau": evaluation["tau"], **new} if new else evaluation


def model_digest(workspace: Path) -> str | None:
    """Which model an evaluation is of: the hash of what `model.json` says."""
    file = Paths(workspace).model_json  # it names the weights by their hash
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _examples_only(evaluation: Evaluation) -> Evaluation:
    """With the mistakes alone that the report may show."""
    left = {(pair.true, pair.predicted): EXAMPLES for pair in evaluation.confusions[:PAIRS]}
    kept = []
    for place, one in enumerate(evaluation.mistakes):
        pair = one.true, one.predicted
        left[pair] = left.get(pair, 0) - 1
        if place < SUREST or left[pair] >= 0:
            kept.append(one)
    on_new = evaluation.on_new
    return replace(evaluation, mistakes=tuple(kept), on_new=None if on_new is None else replace(on_new, mistakes=()))
