"""The plain rule of greedy coverage on made points, for the tests of what follows it faster."""

import numpy as np

from evenpick.acquisition.greedy_coverage import cover_greedily
from evenpick.vectors import normalised


def by_the_rule(points, kernel, permutation, budget, weights=None, chosen=None):
    """`cover_greedily` on the whole kernel matrix; `chosen` are vectors that were chosen before."""
    weights = np.ones(len(points)) if weights is None else weights
    coverage = np.zeros(len(points)) if chosen is None else covered_by(chosen, points, kernel)
    return cover_greedily(kernel_matrix(points, points, kernel), permutation, weights, coverage, budget).tolist()


def kernel_matrix(vectors, points, kernel):
    """How well each vector covers each point, by exact distances."""
    squared = ((vectors.astype(np.float64)[:, None] - points.astype(np.float64)) ** 2).sum(axis=2)
    return kernel(squared.astype(np.float32)).astype(np.float64)


def covered_by(vectors, points, kernel):
    return kernel_matrix(vectors, points, kernel).max(axis=0)


def unit_points(seed, n=60, d=5):
    return normalised(np.random.default_rng(seed).normal(size=(n, d)))
