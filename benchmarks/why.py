"""Why choose at all: macro accuracy against the number of labels, as a plot of the results of `choosing.py`.

python benchmarks/why.py      # why.svg, from choosing.jsonl
"""

import argparse
from pathlib import Path

import numpy as np
from cells import Rows, plain_rows

RESULTS, PLOT = Path(__file__).with_name("choosing.jsonl"), Path(__file__).with_suffix(".svg")
TITLES = {"caltech": "objects", "places": "scenes", "food": "dishes", "elpv": "solar cells"}
SEEDS = range(5)
# Name in the results, how it is called, colour (of Okabe & Ito: told apart by everybody), line and mark.
METHODS = (
    (("auto", "auto"), "auto", "#0072B2", "-", "o"),
    (("max_herding", None), "max_herding, the best of the others", "#E69F00", "--", "s"),
    (("random", None), "random", "#000000", ":", "^"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.parse_args()
    plot(plain_rows(RESULTS))


def curve(rows: Rows, name: str, method: tuple[str, str | None]) -> tuple[list[int], list[float]]:
    """Numbers of labels, and the mean macro accuracy in percent with each."""
    some = [
        row
        for row in rows
        if (row["set"], row["acquisition"], row["balancing"]) == (name, *method) and row["seed"] in SEEDS
    ]
    budgets = sorted({row["budget"] for row in some})
    return budgets, [float(np.mean([row["accuracy"] for row in some if row["budget"] == budget])) for budget in budgets]


def plot(rows: Rows) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "evenpick", "font.size": 9})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(TITLES), figsize=(10, 3.1), layout="constrained")
    figure.set_facecolor("white")
    for axis, (name, title) in zip(axes, TITLES.items(), strict=True):
        for method, label, colour, line, mark in METHODS:
            axis.plot(*curve(rows, name, method), line, marker=mark, color=colour, label=label, markersize=4)
        budgets, _ = curve(rows, name, METHODS[0][0])
        axis.set(xscale="log", title=title, xlabel="labels (images)")
        axis.set_xticks(budgets, [f"{budget:,}" for budget in budgets])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("macro accuracy on test images (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(METHODS), frameon=False)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    main()
