"""What several views of each image give: averaged features, and how much the source predictions of the views disagree.

    python benchmarks/views.py features --data DATA --work WORK    # hours on one core, needs the extra demo; goes on
    python benchmarks/views.py run --work WORK                     # from the features alone; goes on
    python benchmarks/views.py table                               # benchmarks/views.md from the results

DATA is that of `cells.py`. Of each set a random part is looked at, in steps of 100 images: what is there when `run` begins
counts, as many images of every set. WORK gets a file a step: of each view in `BANK`, by the default source, the features
and source probabilities in half precision. With the files of `sources.py` beside them, several sources are measured too.
"""

import argparse
import csv
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cells import SETS, Rows, by_key, commits, interval, keys_of, run_in_processes, staged_command_line
from choosing import accuracy_of, labels_by_budget
from sources import split

from evenpick.images.views import View

if TYPE_CHECKING:
    from evenpick import SourceModel

STEP, MOST = 100, 2000
BANK = {
    "centre": View(),
    "mirrored": View(mirrored=True),
    "wide": View(8 / 7),
    "wide mirrored": View(8 / 7, mirrored=True),
    "top left": View(1, 0, 0),
    "bottom right mirrored": View(1, 1, 1, mirrored=True),
    "close top left": View(0.8, 0, 0),
    "close bottom right mirrored": View(0.8, 1, 1, mirrored=True),
}

# What is seen, by names of the bank; `--views K` takes the first K of VIEWS.
CHOICES = {
    "1": ["centre"],
    "2 mirrored": ["centre", "mirrored"],
    "2 wide": ["centre", "wide"],
    "2 wide mirrored": ["centre", "wide mirrored"],
    "2 ends": ["top left", "bottom right mirrored"],
    "4 wide": ["centre", "mirrored", "wide", "wide mirrored"],
    "4 ends": ["centre", "mirrored", "top left", "bottom right mirrored"],
    "4 wide and ends": ["centre", "wide mirrored", "top left", "bottom right mirrored"],
    "4 close": ["centre", "mirrored", "close top left", "close bottom right mirrored"],
    "8": [*BANK],
}
SHIPPED = ("1", "2 wide mirrored", "4 wide and ends", "8")
OTHERS = tuple(name for name in CHOICES if name not in SHIPPED)
COMMITTEES = ("lite0", "lite1", "lite0+lite1", "lite0+lite2", "lite0+lite1+lite2")
METHODS = (("auto", "auto"), ("random", None), ("ent_inv_div", None), ("ent", None))
BY_VIEWS = (("variation_ratio", None), ("bald", None))
BUDGETS, SEEDS = (50, 100, 200), range(5)
KEY = ("set", "seed", "views", "acquisition", "balancing")


def main() -> None:
    staged_command_line(__file__, __doc__, ("features", look), run, table, SETS)


# --- features ---------------------------------------------------------------------------------------


def look(options: argparse.Namespace) -> None:
    """Every set grows by a step in its turn."""
    from evenpick import SourceModel

    source = SourceModel.load()
    for start in range(0, MOST, STEP):
        for set_name in options.set or SETS:
            file = options.work / f"{set_name}-{start:04d}.npz"
            files, labels = images_of(options.data, set_name)
            if not file.exists():
                partial = file.with_suffix(".partial")
                with partial.open("wb") as opened:
                    part = slice(start, start + STEP)
                    np.savez(opened, **seen(source, files[part]), labels=np.array(labels[part]))
                partial.rename(file)


def images_of(data: Path, set_name: str) -> tuple[list[Path], list[str]]:
    """Files and labels in a random order."""
    from evenpick.demo_images import solar_cells

    if set_name == "elpv":
        folder, label_of = solar_cells()
        rows = [(folder / name, label_of[name]) for name in sorted(label_of)]
    else:
        table = csv.DictReader((data / set_name / "labels.csv").open())
        rows = [(data / set_name / row["split"] / row["file"], row["label"]) for row in table]
    order = np.random.default_rng(20).permutation(len(rows)).tolist()
    return [rows[i][0] for i in order], [rows[i][1] for i in order]


def seen(source: "SourceModel", files: list[Path]) -> dict[str, Any]:
    """Features (n, views, d) and probabilities of each image and view, and CPU seconds to decode and cut, and in all."""
    from evenpick.images import Part, cut_part
    from evenpick.probabilities import softmax

    preprocessing, decoding = source.preprocessing, 0.0

    def look_at(file: Path) -> tuple[Any, Any, float]:
        begin = time.thread_time()
        cuts = cut_part(Part(file), lambda image: [preprocessing.cut_view(view, image) for view in BANK.values()])
        seconds = time.thread_time() - begin
        values, logits = source.network(preprocessing.batch(cuts))
        return values.astype(np.float16), softmax(logits).astype(np.float16), seconds

    begin = time.process_time()
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(look_at, files))
    decoding = sum(seconds for _, _, seconds in found)
    return {
        "features": np.array([values for values, _, _ in found]),
        "probabilities": np.array([values for _, values, _ in found]),
        "seconds": np.array([decoding, time.process_time() - begin]),
    }


