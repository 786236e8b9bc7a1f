"""The demo: images that pip brought, labels simulated, and an honest table of what came out."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .demo_images import DEMO_SETS, DemoSet, split
from .demo_runs import BASELINE, METHODS, OURS, Method, Run, run_all
from .errors import unknown_name
from .labels import DEFAULTS, Annotation, LabelStore, set_aside
from .machine import Progress
from .metrics import mean_interval
from .pool import Pool
from .reports import write_evaluation
from .workspace import Workspace

if TYPE_CHECKING:
    from .sources import SourceModel

ANNOTATOR = "demo oracle"

COLUMNS = ["chosen by", "accuracy %", "ahead of random", "rare labels", "classes found"]
CLASS_COLUMNS = ["images of the class", "labels: random", "labels: auto", "recognised: random", "recognised: auto"]


@dataclass(frozen=True)
class Table:
    """Rows of text under their columns, and what they are."""

    caption: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class DemoResult:
    """The ways of choosing side by side, the default one class by class, the sentence that they prove, and the report."""

    methods: Table
    classes: Table
    sentence: str
    photographs: Path
    budget: int
    report: Path


def run_demo(
    workspace: Path,
    embed_progress: Progress = lambda done, total: None,
    run_progress: Callable[[int, int], None] = lambda done, total: None,
    name: str = "digits",
    source: "SourceModel | str" = "efficientnet_lite0",
) -> DemoResult:
    """Embed the images of a set, simulate every method on several splits, compare, and write the report."""
    if name not in DEMO_SETS:
        raise unknown_name("demo set", name, DEMO_SETS)
    chosen, work = DEMO_SETS[name], Workspace(workspace)
    folder, label_of = chosen.images(work.path / "every-image")
    seen = Workspace(work.path / "all") if chosen.tail else work
    # Each picture shows a digit or cell of its own, however alike they look.
    images = seen.embed(folder, source, group_by="none", progress=embed_progress).pool
    labels = np.array([label_of[image_id] for image_id in images.image_ids])
    if chosen.tail:
        _embed_first_pool(work, folder, [images.image_ids[row] for row in split(chosen, labels, 0)[0]], source)
    runs = run_all(chosen, images, labels, run_progress)
    _record(work, seen, images, chosen, runs[OURS][0])
    methods, sentence = _methods(chosen, runs), _sentence(chosen, runs)
    comparison = {"columns": methods.columns, "rows": methods.rows, "caption": methods.caption, "sentence": sentence}
    report = work.report(chosen.title, comparison)
    return DemoResult(methods, _classes(runs), sentence, work.pool.folder or folder, chosen.budget, report)


def _embed_first_pool(work: Workspace, folder: Path, image_ids: Sequence[str], source: "SourceModel | str") -> None:
    """The pool of the first split as a folder of its own: what somebody would have, and what every command then works on."""
    pool = work.path / "photographs"
    pool.mkdir(exist_ok=True)
    for image_id in image_ids:
        if not (pool / image_id).exists():
            shutil.copyfile(folder / image_id, pool / image_id)
    work.embed(pool, source, group_by="none", progress=lambda done, total: None)


def _methods(chosen: DemoSet, runs: dict[Method, list[Run]]) -> Table:
    """First what a user takes, and then the best."""
    baseline = runs[BASELINE]
    rows = []
    for method in sorted(METHODS, key=lambda method: (method != OURS, -_mean_accuracy(runs[method]))):
        here = runs[method]
        rows.append(
            [
                _title(method),
                _percent([run.accuracy for run in here]),
                "" if method == BASELINE else _points(*_ahead(here, baseline)),
                f"{np.mean([run.rare_labels for run in here]):.1f}",
                f"{np.mean([run.found for run in here]):.1f}",
            ]
        )
    return Table(_caption(chosen, runs[OURS]), COLUMNS, rows)


def _caption(chosen: DemoSet, ours: Sequence[Run]) -> str:
    pools, n_classes = [len(run.rows) for run in ours], len(ours[0].images)
    sizes = f"{min(pools):,}" if min(pools) == max(pools) else f"{min(pools):,} to {max(pools):,}"
    tail = f", the rarest class {chosen.tail:g} times rarer than the most common" if chosen.tail else ""
    return (
        f"{chosen.what.capitalize()}: {chosen.budget} labels from {sizes} images of {n_classes} classes{tail}. "
        "Accuracy: of each class on new images, averaged, so that a rare class counts as much as a common one. "
        f"Rare labels: those of the {n_classes // 2} rarest classes. Means over {chosen.seeds} random splits of all images; "
        "± is of 95 %, and too narrow, as the splits overlap"
    )


def _classes(runs: dict[Method, list[Run]]) -> Table:
    """What random images and those of `auto` give each class, the most common one first."""

    def means(method: Method, what: str) -> list[float]:
        return list(np.mean([getattr(run, what) for run in runs[method]], axis=0))

    cells = zip(
        means(OURS, "images"),
        *(means(method, what) for what in ("labels", "recognised") for method in (BASELINE, OURS)),
        strict=True,
    )
    rows = [[f"{n:.0f}", f"{a:.1f}", f"{b:.1f}", f"{c:.0%}", f"{d:.0%}"] for n, a, b, c, d in cells]
    return Table("The same by class, the most common class first", CLASS_COLUMNS, rows)


def _sentence(chosen: DemoSet, runs: dict[Method, list[Run]]) -> str:
    ours, random = runs[OURS], runs[BASELINE]
    rare, rare_random = (np.mean([run.rare_labels for run in some]) for some in (ours, random))
    best = max(METHODS, key=lambda method: _mean_accuracy(runs[method]))
    clear = [_title(m) for m in METHODS if m != BASELINE and _lowest(*_ahead(runs[m], random)) > 0]
    said = [
        f"auto, the default, reaches {100 * _mean_accuracy(ours):.1f} % where random images reach "
        f"{100 * _mean_accuracy(random):.1f} %: {_points(*_ahead(ours, random))} points.",
        f"The {len(ours[0].images) // 2} rarest classes get {rare:.1f} of its labels, and {rare_random:.1f} at random.",
    ]
    if best != OURS:
        said.append(f"Best here is {_title(best)}, {_points(*_ahead(runs[best], ours))} points ahead of auto.")
    if clear:
        said.append(f"Ahead of random on these splits (interval above 0): {', '.join(clear)}.")
    else:
        said.append("No way is clearly ahead of random: every interval of the difference reaches 0 or below.")
    return " ".join([*said, *([chosen.note] if chosen.note else [])])


def _title(method: Method) -> str:
    """How the table calls it; `auto` takes its own balancing."""
    return f"{method[0]} + {method[1]}" if method[1] and method != OURS else method[0]


def _ahead(here: Sequence[Run], there: Sequence[Run]) -> tuple[float, float]:
    """By how much in accuracy, split by split: the mean, and half of its interval."""
    return mean_interval(np.subtract([run.accuracy for run in here], [run.accuracy for run in there]))


def _lowest(mean: float, half: float) -> float:
    return mean - half


def _points(mean: float, half: float) -> str:
    return f"{100 * mean:+.1f} ± {100 * half:.1f}"


def _record(work: Workspace, seen: Workspace, images: Pool, chosen: DemoSet, run: Run) -> None:
    """Make this run of `auto` the workspace's record, model and evaluation, so that every command works on it."""
    with LabelStore(work.path) as store:
        only_ours = all(entry.annotator == ANNOTATOR for entry in store.entries())
    kept = set_aside(work.path)
    if kept and only_ours:
        kept.unlink()  # made by the demo, and made again below
    result = run.result
    with LabelStore(work.path) as store:
        settings: dict[str, Any] = {
            "budget": chosen.budget,
            **DEFAULTS,
            "acquisition": OURS[0],
            "balancing": OURS[1],
        }
        store.store_settings(settings)
        store.append(
            Annotation(
                images.image_ids[run.rows[index]],
                str(label),
                phase,
                None if target is None else str(target),
                annotator=ANNOTATOR,
            )
            for index, label, phase, target in zip(
                result.indices, result.labels, result.phases, result.targets, strict=True
            )
        )
    run.model.save(work.paths.model)
    write_evaluation(work.path, run.evaluation, f"{chosen.test_share:.0%} of all images, drawn by class", seen.path)


def _mean_accuracy(runs: Sequence[Run]) -> float:
    return float(np.mean([run.accuracy for run in runs]))


def _percent(shares: list[float]) -> str:
    mean, half = mean_interval(100 * np.array(shares))
    return f"{mean:.1f} ± {half:.1f}"
