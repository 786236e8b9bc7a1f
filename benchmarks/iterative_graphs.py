"""Rivals of `auto` that go by a graph, by an order or by Fisher information; the family is that of `iterative.py`."""

import numpy as np
from iterative import IndexArray, Known, Points, Values, squared_distances
from numpy.typing import NDArray

NEIGHBOURS = 20  # of a node of the graph, as in its paper
TAU, NO_TAU = 0.01, 1e-9  # of PWLL: at the first label, and at the last that has any


def pwll_tau(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """The smallest output of Laplace learning on a graph, which decays away from labels (Miller & Calder, 2023).

    The decay tau falls with every label and ends at two of a class; the paper's number of classes is that of classes
    found here. It asks label by label; in a round no image is chosen beside another one of it while others are left
    (Chapman et al., 2023).
    """
    graph = neighbour_graph(known.points)
    length, found = len(known.rows), known.numbers.max() + 1
    tau = TAU * (NO_TAU / TAU) ** (length / (2 * found)) if length < 2 * found else 0.0
    output = laplace_learning(graph, known.rows, known.numbers, tau)
    rows = rng.permutation(known.open)
    rows = rows[np.argsort(np.linalg.norm(output[rows], axis=1), kind="stable")]
    beside, first, later = np.zeros(len(graph), bool), list[int](), list[int]()
    for row in rows:
        (later if beside[row] else first).append(int(row))
        if not beside[row]:
            beside |= graph[row] > 0
    return np.array([*first, *later], np.intp)[:count]


def neighbour_graph(points: Points) -> Values:
    """exp(-4 d² / d_k²) to the 20 nearest, d_k being the distance to the last of them, both ways (n, n)."""
    squared = squared_distances(points, points).astype(np.float64)
    np.fill_diagonal(squared, np.inf)
    k = min(NEIGHBOURS, len(points) - 1)
    nearest = np.argpartition(squared, k - 1, axis=1)[:, :k]
    distances = np.take_along_axis(squared, nearest, axis=1)
    weights = np.zeros(squared.shape)
    furthest = np.maximum(distances.max(axis=1, keepdims=True), 1e-12)
    np.put_along_axis(weights, nearest, np.exp(-4 * distances / furthest), axis=1)
    return (weights + weights.T) / 2


def laplace_learning(graph: Values, rows: IndexArray, numbers: IndexArray, tau: float) -> Values:
    """Harmonic but for tau, with the labels as they are, on the graph reweighted by Poisson's equation (n, n_classes)."""
    from scipy.linalg import solve

    sources = np.zeros(len(graph))
    sources[rows] = 1
    potential = solve(laplacian(graph) + 1e-6 * np.eye(len(graph)), sources - sources.mean(), assume_a="pos")
    potential += 1e-5 - potential.min()
    weighted = laplacian(graph * np.outer(potential, potential))
    given = np.eye(numbers.max() + 1)[numbers]
    free = np.setdiff1d(np.arange(len(graph)), rows)
    left = weighted[np.ix_(free, free)] + (tau + 1e-12) * np.eye(len(free))
    output = np.zeros((len(graph), given.shape[1]))
    output[rows] = given
    output[free] = solve(left, -weighted[np.ix_(free, rows)] @ given, assume_a="pos")
    return output


def laplacian(graph: Values) -> Values:
    """Degrees less weights."""
    return np.diag(graph.sum(axis=1)) - graph


def galaxy(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """Bisection of each class's order by confidence, label by label (Zhang et al., 2022).

    A drawn class's images stand in the order of p - max p. Between two labels next to each other of which one is of
    the class, the middle of the shortest gap is asked for; with no gap left, the image nearest to such a pair; else any.
    """
    probabilities = known.probe().probabilities(known.points, corrected=False)
    most = probabilities.max(axis=1, keepdims=True)
    orders = np.argsort(-(probabilities - most + 1e-8 * most), axis=0, kind="stable")
    label = np.full(len(known.points), -1)
    label[known.rows] = known.numbers
    chosen: list[int] = []
    for _ in range(count):
        number = int(rng.integers(orders.shape[1]))
        order = orders[:, number]
        place = next_by_bisection(label[order] >= 0, label[order] == number)
        row = int(rng.choice(np.flatnonzero(label < 0))) if place is None else int(order[place])
        label[row] = known.ask(row)
        chosen.append(row)
    return np.array(chosen, np.intp)


def next_by_bisection(is_known: NDArray[np.bool_], is_positive: NDArray[np.bool_]) -> int | None:
    """The place to ask for next in one order; None if no two labels of it differ."""
    places = np.flatnonzero(is_known)
    cuts = np.flatnonzero(is_positive[places[1:]] != is_positive[places[:-1]])
    if not len(cuts):
        return None
    before, after = places[cuts], places[cuts + 1]
    gaps = np.where(after - before > 1, after - before, len(is_known) + 1)
    if gaps.min() <= len(is_known):
        shortest = int(gaps.argmin())
        return int((before[shortest] + after[shortest]) // 2)
    unknown = np.flatnonzero(~is_known)
    if not len(unknown):
        return None
    ends = np.concatenate([before, after])
    distances = np.abs(unknown[:, None] - ends).min(axis=1)
    return int(unknown[distances.argmin()])


# --- by Fisher information --------------------------------------------------------------------------


def bait(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """Labels that leave the classifier least uncertain over the pool: twice as many, then half left out (Ash et al., 2021).

    The information of an image is taken as sum of p(1 - p) over classes, times x xᵀ: one block for all classes, without
    which 100 classes of 1,280 features are out of reach.
    """
    probabilities = known.probe().probabilities(known.points, corrected=False)
    points = known.points
    if len(points) < points.shape[1]:  # in their own space
        points = points @ np.linalg.qr(points.T)[0]
    scaled = np.sqrt((probabilities * (1 - probabilities)).sum(axis=1, keepdims=True)).astype(np.float32) * points
    target = scaled.T @ scaled / len(scaled)
    share = count / (len(known.rows) + count)
    # The authors' weights of what is known and what is added.
    start = np.eye(scaled.shape[1]) + (1 - share) * scaled[known.rows].T @ scaled[known.rows] / len(known.rows)
    rows = known.open
    state = _Information(np.linalg.inv(start).astype(np.float32), target, scaled[rows] * np.float32(np.sqrt(share)))
    chosen: list[int] = []
    for _ in range(min(2 * count, len(rows))):
        gains = state.change(1)
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
        state.update(chosen[-1], 1)
    while len(chosen) > count:
        losses = state.change(-1)[chosen]
        state.update(chosen.pop(int(losses.argmin())), -1)
    return rows[chosen]


class _Information:
    """M⁻¹, and of every point x: x M⁻¹ (n, d), x M⁻¹ x and x M⁻¹ F M⁻¹ x (n,), kept up to date with rank one."""

    def __init__(self, inverse: Points, target: Points, points: Points) -> None:
        self._points, self._target, self._inverse = points, target, inverse
        self._by = points @ inverse
        self._own = np.einsum("ij,ij->i", self._by, points)
        self._traces = np.einsum("ij,ij->i", self._by @ target, self._by)

    def change(self, sign: int) -> Values:
        """By how much the trace of M⁻¹ F falls with each point (1), or rises without it (-1)."""
        return self._traces / np.maximum(1 + sign * self._own, 1e-12)

    def update(self, place: int, sign: int) -> None:
        """Add a point, or leave it out again."""
        towards = self._inverse @ self._points[place]  # M⁻¹ z
        scale = sign / (1 + sign * self._own[place])
        products = self._points @ towards
        pull = self._target @ towards
        crossed = self._by @ pull
        self._traces += scale * products * (scale * products * (towards @ pull) - 2 * crossed)
        self._own -= scale * products**2
        self._by -= scale * np.outer(products, towards)
        self._inverse -= scale * np.outer(towards, towards)
