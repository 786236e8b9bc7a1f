"""The rates that docs/large-pools.md plans 100 million images with, each measured on this machine alone.

    python benchmarks/large_pool.py     # writes benchmarks/large_pool.md; about three minutes, 0.5 GB in the temporary folder

Rates are in CPU seconds of one core, so that other work on the machine changes little; that of Ray's
hand-out and the comparison of `embed` with and without Ray are wall seconds, in turn.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import ray
from PIL import Image

from evenpick import Pool, Preprocessing, SourceModel, embed
from evenpick.acquisition import core_set
from evenpick.machine import Item, Result, Run, map_in_threads
from evenpick.pool import BLOCK_ROWS
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import PREDICTION
from evenpick.ray_cluster import map_in_tasks, on_ray
from evenpick.sources import SourceDescription

WIDTH = 1280
BUDGET = 2000
BLOCKS_AT_100_MILLION = -(-100_000_000 // BLOCK_ROWS)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        wide = write_pool(Path(scratch, "wide"), 32, WIDTH, rows)
        rows += selecting(wide)
        rows += opening(write_pool(Path(scratch, "narrow"), 500, 1, rows))
        rows += growing()
        rows += on_ray_and_alone(Path(scratch))
    page = "\n".join([*heading(), *(f"| {what} | {value} |" for what, value in rows)]) + "\n"
    Path(__file__).with_suffix(".md").write_text(page)
    print(page)


def heading() -> list[str]:
    return [
        "# What a large pool costs",
        "",
        f"Command: `python benchmarks/large_pool.py`, {date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, Ray {ray.__version__}, load {os.getloadavg()[0]:.1f} at the end. "
        f"Blocks of {BLOCK_ROWS} images, {WIDTH} features unless stated.",
        "",
        "| | |",
        "|---|---|",
    ]


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def write_pool(workspace: Path, blocks: int, width: int, rows: list[tuple[str, str]]) -> Path:
    """A pool of random features; what writing it cost is added to the rows."""
    rng, before = np.random.default_rng(0), resident()
    writer = PoolWriter(workspace, workspace, SourceDescription("random", Preprocessing(), width, 1000, "none", "0"))
    predictions = np.zeros(BLOCK_ROWS, PREDICTION)
    seconds = 0.0
    for block in range(blocks):
        features = rng.standard_normal((BLOCK_ROWS, width), dtype=np.float32)
        names = [f"folder/image-{block:05d}-{i:04d}.jpg" for i in range(BLOCK_ROWS)]
        images = [ImageRow(name, f"{block * BLOCK_ROWS + i:064x}") for i, name in enumerate(names)]
        seconds += cpu_seconds(partial(writer.append, images, features, predictions))
    if width == WIDTH:
        rows.append(("writing a block", f"{1000 * seconds / blocks:.0f} CPU ms"))
    else:
        n = blocks * BLOCK_ROWS
        rows.append((f"what the writer remembers of {n:,} images", f"{(resident() - before) / n:.0f} bytes an image"))
        state = json.loads((workspace / "pool" / "pool.json").read_text())
        state["blocks"] = state["blocks"][:1] * BLOCKS_AT_100_MILLION
        listing = cpu_seconds(lambda: json.dumps(state))
        rows.append((f"writing `pool.json` with {BLOCKS_AT_100_MILLION:,} blocks", f"{1000 * listing:.0f} CPU ms"))
    return workspace


def selecting(workspace: Path) -> list[tuple[str, str]]:
    """Core-set's passes over all blocks, and what it does between them."""
    pool, in_passes = Pool.open(workspace), []

    def timed(step: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        results: list[Result] = []
        in_passes.append(cpu_seconds(lambda: results.extend(map(step, items))))
        yield from results

    whole = cpu_seconds(lambda: core_set(pool, BUDGET, np.random.default_rng(0), run=timed))
    return [
        (
            f"core-set, {BUDGET:,} of {len(pool):,} random images",
            f"{len(in_passes)} passes over the images in question",
        ),
        ("in all passes together", f"{1e6 * sum(in_passes) / len(pool):.0f} CPU µs an image of the pool"),
        ("between them", f"{whole - sum(in_passes):.1f} CPU s"),
    ]


def opening(workspace: Path) -> list[tuple[str, str]]:
    before, opened = resident(), []
    seconds = cpu_seconds(lambda: opened.append(Pool.open(workspace)))
    n = len(opened[0])
    return [
        (f"opening a pool of {n:,} images, of one feature", f"{1e6 * seconds / n:.1f} CPU µs an image"),
        ("memory that it keeps", f"{(resident() - before) / n:.0f} bytes an image"),
    ]


def growing() -> list[tuple[str, str]]:
    """How the number of passes and the work between them grow with the pool."""
    rows = []
    for n in (20_000, 200_000, 2_000_000):
        pool = Pool.from_arrays(np.random.default_rng(0).standard_normal((n, 16), dtype=np.float32))
        walks: list[int] = []

        def counted(
            step: Callable[[Item], Result], items: Iterable[Item], walks: list[int] = walks
        ) -> Iterator[Result]:
            walks.append(1)
            yield from map_in_threads(step, items)

        core_set(pool, BUDGET, np.random.default_rng(0), run=counted)
        rows.append((f"passes of core-set, {BUDGET:,} of {n:,} random images of 16 features", f"{len(walks)}"))
    return rows


def collecting(scratch: Path, run: Run) -> tuple[str, str]:
    """All that the machine where the command runs does for an image that a worker looks at."""
    photographs, n = scratch / "tiny", 8 * BLOCK_ROWS
    photographs.mkdir()
    for i in range(n):
        Image.fromarray(np.array([[[i % 256, i // 256, 0]]], np.uint8)).save(photographs / f"{i:06d}.png")
    source = SourceModel.from_onnx(wide_network(scratch / "wide.onnx"), Preprocessing(size=2))
    seconds = cpu_seconds(lambda: embed(scratch / "collected", photographs, source, run=run))
    return "finding, handing out, collecting and writing with `embed --ray`", f"{1e6 * seconds / n:.0f} CPU µs an image"


def wide_network(file: Path) -> Path:
    """A network of as many features as the default source, that costs nothing."""
    rng = np.random.default_rng(0)
    weights = [rng.random(shape).astype(np.float32) for shape in ((3, WIDTH), (WIDTH, 10))]
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
            onnx.helper.make_node("MatMul", ["mean", "widening"], ["features"]),
            onnx.helper.make_node("MatMul", ["features", "head"], ["logits"]),
        ],
        "wide",
        [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", 3, 2, 2])],
        [
            onnx.helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["n", WIDTH]),
            onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", 10]),
        ],
        [onnx.numpy_helper.from_array(w, name) for w, name in zip(weights, ("widening", "head"), strict=True)],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), str(file))
    return file


def on_ray_and_alone(scratch: Path) -> list[tuple[str, str]]:
    photographs, source = scratch / "photographs", SourceModel.load()
    photographs.mkdir()
    rng = np.random.default_rng(0)
    for i in range(400):
        small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        small.resize((320, 240), Image.Resampling.BICUBIC).save(photographs / f"{i:03d}.jpg")
    ratios = []
    with on_ray("local", photographs) as run:
        list(run(len, ["warm"] * 64))
        began = time.perf_counter()
        list(map_in_tasks(len, ["nothing"] * 32 * 2000))
        handing_out = (time.perf_counter() - began) / 2000
        collected = collecting(scratch, run)
        for i in range(4):  # the first loads the network in the workers
            began = time.perf_counter()
            embed(scratch / f"ray{i}", photographs, source, run=run)
            middle = time.perf_counter()
            embed(scratch / f"alone{i}", photographs, source)
            ratios.append((time.perf_counter() - middle) / (middle - began))
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios[1:])
    return [
        collected,
        ("handing out a task that does nothing, and its result", f"{1000 * handing_out:.1f} ms"),
        ("`embed` of 400 photographs, images/s on Ray / images/s alone, two cores, three rounds", shown),
    ]


if __name__ == "__main__":
    main()
