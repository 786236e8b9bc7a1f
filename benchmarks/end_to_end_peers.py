"""What people join where there is no evenpick: query strategies of scikit-activeml, classifiers of scikit-learn.

A choice is a `Rule` of `iterative.py`, so that all choose in the rounds of `auto`; its features have length 1. A
classifier gets features as they come, and the rows without a label where it can use them.
"""

import importlib
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from iterative import IndexArray, Known, Points, Rule
from iterative import uherding as uherding_by_paper
from numpy.typing import NDArray

if TYPE_CHECKING:
    from skactiveml.classifier import SklearnClassifier

SEEDS = 2**31 - 1
MOST_ITERATIONS = 1000  # of logistic regression, so that it converges
Numbers: TypeAlias = NDArray[np.intp]
# From labelled features, their class numbers, features without a label and those to predict.
Classifier: TypeAlias = Callable[[Points, Numbers, Points, Points], Numbers]


# --- choices ----------------------------------------------------------------------------------------


def random(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """Rows without a label, drawn."""
    return rng.choice(known.open, count, replace=False)


def k_means(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """Of as many clusters of what has no label as labels are wanted, the row nearest to each centre, by scikit-learn."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances_argmin

    points = known.points[known.open]
    clusters = KMeans(count, n_init=1, random_state=_seed(rng)).fit(points)
    rows = rng.permutation(np.unique(pairwise_distances_argmin(clusters.cluster_centers_, points)))
    left = rng.permutation(np.setdiff1d(np.arange(len(points)), rows))  # one row may be nearest to two centres
    return known.open[np.concatenate([rows, left[: count - len(rows)]])]


def uherding(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
    """As its paper has it (scikit-activeml has none); without labels that is MaxHerding."""
    return (uherding_by_paper if len(known.rows) else CHOICES["max_herding"])(known, count, rng)


def of_skactiveml(name: str, needs_classifier: bool = False, **settings: Any) -> Rule:
    """A query strategy; the first round of one that asks a classifier is TypiClust's."""

    def rule(known: Known, count: int, rng: np.random.Generator) -> IndexArray:
        import skactiveml.pool

        if needs_classifier and not len(known.rows):
            return CHOICES["typiclust"](known, count, rng)
        seed = _seed(rng)
        clusters = (
            {"cluster_algo_dict": {"random_state": seed}} if name in ("DropQuery", "Clue") else {}
        )  # else unseeded
        strategy = getattr(skactiveml.pool, name)(random_state=seed, **clusters, **settings)
        given = np.full(len(known.points), np.nan)
        given[known.rows] = known.numbers
        asked = [asked_classifier(known)] if needs_classifier else []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(strategy.query(known.points, given, *asked, batch_size=count))

    return rule


def asked_classifier(known: Known) -> "SklearnClassifier":
    """Logistic regression that knows of the classes found so far."""
    from skactiveml.classifier import SklearnClassifier
    from sklearn.linear_model import LogisticRegression

    inner = LogisticRegression(C=30, max_iter=MOST_ITERATIONS)
    return SklearnClassifier(inner, classes=np.unique(known.numbers), random_state=0)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(SEEDS))


CHOICES: dict[str, Rule] = {
    "random": random,
    "k_means": k_means,
    "typiclust": of_skactiveml("TypiClust"),
    "prob_cover": of_skactiveml("ProbCover"),
    "core_set": of_skactiveml("CoreSet"),
    "max_herding": of_skactiveml("MaxHerding", metric_dict={"gamma": 1.0}),  # the width of its paper
    "margin": of_skactiveml("UncertaintySampling", needs_classifier=True, method="margin_sampling"),
    "badge": of_skactiveml("Badge", needs_classifier=True),
    "drop_query": of_skactiveml("DropQuery", needs_classifier=True),
    "falcun": of_skactiveml("Falcun", needs_classifier=True),
    "clue": of_skactiveml("Clue", needs_classifier=True),
    "uherding": uherding,
}
SLOW = ("badge",)  # minutes a pool
NOT_IN_A_LIBRARY = ("uherding",)


# --- classifiers ------------------------------------------------------------------------------------


def of_sklearn(path: str, *, scaled: bool = False, **settings: Any) -> Classifier:
    """A classifier of scikit-learn, with the labelled rows alone, on features of length 1 or on scaled ones."""

    def predicted(points: Points, numbers: Numbers, unlabelled: Points, tested: Points) -> Numbers:
        return _prepared(_made(path, settings), scaled).fit(points, numbers).predict(tested)

    return predicted


def semi_supervised(path: str, *inner: Any, **settings: Any) -> Classifier:
    """One that learns from rows without a label too, on features of length 1; `inner` is the name of what it wraps, and settings."""

    def predicted(points: Points, numbers: Numbers, unlabelled: Points, tested: Points) -> Numbers:
        wrapped = [_made(inner[0], inner[1])] if inner else []
        known = np.concatenate([numbers, np.full(len(unlabelled), -1)])
        model = _prepared(_made(path, settings, *wrapped), scaled=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rows that no label reaches
            return model.fit(np.concatenate([points, unlabelled]), known).predict(tested)

    return predicted


def _made(path: str, settings: dict[str, Any], *wrapped: Any) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"sklearn.{module}"), name)(*wrapped, **settings)


def _prepared(classifier: Any, scaled: bool) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler

    return make_pipeline(StandardScaler() if scaled else Normalizer(), classifier)


_LOGISTIC = "linear_model.LogisticRegression"
_CONVERGED: dict[str, Any] = {"max_iter": MOST_ITERATIONS}
_BALANCED: dict[str, Any] = {"class_weight": "balanced"}
CLASSIFIERS: dict[str, Classifier] = {
    "lr_scaled": of_sklearn(_LOGISTIC, scaled=True, **_CONVERGED),
    "lr_scaled_balanced": of_sklearn(_LOGISTIC, scaled=True, **_CONVERGED, **_BALANCED),
    "lr_c1": of_sklearn(_LOGISTIC, **_CONVERGED, **_BALANCED),
    "lr_c30": of_sklearn(_LOGISTIC, C=30, **_CONVERGED, **_BALANCED),
    "linear_svc": of_sklearn("svm.LinearSVC", **_BALANCED),
    "ridge": of_sklearn("linear_model.RidgeClassifier", **_BALANCED),
    "svc_c1": of_sklearn("svm.SVC", scaled=True, **_BALANCED),
    "svc_c10": of_sklearn("svm.SVC", scaled=True, C=10, **_BALANCED),
    "nn1": of_sklearn("neighbors.KNeighborsClassifier", n_neighbors=1),
    "nn5": of_sklearn("neighbors.KNeighborsClassifier", n_neighbors=5),
    "centroid": of_sklearn("neighbors.NearestCentroid"),
    "self_training": semi_supervised(
        "semi_supervised.SelfTrainingClassifier", _LOGISTIC, {"C": 30, **_CONVERGED, **_BALANCED}
    ),
    "label_spreading": semi_supervised("semi_supervised.LabelSpreading", kernel="knn"),
}
SLOW_CLASSIFIERS = ("self_training",)  # half of the time of all
