"""The images of a data set, embedded: where their features lie in the folder of a benchmark, and their labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..machine import Progress
from ..pool import EmbedOptions, Pool, embed
from ..sources import SourceModel
from .cell import Labelled
from .data_set import DataSet


def embed_data_set(
    workspace: Path, data_set: DataSet, source: SourceModel, begin: Callable[[str, str], Progress]
) -> None:
    """Embed the pool and the test images, where that is not done yet."""
    for split, part in (("pool", data_set.pool), ("test", data_set.test)):
        progress = begin(f"embedding {data_set.name} {split}", "images")
        embed(
            features_folder(workspace, data_set.name, split),
            part.folder,
            source,
            progress,
            EmbedOptions(only=part.labels),
        )


def features_folder(workspace: Path, name: str, split: str) -> Path:
    """Where the features of a split lie: pool or test."""
    return workspace / "features" / f"{name}-{split}"


def labelled(workspace: Path, data_set: DataSet, split: str) -> Labelled:
    """The embedded images of a split and their true classes."""
    pool = Pool.open(features_folder(workspace, data_set.name, split))
    labels = (data_set.pool if split == "pool" else data_set.test).labels
    return Labelled(pool, np.array([labels[image_id] for image_id in pool.image_ids]))
