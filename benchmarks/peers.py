"""Speed, memory and picks beside other libraries, on the same arrays.

    python benchmarks/peers.py run --work WORK [--features FEATURES.npy]   # under an hour; a killed run goes on
    python benchmarks/peers.py table                                       # peers.md and peers.svg from the results

Each library gets its own virtual environment in WORK, each measurement its own process, pinned to one core: CPU and
wall seconds of the call alone, and the largest anonymous memory beyond what the process held with its data loaded.
FEATURES.npy are real features, (20,000 or more, 512 or more); of them the first 512 columns are taken. A call that
would take more CPU seconds than `--cap` is stopped there.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).with_suffix(".jsonl")
TABLE = Path(__file__).with_suffix(".md")
PLOT = Path(__file__).with_suffix(".svg")
PACKAGES = {
    "lightly-mundig": ["lightly-mundig", "numpy"],
    "scikit-activeml": ["scikit-activeml"],
    "apricot-select": ["apricot-select", "scikit-learn"],
    "small-text": ["small-text"],
    "modAL-python": ["modAL-python"],
}
WIDTH, CLASSES, WANTED = 512, 1000, 2000
IN_TURN, TURNS = ("evenpick", "lightly-mundig"), 5  # whose core-set is timed again and again, one after the other
KEY = ("task", "library", "data", "n", "k")


# --- what is timed: each imports only its own library ------------------------------------------------


def evenpick_core_set(features: np.ndarray, k: int) -> np.ndarray:
    from evenpick import Pool, select

    return select(Pool.from_arrays(features), k, "core_set")


def plain_core_set(features: np.ndarray, k: int) -> list[int]:
    """The greedy loop in float32, one product with the pool a choice."""
    lengths = np.einsum("ij,ij->i", features, features)
    nearest, chosen = np.full(len(features), np.inf, np.float32), [0]
    while len(chosen) < k:
        last = chosen[-1]
        np.minimum(nearest, lengths - 2 * (features @ features[last]) + lengths[last], out=nearest)
        nearest[last] = -1
        chosen.append(int(nearest.argmax()))
    return chosen


def mundig_core_set(features: np.ndarray, k: int) -> list[int]:
    from lightly_mundig import Selection

    selection = Selection()
    selection.add_diversifying_strategy(features, 1.0)
    return selection.run_selection([], len(features), k)


def skactiveml_core_set(features: np.ndarray, k: int) -> np.ndarray:
    from skactiveml.pool import CoreSet

    return CoreSet(random_state=0).query(features, np.full(len(features), np.nan), batch_size=k)


def small_text_core_set(features: np.ndarray, k: int) -> np.ndarray:
    from small_text.query_strategies.coresets import greedy_coreset

    rows = np.arange(len(features))
    return np.append(0, greedy_coreset(features, rows[1:], rows[:1], k - 1, distance_metric="euclidean") + 1)


def evenpick_max_herding(features: np.ndarray, k: int) -> np.ndarray:
    from evenpick import Pool, select

    return select(Pool.from_arrays(features), k, "max_herding")


def skactiveml_max_herding(features: np.ndarray, k: int) -> np.ndarray:
    from skactiveml.pool import MaxHerding

    return MaxHerding(random_state=0).query(features, np.full(len(features), np.nan), batch_size=k)


def apricot_facility_location(features: np.ndarray, k: int) -> np.ndarray:
    from apricot import FacilityLocationSelection

    return FacilityLocationSelection(k, metric="euclidean", optimizer="lazy").fit(features).ranking


def evenpick_uncertainty(probabilities: np.ndarray, k: int) -> np.ndarray:
    from evenpick.probabilities import summarise_probabilities

    return np.argsort(-summarise_probabilities(probabilities)["entropy"])[:k]


def plain_sum(probabilities: np.ndarray, k: int) -> np.ndarray:
    probabilities.sum()
    return np.arange(k)


def plain_entropy(probabilities: np.ndarray, k: int) -> np.ndarray:
    """In blocks, entropy alone."""
    blocks = np.array_split(probabilities, len(probabilities) // 256)
    return np.argsort(np.concatenate([(block * np.log(block)).sum(axis=1) for block in blocks]))[:k]


def skactiveml_uncertainty(probabilities: np.ndarray, k: int) -> np.ndarray:
    from skactiveml.pool import uncertainty_scores

    return np.argsort(-uncertainty_scores(probabilities, method="entropy"))[:k]


def modal_uncertainty(probabilities: np.ndarray, k: int) -> np.ndarray:
    from types import SimpleNamespace

    from modAL.uncertainty import classifier_entropy

    classifier = SimpleNamespace(predict_proba=lambda rows: rows)
    return np.argsort(-classifier_entropy(classifier, probabilities))[:k]


TASKS: dict[str, dict[str, Callable[..., Any]]] = {
    "core-set": {
        "evenpick": evenpick_core_set,
        "plain NumPy loop": plain_core_set,
        "lightly-mundig": mundig_core_set,
        "scikit-activeml": skactiveml_core_set,
        "small-text": small_text_core_set,
    },
    "coverage": {
        "evenpick": evenpick_max_herding,
        "scikit-activeml": skactiveml_max_herding,
        "apricot-select": apricot_facility_location,
    },
    "uncertainty": {
        "plain sum": plain_sum,
        "evenpick": evenpick_uncertainty,
        "NumPy in blocks": plain_entropy,
        "scikit-activeml": skactiveml_uncertainty,
        "modAL-python": modal_uncertainty,
    },
}


# --- one measurement --------------------------------------------------------------------------------


def child(task: str, library: str, array: Path, n: int, k: int, out: Path) -> None:
    """Time one call, in the library's own environment; the parent watches the memory from `ready` on."""
    values, call = np.load(array)[:n], TASKS[task][library]
    call(values[:300].copy(), 3)  # imports and compiles
    print("ready", flush=True)
    sys.stdin.readline()
    cpu, wall = time.process_time(), time.perf_counter()
    chosen = call(values, k)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    np.save(out, np.asarray(chosen, dtype=np.intp))
    print(json.dumps({"cpu_s": round(cpu, 3), "wall_s": round(wall, 3)}), flush=True)


