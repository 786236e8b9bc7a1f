"""The contract of every acquisition function, and the public door."""

import numpy as np
import pytest

from evenpick.acquisition import ACQUISITIONS, select, select_more
from evenpick.errors import EvenpickError
from evenpick.pool import Pool

every_function = pytest.mark.parametrize("name", ACQUISITIONS)

# As many clusters as the budget: another budget, other clusters.
PLANS_FOR_THE_BUDGET = {"k_means", "typiclust", "prob_cover"}


# Which rows stand where is drawn: another order of files, other draws.
BEGINS_WITH_A_DRAW = {"random", "core_set", "k_means", "typiclust", "badge", "prob_cover"}

FOUR = [
    [0.8, 0.2, 0.0],  # class 0, margin 0.6
    [0.5, 0.48, 0.02],  # class 0, margin 0.02
    [0.9, 0.1, 0.0],  # class 0, margin 0.8
    [0.25, 0.3, 0.45],  # class 2, margin 0.15, the highest entropy
]
LINE = [[0.0], [1.0], [10.0]]
CIRCLE = [[1.0, 0.0], [0.995, 0.0998], [0.98, 0.199], [-1.0, 0.0]]  # three near each other, one opposite
TWO = [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]  # two copies and one apart
SURE = [[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]]
THREE_VIEWS = [
    [[1.0, 0.0, 0.0]] * 3,  # they agree
    [[0.9, 0.1, 0.0], [0.9, 0.1, 0.0], [0.0, 0.1, 0.9]],  # one of three has another class, and is sure
    [[0.34, 0.33, 0.33], [0.33, 0.34, 0.33], [0.33, 0.33, 0.34]],  # three classes, and nearly the same probabilities
]

# For each function: features, probabilities, the budget, and every answer that some seed gives, no other.
BY_HAND = {
    "random": (LINE, None, 2, {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)}),
    "ent": (np.zeros((4, 1)), FOUR, 4, {(3, 1, 0, 2)}),
    "ms": (np.zeros((4, 1)), FOUR, 4, {(1, 3, 0, 2)}),
    "lc": (np.zeros((4, 1)), FOUR, 4, {(3, 1, 0, 2)}),
    "ent_inv": (np.zeros((4, 1)), FOUR, 4, {(2, 0, 1, 3)}),
    "ms_inv": (np.zeros((4, 1)), FOUR, 4, {(2, 0, 3, 1)}),
    "lc_inv": (np.zeros((4, 1)), FOUR, 4, {(2, 0, 1, 3)}),
    "ent_div": (np.zeros((4, 1)), FOUR, 4, {(3, 1, 0, 2)}),
    "ms_div": (np.zeros((4, 1)), FOUR, 4, {(1, 3, 0, 2)}),
    "lc_div": (np.zeros((4, 1)), FOUR, 4, {(3, 1, 0, 2)}),
    "ent_inv_div": (np.zeros((4, 1)), FOUR, 4, {(2, 3, 0, 1)}),
    "ms_inv_div": (np.zeros((4, 1)), FOUR, 4, {(2, 3, 0, 1)}),
    "lc_inv_div": (np.zeros((4, 1)), FOUR, 4, {(2, 3, 0, 1)}),
    "variation_ratio": (np.zeros((3, 1)), THREE_VIEWS, 3, {(2, 1, 0)}),
    "bald": (np.zeros((3, 1)), THREE_VIEWS, 3, {(1, 2, 0)}),
    "core_set": (LINE, None, 2, {(0, 2), (1, 2), (2, 0)}),  # from any start to the farthest
    "k_means": (TWO, None, 2, {(0, 2), (1, 2)}),  # the bigger cluster first
    "typiclust": (TWO, None, 2, {(0, 2), (1, 2)}),
    "badge": (LINE, SURE, 2, {(0, 2), (1, 2), (2, 0), (2, 1)}),  # the sure ones have equal gradients, of zero
    "max_herding": (CIRCLE, None, 2, {(1, 3)}),  # the middle of the three, then the one opposite
    "uncertainty_herding": ([[1.0, 0.0], [-1.0, 0.0]], [[1.0, 0.0], [0.5, 0.5]], 2, {(1, 0)}),
    "prob_cover": (CIRCLE, None, 2, {(0, 3), (1, 3), (2, 3)}),  # each of the three balls holds the three
    "auto": (CIRCLE, None, 2, {(1, 3)}),
}


