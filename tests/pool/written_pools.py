"""Small pools on disk for the tests of this folder."""

import csv
import json

import numpy as np

from evenpick.images import Preprocessing
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.sources import SourceDescription

ROWS = (3, 1, 5)


SOURCE = SourceDescription("test", Preprocessing(size=8, mean=(0.5, 0.5, 0.5)), 4, 5, "none", "abc")


def parts(rows=ROWS, width=4, seed=0):
    """The lines of `images.csv`, features and predictions of each block."""
    rng = np.random.default_rng(seed)
    blocks, start = [], 0
    for count in rows:
        ids = [f"{start + i:02d}.jpg" for i in range(count)]
        features = rng.normal(size=(count, width)).astype(np.float32)
        predictions = summarise_probabilities(rng.dirichlet(np.ones(5), size=count))
        blocks.append(([ImageRow(i, f"digest of {i}") for i in ids], features, predictions))
        start += count
    return blocks


def written(workspace, blocks):
    writer = PoolWriter(workspace, workspace / "photos", SOURCE)
    for block in blocks:
        writer.append(*block)
    return np.concatenate([features for _, features, _ in blocks])


def files_of(workspace):
    return {
        file.name: file.read_bytes()
        for file in sorted((workspace / "pool").iterdir())
        if file.suffix != ".json" or file.stem == "pool"
    }


def as_format_1(workspace):
    """The pool as the first versions wrote it: `images.csv` without a header, and nothing but ids and checksums."""
    folder = workspace / "pool"
    state = json.loads((folder / "pool.json").read_text())
    rows = list(csv.reader((folder / "images.csv").read_bytes().decode().splitlines()))[1:]
    with (folder / "images.csv").open("w", newline="") as file:
        csv.writer(file).writerows(row[:2] for row in rows)
    first = ("evenpick", "folder", "source", "feature_size", "blocks")
    state = {"format": 1, **{key: state[key] for key in first}}
    state["images_csv_bytes"] = (folder / "images.csv").stat().st_size
    (folder / "pool.json").write_text(json.dumps(state))
