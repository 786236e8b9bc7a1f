"""Acquisition functions that divide the pool into clusters, or spread over it by k-means++.

All work through blocks of features: memory is one block, a few numbers an image and the centres.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import IndexArray, Singles, Values
from ..pool import Features, Pool, feature_blocks
from ..vectors import squared_distances

_ROUNDS = 30  # of k-means at most; from centres of k-means++ the images settle after about ten
_MOST_CLUSTERS = 500  # of TypiClust, as in its paper
_NEIGHBOURS = 20  # that typicality looks at, as in its paper
_REFERENCES = 4096  # of a larger cluster, a drawn sample of so many stands for all possible neighbours
_CENTRES_A_PASS = 64  # of k-means++, between two passes over all images
_MOST_DISTANCES = 1 << 22  # held at once
_DECIMALS = 6  # of a distance between features of length 1; beyond them it is rounding that would order images


def clusters_of(features: Features, count: int, rng: np.random.Generator) -> IndexArray:
    """The k-means cluster of each row of features, taken at length 1."""
    return _cluster(_of_length_one(features), count, rng)[0]


def clusters_and_centres(features: Features, count: int, rng: np.random.Generator) -> tuple[IndexArray, Values]:
    """The same, and the mean of each cluster; some may be empty."""
    return _cluster(_of_length_one(features), count, rng)


def k_means(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """The image nearest to the centre of each of `budget` clusters, the biggest cluster first.

    k-means (Lloyd, 1982) from centres of k-means++ on features of length 1. Where there are fewer clusters
    than that, as with copies, they are gone round again: the second nearest of each, and so on.
    """
    points = _of_length_one(pool.features)
    labels, centres = _cluster(points, budget, rng)
    return _in_rounds(labels, _to_own_centre(points, labels, centres), rng)[:budget]


def typiclust(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """The most typical image of each cluster, the biggest cluster first (Hacohen et al., 2022).

    As many k-means clusters as the budget, at most 500; typical is a small mean distance to the 20 nearest
    images of the same cluster. A larger budget goes round the clusters again: the next most typical of
    each, so that rare kinds of images get as many turns as common ones. Unlike in the authors' code, clusters
    of five images and fewer stay: they may be a rare class.
    """
    points = _of_length_one(pool.features)
    labels, _ = _cluster(points, min(budget, _MOST_CLUSTERS), rng)
    return _in_rounds(labels, _isolation(points, labels, rng), rng)[:budget]


def badge(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
    """k-means++ on gradients of the source model's last layer, after BADGE (Ash et al., 2020).

    An approximation: BADGE's gradient has a block (p_k - [k is the top-1 class]) * features for every
    class k. A pool keeps of p the top-1 class and its probability c alone, so only that class's block,
    (1 - c) * features up to sign, is used, and images of different source classes count as orthogonal.
    Where p lies on two classes that leaves half of the squared length out, elsewhere less.
    """
    weights = 1 - pool.confidence.astype(np.float64)
    return _k_means_plus_plus(_Points(pool.features, weights, pool.source_class), budget, rng)


@dataclass(frozen=True, eq=False)
class _Points:
    """Features of each image times its weight; those of different groups are orthogonal."""

    features: Features
    weights: Values
    groups: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.weights)

    def __getitem__(self, rows: IndexArray) -> Values:
        return self.features[rows] * self.weights[rows, None]

    def blocks(self) -> Iterator[tuple[IndexArray, Values]]:
        """Each block's rows, and their points."""
        for start, block in feature_blocks(self.features):
            rows = np.arange(start, start + len(block))
            yield rows, block * self.weights[rows, None]

    def squared_distances(self, rows: IndexArray, points: Values, centres: IndexArray, at: Values) -> Values:
        """From the points of these rows to those of the centres' rows; shape (n_rows, n_centres)."""
        related = None if self.groups is None else self.groups[rows][:, None] == self.groups[centres]
        return squared_distances(points, at, related)


def _of_length_one(features: Features) -> _Points:
    lengths = np.concatenate(
        [np.linalg.norm(block.astype(np.float64), axis=1) for _, block in feature_blocks(features)]
    )
    return _Points(features, 1 / np.where(lengths > 0, lengths, 1))


# --- k-means++ --------------------------------------------------------------------------------------


def _k_means_plus_plus(points: _Points, count: int, rng: np.random.Generator) -> IndexArray:
    """Rows drawn one after another, each with a chance in proportion to D² (Arthur & Vassilvitskii, 2007).

    D is the distance to the nearest row drawn before; the first row is drawn uniformly. Where only copies
    of drawn rows are left, they come in the order of a drawn permutation.
    """
    permutation = rng.permutation(len(points))
    nearest = np.full(len(points), np.inf)  # squared distance to the nearest drawn row
    drawn = permutation[:1]
    batch = drawn
    while len(drawn) < count:
        _bring_up_to_date(nearest, points, batch)
        if not nearest.any():
            left = permutation[~np.isin(permutation, drawn)]
            drawn = np.concatenate([drawn, left])
            break
        # How many are drawn at a time may not depend on `count`: a longer list goes on where a shorter one ends.
        batch = _draw(points, nearest, min(len(drawn), _CENTRES_A_PASS), rng)
        drawn = np.concatenate([drawn, batch])
    return drawn[:count]


