"""The one table of acquisition functions, and `select`, their public door."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ..arrays import IndexArray
from ..errors import EvenpickError, check_seed, unknown_name
from ..pool import Pool, middle_of_each
from .by_predictions import (
    bald,
    ent,
    ent_div,
    ent_inv,
    ent_inv_div,
    lc,
    lc_div,
    lc_inv,
    lc_inv_div,
    ms,
    ms_div,
    ms_inv,
    ms_inv_div,
    random,
    variation_ratio,
)
from .clustering import badge, k_means, typiclust
from .herding import max_herding, prob_cover, uncertainty_herding
from .k_center import core_set
from .pseudo_classes import with_pseudo_classes

AcquisitionFunction: TypeAlias = Callable[[Pool, int, np.random.Generator], IndexArray]

ACQUISITIONS: dict[str, AcquisitionFunction] = {
    "random": random,
    "ent": ent,
    "ms": ms,
    "lc": lc,
    "ent_inv": ent_inv,
    "ms_inv": ms_inv,
    "lc_inv": lc_inv,
    "ent_div": ent_div,
    "ms_div": ms_div,
    "lc_div": lc_div,
    "ent_inv_div": ent_inv_div,
    "ms_inv_div": ms_inv_div,
    "lc_inv_div": lc_inv_div,
    "variation_ratio": variation_ratio,
    "bald": bald,
    "core_set": core_set,
    "k_means": k_means,
    "typiclust": typiclust,
    "badge": badge,
    "max_herding": max_herding,
    "uncertainty_herding": uncertainty_herding,
    "prob_cover": prob_cover,
    "auto": max_herding,
}

# Those that ask the source's predictions, and so need a source with classes, or pseudo-classes.
BY_PREDICTIONS = (
    *(name for name in ACQUISITIONS if name.partition("_")[0] in ("ent", "ms", "lc")),
    "badge",
    "uncertainty_herding",
)

# Those that ask how much the predictions of several views differ.
BY_VIEWS = ("variation_ratio", "bald")


def select(
    pool: Pool,
    budget: int,
    acquisition: str | AcquisitionFunction = "auto",
    random_state: int = 0,
) -> IndexArray:
    """Choose the images to label, once for the whole budget.

    Parameters
    ----------
    pool : Pool
    budget : int
        How many images; 1 to `len(pool)`.
    acquisition : str or callable
        A name of `ACQUISITIONS`, or a function `(pool, budget, rng) -> indices`.
    random_state : int
        Same seed, same answer; the global seed changes nothing.

    Returns
    -------
    array of shape (budget,), intp
        Rows of the pool, first choice first, no repeats. Of images that show the same thing (`Pool.groups`) one is
        chosen, the one in the middle of its group; others only once every group had its turn.

    Raises
    ------
    EvenpickError
        If the budget does not fit the pool, the name is unknown, or the pool lacks predictions that the
        function needs, or a callable breaks the contract.
    """
    check_budget(budget, len(pool))
    check_seed("select", random_state)
    return ordered(pool, budget, acquisition, np.random.default_rng(random_state))


def select_more(
    pool: Pool, answered: IndexArray, budget: int, acquisition: str | AcquisitionFunction, random_state: int
) -> IndexArray:
    """As `select`, passing over the rows that are answered already and those whose file is gone."""
    without = answered if pool.present is None else np.union1d(answered, np.flatnonzero(~pool.present))
    if len(without) == len(pool):
        raise EvenpickError(
            "every image of the pool has an answer, or its file is gone: there is nothing left to choose"
        )
    check_budget(budget, len(pool) - len(without))
    order = select(pool, budget + len(without), acquisition, random_state)
    order = order[~np.isin(order, without)]
    if pool.groups is not None:  # groups of which an image is answered had their turn
        had_turn = np.isin(pool.groups[order], pool.groups[answered])
        order = np.concatenate([order[~had_turn], order[had_turn]])
    return order[:budget]


def ordered(pool: Pool, budget: int, acquisition: str | AcquisitionFunction, rng: np.random.Generator) -> IndexArray:
    """`select` below the public door: one image of each group, then of what is left one of each again, and so on."""
    if pool.groups is None:
        return _ordered(pool, budget, acquisition, rng)
    chosen: list[IndexArray] = []
    left, turn = np.arange(len(pool)), pool.representatives
    while budget > 0:
        order = _ordered(replace(pool.take(turn), groups=None), min(budget, len(turn)), acquisition, rng)
        chosen.append(turn[order])
        budget -= len(order)
        left = np.setdiff1d(left, turn)
        turn = middle_of_each(pool.groups, left)
    return np.concatenate(chosen)


def _ordered(pool: Pool, budget: int, acquisition: str | AcquisitionFunction, rng: np.random.Generator) -> IndexArray:
    order = np.asarray(find_acquisition(acquisition)(pool, budget, rng))
    if callable(acquisition):
        _check_order(order, budget, len(pool))
    return order.astype(np.intp, copy=False)


def find_acquisition(acquisition: str | AcquisitionFunction) -> AcquisitionFunction:
    """The function of that name, or the callable itself; NAME@N asks N pseudo-classes in place of the source's classes."""
    if callable(acquisition):
        return acquisition
    name, at, count = str(acquisition).partition("@")
    if name not in ACQUISITIONS:
        raise unknown_name("acquisition function", name, ACQUISITIONS)
    function = ACQUISITIONS[name]
    if not at:
        return function
    if name not in BY_PREDICTIONS or not count.isdecimal():
        raise EvenpickError(
            f"acquisition '{acquisition}': what comes after @ is a number of pseudo-classes, for the functions that ask "
            f"source predictions ({', '.join(BY_PREDICTIONS)})"
        )

    def asking_clusters(pool: Pool, budget: int, rng: np.random.Generator) -> IndexArray:
        return function(with_pseudo_classes(pool, int(count), rng), budget, rng)

    return asking_clusters


def check_budget(budget: int, n_images: int) -> None:
    """Refuse a budget that is no whole number from 1 to the size of the pool."""
    if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or not 1 <= budget <= n_images:
        raise EvenpickError(f"budget must be a whole number from 1 to {n_images} (the pool); got {budget!r}")


def _check_order(order: IndexArray, budget: int, n_images: int) -> None:
    if (
        order.shape != (budget,)
        or not np.issubdtype(order.dtype, np.integer)
        or len(np.unique(order)) != budget
        or order.min() < 0
        or order.max() >= n_images
    ):
        raise EvenpickError(
            f"a custom acquisition function must return {budget} different rows of the pool "
            f"(0 to {n_images - 1}); got {order.dtype} of shape {order.shape}"
        )
