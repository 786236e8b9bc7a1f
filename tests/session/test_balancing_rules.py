"""The switch and the target, by hand."""

import pytest

from evenpick.session.balancing_rules import TargetChoice, should_switch


@pytest.mark.parametrize(
    ("counts", "budget", "expected"),
    [
        ([], 10, False),
        ([3, 3], 7, False),  # no under-represented class: right side 0, one label left
        ([3, 3], 6, True),  # nothing left
        # mean 4, ur {1, 2}, or {9}: 2 * (9 - 1.5) = 15
        ([1, 2, 9], 27, True),
        ([1, 2, 9], 28, False),
        # equal to the mean is over-represented: mean 3, ur {1}, or {5, 3}: 1 * (4 - 1) = 3
        ([1, 5, 3], 12, True),
        ([1, 5, 3], 13, False),
    ],
)
def test_switch_by_hand(counts, budget, expected):
    assert should_switch(counts, budget) is expected


def test_rounding_does_not_decide_the_switch():
    # mean 2, ur {1, 1, 1}, or {3, 3, 3}: 3 * (3 - 1) = 6 labels needed
    assert should_switch([1, 1, 1, 3, 3, 3], 18)
    # gap 11 / 3 - 1 over 3 classes is exactly 8, whatever 11 / 3 is in binary
    assert should_switch([1, 1, 1, 3, 4, 4], 14 + 8)
    assert not should_switch([1, 1, 1, 3, 4, 4], 14 + 9)


def test_target_has_the_fewest_labels_then_fewest_asks_then_is_oldest():
    choice = TargetChoice(patience=0)
    for label in (0, 1, 2):
        choice.observe(None, label)
    counts = [1, 1, 5]

    assert choice.choose(counts) == 0
    choice.observe(0, 2)
    assert choice.choose([1, 1, 6]) == 1  # class 0 was asked once, class 1 never
    choice.observe(1, 2)
    assert choice.choose([1, 1, 7]) == 0


def test_without_patience_an_unreachable_class_is_asked_for_for_ever():
    choice = TargetChoice(patience=0)
    for label in (0, 1, 1, 1):
        choice.observe(None, label)
    for misses in range(20):
        assert choice.choose([1, 3 + misses]) == 0
        choice.observe(0, 1)


def test_a_missed_target_is_passed_over_until_every_other_has_been():
    choice = TargetChoice(patience=2)
    counts = [1, 2, 9]
    for label in (0, 1, 2):
        choice.observe(None, label)
    asked = []
    for _ in range(8):
        target = choice.choose(counts)
        asked.append(target)
        choice.observe(target, 2)  # always a miss; counts are held so that 0 and 1 stay below the mean

    assert asked == [0, 0, 1, 1, 0, 0, 1, 1]


def choice_among(n_classes, patience):
    """One label of each class, found in their order."""
    choice = TargetChoice(patience)
    for number in range(n_classes):
        choice.observe(None, number)
    return choice


@pytest.mark.parametrize("hit_while_asked_for", [True, False])
def test_patience_counts_misses_in_a_row(hit_while_asked_for):
    choice, counts = choice_among(3, patience=2), [1, 2, 9]

    choice.observe(0, 2)
    choice.observe(0 if hit_while_asked_for else None, 0)
    choice.observe(0, 2)
    assert choice.choose(counts) == 0, "one miss since the hit"
    choice.observe(0, 2)
    assert choice.choose(counts) == 1, "two misses in a row"


def test_a_class_passed_over_is_asked_for_again_once_it_is_hit():
    choice, counts = choice_among(4, patience=1), [1, 2, 2, 9]

    choice.observe(0, 3)
    assert choice.choose(counts) == 1
    choice.observe(1, 0)  # class 1 is missed too, and by chance class 0 is hit; class 2 has not been asked for
    assert choice.choose([2, 2, 3, 9]) == 0
