"""The order of an acquisition function, and more of it when skips use it up."""

import numpy as np

from evenpick.acquisition import select
from evenpick.session.discovery import Discovery


def picked(discovery, open_rows, count):
    rows = []
    for _ in range(count):
        rows.append(discovery.pick(open_rows).index)
        open_rows[rows[-1]] = False
    return rows


def test_follows_the_order_of_the_function_and_then_asks_it_for_twice_as_many(make_pool):
    pool, asked = make_pool(n=20), []

    def by_number(pool, budget, rng):
        asked.append(budget)
        return np.arange(budget)[::-1]  # of another length, another order

    rows = picked(Discovery(pool, 3, by_number, 0), np.ones(20, bool), 20)

    assert rows == [2, 1, 0, 5, 4, 3, *range(17, 5, -1), 19, 18]
    assert asked == [3, 6, 18, 20]


def test_an_image_passed_over_while_others_looked_at_it_comes_first_when_it_is_open_again(make_pool):
    pool = make_pool(n=20)
    order = select(pool, 6, "random", random_state=5).tolist()
    discovery, open_rows = Discovery(pool, 6, "random", 5), np.ones(20, bool)
    open_rows[order] = False

    assert discovery.pick(open_rows).index not in order
    open_rows[order[4]] = True
    assert discovery.pick(open_rows).index == order[4]


def test_nothing_is_planned_before_the_first_question(make_pool):
    asked = []

    discovery = Discovery(make_pool(), 3, lambda pool, budget, rng: asked.append(1) or np.arange(budget), 0)
    discovery.replay([])
    discovery.prepare(3)
    assert not asked
    discovery.pick(np.ones(40, bool))
    assert asked == [1]
