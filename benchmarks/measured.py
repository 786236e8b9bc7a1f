"""The plots of docs/measured.md, from the results of the benchmarks that it names.

python benchmarks/measured.py      # docs/images/measured-*.svg
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cells import Rows, plain_rows, rows_of
from why import METHODS, SEEDS, TITLES, curve

from evenpick.metrics import mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
IMAGES = FOLDER.parent / "docs" / "images"
OURS, RANDOM = METHODS[0][0], METHODS[2][0]
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#767676"  # of Okabe & Ito: told apart by everybody
MARKS = {"caltech": "o", "places": "s", "food": "^", "elpv": "D"}
AUDITED = {
    "macro": "accuracy over all classes",
    "macro_open": "the same without labelled images",
    "accuracy": "images that are recognised",
    "recalls": "recall of a class",
    "missing_mass": "share of images of classes not found",
}  # as `audit.jsonl` calls them, and how they are called
TASKS = {
    "core-set": "core-set, 2,000 of 20,000",
    "coverage": "coverage, 500 of 10,000",
    "uncertainty": "uncertainty, 100 of 200,000",
}
STYLE: Any = {"svg.hashsalt": "evenpick", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
Bar = tuple[str, float, float, float]  # name, value, low, high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.parse_args()
    import matplotlib.pyplot as plt

    plt.switch_backend("svg")
    plt.rcParams.update(STYLE)
    choosing = plain_rows(FOLDER / "choosing.jsonl")
    save(plot_labels(choosing), "labels")
    save(plot_bars(ahead_of(choosing), 0, "points of macro accuracy that auto is ahead (95 % interval)", 5.5), "rivals")
    held = held_of(rows_of(FOLDER / "audit.jsonl"))
    save(plot_bars(held, 90, "intervals of 90 % that hold (%, with its 95 % interval)", 2.4), "intervals")
    save(plot_speed([json.loads(line) for line in (FOLDER / "peers.jsonl").read_text().splitlines()]), "speed")


def labels_needed(budgets: Sequence[int], accuracies: Sequence[float], wanted: float) -> float | None:
    """With how many labels a curve reaches an accuracy first, between its points by the logarithm; None where it never does."""
    for place, accuracy in enumerate(accuracies):
        if accuracy >= wanted:
            if place == 0:
                return float(budgets[0])
            before = accuracies[place - 1]
            part = (wanted - before) / (accuracy - before)
            return float(budgets[place - 1] * (budgets[place] / budgets[place - 1]) ** part)
    return None


def plot_labels(rows: Rows) -> "Figure":
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(5.5, 4), layout="constrained")
    for (name, title), colour in zip(TITLES.items(), (BLUE, ORANGE, "#009E73", "#CC79A7"), strict=True):
        budgets, ours = curve(rows, name, OURS)
        random = [point for point in zip(*curve(rows, name, RANDOM), strict=True) if point[0] > budgets[0]]
        points = [(n, value) for n, wanted in random if (value := labels_needed(budgets, ours, wanted)) is not None]
        bounds = [point for point in points if point[1] == budgets[0]]  # fewer were not tried
        axis.plot(*zip(*points, strict=True), marker=MARKS[name], color=colour, label=title, markersize=5)
        if bounds:
            axis.plot(
                *zip(*bounds, strict=True), MARKS[name], color=colour, markerfacecolor="white", markersize=5, zorder=3
            )
        print(f"{title}: " + ", ".join(f"{n:,} at random, {value:,.0f} by auto" for n, value in points))
    ticks = [100, 200, 500, 1000, 2000]
    axis.plot(ticks, ticks, ":", color=GREY, label="as many")
    axis.set(
        xscale="log", yscale="log", xlabel="labels of images at random", ylabel="labels of auto, for the same accuracy"
    )
    axis.set_xticks(ticks, [f"{n:,}" for n in ticks])
    axis.set_yticks(ticks, [f"{n:,}" for n in ticks])
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    return figure


def ahead_of(rows: Rows) -> list[Bar]:
    """By how much `auto` is ahead of each way, over all sets and numbers of labels, seed by seed."""
    accuracy = {
        (row["acquisition"], row["balancing"], row["set"], row["budget"], row["seed"]): row["accuracy"]
        for row in rows
        if row["seed"] in SEEDS
    }
    cells = sorted({key[2:4] for key in accuracy if key[:2] == OURS})
    bars = []
    for way in sorted({key[:2] for key in accuracy} - {OURS}, key=str):
        keys = [[(*way, *cell, seed) for cell in cells] for seed in SEEDS]
        if all(key in accuracy for some in keys for key in some):
            means = [np.mean([accuracy[(*OURS, *key[2:])] - accuracy[key] for key in some]) for some in keys]
            mean, half = mean_interval(means)
            bars.append((f"{way[0]} + {way[1]}" if way[1] else way[0], mean, mean - half, mean + half))
    return sorted(bars, key=lambda bar: bar[1])


def held_of(rows: Rows) -> list[Bar]:
    """How many percent of the intervals of each kind hold; the bounds of that share as if audits were independent."""
    from scipy.stats import beta

    bars = []
    for kind, title in AUDITED.items():
        some = [value for row in rows for value in (row[kind] if kind == "recalls" else [row[kind]])]
        held, n = sum(low <= true <= high for true, _, low, high in some), len(some)
        low, high = beta.ppf(0.025, held, n - held + 1), beta.ppf(0.975, held + 1, n - held)
        bars.append((f"{title} (n = {n})", 100 * held / n, 100 * low, 100 * (1.0 if held == n else high)))
    return bars[::-1]


def plot_bars(bars: Sequence[Bar], line: float, what: str, height: float) -> "Figure":
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6.5, height), layout="constrained")
    for place, (name, value, low, high) in enumerate(bars):
        axis.plot([low, high], [place, place], color=BLUE)
        axis.plot(value, place, "o", color=BLUE, markersize=5)
        print(f"{name}: {value:.1f} ({low:.1f} to {high:.1f})")
    axis.axvline(line, color=GREY, linestyle=":")
    axis.set_yticks(range(len(bars)), [name for name, *_ in bars])
    axis.set(xlabel=what)
    axis.grid(alpha=0.3, axis="x")
    return figure


def plot_speed(rows: Iterable[dict[str, Any]]) -> "Figure":
    import matplotlib.pyplot as plt

    some = [row for row in rows if row["task"] in TASKS and row["data"] != "random"]
    figure, axes = plt.subplots(len(TASKS), 1, figsize=(6.5, 5), layout="constrained", sharex=True)
    for axis, (task, title) in zip(axes, TASKS.items(), strict=True):
        _speed_of_a_task(axis, [row for row in some if row["task"] == task], title)
    axes[-1].set_xlabel("CPU seconds on one core (logarithmic)")
    return figure


def _speed_of_a_task(axis: "Axes", rows: Sequence[dict[str, Any]], title: str) -> None:
    seconds = {row["library"]: float(row.get("cpu_s") or row["stopped_at_cpu_s"]) for row in rows}
    stopped = {row["library"] for row in rows if "cpu_s" not in row}
    names = sorted(seconds, key=lambda name: -seconds[name])
    for place, name in enumerate(names):
        axis.plot([0.01, seconds[name]], [place, place], color=BLUE if name == "evenpick" else GREY, linewidth=6)
        words = f" stopped at {seconds[name]:g}" if name in stopped else f" {seconds[name]:.2g}"
        axis.text(seconds[name], place, words, va="center")
    axis.set_yticks(range(len(names)), names)
    axis.set(xscale="log", title=title, xlim=(0.01, 1000), ylim=(-0.6, len(names) - 0.4))


def save(figure: "Figure", name: str) -> None:
    figure.set_facecolor("white")
    figure.savefig(IMAGES / f"measured-{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
