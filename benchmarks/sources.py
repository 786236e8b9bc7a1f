"""What each source model gives: the same images, labels and budgets, only the features and source predictions differ.

    python benchmarks/sources.py features --data DATA --work WORK    # an hour on two cores, needs the extras lite and demo
    python benchmarks/sources.py run --work WORK                     # from the features alone; a killed run goes on
    python benchmarks/sources.py table                               # benchmarks/sources.md from the results

DATA is that of `cells.py`. Of each set a random part is looked at (elpv: all of it), and WORK gets one small file a set
and source: features as a byte each, whose effect is stated there, and the source predictions. `run` needs no network.
"""

import argparse
import csv
import time
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cells import (
    SETS,
    Rows,
    by_key,
    commits,
    decoded,
    encoded,
    interval,
    keys_of,
    run_in_processes,
    staged_command_line,
)
from choosing import accuracy_of, labels_by_budget

if TYPE_CHECKING:
    from evenpick import Pool, SourceModel

SOURCES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
IMAGES = {"pool": 2200, "test": 800}
BUDGETS = (100, 200)
SEEDS = range(5)
METHODS = (("random", None), ("auto", "auto"), ("ent_inv_div", None))
PSEUDO = tuple((f"ent_inv_div@{count}", None) for count in (30, 100, 300))
KEY = ("set", "source", "seed", "acquisition", "balancing")
BATCH = 32


def main() -> None:
    staged_command_line(__file__, __doc__, ("features", look), run, table, SETS, _which_sources)


def _which_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", action="append", help=f"by default {', '.join(SOURCES)}")


# --- features ---------------------------------------------------------------------------------------


def look(options: argparse.Namespace) -> None:
    from evenpick import SourceModel

    for name in options.source or SOURCES:
        for set_name in options.set or SETS:
            file = options.work / f"{set_name}-{name}.npz"
            if not file.exists():
                found = seen(SourceModel.load(name), *images_of(options.data, set_name))
                partial = file.with_suffix(".partial.npz")
                np.savez_compressed(partial, **found)
                partial.rename(file)
                print(f"{file.name}: {1000 * float(found['cpu_seconds']) / len(found['labels']):.1f} ms an image")


def images_of(data: Path, set_name: str) -> tuple[list[Path], list[str], list[bool]]:
    """Files, their labels, and whether each is one of the pool."""
    from evenpick.demo_images import solar_cells

    if set_name == "elpv":
        folder, label_of = solar_cells()
        files = [folder / name for name in sorted(label_of)]
        return files, [label_of[file.name] for file in files], [True] * len(files)
    rows = list(csv.DictReader((data / set_name / "labels.csv").open()))
    rng, drawn = np.random.default_rng(20), []
    for split, count in IMAGES.items():
        of_split = [row for row in rows if row["split"] == split]
        drawn += [of_split[i] for i in np.sort(rng.permutation(len(of_split))[:count])]
    files = [data / set_name / row["split"] / row["file"] for row in drawn]
    return files, [row["label"] for row in drawn], [row["split"] == "pool" for row in drawn]


def seen(source: "SourceModel", files: list[Path], labels: list[str], in_pool: list[bool]) -> dict[str, Any]:
    from evenpick.images import Part, open_part
    from evenpick.probabilities import softmax, summarise_probabilities

    features, predictions, begin = [], [], time.process_time()
    for start in range(0, len(files), BATCH):
        values, logits = source([open_part(Part(file)) for file in files[start : start + BATCH]])
        features.append(values)
        predictions.append(summarise_probabilities(softmax(logits)))
    seconds = time.process_time() - begin
    values = np.concatenate(features)
    codes, most = encoded(values)
    return {
        "codes": codes, "most": most, "predictions": np.concatenate(predictions),
        "labels": np.array(labels), "in_pool": np.array(in_pool), "cpu_seconds": seconds,
        "furthest": 1 - cosines(values, decoded(codes, most)).min(),
    }  # fmt: skip


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


# --- choosing and training --------------------------------------------------------------------------


def run(options: argparse.Namespace, results: Path) -> None:
    done = keys_of(results, KEY)
    names = [(set_name, source) for set_name in options.set or SETS for source in SOURCES]
    there = [pair for pair in names if (options.work / f"{pair[0]}-{pair[1]}.npz").exists()]
    cells = [(*pair, seed, *method) for seed in SEEDS for pair in there for method in (*METHODS, *PSEUDO)]
    run_in_processes((cell for cell in cells if cell not in done), partial(cell_of, options.work), options, results)


def cell_of(work: Path, set_name: str, source: str, seed: int, acquisition: str, balancing: Any) -> Rows:
    pool, labels, test, true = split(work, set_name, source, seed)
    begin = time.process_time()
    labelled = labels_by_budget(pool, labels, list(BUDGETS), acquisition, balancing, seed)
    accuracies = {str(b): round(100 * accuracy_of(pool, *labelled[b], test, true), 3) for b in BUDGETS}
    row = dict(zip(KEY, (set_name, source, seed, acquisition, balancing), strict=True))
    file = np.load(work / f"{set_name}-{source}.npz")
    facts = {"ms": 1000 * float(file["cpu_seconds"]) / len(file["labels"]), "furthest": float(file["furthest"])}
    return [row | {"accuracy": accuracies, "cpu_seconds": round(time.process_time() - begin, 2), **facts}]


