"""The demo: real photographs that pip brought, labels simulated, and an honest table of what came out.

`elpv-dataset` (Buerhop-Lutz et al., 2018; CC BY-NC-SA 4.0) holds 2,624 photographs of solar cells under
current: two types of cell with four levels of defect, from 50 to 920 images a class.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from .errors import MissingExtraError
from .labels import DEFAULTS, Annotation, LabelStore, set_aside
from .machine import Progress
from .metrics import class_counts, classes_found, imbalance_ratio, mean_interval
from .pool import Pool
from .reports import write_evaluation
from .session import SimulationResult, simulate
from .training import Evaluation, Model, evaluate, train
from .workspace import Workspace

BUDGET = 100
METHODS: list[tuple[str, str | None]] = [
    *((name, form) for name in ("random", "ent_inv_div") for form in (None, "ratio_max")),
    ("core_set", None),
    ("auto", "auto"),
]
N_SEEDS = 5
TEST_SHARE = 0.4
ANNOTATOR = "demo oracle"

COLUMNS = ["acquisition + balancing", "plain %", "corrected %", "ahead of random", "classes", "ir"]


@dataclass(frozen=True)
class Run:
    """One method on one split."""

    result: SimulationResult
    rows: NDArray[np.intp]  # of the whole pool, for the pool's rows of this split
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
) -> DemoResult:
    """Embed the photographs, simulate every method on five splits, compare, and write the report."""
    work, (folder, label_of) = Workspace(workspace), photographs()
    # Each photograph shows a cell of its own, however alike they look.
    pool = work.embed(folder, group_by="none", progress=embed_progress).pool
    labels = np.array([label_of[image_id] for image_id in pool.image_ids])
    runs: dict[tuple[str, str | None], list[Run]] = {method: [] for method in METHODS}
    total = N_SEEDS * len(METHODS)
    for done, (method, run) in enumerate(_runs(pool, labels), 1):
        runs[method].append(run)
        run_progress(done, total)
    rows, sentence = _compare(runs)
    caption = (
        f"Macro accuracy on solar cells (elpv-dataset): {len(set(labels))} classes, {BUDGET} labels, linear SVM "
        f"plain and with prior correction; mean and 95 % interval over {N_SEEDS} random splits of all images into pool "
        f"({1 - TEST_SHARE:.0%}) and test, which overlap, so the true intervals are wider"
    )
    best = max(METHODS, key=lambda method: _mean_corrected(runs[method]))
    _record(work, pool, best, runs[best][0])
    comparison = {"columns": COLUMNS, "rows": rows, "caption": caption, "sentence": sentence}
    page = work.report("Solar cells: the demo of evenpick", comparison)
    return DemoResult(COLUMNS, rows, caption, sentence, page)


def photographs() -> tuple[Path, dict[str, str]]:
    """The folder of the package's images, and each image's class: cell type and level of defect."""
    spec = find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        raise MissingExtraError("the demo", "demo")
    data = Path(spec.origin).parent / "data"
    labels = {}
    with (data / "labels.csv").open(newline="") as file:
        for path, probability, kind in csv.reader(file, delimiter=" ", skipinitialspace=True):
            labels[Path(path).name] = f"{kind} {round(100 * float(probability))} % defect"
    return data / "images", labels


def _runs(pool: Pool, labels: NDArray[np.str_]) -> Iterator[tuple[tuple[str, str | None], Run]]:
    for seed in range(N_SEEDS):
        rows, test_rows = train_test_split(
            np.arange(len(pool)), test_size=TEST_SHARE, random_state=seed, stratify=labels
        )
        part, test = pool.take(rows), pool.take(test_rows)
        for method in METHODS:
            name, form = method
            result = simulate(part, labels[rows], BUDGET, acquisition=name, balancing=form, random_state=seed)
            # On the labels alone: they are what the methods differ in.
            model = train(part, result.indices, result.labels, random_state=seed, unlabelled=())
            ratio = imbalance_ratio(class_counts(result.labels, sorted(set(labels))))
            yield method, Run(result, rows, model, evaluate(model, test, labels[test_rows]), ratio)


def _compare(runs: dict[tuple[str, str | None], list[Run]]) -> tuple[list[list[str]], str]:
    """The rows of the table, best first, and what they say in words."""
    baseline = [run.evaluation.corrected_accuracy for run in runs[METHODS[0]]]
    rows: list[list[str]] = []
    clearly_ahead: list[str] = []
    for method in sorted(METHODS, key=lambda method: -_mean_corrected(runs[method])):
        name, form = method
        here = runs[method]
        corrected = [run.evaluation.corrected_accuracy for run in here]
        mean, half = mean_interval(np.subtract(corrected, baseline))
        if mean - half > 0:
            clearly_ahead.append(f"{name} + {form}" if form else name)
        rows.append(
            [
                f"{name} + {form}" if form else name,
                _percent([run.evaluation.accuracy for run in here]),
                _percent(corrected),
                "" if method == METHODS[0] else f"{100 * mean:+.1f} ± {100 * half:.1f}",
                f"{np.mean([classes_found(run.result.labels) for run in here]):.1f}",
                f"{np.mean([run.imbalance_ratio for run in here]):.2f}",
            ]
        )
    return rows, _sentence(rows[0], clearly_ahead)


def _sentence(best: list[str], clearly_ahead: list[str]) -> str:
    name, _, corrected, ahead, *_ = best
    start = f"Best here is {name}, with {corrected} % after prior correction"
    start += f", {ahead} points ahead of random." if ahead else "."
    if clearly_ahead:
        return f"{start} Ahead of random on these splits (interval above 0): {', '.join(clearly_ahead)}."
    return f"{start} No method is clearly ahead of random: every interval of the difference reaches 0 or below."


def _record(work: Workspace, pool: Pool, method: tuple[str, str | None], run: Run) -> None:
    """Make this run the workspace's record, model and evaluation, so that every command works on it."""
    with LabelStore(work.path) as store:
        only_ours = all(entry.annotator == ANNOTATOR for entry in store.entries())
    kept = set_aside(work.path)
    if kept and only_ours:
        kept.unlink()  # made by the demo, and made again below
    result = run.result
    with LabelStore(work.path) as store:
        settings: dict[str, Any] = {
            "budget": BUDGET,
            **DEFAULTS,
            "acquisition": method[0],
            "balancing": method[1],
        }
        store.store_settings(settings)
        store.append(
            Annotation(
                pool.image_ids[run.rows[index]],
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
    write_evaluation(work.path, run.evaluation, f"{TEST_SHARE:.0%} of the photographs, drawn by class")


def _mean_corrected(runs: list[Run]) -> float:
    return float(np.mean([run.evaluation.corrected_accuracy for run in runs]))


def _percent(shares: list[float]) -> str:
    mean, half = mean_interval(100 * np.array(shares))
    return f"{mean:.1f} ± {half:.1f}"
