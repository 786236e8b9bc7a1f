"""Ways of choosing that retrain in every round, `auto` and those of other papers by their names, and what they are held against.

The rules are those of `iterative.py` and `iterative_graphs.py`, all in the rounds of `auto`.
"""

from typing import TYPE_CHECKING

import numpy as np
from iterative import Rule, badge, choose, drop_query, margin, typiclust, uherding
from iterative_graphs import bait, galaxy, pwll_tau

if TYPE_CHECKING:
    from evenpick import Pool

RULES: dict[str, Rule] = {
    "uherding": uherding,
    "drop_query": drop_query,
    "badge": badge,
    "margin": margin,
    "typiclust": typiclust,
    "pwll_tau": pwll_tau,
    "galaxy": galaxy,
    "bait": bait,
}
OWN_START = ("drop_query", "typiclust")  # others begin with the first round of `auto`
OURS, RANDOM, ORACLE = "auto", "random", "oracle"
METHODS = (OURS, RANDOM, ORACLE, "max_herding", *RULES)
TITLES = {
    "auto": "`auto`",
    "random": "random",
    "oracle": "oracle, which cheats",
    "max_herding": "`max_herding`, chosen at once",
    "uherding": "UHerding",
    "drop_query": "DropQuery",
    "badge": "BADGE",
    "margin": "margin",
    "typiclust": "TypiClust",
    "pwll_tau": "PWLL-tau",
    "galaxy": "GALAXY",
    "bait": "BAIT",
}


def chosen_by(method: str, pool: "Pool", labels: np.ndarray, budget: int, seed: int) -> tuple[np.ndarray, int]:
    """The rows in the order in which they are labelled, and the number of rounds."""
    from evenpick import select, simulate
    from evenpick.acquisition import unit_features
    from evenpick.session.rounds import FIRST_ROUND, round_start

    if method in (RANDOM, "max_herding"):
        return select(pool, budget, method, seed), 1
    if method == ORACLE:
        return evenly(labels, budget, np.random.default_rng(seed)), 1
    if method == OURS:
        starts = {round_start(n) for n in range(budget)}
        return simulate(pool, labels, budget, audit=0, random_state=seed).indices, len(starts)
    first = None if method in OWN_START else select(pool, FIRST_ROUND, OURS, seed)
    numbers = np.unique(labels, return_inverse=True)[1]
    points = unit_features(pool, np.arange(len(pool)))
    return choose(points, numbers, budget, RULES[method], first, np.random.default_rng([seed, 5]))


def evenly(labels: np.ndarray, budget: int, rng: np.random.Generator) -> np.ndarray:
    """Random rows, one of each class in turn as long as it has any: nobody could choose so who does not know the labels."""
    order = rng.permutation(len(labels))
    turns = np.empty(len(labels), np.intp)
    for name in np.unique(labels):
        of_class = order[labels[order] == name]
        turns[of_class] = np.arange(len(of_class))
    return order[np.argsort(turns[order], kind="stable")][:budget]
