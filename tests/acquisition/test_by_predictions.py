"""Functions on source predictions, against a slow and obvious reference."""

import numpy as np
import pytest

from evenpick.acquisition import ACQUISITIONS

# name: (score, lowest first?, diversified?)
RULES = {
    "ent": ("entropy", False, False),
    "ms": ("margin", True, False),
    "lc": ("confidence", True, False),
    "ent_inv": ("entropy", True, False),
    "ms_inv": ("margin", False, False),
    "lc_inv": ("confidence", False, False),
    "ent_div": ("entropy", False, True),
    "ms_div": ("margin", True, True),
    "lc_div": ("confidence", True, True),
    "ent_inv_div": ("entropy", True, True),
    "ms_inv_div": ("margin", False, True),
    "lc_inv_div": ("confidence", False, True),
}


def reference(pool, budget, rng, score, lowest_first, diversified):
    """Method page: sort one by one, then walk with a memory of source classes."""
    scores = getattr(pool, score)
    remaining = rng.permutation(len(pool)).tolist()
    ordered = []
    while remaining:
        best = remaining[0]
        for candidate in remaining:
            if (scores[candidate] < scores[best]) if lowest_first else (scores[candidate] > scores[best]):
                best = candidate
        remaining.remove(best)
        ordered.append(best)
    if not diversified:
        return ordered[:budget]
    chosen = []
    while len(chosen) < len(pool):
        memory = set()
        for row in ordered:
            if row not in chosen and pool.source_class[row] not in memory:
                memory.add(pool.source_class[row])
                chosen.append(row)
    return chosen[:budget]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(10))
def test_agrees_with_the_reference_on_pools_with_ties(name, seed, tied_pool):
    pool = tied_pool(seed)

    fast = ACQUISITIONS[name](pool, len(pool), np.random.default_rng(seed))

    assert fast.tolist() == reference(pool, len(pool), np.random.default_rng(seed), *RULES[name])


@pytest.mark.parametrize("name", RULES)
def test_agrees_with_the_reference_on_a_random_pool(name, make_pool):
    pool = make_pool(n=60, seed=4)

    fast = ACQUISITIONS[name](pool, 25, np.random.default_rng(0))

    assert fast.tolist() == reference(pool, 25, np.random.default_rng(0), *RULES[name])


def test_random_gives_every_image_the_same_chance(make_pool):
    pool = make_pool(n=10)
    rng = np.random.default_rng(0)

    firsts = [ACQUISITIONS["random"](pool, 1, rng)[0] for _ in range(2000)]

    assert np.bincount(firsts, minlength=10).min() > 150
