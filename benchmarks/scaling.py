"""How time and memory grow with the pool, up to a million images on disk; and what covering a sample loses.

    python benchmarks/scaling.py run --work WORK                        # made features; needs 4 GB of disk
    python benchmarks/scaling.py loss --features FEATURES.npy           # 20,000 rows or more, or 100,000
    python benchmarks/scaling.py table                                  # scaling.md and scaling.svg from the results

`run` makes pools of clustered vectors in blocks of 32,768 rows and times, in processes of their own: 2,000 images by
`core_set` and `ent_inv_div`, and on the smallest and the largest pool by functions that cover a sample or find clusters; 2,000 labels
with `auto` and its balancing, answered at once; the next image of the paper's balancing with 100 classes; what is kept of 1,000
probabilities an image; and a plain sum of the features, which no exact rule that reads them all can beat. Memory is anonymous memory beyond the opened pool: what the
process holds besides pages of the mapped files. `loss` compares `max_herding` on samples with it on all images. A
killed run goes on.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from peers import anonymous_mb

if TYPE_CHECKING:
    from evenpick import Pool

RESULTS = Path(__file__).with_suffix(".jsonl")
TABLE = Path(__file__).with_suffix(".md")
PLOT = Path(__file__).with_suffix(".svg")
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
WIDTH, WANTED, CLASSES, LABELS, ANSWERS, BLOCK = 512, 2000, 100, 2000, 100, 32_768
AT_EVERY_SIZE = ("plain sum", "ent_inv_div", "core_set", "next image")
PROBABILITIES = "entropy, margin, confidence"  # of n x 1,000 probabilities in memory
TASKS = (*AT_EVERY_SIZE, PROBABILITIES, "max_herding", "auto", "prob_cover", "k_means", "typiclust", "badge")
SAMPLES = {20_000: (2_500, 5_000, 10_000, 20_000), 100_000: (10_000, 20_000, 40_000, 100_000)}
LOSS_WANTED = 500


def make_pool(workspace: Path, n: int) -> None:
    """A thousand clusters, some a hundred times as large as others; as of a network that ends in a ReLU."""
    from evenpick import Preprocessing
    from evenpick.pool.images_csv import ImageRow
    from evenpick.pool.writer import PoolWriter
    from evenpick.probabilities import PREDICTION
    from evenpick.sources import SourceDescription

    rng = np.random.default_rng(0)
    centres = rng.gamma(0.5, 1.0, size=(1000, WIDTH)).astype(np.float32)
    sizes = np.geomspace(1, 100, 1000)
    writer = PoolWriter(workspace, workspace, SourceDescription("made", Preprocessing(), WIDTH, 1000, "none", "0"))
    for start in range(0, n, BLOCK):
        rows = range(start, min(start + BLOCK, n))
        clusters = rng.choice(1000, size=len(rows), p=sizes / sizes.sum())
        noise = rng.standard_normal((len(rows), WIDTH), dtype=np.float32) * np.float32(0.6)
        predictions = np.empty(len(rows), PREDICTION)
        predictions["entropy"], predictions["source_class"] = rng.gamma(2, 1, len(rows)), clusters
        predictions["confidence"], predictions["margin"] = rng.random(len(rows)), rng.random(len(rows))
        ids = [f"{row:08d}.jpg" for row in rows]
        writer.append([ImageRow(i, i) for i in ids], np.maximum(centres[clusters] + noise, 0), predictions)


def child(workspace: Path, task: str) -> None:
    """Time one task; the parent watches the memory from `ready` on."""
    from evenpick import Pool, select, simulate
    from evenpick.pool import feature_blocks

    def plain_sum() -> float:
        return sum(float(block.sum()) for _, block in feature_blocks(pool.features))

    if task == PROBABILITIES:
        from_probabilities(int(workspace.name.split("-")[1]))
        return
    pool = Pool.open(workspace)
    plain_sum()  # the pages are in memory from here on: no disk is measured
    print("ready", flush=True)
    cpu, wall, row = time.process_time(), time.perf_counter(), {}
    if task == "plain sum":
        plain_sum()
    elif task == "next image":
        row = next_images(pool)
    elif task == "auto":
        simulate(pool, (pool.source_class * CLASSES // 1000).astype(str), WANTED)
    else:
        select(pool, WANTED, task)
    row |= {"cpu_s": round(time.process_time() - cpu, 3), "wall_s": round(time.perf_counter() - wall, 3)}
    print(json.dumps(row), flush=True)


def from_probabilities(n: int) -> None:
    """Beside a plain sum of them; the faster of two runs of each."""
    from evenpick.probabilities import summarise_probabilities

    rng, probabilities = np.random.default_rng(0), np.empty((n, 1000), np.float32)
    for block in np.array_split(probabilities, 1 + n // BLOCK):
        block[:] = np.exp(2 * rng.standard_normal(block.shape, dtype=np.float32))
        block /= block.sum(axis=1, keepdims=True)
    print("ready", flush=True)
    seconds: dict[str, float] = {}
    for name, work in (("sum_", probabilities.sum), ("", lambda: summarise_probabilities(probabilities))):
        for _ in range(2):
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            now = {f"{name}cpu_s": time.process_time() - cpu, f"{name}wall_s": time.perf_counter() - wall}
            seconds |= {key: round(min(seconds.get(key, np.inf), value), 3) for key, value in now.items()}
    print(json.dumps(seconds), flush=True)


def next_images(pool: "Pool") -> dict[str, Any]:
    """Milliseconds from an answer to the next image, each image prepared while somebody would look at it."""
    from evenpick import Session
    from evenpick.labels import Answer

    classes = pool.source_class * CLASSES // 1000
    session = Session(pool, LABELS + 600, acquisition="random", balancing="ratio_max", patience=3)
    first = np.random.default_rng(1).permutation(len(pool))[:LABELS].tolist()
    session.replay([Answer(row, str(classes[row]), "discovery") for row in first])
    index, waits, cpu = session.next(), [], []
    for _ in range(ANSWERS):
        assert index is not None
        session.prepare(index)
        start, begun = time.perf_counter(), time.process_time()
        session.label(index, str(classes[index]))
        index = session.next()
        waits.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - begun))
    return {
        "phase": session.phase,
        "classes": len(session.counts),
        "median_ms": round(float(np.median(waits)), 1),
        "p99_ms": round(float(np.percentile(waits, 99)), 1),
        "median_cpu_ms": round(float(np.median(cpu)), 1),
    }


def measure(workspace: Path, task: str) -> dict:
    words = [sys.executable, __file__, "child", str(workspace), task]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{task} could not be started: see above")
        before = peak = anonymous_mb(process.pid)
        while process.poll() is None:
            peak = max(peak, anonymous_mb(process.pid))
            time.sleep(0.01)
        return json.loads(process.stdout.read()) | {"extra_mb": round(peak - before, 1), "opened_mb": round(before, 1)}


def run(options: argparse.Namespace) -> None:
    done = {(row["task"], row["n"]) for row in read()}
    for task in TASKS:
        for n in SIZES if task in AT_EVERY_SIZE else (SIZES[0], SIZES[-1]):
            workspace = options.work / f"pool-{n}"
            if (task, n) in done:
                continue
            if not (workspace / "made").exists():
                make_pool(workspace, n)
                (workspace / "made").touch()
            write({"task": task, "n": n} | measure(workspace, task))


def loss(options: argparse.Namespace) -> None:
    """Mean coverage of the whole pool by what is chosen of a sample, beside what is chosen of a larger one."""
    from evenpick import Pool
    from evenpick.acquisition import gaussian, herding, kernel_width

    features = np.load(options.features, mmap_mode="r")
    n = max(n for n in SAMPLES if n <= len(features))
    done = {(row["task"], row["n"], row.get("sample"), row.get("data")) for row in read()}
    pool = Pool.from_arrays(features[:n])
    points = herding.unit_features(pool, np.arange(n))
    kernel = gaussian(kernel_width(points, np.random.default_rng(0)))
    for sample in (sample for sample in SAMPLES[n] if ("loss", n, sample, options.features.stem) not in done):
        herding.MOST_COVERED = sample
        cpu = time.process_time()
        chosen = herding.max_herding(pool, LOSS_WANTED, np.random.default_rng(0))
        cpu = round(time.process_time() - cpu, 1)
        row = {"task": "loss", "data": options.features.stem, "n": n, "sample": sample, "cpu_s": cpu}
        write(row | coverage(points, chosen, kernel))


def coverage(points: np.ndarray, chosen: np.ndarray, kernel: Callable[[Any], Any]) -> dict:
    """Mean over all points of the best kernel to a chosen one."""
    best = []
    for part in np.array_split(points, 1 + len(points) // 4096):
        squared = np.maximum(2 - 2 * part @ points[chosen].T, 0)  # of points of length 1
        best.append(kernel(squared).max(axis=1))
    return {"coverage": round(float(np.concatenate(best).mean()), 5)}


def read() -> list[dict]:
    return [json.loads(line) for line in RESULTS.open()] if RESULTS.exists() else []


def write(row: dict) -> None:
    row |= {"date": str(date.today())}
    print(row, flush=True)
    with RESULTS.open("a") as results:
        results.write(json.dumps(row) + "\n")


def write_up() -> None:
    rows = [row for row in read() if row["task"] in TASKS]
    lines = [
        "# How it grows",
        "",
        f"Measured {max((row['date'] for row in read()), default='')}. Made by `python benchmarks/scaling.py run --work WORK` and "
        f"`loss --features FEATURES.npy`. {WIDTH} features an image, made, on disk; {WANTED:,} images are chosen; memory is "
        "anonymous memory beyond the opened pool. The growth is the exponent fitted from 10^5 on, the last column what "
        "it says of 10^7 images: on paper only.",
        "",
        "![CPU seconds](scaling.svg)",
        "",
        "| | images | CPU s | wall s | extra MB | |",
        "|---|---|---|---|---|---|",
    ]
    for task in TASKS:
        for row in sorted((r for r in rows if r["task"] == task), key=lambda r: r["n"]):
            note = ""
            if row["task"] == "next image":
                note = (
                    f"median {row['median_ms']} ms, 99th percentile {row['p99_ms']} ms; CPU {row['median_cpu_ms']} ms"
                )
            if row["task"] == PROBABILITIES:
                ratios = row["cpu_s"] / row["sum_cpu_s"], row["wall_s"] / row["sum_wall_s"]
                note = f"{ratios[0]:.1f} times a plain sum in CPU, {ratios[1]:.1f} times in wall time"
            numbers = f"{row['n']:,} | {row['cpu_s']:.2f} | {row['wall_s']:.2f} | {row['extra_mb']:.0f}"
            lines.append(f"| {task} | {numbers} | {note} |")
    lines += ["", "| | growth | 10^7, CPU s |", "|---|---|---|"]
    lines += [f"| {task} | n^{power:.2f} | {at:,.0f} |" for task, power, at in growths(rows)]
    lines += ["", *loss_lines([row for row in read() if row["task"] == "loss"])]
    TABLE.write_text("\n".join(lines) + "\n")
    plot(rows)


def growths(rows: list[dict]) -> list[tuple[str, float, float]]:
    """Fitted exponent of the CPU seconds, and what it says of ten million images."""
    fits = []
    for task in ("plain sum", "ent_inv_div", "core_set"):
        points = np.array([(row["n"], row["cpu_s"]) for row in rows if row["task"] == task and row["n"] >= 100_000])
        if len(points) > 1:
            power, start = np.polyfit(np.log10(points[:, 0]), np.log10(points[:, 1]), 1)
            fits.append((task, power, 10 ** (start + 7 * power)))
    return fits


def loss_lines(rows: list[dict]) -> list[str]:
    lines = [
        f"## What `max_herding` loses on a sample ({LOSS_WANTED} images chosen)",
        "",
        "Mean coverage of the whole pool, against the largest sample of the same pool.",
        "",
        "| features | images | sample | coverage | lost | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        same = [r for r in rows if (r["data"], r["n"]) == (row["data"], row["n"])]
        most = max(same, key=lambda r: r["sample"])["coverage"]
        lost = f"{100 * (1 - row['coverage'] / most):.2f} %"
        lines.append(
            f"| {row['data']} | {row['n']:,} | {row['sample']:,} | {row['coverage']:.4f} | {lost} | {row['cpu_s']:.0f} |"
        )
    return lines


def plot(rows: list[dict]) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "evenpick"
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for task in (task for task in AT_EVERY_SIZE if task != "next image"):
        points = np.array(sorted((row["n"], row["cpu_s"]) for row in rows if row["task"] == task))
        if len(points):
            floor = task == "plain sum"
            name = "reading the features once" if floor else task
            axis.loglog(*points.T, "k--" if floor else "o-", label=name)
    axis.set(xlabel="images", ylabel="CPU seconds")
    axis.legend()
    figure.savefig(PLOT, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    run_parser = commands.add_parser("run")
    run_parser.add_argument("--work", type=Path, required=True, help="where pools are made")
    loss_parser = commands.add_parser("loss")
    loss_parser.add_argument("--features", type=Path, required=True, help="real features, .npy")
    commands.add_parser("table")
    child_parser = commands.add_parser("child")
    child_parser.add_argument("workspace", type=Path)
    child_parser.add_argument("task", choices=TASKS)
    options = parser.parse_args()
    if options.command == "child":
        child(options.workspace, options.task)
        return
    if options.command == "run":
        run(options)
    if options.command == "loss":
        loss(options)
    write_up()


if __name__ == "__main__":
    main()
