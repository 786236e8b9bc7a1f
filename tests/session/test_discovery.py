"""The order of an acquisition function, and more of it when skips use it up."""

import numpy as np

from evenpick.session.discovery import Discovery


def picked(discovery, open_rows, count):
    rows = []
    for _ in range(count):
        rows.append(discovery.pick(open_rows).index)
        open_rows[rows[-1]] = False
    return rows


def by_number(pool, budget, rng):
    """Of another length, another order."""
    return np.arange(budget)[::-1]


def test_follows_the_order_of_the_function_and_then_asks_it_for_twice_as_many(make_pool):
    rows = picked(Discovery(make_pool(n=20), 3, by_number, 0), np.ones(20, bool), 20)

    assert rows == [2, 1, 0, 5, 4, 3, *range(17, 5, -1), 19, 18]


def test_an_image_passed_over_while_others_looked_at_it_comes_first_when_it_is_open_again(make_pool):
    discovery, open_rows = Discovery(make_pool(n=20), 3, by_number, 0), np.arange(20) > 2

    assert discovery.pick(open_rows).index == 5
    open_rows[1] = True
    assert discovery.pick(open_rows).index == 1


def test_nothing_is_planned_before_the_first_question(make_pool):
    asked = []

    discovery = Discovery(make_pool(), 3, lambda pool, budget, rng: asked.append(1) or np.arange(budget), 0)
    discovery.replay([])
    discovery.prepare(3)
    assert not asked
    discovery.pick(np.ones(40, bool))
    assert asked == [1]
