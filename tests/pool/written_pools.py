"""Small pools on disk for the tests of this folder."""

import numpy as np

from evenpick.images import Preprocessing
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.sources import SourceDescription

ROWS = (3, 1, 5)


SOURCE = SourceDescription("test", Preprocessing(size=8, mean=(0.5, 0.5, 0.5)), 4, 5, "none", "abc")


def parts(rows=ROWS, width=4, seed=0):
    """Ids, digests, features and predictions of each block."""
    rng = np.random.default_rng(seed)
    blocks, start = [], 0
    for count in rows:
        ids = [f"{start + i:02d}.jpg" for i in range(count)]
        features = rng.normal(size=(count, width)).astype(np.float32)
        predictions = summarise_probabilities(rng.dirichlet(np.ones(5), size=count))
        blocks.append((ids, [f"digest of {i}" for i in ids], features, predictions))
        start += count
    return blocks


def written(workspace, blocks):
    writer = PoolWriter(workspace, workspace / "photos", SOURCE)
    for block in blocks:
        writer.append(*block)
    return np.concatenate([features for _, _, features, _ in blocks])


def files_of(workspace):
    return {file.name: file.read_bytes() for file in sorted((workspace / "pool").iterdir())}
