"""Embedding a folder of JPEG files, end to end: evenpick against eager PyTorch, in turn, on the same files.

    python benchmarks/embed.py FOLDER [--images 1000] [--rounds 3]     # writes benchmarks/embed.md

Both decode with Pillow, preprocess alike and run EfficientNet-Lite0 in float32 on all cores. Eager PyTorch
gets its batches from a thread that decodes ahead. Each measurement is a process of its own, so that its
peak memory is its own; the time runs from the first file to the last result, after the network is loaded.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np

BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=["evenpick", "eager"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps({"evenpick": evenpick, "eager": eager}[options.one](options.folder)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        part, whole = Path(scratch, "part"), Path(scratch, "whole")
        files = sorted(options.folder.rglob("*.jpg"))
        copy(files[: options.images], part)
        copy(files, whole)
        rounds = [{kind: measure(kind, part) for kind in ("eager", "evenpick")} for _ in range(options.rounds)]
        everything = measure("evenpick", whole)
    page = write_up(options, rounds, everything)
    Path(__file__).with_suffix(".md").write_text(page)
    print(page)


def copy(files: list[Path], folder: Path) -> None:
    folder.mkdir()
    for file in files:
        shutil.copy(file, folder / file.name)


def measure(kind: str, folder: Path) -> dict:
    command = [sys.executable, __file__, str(folder), "--one", kind]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def evenpick(folder: Path) -> dict:
    from evenpick import SourceModel, embed

    source = SourceModel.load()
    with tempfile.TemporaryDirectory() as workspace:
        start = time.perf_counter()
        n = len(embed(workspace, folder, source).pool)
        return facts(n, time.perf_counter() - start)


def eager(folder: Path) -> dict:
    import torch

    from evenpick import Preprocessing
    from evenpick.images import Part, open_part
    from evenpick.sources import torch_networks

    network, files = torch_networks.efficientnet_lite(0), sorted(folder.iterdir())
    preprocessing = Preprocessing(interpolation="bicubic", mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
    batches = [files[i : i + BATCH] for i in range(0, len(files), BATCH)]

    def read(batch: list[Path]) -> np.ndarray:
        return preprocessing([open_part(Part(file)) for file in batch])

    start = time.perf_counter()
    n = 0
    with ThreadPoolExecutor(1) as ahead, torch.inference_mode():
        waiting = ahead.submit(read, batches[0])
        for following in [*batches[1:], None]:
            images = waiting.result()
            if following:
                waiting = ahead.submit(read, following)
            features, logits = network(torch.from_numpy(images))
            n += len(features)
            logits.softmax(dim=1).numpy()
    return facts(n, time.perf_counter() - start)


def facts(n: int, seconds: float) -> dict:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"images": n, "rate": n / seconds, "peak_mib": peak}


def write_up(options: argparse.Namespace, rounds: list[dict], everything: dict) -> str:
    import onnxruntime
    import torch

    ratios = [r["evenpick"]["rate"] / r["eager"]["rate"] for r in rounds]
    lines = [
        "# Embedding, end to end from JPEG files",
        "",
        f"Command: `python benchmarks/embed.py FOLDER --images {options.images} --rounds {options.rounds}`, "
        f"{date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}; FOLDER: "
        f"{options.folder.resolve().parent.name}/{options.folder.name}.",
        "",
        f"Median ratio **{np.median(ratios):.2f}** (each round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}).",
        "",
        "| | images | images/s (each round) | peak memory, MiB |",
        "|---|---|---|---|",
    ]
    for kind, name in (("eager", "eager PyTorch"), ("evenpick", "`evenpick embed`")):
        rates = ", ".join(f"{r[kind]['rate']:.1f}" for r in rounds)
        peak = max(r[kind]["peak_mib"] for r in rounds)
        lines.append(f"| {name} | {rounds[0][kind]['images']} | {rates} | {peak:.0f} |")
    lines.append(
        f"| `evenpick embed`, whole folder | {everything['images']} | {everything['rate']:.1f} "
        f"| {everything['peak_mib']:.0f} |"
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