def _draw(points: _Points, nearest: Values, wanted: int, rng: np.random.Generator) -> IndexArray:
    """One to `wanted` further rows, without a pass over all images for each.

    A row is proposed by its D² before this batch, an upper bound, and kept with the chance of the true one
    over that bound: so those kept follow the true D² exactly. Proposals that mostly fail end the batch.
    """
    cumulative = np.cumsum(nearest)
    kept = np.empty(0, np.intp)
    at = np.empty((0, points.features.shape[1]))
    for _ in range(2 * wanted):
        row = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")[None]
        point = points[row]
        distances = points.squared_distances(row, point, kept, at)
        if rng.random() * nearest[row[0]] < distances.min(initial=nearest[row[0]]):
            kept, at = np.append(kept, row), np.vstack([at, point])
        if len(kept) == wanted:
            break
    return kept


def _bring_up_to_date(nearest: Values, points: _Points, centres: IndexArray) -> None:
    at = points[centres]
    for rows, block in points.blocks():
        distances = points.squared_distances(rows, block, centres, at).min(axis=1)
        nearest[rows] = np.minimum(nearest[rows], distances)
    nearest[centres] = 0


# --- k-means ----------------------------------------------------------------------------------------


def _cluster(points: _Points, n_clusters: int, rng: np.random.Generator) -> tuple[IndexArray, Values]:
    """The cluster of each image, and the mean of each cluster; some clusters may be empty.

    Not scikit-learn's KMeans: it wants all points in memory, its k-means++ looks at every image for every
    centre, and its threads add up in any order, so that a seed need not give the same clusters again.
    """
    centres = points[_k_means_plus_plus(points, n_clusters, rng)]
    labels = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        before = labels.copy()
        centres = _lloyd_round(points, centres, labels)
        if np.array_equal(labels, before):
            break
    return labels, centres


def _lloyd_round(points: _Points, centres: Values, labels: IndexArray) -> Values:
    """Give each image the nearest centre, in place, and return each centre's mean; an empty one stays."""
    sums = np.zeros_like(centres)
    for rows, block in points.blocks():
        nearest = _nearest_centre(block.astype(np.float32), centres.astype(np.float32))
        labels[rows] = nearest
        order = np.argsort(nearest, kind="stable")
        clusters, first = np.unique(nearest[order], return_index=True)
        sums[clusters] += np.add.reduceat(block[order], first, axis=0)
    sizes = np.bincount(labels, minlength=len(centres))[:, None]
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), centres)


def _nearest_centre(points: Singles, centres: Singles) -> IndexArray:
    half_squares = np.einsum("ij,ij->i", centres, centres) / 2
    step = max(1, _MOST_DISTANCES // len(centres))
    parts = [points[start : start + step] for start in range(0, len(points), step)]
    return np.concatenate([(part @ centres.T - half_squares).argmax(axis=1) for part in parts])


def _to_own_centre(points: _Points, labels: IndexArray, centres: Values) -> Values:
    distances = [np.linalg.norm(block - centres[labels[rows]], axis=1) for rows, block in points.blocks()]
    return np.concatenate(distances)


# --- from clusters to an order ----------------------------------------------------------------------


def _isolation(points: _Points, labels: IndexArray, rng: np.random.Generator) -> Values:
    """Mean distance of each image to the nearest others of its cluster: the inverse of typicality."""
    isolation = np.zeros(len(points))
    by_cluster = np.argsort(labels, kind="stable")
    for members in np.split(by_cluster, np.flatnonzero(np.diff(labels[by_cluster])) + 1):
        others = members
        if len(members) > _REFERENCES:
            others = rng.choice(members, _REFERENCES, replace=False)
        if len(members) > 1:
            isolation[members] = _mean_distance(points, members, others)
    return isolation


def _mean_distance(points: _Points, members: IndexArray, others: IndexArray) -> Values:
    """Of each member to its nearest others, itself left out."""
    at = points[others]
    k = min(_NEIGHBOURS, len(others) - 1)
    step = _MOST_DISTANCES // len(others)
    means = []
    for start in range(0, len(members), step):
        rows = members[start : start + step]
        distances = points.squared_distances(rows, points[rows], others, at)
        distances[rows[:, None] == others] = np.inf
        means.append(np.sqrt(np.partition(distances, k - 1, axis=1)[:, :k]).mean(axis=1))
    return np.concatenate(means)


def _in_rounds(labels: IndexArray, score: Values, rng: np.random.Generator) -> IndexArray:
    """All images: round r takes the r-th lowest score of every cluster, the biggest cluster first."""
    rank = rng.permutation(len(labels))  # orders equal scores, and clusters of equal size
    by_cluster = np.lexsort((rank, np.round(score, _DECIMALS), labels))
    sizes = np.bincount(labels)
    starts = np.cumsum(sizes) - sizes
    round_number = np.empty(len(labels), np.intp)
    round_number[by_cluster] = np.arange(len(labels)) - starts[labels[by_cluster]]
    return np.lexsort((rank, -sizes[labels], round_number))
