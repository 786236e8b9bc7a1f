"""Feature vectors: brought to length 1, and squared distances by one matrix product."""

import numpy as np
from numpy.typing import NDArray

from .arrays import Singles, Values

_SAME_POINT = 1e-12  # a squared distance below this share of the squared lengths is rounding, not distance
_TINY = 1e-15  # a length whose square float32 still holds


def squared_distances(points: Values, centres: Values, related: NDArray[np.bool_] | None = None) -> Values:
    """Squared L2 distances of shape (n_points, n_centres); exactly 0 between equal points.

    Pairs that are not `related`, an array of that shape, count as orthogonal.
    """
    scale = np.einsum("ij,ij->i", points, points)[:, None] + np.einsum("ij,ij->i", centres, centres)
    products = points @ centres.T
    if related is not None:
        products *= related
    distances: Values = scale - 2 * products
    distances[distances < _SAME_POINT * scale] = 0
    return distances


def paired_squared_distances(points: Values, others: Values) -> Values:
    """Squared L2 distance of each point to the other of the same row, shape (n,); as `squared_distances` to rounding."""
    difference = points - others
    distances = np.einsum("ij,ij->i", difference, difference)
    scale = np.einsum("ij,ij->i", points, points) + np.einsum("ij,ij->i", others, others)
    distances[distances < _SAME_POINT * scale] = 0
    return np.asarray(distances)


def normalised(features: NDArray[np.floating]) -> Singles:
    """Features scaled to length 1, a zero vector left as it is (section 3.4 of the paper)."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    if (tiny := (lengths[:, 0] < _TINY) & features.any(axis=1)).any():  # their squares may be too small for float32
        features = np.array(features, dtype=np.float64)
        features[tiny] /= np.abs(features[tiny]).max(axis=1, keepdims=True)
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(lengths > 0, lengths, 1), dtype=np.float32)
