"""The report of a workspace: one self-contained HTML page, and the same facts as JSON and CSV."""

import base64
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image

from .._version import __version__
from ..atomic_files import write_atomically, write_csv
from ..classifiers import SUFFIX, head_of
from ..errors import EvenpickError
from ..estimates import outlook_of_record
from ..images import UnreadableImageError, open_part
from ..labels import Annotation, RecordedLabels, recorded_labels
from ..metrics import imbalance_ratio
from ..paths import Paths
from ..pool import Pool, read_skipped
from ..training import Model
from .doubts import doubt_facts, doubts_in_words
from .evaluation_file import model_digest, read_evaluation

THUMBNAIL = 96  # pixels of the longer side


def write_report(
    workspace: str | Path,
    title: str | None = None,
    comparison: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
) -> Path:
    """Write `report/index.html`, `report.json`, `classes.csv` and `labels.csv`; returns the page.

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
    labels = recorded_labels(workspace, pool)
    facts, expected = _facts(workspace, pool, labels), outlook_of_record(pool, labels)
    facts |= expected.facts | {"doubtful": doubt_facts(pool, labels)}
    facts["title"] = title or f"Labels of {pool.folder.name if pool.folder else workspace}"
    facts["comparison"] = comparison
    where = Paths(workspace).report_page if out is None else Path(out, Paths(workspace).report_page.name)
    where.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(where.with_name("report.json"), json.dumps(facts, indent=1).encode())
    for name, table in (("classes.csv", facts["classes"]), ("labels.csv", facts["labelled"])):
        write_csv(where.with_name(name), list(table[0]), (row.values() for row in table))
    page = _page(facts, expected.rows, [_thumbnail(pool, row["image"]) for row in facts["labelled"]])
    write_atomically(where, page.encode("utf-8", "replace"))
    return where


def _facts(workspace: Path, pool: Pool, labels: RecordedLabels) -> dict[str, Any]:
    labelled = [entry for entry in labels.annotations if entry.label is not None]
    if not labelled:
        raise EvenpickError(f"workspace '{workspace}' has no label yet: label or import some first")
    model = Model.load(Paths(workspace).model) if Paths(workspace).model_json.exists() else None
    evaluation = read_evaluation(workspace)
    stale = evaluation is not None and evaluation["model"] != model_digest(workspace)
    evaluation = None if stale else evaluation
    phases = [entry.phase for entry in labelled]
    switch_at = phases.index("balancing") if "balancing" in phases else None
    asked = [entry for entry in labelled if entry.phase == "balancing" and entry.target]
    classes = _classes(labelled, switch_at, evaluation)
    return {
        "date": date.today().isoformat(),
        "evenpick": __version__,
        # Names alone: a report is shown to others, whom no path on this machine concerns.
        "workspace": workspace.resolve().name,
        "folder": pool.folder.name if pool.folder else None,
        "n_images": len(pool),
        "skipped": len(read_skipped(workspace)),
        "source": {**pool.source.to_json(), "name": _without_folders(pool.source.name)} if pool.source else {},
        "settings": labels.settings,
        "n_labels": len(labelled),
        "n_not_told": len(labels.seen.skipped),
        "classes_found": len(labels.counts),
        "imbalance_ratio": imbalance_ratio([row["labels"] for row in classes]),
        "ratio_covers_undiscovered": evaluation is not None,
        "switch_at": switch_at,
        "target_hits": sum(entry.label == entry.target for entry in asked),
        "target_asks": len(asked),
        "classes": classes,
        "model": _model_facts(model, labels.counts) if model else None,
        "evaluation": evaluation,
        "evaluation_is_stale": stale,
        "labelled": [
            {"image": e.image, "label": e.label, "phase": e.phase or "imported", "target": e.target or ""}
            for e in labelled
        ],
    }


def _without_folders(source: str) -> str:
    """The name of a source, of whose file only the last part is told."""
    kind, colon, file = source.partition(":")
    return source if "://" in file else f"{kind}{colon}{Path(file).name}"


def _classes(
    labelled: Sequence[Annotation], switch_at: int | None, evaluation: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Labels of each class before and after balancing, and test accuracy where there is one."""
    after = Counter(str(entry.label) for entry in labelled)
    before = Counter(str(entry.label) for entry in labelled[:switch_at])
    tested = {row["name"]: row for row in evaluation["classes"]} if evaluation else {}
    rows = []
    for name in sorted({*after, *tested}, key=lambda name: (-after[name], name)):
        row = {"class": name, "labels_before_balancing": before[name], "labels": after[name]}
        if evaluation:
            result = tested.get(name, {})
            row |= {key: result.get(key) for key in ("n_images", "accuracy", "corrected_accuracy")}
        rows.append(row)
    return rows


def _model_facts(model: Model, counts: Mapping[str, int]) -> dict[str, Any]:
    folds, head = model.cross_validation, head_of(model.strategy)
    words = head.words if head else "the source model, fine-tuned"
    return {
        "strategy": model.strategy,
        "words": words,
        "self_trained": model.strategy.endswith(SUFFIX),
        "chooses_c": head is not None and len(head.grid) > 1,
        "left_out": model.left_out,
        **asdict(model.choice),
        "n_labels": sum(model.counts),
        "out_of_date": dict(zip(model.classes, model.counts, strict=True)) != counts,
        "cross_validation": asdict(folds) if folds else None,
        "cross_validations": {name: asdict(tried) for name, tried in model.cross_validations.items()},
    }


def _page(facts: Mapping[str, Any], expected: Sequence[tuple[str, str]], thumbnails: Sequence[str | None]) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evenpick.reports"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["percent"] = lambda share: "" if share is None else f"{100 * share:.1f} %"
    most = max(row["labels"] for row in facts["classes"])
    return environment.get_template("report.html").render(
        facts,
        most=most,
        expected=expected,
        doubts=doubts_in_words(facts["doubtful"], facts["workspace"]),
        sheet=list(zip(facts["labelled"], thumbnails, strict=True)),
    )


def _thumbnail(pool: Pool, image_id: str) -> str | None:
    """The image as a small JPEG in a data address; None when its file is gone."""
    if pool.folder is None:
        return None
    try:
        image = open_part(pool.part(pool.row_of[image_id]))
    except UnreadableImageError:
        return None
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
