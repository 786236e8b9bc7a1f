"""The paper's steering: class means to the last digit, and answers that were asked for classes long gone."""

import numpy as np
import pytest

from evenpick.labels import Answer
from evenpick.pool import Pool
from evenpick.session import BALANCINGS
from evenpick.session.balancing import Balancing, ClassMeans
from evenpick.session.discovery import Discovery
from evenpick.session.nearest_images import NextImage


def balancing_of(pool, budget):
    return Balancing(pool, Discovery(pool, budget, "random", 0), BALANCINGS["ratio_max"], budget, 0, 0)


def test_means_are_sums_in_the_order_of_the_answers_whenever_they_are_asked_for():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(200, 1)) * 10.0 ** rng.integers(-6, 6, size=(200, 1))).astype(np.float32)
    numbers = [0, 1, 2, *rng.integers(0, 3, size=197).tolist()]
    at_once, now_and_then, sums = ClassMeans(features), ClassMeans(features), np.zeros((3, 1))
    for row, number in enumerate(numbers):
        sums[number] += features[row]
        for means in (at_once, now_and_then):
            means.add(row, number)
        if row % 7 == 0:
            now_and_then.of(number)

    expected = sums / np.bincount(numbers)[:, None]
    assert (at_once.all() == expected).all()
    assert (now_and_then.all() == expected).all()
    assert (now_and_then.of(1) == expected[1]).all()
    assert at_once.counts == np.bincount(numbers).tolist()


def test_an_answer_asked_for_a_class_that_is_gone_counts_as_asked_for_none(make_pool):
    steering = balancing_of(make_pool(), 12)
    steering.replay([Answer(row, name, "discovery") for row, name in enumerate("cdaaabbb")])
    assert (steering.phase, steering.target) == ("balancing", "c")

    steering.note(Answer(8, "a", "balancing", "undone since"))

    assert steering.target == "c"
    steering.note(Answer(9, "a", "balancing", "c"))
    assert steering.target == "d"


def test_the_phase_of_answers_needs_no_feature(make_pool):
    class Unread:
        ndim, shape, dtype = 2, (40, 6), np.dtype(np.float32)

        def __len__(self):
            return 40

        def __getitem__(self, rows):
            pytest.fail("read")

    steering = balancing_of(Pool(Unread(), [str(i) for i in range(40)]), 12)

    steering.replay([Answer(row, name, "discovery") for row, name in enumerate("cdaaabbb")])

    assert steering.phase == "balancing"


@pytest.mark.parametrize("prepared", [[], [3, 11, 12], range(16)])
def test_labels_of_prepared_images_move_the_means_as_others_do(prepared, make_pool):
    pool = make_pool(n=40)
    plain, ahead = balancing_of(pool, 17), balancing_of(pool, 17)
    answers = [Answer(row, "aaabbbcaabbaabbb"[row], "discovery") for row in range(16)]
    plain.replay(answers)
    ahead.prepare(None)
    for answer in answers:
        if answer.index in prepared:
            ahead.prepare(answer.index)
        ahead.note(answer)
        if answer.index == 8:
            ahead.prepare(None)

    open_rows = np.arange(40) > 15
    assert ahead.phase == "balancing"
    assert ahead.pick(open_rows) == plain.pick(open_rows)


def test_an_image_that_was_prepared_costs_no_second_look_at_the_pool(make_pool, monkeypatch):
    steering = balancing_of(make_pool(n=40), 12)
    steering.replay([Answer(row, name, "discovery") for row, name in enumerate("cdaaabbb")])
    steering.prepare(None)
    steering.prepare(20)
    monkeypatch.setattr(NextImage, "_read_pool", lambda self, points, into: len(into) and pytest.fail("read"))

    steering.note(Answer(20, "c", "balancing", "c"))

    assert steering.pick(np.arange(40) > 20).target == "d"


def test_balancing_goes_on_when_the_labels_left_are_more_than_enough_again(make_pool):
    steering = balancing_of(make_pool(n=40), 30)
    steering.replay([Answer(row, name, "discovery") for row, name in enumerate("aaaaaaaaaabc")])
    assert steering.phase == "balancing"  # 18 labels left, 2 * (10 - 1) needed

    for row in range(12, 17):
        steering.note(Answer(row, "b", "balancing", "b"))

    assert steering.phase == "balancing"  # 13 left; class b is above the mean, so (10 + 6) / 2 - 1 needed