def test_every_function_has_its_case_by_hand():
    assert BY_HAND.keys() == ACQUISITIONS.keys()


@pytest.mark.parametrize("name", BY_HAND)
def test_the_answers_by_hand(name):
    features, probabilities, budget, expected = BY_HAND[name]
    pool = Pool.from_arrays(np.array(features), probabilities)

    answers = {tuple(select(pool, budget, name, random_state=seed).tolist()) for seed in range(60)}

    assert answers == expected


@pytest.mark.parametrize("name", sorted(ACQUISITIONS.keys() - BEGINS_WITH_A_DRAW))
def test_another_order_of_rows_gives_the_same_images_in_the_same_order(name, make_pool):
    pool, order = make_pool(n=40, views=3), np.random.default_rng(1).permutation(40)

    shuffled = select(pool.take(order), 25, name)

    assert order[shuffled].tolist() == select(pool, 25, name).tolist()


@every_function
def test_chooses_as_many_different_rows_as_asked(name, make_pool):
    pool = make_pool(n=40, views=3)

    for budget in (1, 13, 40):
        chosen = ACQUISITIONS[name](pool, budget, np.random.default_rng(0))
        assert chosen.shape == (budget,)
        assert len(set(chosen.tolist())) == budget
        assert chosen.min() >= 0
        assert chosen.max() < 40
        assert chosen.dtype == np.intp


@every_function
def test_same_seed_same_answer_whatever_the_global_seed(name, tied_pool):
    pool = tied_pool(3)
    budget = len(pool) // 2

    np.random.seed(1)  # noqa: NPY002 (the global seed is what must not matter)
    first = select(pool, budget, name, random_state=5)
    np.random.seed(2)  # noqa: NPY002
    second = select(pool, budget, name, random_state=5)

    assert first.tolist() == second.tolist()


@pytest.mark.parametrize("name", sorted(ACQUISITIONS.keys() - PLANS_FOR_THE_BUDGET))
def test_a_longer_budget_goes_on_where_a_shorter_one_ends(name, make_pool):
    pool = make_pool(n=40, views=3)

    assert select(pool, 30, name)[:11].tolist() == select(pool, 11, name).tolist()


@every_function
def test_ties_follow_the_seed_and_not_the_order_of_files(name):
    pool = Pool.from_arrays(np.zeros((30, 2)), np.full((30, 2, 3), 1 / 3))

    answers = {tuple(select(pool, 5, name, random_state=seed).tolist()) for seed in range(5)}

    assert len(answers) == 5


@every_function
@pytest.mark.parametrize("budget", [0, -3, 41, 2.5, True, None])
def test_refuses_a_budget_that_does_not_fit_the_pool(name, budget, make_pool):
    with pytest.raises(EvenpickError, match=r"budget must be a whole number from 1 to 40 .* got"):
        select(make_pool(n=40, views=3), budget, name)


def test_an_unknown_name_gets_the_nearest_one(make_pool):
    with pytest.raises(EvenpickError, match="did you mean 'ent_inv_div'"):
        select(make_pool(), 3, "ent_inv_dv")


def test_without_predictions_only_functions_that_need_none_work(make_pool):
    pool = Pool.from_arrays(make_pool().features)

    assert len(select(pool, 3, "core_set")) == 3
    assert len(select(pool, 3, "random")) == 3
    with pytest.raises(EvenpickError, match="no source predictions"):
        select(pool, 3, "ent")


def test_a_callable_is_an_acquisition_function(make_pool):
    def last_first(pool, budget, rng):
        return np.arange(len(pool))[::-1][:budget]

    assert select(make_pool(n=9), 3, last_first).tolist() == [8, 7, 6]


@pytest.mark.parametrize("answer", [[0, 0, 1], [0, 1], [0, 1, 99], [-1, 0, 1], [0.0, 1.0, 2.0]])
def test_a_callable_that_breaks_the_contract_is_refused(answer, make_pool):
    with pytest.raises(EvenpickError, match="must return 3 different rows"):
        select(make_pool(n=9), 3, lambda pool, budget, rng: np.array(answer))


@every_function
def test_select_more_passes_over_what_is_answered_and_stays_within_the_budget(name, make_pool):
    pool = make_pool(n=40, views=3)
    answered = [*select(pool, 40, name)[[0, 30, 39]].tolist(), 17]

    chosen = select_more(pool, answered, 5, name, 0)

    assert len({*chosen.tolist()} - {*answered}) == len(chosen) == 5
