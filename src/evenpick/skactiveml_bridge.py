"""To and from scikit-activeml: our functions as its query strategies, its strategies as our functions."""

import inspect
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .acquisition import AcquisitionFunction, ordered
from .arrays import IndexArray, Values
from .errors import EvenpickError, MissingExtraError
from .pool import Pool

try:
    from skactiveml.base import SingleAnnotatorPoolQueryStrategy
    from skactiveml.utils import MISSING_LABEL
    from sklearn.base import clone
    from sklearn.utils import check_random_state
except ImportError:
    raise MissingExtraError("the bridge to scikit-activeml", "skactiveml") from None

_SEEDS = 2**31 - 1
_GIVEN = {"X", "y", "candidates", "batch_size", "return_utilities"}  # parameters of `query` that the bridge fills


class AcquisitionStrategy(SingleAnnotatorPoolQueryStrategy):  # type: ignore[misc]  # it ships no type information
    """An acquisition function as a query strategy of scikit-activeml.

    The function orders all of `X`; a query walks that order and passes over what is labelled or no candidate.
    So with an int as `random_state` the next query goes on where the last one ended, except for functions
    that plan for the whole budget (`k_means`, `typiclust`, `prob_cover`): those make new clusters. Labels given otherwise
    do not move the order: `core_set` does not count them as centres.

    Parameters
    ----------
    acquisition : str or callable
        A name of `ACQUISITIONS`, or a function `(pool, budget, rng) -> indices`.
    probabilities : array of shape (n_samples, n_source_classes), optional
        Class probabilities of the source model, one row for each of `X`. Needed by functions that read
        source predictions.
    missing_label : scalar, str, nan or None
    random_state : int, RandomState or None
    """

    def __init__(
        self,
        acquisition: str | AcquisitionFunction = "ent_inv_div",
        probabilities: ArrayLike | None = None,
        missing_label: Any = MISSING_LABEL,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(missing_label=missing_label, random_state=random_state)
        self.acquisition = acquisition
        self.probabilities = probabilities

    def query(
        self,
        X: ArrayLike,
        y: ArrayLike,
        candidates: ArrayLike | None = None,
        batch_size: int = 1,
        return_utilities: bool = False,
    ) -> Any:
        """Choose the samples to label next.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Features of all images, labelled or not.
        y : array of shape (n_samples,)
            Labels; `missing_label` where there is none.
        candidates : int array of shape (n_candidates,), optional
            Rows of `X` to choose from; by default those without a label.
        batch_size : int
        return_utilities : bool

        Returns
        -------
        query_indices : array of shape (batch_size,), intp
            Rows of `X`, first choice first.
        utilities : array of shape (batch_size, n_samples), only if asked for
            For each choice `batch_size` and falling by one, 0 for candidates not chosen, nan for other rows
            and for those chosen before. A function gives an order, not a scale.

        Raises
        ------
        EvenpickError
            If the name is unknown, or the function needs `probabilities` and they are missing or do not fit.
        """
        features, labels, candidates, batch_size, _ = self._validate_data(
            X, y, candidates, batch_size, return_utilities, check_X_dict={}
        )
        _, rows = self._transform_candidates(candidates, features, labels, enforce_mapping=True)
        open_rows = np.isin(np.arange(len(features)), rows)
        chosen = self._walk(Pool.from_arrays(features, self.probabilities), open_rows, batch_size)
        return (chosen, _utilities(chosen, open_rows)) if return_utilities else chosen

    def _walk(self, pool: Pool, open_rows: NDArray[np.bool_], wanted: int) -> IndexArray:
        """The first open rows of the order, which is asked for at growing length."""
        # Not `random_state_`, which is another one for every number of labels.
        seed = check_random_state(deepcopy(self.random_state)).randint(_SEEDS)
        length = min(len(pool), wanted + int((~open_rows).sum()))
        while True:
            order = ordered(pool, length, self.acquisition, np.random.default_rng(seed))
            chosen = order[open_rows[order]][:wanted]
            if len(chosen) == wanted:
                return chosen
            length = min(2 * length, len(pool))


def _utilities(chosen: IndexArray, open_rows: NDArray[np.bool_]) -> Values:
    utilities = np.tile(np.where(open_rows, 0.0, np.nan), (len(chosen), 1))
    utilities[:, chosen] = len(chosen) - np.arange(len(chosen))
    for i in range(len(chosen)):
        utilities[i + 1 :, chosen[i]] = np.nan
    return utilities


def from_skactiveml(strategy: Any, **query_kwargs: Any) -> AcquisitionFunction:
    """A pool strategy of scikit-activeml as an acquisition function.

    It is queried once for the whole budget, with no label known, on a copy that gets its seeds from `rng`.
    Its memory is its own matter: all features in one array, for many strategies an n x n matrix too.

    Parameters
    ----------
    strategy : skactiveml.base.SingleAnnotatorPoolQueryStrategy
        One that needs no fitted model, such as `CoreSet()`, `TypiClust()` or `ProbCover()`.
    **query_kwargs
        Further arguments of its `query`.

    Returns
    -------
    callable
        `(pool, budget, rng) -> indices`, for `select`, `Session` and `simulate`.

    Raises
    ------
    EvenpickError
        If it is no such strategy, or its `query` needs more than features and what is given.
    """
    _check_strategy(strategy, query_kwargs)

    def acquisition(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
        seeded = clone(strategy)
        # A wrapper holds a strategy of its own: whatever is not seeded would draw from the global seed.
        names = sorted(name for name in seeded.get_params() if name.split("__")[-1] == "random_state")
        seeded.set_params(**{name: int(rng.integers(_SEEDS)) for name in names})
        unlabelled = np.full(len(pool), seeded.missing_label)
        chosen = seeded.query(X=np.asarray(pool.features), y=unlabelled, batch_size=budget, **query_kwargs)
        return np.asarray(chosen)

    return acquisition


def _check_strategy(strategy: Any, query_kwargs: dict[str, Any]) -> None:
    if not isinstance(strategy, SingleAnnotatorPoolQueryStrategy):
        kind = strategy.__name__ + " itself" if isinstance(strategy, type) else type(strategy).__name__
        raise EvenpickError(
            f"from_skactiveml takes an instance of a single-annotator pool strategy, such as CoreSet(); got {kind}"
        )
    name = type(strategy).__name__
    if taken := sorted(_GIVEN & query_kwargs.keys()):
        raise EvenpickError(f"from_skactiveml fills in '{taken[0]}' of {name}.query itself; leave it out")
    parameters = inspect.signature(strategy.query).parameters.values()
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in _GIVEN
    ]
    if missing := [parameter for parameter in needed if parameter not in query_kwargs]:
        raise EvenpickError(
            f"{name} needs {' and '.join(missing)}, and before the first label there is no fitted model: "
            "choose a strategy that needs none, such as CoreSet, TypiClust or ProbCover, or pass it by that name"
        )
