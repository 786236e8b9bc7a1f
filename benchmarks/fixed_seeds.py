"""Digests of what fixed seeds give on a labelled folder: picks, predictions and files, one line each.

A change of structure must change none of them. Run it before and after, on the same machine, and compare:

    python benchmarks/fixed_seeds.py FOLDER LABELS.csv WORKSPACE > before.txt

LABELS.csv has the columns image and label. WORKSPACE must be new; it takes about ten minutes on 14,000 images.
"""

import argparse
import csv
import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evenpick import ACQUISITIONS, Pool, select, simulate, train

SESSIONS: list[dict[str, Any]] = [
    {"balancing": "auto"},
    {"acquisition": "ent_inv_div", "balancing": "auto"},
    {"acquisition": "ent_inv_div", "balancing": "ratio_max"},
    {"acquisition": "random", "balancing": "diff_min", "patience": 3},
    {"acquisition": "core_set", "balancing": None},
]
BUDGET = 150
# What changes from run to run: dates, and the folder that is worked in.
CHANGING = re.compile(rb'"date": "[^"]*"|\d{4}-\d\d-\d\d(T[0-9:.+]*)?|' + rb"/[^ \"<]*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("workspace", type=Path)
    options = parser.parse_args()
    for name, content in digested(options.folder, options.labels, options.workspace):
        print(f"{hashlib.sha256(content).hexdigest()[:16]}  {name}", flush=True)


def digested(folder: Path, labels: Path, workspace: Path) -> Iterator[tuple[str, bytes]]:
    """What is compared, each with its name."""
    run("embed", workspace, folder)
    for file in sorted((workspace / "pool").iterdir()):
        yield (
            f"embed: {file.name}",
            CHANGING.sub(b"", file.read_bytes()) if file.suffix == ".json" else file.read_bytes(),
        )
    pool = Pool.open(workspace)
    with labels.open(newline="") as handle:
        label_of = {row["image"]: row["label"] for row in csv.DictReader(handle)}
    oracle = [label_of[image_id] for image_id in pool.image_ids]
    for name in ACQUISITIONS:
        for seed in (0, 1):
            yield f"select: {name}, seed {seed}", select(pool, BUDGET, name, seed).tobytes()
    for session in SESSIONS:
        result = simulate(pool, oracle, BUDGET, audit=0, random_state=1, **session)
        told = json.dumps([result.phases, result.targets, result.switch_at, result.labels])
        yield f"simulate: {session}", result.indices.tobytes() + told.encode()
    rows = select(pool, BUDGET, "ent_inv_div", 3)
    chosen = [oracle[row] for row in rows]
    for strategy in ("svm", "logistic_regression", "nearest_mean"):
        for correction in (True, False, "tuned"):
            model = train(pool, rows, chosen, strategy=strategy, prior_correction=correction, random_state=2)
            yield f"train: {strategy}, {correction}", model.predict_proba(pool).tobytes() + model.strategy.encode()
    yield from commands(workspace, folder, labels)


def commands(workspace: Path, folder: Path, labels: Path) -> Iterator[tuple[str, bytes]]:
    """What the commands print and write."""
    out = workspace / "out"
    out.mkdir()
    yield "diagnose", run("diagnose", workspace, "--json")
    yield "evenpick simulate", run("simulate", workspace, "--labels", labels, "--budget", BUDGET)
    yield "status", CHANGING.sub(b"", run("status", workspace, "--json"))
    yield "diagnose, with labels", run("diagnose", workspace, "--json")
    yield "evenpick train", run("train", workspace)
    yield "model", next((workspace / "model").glob("weights*.safetensors")).read_bytes()
    run("predict", workspace, folder, "--out", out / "predictions.csv")
    run("export", workspace, out / "labels.csv")
    run("export", workspace, out / "tasks.json", "--to", "label-studio", "--budget", BUDGET)
    yield "evaluate", run("evaluate", workspace, folder, "--labels", labels)
    run("report", workspace)
    for file in sorted([*out.iterdir(), *(workspace / "report").iterdir()]):
        yield f"file: {file.name}", CHANGING.sub(b"", file.read_bytes())


def run(*arguments: object) -> bytes:
    """What a command prints."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "evenpick", *map(str, arguments)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    print(f"{arguments[0]}: {time.perf_counter() - begun:.1f} s", file=sys.stderr)
    return printed


if __name__ == "__main__":
    main()
