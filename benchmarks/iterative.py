"""Published ways of choosing that retrain in every round, each as its paper and its authors' code have it.

A rule gets what is known and gives the rows of the next round. None sees how many classes there are. What a paper
leaves to a network is done by the quick classifier of `auto`'s rounds, so that only the rules differ: logistic
regression on features of length 1.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from evenpick.classifiers import Probe

Points: TypeAlias = NDArray[np.float32]
IndexArray: TypeAlias = NDArray[np.intp]
Values: TypeAlias = NDArray[np.float64]

HELD_OUT = 0.3  # of the labels, by which UHerding chooses its temperature
TEMPERATURES = np.logspace(-1, 1, 49)
DROPPED, TIMES = 0.75, 3  # features that DropQuery leaves out, and how often
MOST_CLUSTERS, FEWEST, NEIGHBOURS = 500, 5, 20  # of TypiClust
ROUNDS_OF_K_MEANS = 30


@dataclass(frozen=True, eq=False)
class Known:
    """The pool at the start of a round.

    `points` (n, d) have length 1, `rows` (m,) have the class numbers `numbers` (m,), in the order in which classes
    were found; `ask` answers for one row more, which a rule may ask that goes on label by label.
    """

    points: Points
    rows: IndexArray
    numbers: IndexArray
    ask: Callable[[int], int] = field(default=lambda row: -1)

    @property
    def open(self) -> IndexArray:
        """Rows without a label."""
        return np.setdiff1d(np.arange(len(self.points)), self.rows)

    def probe(self) -> "Probe":
        """Logistic regression on all labels."""
        from evenpick.classifiers import fit_probe

        return fit_probe(self.points[self.rows], self.numbers)


Rule: TypeAlias = Callable[[Known, int, np.random.Generator], IndexArray]


def choose(
    points: Points, numbers_of: NDArray, budget: int, rule: Rule, first: IndexArray | None, rng: np.random.Generator
) -> tuple[IndexArray, int]:
    """The rows that a rule labels, in the rounds of `auto`, and how many rounds that were.

    `numbers_of` (n,) answers; `first` are the rows of the first round, by the rule itself if None. What a rule sees of
    a class is the order in which it was found.
    """
    from evenpick.session.rounds import next_round

    rows, found, rounds = np.empty(0, np.intp), dict[int, int](), 0
    while len(rows) < budget:
        count = min(next_round(len(rows)), budget) - len(rows)
        numbers = np.array([found.setdefault(int(numbers_of[row]), len(found)) for row in rows], np.intp)
        known = Known(points, rows, numbers, lambda row: found.get(int(numbers_of[row]), len(found)))
        if not len(rows) and first is not None:
            chosen = first[:count]
        elif len(found) == 1:  # nothing to train
            chosen = rng.choice(known.open, count, replace=False)
        else:
            chosen = rule(known, count, rng)
        rows, rounds = np.concatenate([rows, chosen]), rounds + 1
    return rows, rounds


# --- by the probabilities of a fitted classifier ----------------------------------------------------


def margin(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """The smallest margins (Scheffer et al., 2001)."""
    from evenpick.probabilities import margins

    rows = rng.permutation(known.open)  # orders equal margins
    scores = margins(known.probe().probabilities(known.points[rows], corrected=False))
    return rows[np.argsort(scores, kind="stable")[:count]]


def badge(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """k-means++ on gradients of the last layer (Ash et al., 2020), with the full gradient and its longest one first."""
    rows = known.open
    probabilities = known.probe().probabilities(known.points[rows], corrected=False)
    errors = probabilities - np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    distances = gradient_distances(errors, known.points[rows])
    squared = next(distances)
    chosen: list[int] = []
    while len(chosen) < count:
        weights = squared.copy()
        weights[chosen] = 0
        total = weights.sum()
        if total <= 0:
            weights = np.ones(len(rows))
            weights[chosen] = 0
            total = weights.sum()
        last = int(np.argmax(weights)) if not chosen else int(rng.choice(len(rows), p=weights / total))
        chosen.append(last)
        squared = distances.send(last)
    return rows[chosen]


def gradient_distances(errors: Values, points: Points) -> Generator[Values, int, None]:
    """Squared lengths of all gradients errors x points, then distances to the nearest one sent; no gradient is made."""
    lengths = (errors**2).sum(axis=1) * (points.astype(np.float64) ** 2).sum(axis=1)
    nearest = lengths
    last = yield nearest
    nearest = np.full(len(points), np.inf)
    while True:
        products = (errors @ errors[last]) * (points @ points[last])
        nearest = np.minimum(nearest, np.maximum(lengths + lengths[last] - 2 * products, 0))
        nearest[last] = 0
        last = yield nearest


def drop_query(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """Of images whose class changes in most of three dropouts of features, those nearest k-means centres (Gupta et al., 2024).

    The first round, without a classifier, is k-means of all, the authors' start. Where fewer images change than are
    wanted, those follow that change in fewer dropouts.
    """
    rows = rng.permutation(known.open)
    if len(known.rows):
        probe, points = known.probe(), known.points[rows]
        predicted = probe.probabilities(points, corrected=False).argmax(axis=1)
        changed = np.zeros(len(rows), np.intp)
        for _ in range(TIMES):
            kept = (rng.random(points.shape) >= DROPPED) / np.float32(1 - DROPPED)
            changed += (
                probe.probabilities((points * kept).astype(np.float32), corrected=False).argmax(axis=1) != predicted
            )
        wanted = max(count, int((changed > TIMES // 2).sum()))
        rows = rows[np.argsort(-changed, kind="stable")[:wanted]]
    return rows[_nearest_to_centres(known.points[rows], count, rng)]


def _nearest_to_centres(points: Points, count: int, rng: np.random.Generator) -> IndexArray:
    clusters = _k_means(points, count, rng)
    distances = clusters.transform(points)
    chosen: list[int] = []
    for cluster in range(count):
        distances[chosen, cluster] = np.inf
        chosen.append(int(distances[:, cluster].argmin()))
    return np.array(chosen, np.intp)


def _k_means(points: Points, count: int, rng: np.random.Generator):
    from sklearn.cluster import KMeans

    seed = int(rng.integers(2**31 - 1))
    return KMeans(count, n_init=1, max_iter=ROUNDS_OF_K_MEANS, random_state=seed).fit(points)


# --- by coverage ------------------------------------------------------------------------------------


class Matrix:
    """A kernel in memory, for `GreedyCoverage`."""

    at_hand = True

    def __init__(self, values: Points) -> None:
        self.values, self.n_points = values, len(values)

    def rows(self, points: IndexArray) -> Points:
        return self.values[points]


def uherding(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """Coverage of what the classifier is unsure of (Bae et al., 2025).

    Weights are 1 - margin at the temperature with the least calibration error on 30 % of the labels, of a probe on the
    rest; the kernel is as wide as the smallest distance between two labels.
    """
    from evenpick.acquisition import GreedyCoverage
    from evenpick.probabilities import margins, softmax

    temperature = temperature_of(known, rng)
    logits = _logits(known.probe(), known.points)
    weights = 1 - margins(softmax(logits / temperature))
    kernel = np.exp(-squared_distances(known.points, known.points) / smallest_distance(known.points[known.rows]) ** 2)
    coverage = kernel[known.rows].max(axis=0)
    greedy = GreedyCoverage(Matrix(kernel), rng.permutation(len(kernel)), weights, coverage)
    greedy.exclude(known.rows)
    return greedy.choose(count)


def temperature_of(known: Known, rng: np.random.Generator) -> float:
    """That with the least calibration error on labels held out; 1 where nothing can be trained on the rest."""
    from evenpick.classifiers import fit_probe
    from evenpick.metrics import expected_calibration_error
    from evenpick.probabilities import softmax

    order = rng.permutation(len(known.rows))
    held, rest = np.split(order, [round(HELD_OUT * len(order))])
    classes, numbers = np.unique(known.numbers[rest], return_inverse=True)
    if len(classes) < 2:
        return 1.0
    logits = _logits(fit_probe(known.points[known.rows[rest]], numbers), known.points[known.rows[held]])
    number_of = {int(of): number for number, of in enumerate(classes)}
    true = np.array([number_of.get(int(of), -1) for of in known.numbers[held]], np.intp)  # -1: of no class of the rest
    errors = [expected_calibration_error(softmax(logits / t), true) for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(errors))])


def _logits(probe: "Probe", points: Points) -> Values:
    return (points @ probe.weights.T + probe.intercepts).astype(np.float64)


def smallest_distance(points: Points) -> float:
    """Between two points that are not the same; 1 if all are."""
    squared = squared_distances(points, points)[np.triu_indices(len(points), 1)]
    squared = squared[squared > 1e-5]  # below that, of points of length 1, it is rounding
    return float(np.sqrt(squared.min())) if len(squared) else 1.0


def squared_distances(some: Points, others: Points) -> Points:
    return np.maximum(2 - 2 * some @ others.T, 0)  # all have length 1


def typiclust(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """As many clusters as labels after the round; of the largest without a label the most typical image (Hacohen et al., 2022).

    As the authors' code: at most 500 clusters, those of five images and fewer left out, and round again where there are
    fewer than are wanted.
    """
    clusters = _k_means(known.points, min(len(known.rows) + count, MOST_CLUSTERS), rng).labels_
    sizes = np.bincount(clusters)
    labels = np.bincount(clusters[known.rows], minlength=len(sizes))
    order = [cluster for cluster in np.lexsort((-sizes, labels)) if sizes[cluster] > FEWEST]
    clusters[known.rows] = -1
    chosen: list[int] = []
    while len(chosen) < count and order:
        cluster = order.pop(0)
        members = np.flatnonzero(clusters == cluster)
        if len(members):
            chosen.append(int(members[typicality(known.points[members]).argmax()]))
            clusters[chosen[-1]] = -1
            order.append(cluster)
    left = rng.permutation(np.setdiff1d(known.open, chosen))
    return np.concatenate([np.array(chosen, np.intp), left[: count - len(chosen)]])


def typicality(points: Points) -> Values:
    """One over the mean distance to the nearest others: twenty, or half of them."""
    k = max(1, min(NEIGHBOURS, len(points) // 2))
    if len(points) == 1:
        return np.ones(1)
    squared = squared_distances(points, points)
    np.fill_diagonal(squared, np.inf)
    nearest = np.sqrt(np.partition(squared, min(k, len(points) - 1) - 1, axis=1)[:, :k])
    return 1 / (nearest.mean(axis=1).astype(np.float64) + 1e-5)
