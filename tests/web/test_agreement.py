"""Where several people answered the same images."""

import pytest

from evenpick.web.agreement import agreements, conflicts


def test_different_answers_are_conflicts_and_a_skip_is_an_answer():
    opinions = {
        7: {"ann": "cat", "bob": "dog"},
        3: {"ann": "cat", "bob": "cat"},
        5: {"ann": None, "bob": "cat"},
        9: {"ann": "cat"},
    }

    assert conflicts(opinions) == [7, 5]


@pytest.mark.slow
def test_kappa_by_hand():
    # 4 of 5 alike; by chance 0.6 * 0.4 + 0.4 * 0.6 = 0.48; kappa = (0.8 - 0.48) / 0.52
    ann, bob = "aaabb", "aabbb"
    opinions = {i: {"bob": b, "ann": a, "eve": None} for i, (a, b) in enumerate(zip(ann, bob, strict=True))}

    (pair,) = agreements(opinions)

    assert (pair.annotators, pair.images, pair.same) == (("ann", "bob"), 5, 0.8)
    assert pair.kappa == pytest.approx(0.32 / 0.52)


def test_kappa_is_unknown_where_both_always_say_the_same_one_class():
    (pair,) = agreements({0: {"ann": "a", "bob": "a"}})

    assert (pair.same, pair.kappa) == (1.0, None)


def test_every_pair_is_listed_once():
    opinions = {0: {"c": "x", "a": "x", "b": "y"}, 1: {"b": "y", "a": "y"}}

    assert [pair.annotators for pair in agreements(opinions)] == [("a", "b"), ("a", "c"), ("b", "c")]
