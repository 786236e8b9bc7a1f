"""Labelled images that the demo shows everything on: written from what scikit-learn holds, or brought by pip."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from .atomic_files import writing
from .errors import MissingExtraError

Images = tuple[Path, dict[str, str]]  # a folder, and the class of each image in it
_SIDE = 64  # pixels of a digit as it is written


@dataclass(frozen=True)
class DemoSet:
    """A set of images, and how the demo spends labels on it."""

    title: str
    what: str  # in a sentence about accuracies
    images: Callable[[Path], Images]  # given a folder to write to
    budget: int
    seeds: int
    test_share: float
    tail: float | None = None  # the most common class has so many times the images of the rarest; None: as they are
    note: str = ""  # what else is to be known of the figures


def digits(folder: Path) -> Images:
    """The 1,797 handwritten digits of scikit-learn (Alpaydin & Kaynak, 1998; CC BY 4.0), four times as large as a PNG file each."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures, numbers = load_digits(return_X_y=True)
    label_of = {f"{i:04d}.png": str(number) for i, number in enumerate(numbers)}
    for name, values in zip(label_of, pictures, strict=True):
        if not (folder / name).exists():
            small = Image.fromarray(np.round(values.reshape(8, 8) * 255 / 16).astype(np.uint8))
            with writing(folder / name, flushed=False) as file:
                small.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(file, "PNG")
    return folder, label_of


def solar_cells(folder: Path | None = None) -> Images:
    """The 2,624 photographs of `elpv-dataset` (Buerhop-Lutz et al., 2018; CC BY-NC-SA 4.0), where pip put them.

    Solar cells under current: two types of cell with four levels of defect, from 50 to 920 images a class.
    """
    spec = find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        raise MissingExtraError("the demo on solar cells", "demo")
    data = Path(spec.origin).parent / "data"
    labels = {}
    with (data / "labels.csv").open(newline="") as file:
        for path, probability, kind, *_ in csv.reader(file, delimiter=" ", skipinitialspace=True):
            labels[Path(path).name] = f"{kind} {round(100 * float(probability))} % defect"
    return data / "images", labels


def split(chosen: DemoSet, labels: NDArray[np.str_], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows to choose from and rows to test on; with a tail every seed makes other classes rare."""
    every = np.arange(len(labels))
    rows, tested = train_test_split(every, test_size=chosen.test_share, random_state=seed, stratify=labels)
    if chosen.tail:
        rows = with_tail(rows, labels, chosen.tail, np.random.default_rng([seed, 40]))
    return rows, tested


def with_tail(
    rows: NDArray[np.intp], labels: NDArray[np.str_], ratio: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    """A part of the rows: as many of one class as of the smallest, of each next one fewer, in equal ratios; 2 or more of each."""
    classes, counts = np.unique(labels[rows], return_counts=True)
    sizes = counts.min() * ratio ** -np.linspace(0, 1, len(classes))
    kept = [
        rng.permutation(rows[labels[rows] == name])[: max(2, round(size))]
        for name, size in zip(rng.permutation(classes), sizes, strict=True)
    ]
    return np.sort(np.concatenate(kept))


DEMO_SETS = {
    "digits": DemoSet(
        "Handwritten digits, most of them rare: the demo of evenpick", "handwritten digits, most of them rare",
        digits, budget=60, seeds=10, test_share=0.3, tail=40,
    ),
    "elpv": DemoSet(
        "Solar cells: the demo of evenpick", "solar cells (elpv-dataset)",
        solar_cells, budget=100, seeds=5, test_share=0.4,
        note="The network was trained on everyday photographs and does not know solar cells: expect little of any choice here.",
    ),
}  # fmt: skip