@cache
def _loaded(work: Path, set_name: str, source: str) -> "tuple[Pool, np.ndarray, np.ndarray]":
    from evenpick import Pool

    found = np.load(work / f"{set_name}-{source}.npz")
    features = decoded(found["codes"], found["most"])
    ids = [str(i) for i in range(len(features))]
    return Pool(features, ids, found["predictions"]), found["labels"], found["in_pool"]


def split(work: Path, set_name: str, source: str, seed: int) -> "tuple[Pool, np.ndarray, Pool, np.ndarray]":
    """90 % of the pool and the test images; of elpv 60 % by class and the rest: the same for every source."""
    from sklearn.model_selection import train_test_split

    pool, labels, in_pool = _loaded(work, set_name, source)
    rows, tested = np.flatnonzero(in_pool), np.flatnonzero(~in_pool)
    if set_name == "elpv":
        rows, tested = train_test_split(rows, test_size=0.4, random_state=seed, stratify=labels)
    else:
        rows = np.sort(np.random.default_rng([seed, 77]).permutation(rows)[: int(0.9 * len(rows))])
    return pool.take(rows), labels[rows], pool.take(tested), labels[tested]


# --- the page ---------------------------------------------------------------------------------------


def table(rows: Rows) -> str:
    found = by_key(rows, KEY)
    lines = [
        "# What each source model gives",
        "",
        "Macro accuracy in percent over all classes of the test set, undiscovered ones counting 0; the classifier is that of",
        f"[choosing.md](choosing.md). Mean over {len(SEEDS)} seeds of the default source, and how far each other one is ahead of it, paired over",
        f"the seeds, with the half width of the 95 % t interval. Of caltech, places and food {IMAGES['pool']:,} random images of the pool (a seed draws",
        f"90 % of them) and {IMAGES['test']} of the test set; of elpv all, 60 % by class as pool and the rest as test. Features were kept as a byte",
        f"each: a cosine of {1 - max(row['furthest'] for row in rows):.5f} or more with what the network gave.",
        "CPU time of an image, decoding included, on one core: "
        + ", ".join(f"`{name}` {np.mean([r['ms'] for r in rows if r['source'] == name]):.0f} ms" for name in SOURCES)
        + ".",
        f"Command: `python benchmarks/sources.py run --work WORK`, commit {commits(rows)}.",
    ]
    for method in METHODS:
        lines += [
            "",
            f"## `{method[0]}`" + (f" with balancing `{method[1]}`" if method[1] else ""),
            "",
            *_part(found, method),
        ]
    lines += [
        "",
        "## Pseudo-classes in place of the source's own",
        "",
        "`ent_inv_div@N` asks N k-means clusters of the features in place of the source's classes: how far it is ahead of the same",
        "function with the source's own classes; beside it `auto` and `random`, which ask for none:",
        "",
        *_against_own_classes(found),
    ]
    return "\n".join(lines) + "\n"


def _against_own_classes(found: dict[tuple, dict]) -> list[str]:
    columns = [(name, budget) for name in SETS for budget in BUDGETS]
    lines = [
        "| source | acquisition | " + " | ".join(f"{name}, {budget}" for name, budget in columns) + " | all |",
        "|---|---|" + "---|" * (len(columns) + 1),
    ]
    for source in SOURCES:
        for method in (*PSEUDO, METHODS[1], METHODS[0]):
            gains = [
                _accuracies(found, name, source, method, budget) - _accuracies(found, name, source, METHODS[2], budget)
                for name, budget in columns
            ]
            cells = " | ".join(interval(gain, "+") for gain in [*gains, np.concatenate(gains)])
            lines.append(f"| `{source}` | `{method[0]}` | {cells} |")
    return lines


def _part(found: dict[tuple, dict], method: tuple) -> list[str]:
    columns = [(name, budget) for name in SETS for budget in BUDGETS]
    lines = [
        "| source | " + " | ".join(f"{name}, {budget}" for name, budget in columns) + " | all |",
        "|---|" + "---|" * (len(columns) + 1),
    ]
    for source in SOURCES:
        cells, gains = [], []
        for name, budget in columns:
            here, base = (_accuracies(found, name, one, method, budget) for one in (source, SOURCES[0]))
            gain = here - base
            gains.append(gain)
            cells.append(f"{here.mean():.1f}" if source == SOURCES[0] else f"{interval(gain, '+')}")
        total = "" if source == SOURCES[0] else f"{interval(np.concatenate(gains), '+')}"
        lines.append(f"| `{source}` | " + " | ".join(cells) + f" | {total} |")
    return lines


def _accuracies(found: dict[tuple, dict], name: str, source: str, method: tuple, budget: int) -> np.ndarray:
    return np.array([found[(name, source, seed, *method)]["accuracy"][str(budget)] for seed in SEEDS])


if __name__ == "__main__":
    main()