# --- choosing and training --------------------------------------------------------------------------


def run(options: argparse.Namespace, results: Path) -> None:
    done, sets = keys_of(results, KEY), options.set or SETS
    steps = min(len([*options.work.glob(f"{name}-????.npz")]) for name in sets)
    cells = [
        (partial_of, options.work, steps, name, seed, views, *method)
        for wanted in (SHIPPED, OTHERS)
        for seed in SEEDS
        for name in sets
        for views in wanted
        for method in methods_of(views)
    ]
    if (options.work / f"{SETS[0]}-efficientnet_lite0.npz").exists():
        cells += [
            (sources_of, options.work, 0, name, seed, names, *method)
            for seed in SEEDS
            for name in sets
            for names in COMMITTEES
            for method in METHODS[:2]
        ]
    run_in_processes((cell for cell in cells if cell[3:] not in done), cell_of, options, results)


def methods_of(views: str) -> tuple[tuple[str, str | None], ...]:
    """All where a question is asked of it; of views that are not shipped only what tells how good their features are."""
    if views not in SHIPPED:
        return METHODS[:2]
    return METHODS if views == "1" else (*METHODS, *BY_VIEWS)


def cell_of(
    pools: Any, work: Path, steps: int, set_name: str, seed: int, seen_by: str, acquisition: str, balancing: str | None
) -> Rows:
    pool, labels, test, true = pools(work, steps, set_name, seed, seen_by)
    labelled = labels_by_budget(pool, labels, list(BUDGETS), acquisition, balancing, seed)
    accuracies = {str(b): round(100 * accuracy_of(pool, *labelled[b], test, true), 3) for b in BUDGETS}
    row = dict(zip(KEY, (set_name, seed, seen_by, acquisition, balancing), strict=True))
    facts = {"n_pool": len(pool), "n_test": len(test), "n_classes": len({*labels})}
    if steps:
        seconds = sum(np.load(file)["seconds"] for file in _files(work, set_name, steps))
        n = steps * STEP
        facts |= {"decode_ms": 1000 * seconds[0] / n, "view_ms": 1000 * (seconds[1] - seconds[0]) / n / len(BANK)}
    return [row | {"accuracy": accuracies, **facts}]


def _files(work: Path, set_name: str, steps: int) -> list[Path]:
    return sorted(work.glob(f"{set_name}-????.npz"))[:steps]


@lru_cache(1)
def _loaded(work: Path, set_name: str, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = [np.load(file) for file in _files(work, set_name, steps)]
    features, probabilities, labels = (
        np.concatenate([one[name] for one in found]) for name in ("features", "probabilities", "labels")
    )
    return features, probabilities, labels


def partial_of(work: Path, steps: int, set_name: str, seed: int, seen_by: str) -> Any:
    """A pool of 60 % of the images that were looked at, its labels, and the rest as test, all in these views."""
    from evenpick import Pool

    features, probabilities, labels = _loaded(work, set_name, steps)
    of_bank = [*BANK]
    views = [of_bank.index(name) for name in CHOICES[seen_by]]
    given = probabilities[:, views].astype(np.float32)
    given /= given.sum(axis=2, keepdims=True)
    seen = Pool.from_arrays(
        features[:, views].astype(np.float32).mean(axis=1), given if len(views) > 1 else given[:, 0]
    )
    order = np.random.default_rng([seed, 77]).permutation(len(labels))
    rows, tested = np.split(order, [int(0.6 * len(order))])
    return seen.take(rows), labels[rows], seen.take(tested), labels[tested]


def sources_of(work: Path, steps: int, set_name: str, seed: int, seen_by: str) -> Any:
    """The same of several sources: their features side by side, at length 1 each; predictions of the first."""
    from evenpick import Pool

    parts = [split(work, set_name, f"efficientnet_{name}", seed) for name in seen_by.split("+")]
    both = []
    for place in (0, 2):
        features = [part[place].features for part in parts]
        units = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in features]
        first = parts[0][place]
        both.append(Pool(np.hstack(units).astype(np.float32), first.image_ids, first.predictions))
    return both[0], parts[0][1], both[1], parts[0][3]


