"""The demo: images that pip brought, labels simulated, and an honest table of what came out."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .demo_images import DEMO_SETS, DemoSet, split
from .errors import unknown_name
from .labels import DEFAULTS, Annotation, LabelStore, set_aside
from .machine import Progress
from .metrics import class_counts, classes_found, imbalance_ratio, mean_interval
from .pool import Pool
from .reports import write_evaluation
from .session import SimulationResult, simulate
from .training import Evaluation, Model, evaluate, train
from .workspace import Workspace

if TYPE_CHECKING:
    from .sources import SourceModel

OURS = ("auto", "auto")
BASELINE = ("random", None)
METHODS: list[tuple[str, str | None]] = [OURS, BASELINE, ("core_set", None), ("ent_inv_div", "ratio_max")]
ANNOTATOR = "demo oracle"

COLUMNS = ["acquisition + balancing", "plain %", "corrected %", "ahead of random", "classes", "ir"]


@dataclass(frozen=True)
class Run:
    """One method on one split."""

    result: SimulationResult
    rows: NDArray[np.intp]  # of all images, for the pool's rows of this split
    model: Model
    evaluation: Evaluation
    imbalance_ratio: float


@dataclass(frozen=True)
class DemoResult:
    """The table, the sentence that it proves, and where the report is."""

    columns: list[str]
    rows: list[list[str]]
    caption: str
    sentence: str
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
    runs: dict[tuple[str, str | None], list[Run]] = {method: [] for method in METHODS}
    total = chosen.seeds * len(METHODS)
    for done, (method, run) in enumerate(_runs(chosen, images, labels), 1):
        runs[method].append(run)
        run_progress(done, total)
    rows, sentence = _compare(runs)
    caption = _caption(chosen, len(set(labels)), [len(run.rows) for run in runs[OURS]])
    _record(work, images, chosen, runs[OURS][0])
    comparison = {"columns": COLUMNS, "rows": rows, "caption": caption, "sentence": sentence}
    return DemoResult(COLUMNS, rows, caption, sentence, work.report(chosen.title, comparison))


def _embed_first_pool(work: Workspace, folder: Path, image_ids: Sequence[str], source: "SourceModel | str") -> None:
    """The pool of the first split as a folder of its own: what somebody would have, and what every command then works on."""
    pool = work.path / "photographs"
    pool.mkdir(exist_ok=True)
    for image_id in image_ids:
        if not (pool / image_id).exists():
            shutil.copyfile(folder / image_id, pool / image_id)
    work.embed(pool, source, group_by="none")


def _caption(chosen: DemoSet, n_classes: int, pools: Sequence[int]) -> str:
    sizes = f"{min(pools):,}" if min(pools) == max(pools) else f"{min(pools):,} to {max(pools):,}"
    tail = f", of the rarest class {chosen.tail:g} times fewer than of the most common one," if chosen.tail else ""
    return (
        f"Macro accuracy on {chosen.what}: {n_classes} classes, {chosen.budget} labels from a pool of {sizes} images{tail} "
        f"linear SVM plain and with prior correction; mean and 95 % interval over {chosen.seeds} random splits of all images, "
        f"{chosen.test_share:.0%} for the test, which overlap, so the true intervals are wider"
    )


def _runs(chosen: DemoSet, images: Pool, labels: NDArray[np.str_]) -> Iterator[tuple[tuple[str, str | None], Run]]:
    for seed in range(chosen.seeds):
        rows, test_rows = split(chosen, labels, seed)
        part, test = images.take(rows), images.take(test_rows)
        for method in METHODS:
            name, form = method
            result = simulate(part, labels[rows], chosen.budget, acquisition=name, balancing=form, random_state=seed)
            # On the labels alone: they are what the methods differ in.
            model = train(part, result.indices, result.labels, random_state=seed, unlabelled=())
            ratio = imbalance_ratio(class_counts(result.labels, sorted(set(labels))))
            yield method, Run(result, rows, model, evaluate(model, test, labels[test_rows]), ratio)


def _compare(runs: dict[tuple[str, str | None], list[Run]]) -> tuple[list[list[str]], str]:
    """The rows of the table, first what a user takes and then the best, and what they say in words."""
    baseline = [run.evaluation.corrected_accuracy for run in runs[BASELINE]]
    rows: list[list[str]] = []
    clearly_ahead: list[str] = []
    for method in sorted(METHODS, key=lambda method: (method != OURS, -_mean_corrected(runs[method]))):
        here = runs[method]
        corrected = [run.evaluation.corrected_accuracy for run in here]
        mean, half = mean_interval(np.subtract(corrected, baseline))
        if mean - half > 0:
            clearly_ahead.append(_title(method))
        rows.append(
            [
                _title(method),
                _percent([run.evaluation.accuracy for run in here]),
                _percent(corrected),
                "" if method == BASELINE else f"{100 * mean:+.1f} ± {100 * half:.1f}",
                f"{np.mean([classes_found(run.result.labels) for run in here]):.1f}",
                f"{np.mean([run.imbalance_ratio for run in here]):.2f}",
            ]
        )
    best = max(METHODS, key=lambda method: _mean_corrected(runs[method]))
    return rows, _sentence(rows[0], _title(best), clearly_ahead)


def _title(method: tuple[str, str | None]) -> str:
    """How the table calls it; `auto` takes its own balancing."""
    return f"{method[0]} + {method[1]}" if method[1] and method != OURS else method[0]


def _sentence(first: list[str], best: str, clearly_ahead: list[str]) -> str:
    name, _, corrected, ahead, *_ = first
    said = f"{name}, the default, reaches {corrected} % after prior correction, {ahead} points against random"
    said += "." if best == name else f"; best here is {best}."
    if clearly_ahead:
        return f"{said} Ahead of random on these splits (interval above 0): {', '.join(clearly_ahead)}."
    return f"{said} No method is clearly ahead of random: every interval of the difference reaches 0 or below."


def _record(work: Workspace, images: Pool, chosen: DemoSet, run: Run) -> None:
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
    write_evaluation(work.path, run.evaluation, f"{chosen.test_share:.0%} of all images, drawn by class")


def _mean_corrected(runs: list[Run]) -> float:
    return float(np.mean([run.evaluation.corrected_accuracy for run in runs]))


def _percent(shares: list[float]) -> str:
    mean, half = mean_interval(100 * np.array(shares))
    return f"{mean:.1f} ± {half:.1f}"