def measure(python: Path, task: str, library: str, array: Path, n: int, k: int, cap: int) -> tuple[dict, np.ndarray]:
    out = array.with_name("picks.npy")
    words = [str(word) for word in (python, __file__, "child", task, library, array, n, k, out)]
    environment = os.environ | dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

    def on_one_core() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (cap, cap + 5))
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=on_one_core
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{library} could not be started: see above")
        before = peak = anonymous_mb(process.pid)
        process.stdin.write("go\n")
        process.stdin.flush()
        while process.poll() is None:
            peak = max(peak, anonymous_mb(process.pid))
            time.sleep(0.01)
        last = process.stdout.read().strip()
    row = json.loads(last) if last else {"stopped_at_cpu_s": cap}
    return row | {"extra_mb": round(peak - before, 1)}, np.load(out) if last else np.empty(0, np.intp)


def anonymous_mb(pid: int) -> float:
    """Memory of a process that no file backs; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")), 0.0)


def quality(features: np.ndarray, chosen: np.ndarray) -> dict:
    """Largest and mean distance of an image to the nearest chosen one."""
    exact, nearest = features.astype(np.float64), np.full(len(features), np.inf)
    lengths = np.einsum("ij,ij->i", exact, exact)
    for part in np.array_split(chosen, 1 + len(chosen) // 200):
        products = exact @ exact[part].T
        nearest = np.minimum(nearest, (lengths[:, None] - 2 * products + lengths[part]).min(axis=1))
    distances = np.sqrt(np.maximum(nearest, 0))
    return {"radius": round(float(distances.max()), 4), "mean_distance": round(float(distances.mean()), 4)}


# --- the run and the page ---------------------------------------------------------------------------


def run(options: argparse.Namespace) -> None:
    options.work.mkdir(parents=True, exist_ok=True)
    # What was stopped is tried again under a larger cap.
    done = {key for key, row in read().items() if row.get("stopped_at_cpu_s", options.cap) >= options.cap}
    for task, data, array, n in arrays(options):
        for library in TASKS[task]:
            k = WANTED if task == "core-set" else 500 if task == "coverage" else 100
            if (task, library, data, n, k) in done:
                continue
            row, chosen = measure(environment_of(library, options.work), task, library, array, n, k, options.cap)
            values = dict(zip(KEY, (task, library, data, n, k), strict=True)) | row | {"date": str(date.today())}
            if task != "uncertainty" and len(chosen):
                values |= quality(np.load(array)[:n], chosen)
            with RESULTS.open("a") as results:
                results.write(json.dumps(values) + "\n")
            print(values, flush=True)


def in_turn(options: argparse.Namespace) -> None:
    """CPU seconds of core-set, of two libraries in turn: how much a ratio of theirs is worth."""
    done = {row["data"] for row in rows_in_turn()}
    for task, data, array, n in arrays(options):
        if task != "core-set" or data in done:
            continue
        seconds: dict[str, list[float]] = {library: [] for library in IN_TURN}
        for _ in range(TURNS):
            for library in IN_TURN:
                python = environment_of(library, options.work)
                row, _ = measure(python, task, library, array, n, WANTED, options.cap)
                seconds[library].append(row["cpu_s"])
        with RESULTS.open("a") as results:
            results.write(json.dumps({"task": "in turn", "data": data, "n": n, "k": WANTED} | seconds) + "\n")


def arrays(options: argparse.Namespace) -> list[tuple[str, str, Path, int]]:
    """Task, kind of data, file and rows of every measurement."""
    rng = np.random.default_rng(0)
    files = {name: options.work / f"{name}.npy" for name in ("random", "real", "probabilities")}
    if not files["random"].exists():
        np.save(files["random"], rng.standard_normal((20_000, WIDTH), dtype=np.float32))
    if not files["probabilities"].exists():
        scores = np.exp(3 * rng.standard_normal((200_000, CLASSES), dtype=np.float32))
        scores /= scores.sum(axis=1, keepdims=True)
        np.save(files["probabilities"], scores)
    if options.features and not files["real"].exists():
        np.save(files["real"], np.load(options.features, mmap_mode="r")[:20_000, :WIDTH].astype(np.float32))
    kinds = [kind for kind in ("random", "real") if files[kind].exists()]
    return [
        *(("core-set", kind, files[kind], 20_000) for kind in kinds),
        ("uncertainty", "probabilities", files["probabilities"], 200_000),
        *(("coverage", kind, files[kind], 10_000) for kind in kinds),  # some hold distances between all pairs
    ]


def environment_of(library: str, work: Path) -> Path:
    """The interpreter that has this library; ours has NumPy and evenpick."""
    if library not in PACKAGES:
        return Path(sys.executable)
    folder = work / library
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", *PACKAGES[library]], check=True)
        (folder / "installed").touch()
    return folder / "bin" / "python"


def read() -> dict[tuple, dict]:
    """The last row of each measurement."""
    return {tuple(row[k] for k in KEY): row for row in _all_rows() if row["task"] in TASKS}


def rows_in_turn() -> list[dict]:
    return [row for row in _all_rows() if row["task"] == "in turn"]


def _all_rows() -> list[dict]:
    return [json.loads(line) for line in RESULTS.open()] if RESULTS.exists() else []


def write_up() -> None:
    order = [(task, library) for task in TASKS for library in TASKS[task]]
    rows = sorted(read().values(), key=lambda row: (row["data"], order.index((row["task"], row["library"]))))
    TABLE.write_text(page(rows))
    plot(rows)


def page(rows: list[dict]) -> str:
    lines = [
        "# evenpick beside other libraries",
        "",
        f"Measured {max(row['date'] for row in rows)}. Made by `python benchmarks/peers.py run --work WORK --features "
        f"FEATURES.npy`: each call in a process of its own on one core, {WIDTH} features an image; memory is what is held "
        "beyond the data. Radius and mean: the largest and the mean distance of an image to the nearest chosen one. "
        "Coverage is of features of length 1 in evenpick, with a Gaussian kernel; apricot-select's kernel falls with the distance of "
        "features as they are, to which radius and mean refer. A call is stopped after the CPU seconds of `--cap`, where a row says so; a library without a row was not run.",
        "",
        "![CPU seconds](peers.svg)",
    ]
    for task in TASKS:
        for data in dict.fromkeys(row["data"] for row in rows if row["task"] == task):
            lines += ["", *_section(task, data, [r for r in rows if (r["task"], r["data"]) == (task, data)])]
    return "\n".join([*lines, "", *_turns()]) + "\n"


def _turns() -> list[str]:
    ours, theirs = IN_TURN
    lines = [
        f"## core-set {TURNS} times in turn: {WANTED:,} of 20,000",
        "",
        f"| features | {ours}, CPU s | {theirs}, CPU s | times as many, by turn | ratio of the medians |",
        "|---|---|---|---|---|",
    ]
    for row in rows_in_turn():
        by_turn = np.divide(row[theirs], row[ours])
        ratio = np.median(row[theirs]) / np.median(row[ours])
        seconds = (", ".join(f"{value:.2f}" for value in row[library]) for library in IN_TURN)
        shown = ", ".join(f"{value:.1f}" for value in by_turn)
        lines.append(f"| {row['data']} | {' | '.join(seconds)} | {shown} | {ratio:.1f} |")
    return lines


def _section(task: str, data: str, rows: list[dict]) -> list[str]:
    ours = next(row["cpu_s"] for row in rows if row["library"] == "evenpick")
    lines = [
        f"## {task}, {data}: {rows[0]['k']:,} of {rows[0]['n']:,}",
        "",
        "| | CPU s | times evenpick's | wall s | extra MB | radius | mean |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if "cpu_s" in row:
            times = f"{row['cpu_s']:.2f} | {row['cpu_s'] / ours:.1f} | {row['wall_s']:.2f}"
        else:
            times = f"stopped at {row['stopped_at_cpu_s']} | > {row['stopped_at_cpu_s'] / ours:.0f} |"
        seen = " | ".join(f"{row[key]:.2f}" if key in row else "" for key in ("radius", "mean_distance"))
        lines.append(f"| {row['library']} | {times} | {row['extra_mb']:.0f} | {seen} |")
    return lines


def plot(rows: list[dict]) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "evenpick"
    import matplotlib.pyplot as plt

    groups = list(dict.fromkeys((row["task"], row["data"]) for row in rows))
    figure, axes = plt.subplots(1, len(groups), figsize=(3.4 * len(groups), 3.2), layout="constrained")
    for axis, group in zip(np.atleast_1d(axes), groups, strict=True):
        some = [row for row in rows if (row["task"], row["data"]) == group][::-1]
        seconds = [row["cpu_s"] if "cpu_s" in row else row["stopped_at_cpu_s"] for row in some]
        colours = ["C0" if row["library"] == "evenpick" else "0.7" for row in some]
        axis.barh([row["library"] for row in some], seconds, color=colours)
        limits = min(seconds) / 3, 2 * max(seconds)
        axis.set(xscale="log", xlim=limits, xlabel="CPU seconds", title=", ".join(group))
    figure.savefig(PLOT, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    run_parser = commands.add_parser("run")
    run_parser.add_argument("--work", type=Path, required=True, help="environments and arrays")
    run_parser.add_argument("--features", type=Path, help="real features, .npy")
    run_parser.add_argument("--cap", type=int, default=300, help="CPU seconds after which a call is stopped")
    commands.add_parser("table")
    child_parser = commands.add_parser("child")
    for name, kind in (("task", str), ("library", str), ("array", Path), ("n", int), ("k", int), ("out", Path)):
        child_parser.add_argument(name, type=kind)
    options = vars(parser.parse_args())
    command = options.pop("command")
    if command == "child":
        child(**options)
        return
    if command == "run":
        run(argparse.Namespace(**options))
        in_turn(argparse.Namespace(**options))
    write_up()


if __name__ == "__main__":
    main()
