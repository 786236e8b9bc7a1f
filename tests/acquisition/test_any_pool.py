"""What holds of every acquisition function on any pool: no repeats, every group in its turn, and no matter how rows are numbered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_table import BEGINS_WITH_A_DRAW

from evenpick import Pool, select
from evenpick.acquisition import ACQUISITIONS, select_more


def drawn_pool(seed, tied, least=2):
    """Some groups, some images by themselves; with ties, many of them alike."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(least, 40))
    features = rng.integers(0, 3, (n, 2)).astype(float) if tied else rng.normal(size=(n, 4))
    likes = rng.choice([[0.5, 0.5, 0, 0], [0.25] * 4, [0, 1, 0, 0]], size=n) if tied else rng.dirichlet(np.ones(5), n)
    groups = rng.integers(0, n, n) if seed % 3 else None
    other_view = likes if tied else rng.dirichlet(np.ones(5), n)
    return Pool.from_arrays(features, np.stack([likes, other_view], axis=1), groups=groups)


def group_of(pool, rows):
    return [*rows] if pool.groups is None else pool.groups[rows].tolist()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), tied=st.booleans(), share=st.floats(0, 1))
@pytest.mark.parametrize("name", ACQUISITIONS)
def test_no_row_comes_twice_and_no_second_image_of_a_group_before_each_had_its_turn(name, seed, tied, share):
    pool = drawn_pool(seed, tied)
    budget = max(1, round(share * len(pool)))

    chosen = select(pool, budget, name, random_state=seed)

    assert len({*chosen.tolist()}) == len(chosen) == budget
    assert {*chosen.tolist()} <= {*range(len(pool))}
    seen: dict[int, int] = {}
    turns = []  # of each image: how many of its group came before
    for group in group_of(pool, chosen):
        turns.append(seen.get(group, 0))
        seen[group] = turns[-1] + 1
    assert turns == sorted(turns)
    first = [row for row, turn in zip(chosen.tolist(), turns, strict=True) if turn == 0]
    assert {*first} <= {*pool.representatives.tolist()}


@settings(max_examples=12, deadline=None, derandomize=True)  # by chance two images would tie
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("name", sorted(ACQUISITIONS.keys() - BEGINS_WITH_A_DRAW))
def test_rows_numbered_otherwise_are_the_same_images_in_the_same_order(name, seed):
    covers = "herding" in name or name == "auto"
    pool, rng = drawn_pool(seed, tied=False, least=16 if covers else 2), np.random.default_rng(seed)
    groups = np.arange(len(pool)) if pool.groups is None else pool.groups
    order = np.argsort(rng.random(len(pool))[groups], kind="stable")  # the middle of a group is by the order in it
    # Of two images both cover as much, and once nearly all is covered several cover as many bytes more.
    most = len(pool.representatives) // 4 if covers else len(pool)
    budget = int(rng.integers(1, max(2, most + 1)))

    shuffled = select(pool.take(order), budget, name)

    assert order[shuffled].tolist() == select(pool, budget, name).tolist()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), tied=st.booleans())
@pytest.mark.parametrize("name", ["random", "core_set", "auto"])
def test_what_is_answered_is_passed_over_and_its_group_comes_last(name, seed, tied):
    pool, rng = drawn_pool(seed, tied), np.random.default_rng(seed)
    answered = rng.permutation(len(pool))[: int(rng.integers(0, len(pool)))]

    chosen = select_more(pool, answered, len(pool) - len(answered), name, seed)

    assert sorted([*chosen.tolist(), *answered.tolist()]) == [*range(len(pool))]
    had_turn = [group in {*group_of(pool, answered)} for group in group_of(pool, chosen)]
    assert had_turn == sorted(had_turn)