# --- the page ---------------------------------------------------------------------------------------


def table(rows: Rows) -> str:
    found, n = by_key(rows, KEY), {row["n_pool"]: row["n_test"] for row in rows if row["views"] == "1"}
    milliseconds = [np.mean([row[name] for row in rows if name in row]) for name in ("decode_ms", "view_ms")]
    lines = [
        "# What several views of each image give",
        "",
        "Macro accuracy in percent over all classes of the test images, undiscovered ones counting 0; the classifier is that of",
        "[choosing.md](choosing.md). Default source. Of each set "
        + " and ".join(f"{a + b:,}" for a, b in n.items())
        + f" random images; of these each of {len(SEEDS)} seeds draws",
        "60 % as pool and 40 % as test. First the mean of one view, then how far the others are ahead of it, paired over the seeds, with the half width",
        "of the 95 % t interval (*all*: over sets, budgets and seeds; of the same images, so these are not quite independent). "
        f"CPU time of an image: {milliseconds[0]:.0f} ms to decode it and cut {len(BANK)} views, {milliseconds[1]:.0f} ms of network a view",
        "(other programs were running: these are not the best times of the machine).",
        f"Command: `python benchmarks/views.py run --work WORK`, commit {commits(rows)}.",
        "",
        "`centre` is what the source sees without `--views`. `wide` is 8/7 times as wide and high, here the whole short side; `close` 0.8 times.",
        "`top left` and `bottom right` lie in that corner, all others in the middle; `mirrored` is from left to right. What is seen:",
        "",
        *(
            f"* `{name}`: " + ", ".join(CHOICES[name]) + (" (`--views`)" if name in SHIPPED else "")
            for name in CHOICES
            if name != "1"
        ),
    ]
    for method in METHODS[:3]:
        seen = [*CHOICES] if method in METHODS[:2] else [*SHIPPED]
        lines += ["", f"## {_said(method)}", "", *_gains(found, seen, "1", method)]
    lines += ["", "## Disagreement of the views as a chooser", "", "Ahead of `random` on the same views:", ""]
    lines += _choosers(found)
    if any((SETS[0], 0, name, *METHODS[0]) in found for name in COMMITTEES):
        lines += [
            "",
            "## Several sources in place of several views",
            "",
            "Features of several networks side by side, each at length 1, on the images of [sources.md](sources.md); predictions of the first.",
            "On elpv they differ from sources.md by some tenths of a point: at length 1 features are rounded anew.",
            "Two sources cost 2.4 (with Lite1) and 3.0 times (with Lite2) the processor time of Lite0 alone, three 4.4 times: [several.md](several.md).",
        ]
        for method in METHODS[:2]:
            lines += ["", f"### {_said(method)}", "", *_gains(found, [*COMMITTEES], COMMITTEES[0], method)]
    return "\n".join(lines) + "\n"


def _said(method: tuple) -> str:
    return f"`{method[0]}`" + (f" with balancing `{method[1]}`" if method[1] else "")


COLUMNS = [(name, budget) for name in SETS for budget in BUDGETS]


def _head(first: str) -> list[str]:
    named = " | ".join(f"{name}, {budget}" for name, budget in COLUMNS)
    return [f"| {first} | {named} | all |", "|---|" + "---|" * (len(COLUMNS) + 1)]


def _gains(found: dict[tuple, dict], rows: list[str], base: str, method: tuple) -> list[str]:
    lines = _head("seen")
    for name in rows:
        gains = [_of(found, one, name, method, b) - _of(found, one, base, method, b) for one, b in COLUMNS]
        cells = [interval(gain, "+") for gain in [*gains, np.concatenate(gains)]]
        if name == base:
            cells = [*(f"{_of(found, one, name, method, b).mean():.1f}" for one, b in COLUMNS), ""]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return lines


def _choosers(found: dict[tuple, dict]) -> list[str]:
    lines = _head("seen, chosen by")
    for name in SHIPPED[1:]:
        others = [*BY_VIEWS, METHODS[3], METHODS[2], METHODS[0]]
        for method in others:
            gains = [_of(found, one, name, method, b) - _of(found, one, name, METHODS[1], b) for one, b in COLUMNS]
            cells = " | ".join(interval(gain, "+") for gain in [*gains, np.concatenate(gains)])
            lines.append(f"| `{name}`, `{method[0]}` | {cells} |")
    return lines


def _of(found: dict[tuple, dict], set_name: str, seen_by: str, method: tuple, budget: int) -> np.ndarray:
    return np.array([found[(set_name, seed, seen_by, *method)]["accuracy"][str(budget)] for seed in SEEDS])


if __name__ == "__main__":
    main()
