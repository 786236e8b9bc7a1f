"""The pool in two dimensions: its first two principal components, and how far images are from any label."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Singles, Values
from ..labels import RecordedLabels
from ..machine import one_blas_thread
from ..pool import Pool
from ..vectors import normalised
from .predictions import PoolClasses

MOST = 5000  # images that are drawn, beside labelled ones
FARTHEST = 12
_SEED = 0


def pool_map(pool: Pool, labels: RecordedLabels, predicted: PoolClasses | None) -> dict[str, Any]:
    """Points of a sample of the pool and of every labelled image, and the images that are farthest from any label."""
    n = len(pool)
    sample = np.sort(np.random.default_rng(_SEED).choice(n, min(n, MOST), replace=False))
    rows = np.union1d(sample, labels.rows).astype(np.intp)
    features = normalised(pool.features[rows])
    with one_blas_thread():  # the same digits whatever the machine does meanwhile
        sampled = features[np.searchsorted(rows, sample)]
        axes, shares = principal_axes(sampled)
        points = (features - sampled.mean(axis=0)) @ axes
        distances = to_nearest(features, normalised(pool.features[labels.rows]))
    label_of = dict(zip(labels.rows.tolist(), labels.names, strict=True))
    distances[np.isin(rows, labels.rows)] = 0.0
    return {
        "n_pool": n,
        "n_drawn": len(rows),
        "variance": [round(share, 4) for share in shares],
        "images": [pool.image_ids[row] for row in rows],
        "x": np.round(points[:, 0], 4).tolist(),
        "y": np.round(points[:, 1], 4).tolist(),
        "labels": [label_of.get(row, "") for row in rows.tolist()],
        "predicted": [predicted.classes[i] for i in predicted.numbers[rows].tolist()] if predicted else [],
        "distance": np.round(distances, 4).tolist(),
        "farthest": _farthest(pool, labels, rows, distances),
    }


def principal_axes(features: Singles) -> tuple[Values, list[float]]:
    """The first two principal components (d, 2) of features (n, d), the largest weight of each above 0; their shares of the variance."""
    from scipy import linalg

    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    covariance = centred.T @ centred
    d, total = len(covariance), float(np.trace(covariance))
    values, vectors = linalg.eigh(covariance, subset_by_index=[max(d - 2, 0), d - 1])
    axes = np.zeros((d, 2))
    axes[:, : len(values)] = vectors[:, ::-1]
    largest = axes[np.abs(axes).argmax(axis=0), [0, 1]]
    shares = [float(max(value, 0.0) / total) if total > 0 else 0.0 for value in values[::-1]]
    return axes * np.where(largest < 0, -1.0, 1.0), [*shares, 0.0][:2]


def to_nearest(features: Singles, labelled: Singles) -> NDArray[np.float64]:
    """The distance of each of n images to the nearest labelled one: 1 - cosine, between 0 and 2."""
    likeness = [(features[start : start + 1024] @ labelled.T).max(axis=1) for start in range(0, len(features), 1024)]
    return np.maximum(1.0 - np.concatenate(likeness).astype(np.float64), 0.0)


def _farthest(pool: Pool, labels: RecordedLabels, rows: IndexArray, distances: Values) -> list[dict[str, Any]]:
    """Those without an answer whose file is there, one of each group."""
    open_rows = ~np.isin(rows, labels.answered)
    if pool.present is not None:
        open_rows &= pool.present[rows]
    places, seen, found = np.flatnonzero(open_rows), set(), []
    for place in places[np.argsort(-distances[places], kind="stable")].tolist():
        group = rows[place] if pool.groups is None else pool.groups[rows[place]]
        if group not in seen:
            seen.add(group)
            found.append({"image": pool.image_ids[rows[place]], "distance": round(float(distances[place]), 4)})
        if len(found) == FARTHEST:
            break
    return found
