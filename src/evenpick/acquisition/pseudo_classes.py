"""Source predictions for features that came without any: clusters stand for the classes that the source lacks."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..arrays import Values
from ..errors import EvenpickError
from ..pool import Pool, feature_blocks
from ..probabilities import softmax, summarise_probabilities
from ..vectors import normalised, squared_distances
from .clustering import clusters_and_centres


def with_pseudo_classes(pool: Pool, n_classes: int, rng: np.random.Generator) -> Pool:
    """The same pool with k-means clusters of its features as source classes.

    Probabilities are a softmax of the negative squared distances to the centres, at length 1. The temperature is the
    mean difference between the second nearest centre and the nearest: of a typical image these two differ by a factor e.
    """
    if not 2 <= n_classes <= len(pool):
        raise EvenpickError(f"the number of pseudo-classes must be from 2 to {len(pool)} (the pool); got {n_classes}")
    labels, centres = clusters_and_centres(pool.features, n_classes, rng)
    centres = centres[np.unique(labels)]
    if len(centres) < 2:
        raise EvenpickError("pseudo-classes need images that differ; all features of this pool are equal")
    temperature = _mean_gap(pool, centres)
    parts = [
        summarise_probabilities(softmax(-squared_distances(block, centres) / temperature))
        for block in _unit_blocks(pool)
    ]
    return replace(pool, predictions=np.concatenate(parts))


def _mean_gap(pool: Pool, centres: Values) -> float:
    total = 0.0
    for block in _unit_blocks(pool):
        nearest = np.partition(squared_distances(block, centres), 1, axis=1)
        total += float((nearest[:, 1] - nearest[:, 0]).sum())
    return max(total / len(pool), 1e-12)  # all images on two centres, each as far from both


def _unit_blocks(pool: Pool) -> Iterator[Values]:
    for _, block in feature_blocks(pool.features):
        yield normalised(block).astype(np.float64)
