"""What is shown of the estimates, from when on, and in which words."""

import pytest

from evenpick.estimates import Outlook, unseen_of_counts
from evenpick.estimates.expectation import Estimate, Expectation, expectation_of, expected_accuracy
from evenpick.estimates.learning_curve import Curve
from evenpick.estimates.missing_classes import unseen_classes
from evenpick.estimates.outlook import outlook_of


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([5, 5, 5, 4], False),  # 19 labels
        ([5, 5, 5, 5], True),
        ([1] * 10 + [10], True),  # half of the labels are the only one of their class
        ([1] * 11 + [9], False),
    ],
)
def test_classes_are_shown_from_20_labels_on_unless_most_are_the_only_one_of_their_class(counts, shown):
    found = unseen_of_counts(counts)
    at_random = Outlook(found, at_random=True)

    assert at_random.shown_classes == (found if shown else None)
    assert at_random.facts["unseen"]["too_early"] is not shown
    assert len(at_random.rows) == (2 if shown else 0)
    assert not Outlook(found).rows


def test_labels_that_were_chosen_say_nothing_of_classes_not_found():
    chosen = Outlook(unseen_of_counts([5, 5, 5, 1, 1, 1, 5]))

    assert chosen.sentences[0].startswith(
        "How many classes are still to be found cannot be told from labels that were chosen"
    )
    assert "3 of 23 labels are the only one of their class" in chosen.sentences[0]


def test_it_is_never_said_that_nothing_is_missing_while_a_class_has_one_label():
    lone = unseen_of_counts([30, 30, 1])

    assert lone.undiscovered == 0
    assert Outlook(lone, at_random=True).sentences[0].startswith("About 0 more classes are to be found (0 to 1)")


def test_no_accuracy_is_shown_where_the_number_of_classes_is_not():
    curve = Curve(0.6, 0.0, (0.6, 0.6, 0.6))
    few, enough = unseen_classes("aabb" * 4), unseen_classes("aabb" * 5)
    held_back, shown = (Outlook(found, expectation_of(curve, found), at_random=True) for found in (few, enough))

    assert held_back.shown_accuracy is None
    assert held_back.facts["expectation"] is not None
    assert "more labels will tell" in held_back.sentences[-1]
    assert [name for name, _ in shown.rows[2:]] == ["macro accuracy to expect now, a guess", "with 40 labels"]
    assert shown.rows[2][1] in shown.sentences[1]


def test_before_the_first_label_nothing_is_said(make_pool):
    nothing = outlook_of(make_pool(), [], [])

    assert nothing.facts == {
        "unseen": None, "expectation": None, "audit": None, "holds_for": "images of this pool",
        "outlook": ["Nothing can be said before the first label."],
    }  # fmt: skip
    assert nothing.rows == []


def test_of_mostly_lone_labels_no_accuracy_is_estimated(make_pool):
    assert outlook_of(make_pool(), range(4), [*"abcc"]).expectation is not None
    assert outlook_of(make_pool(), range(4), [*"abcd"]).expectation is None
    assert outlook_of(make_pool(), range(6), [*"aabcde"]).expectation is None


def test_mostly_lone_labels_are_told_apart_from_an_estimate(make_pool):
    labels = [*"aabbccdd", *map(str, range(12))]

    said = " ".join(Outlook(unseen_classes(labels), expected_accuracy(make_pool(), range(20), labels)).sentences)

    assert "12 of 20 labels are the only one of their class" in said
    assert "neither can the accuracy" in said
    assert "Twice" not in said


@pytest.mark.parametrize("labels", [["a", "b"], [*"aabcde"]])
def test_few_and_mostly_lone_labels_do_not_ask_for_classes_that_are_there(labels, make_pool):
    said = Outlook(unseen_classes(labels), expected_accuracy(make_pool(), range(len(labels)), labels)).sentences

    assert said[1] == "Without that, neither can the accuracy over all classes."


def test_no_more_labels_are_asked_for_where_every_image_has_one(make_pool):
    labels = [*"aaabbbbccccaaab"]
    expected = expected_accuracy(make_pool(n=15), range(15), labels)
    said = Outlook(unseen_classes(labels, 15), expected, at_random=True).sentences

    assert said[-1].endswith("Every image has a label.")
    assert "will tell" not in " ".join(said)


def test_where_no_class_is_missing_none_is_expected(make_pool):
    labels = [*"aabb"] * 10

    assert (
        Outlook(unseen_classes(labels), None, at_random=True)
        .sentences[0]
        .startswith("These labels give no sign of more classes; a random image")
    )


@pytest.mark.parametrize(
    ("now", "later", "by_discovery", "said"),
    [
        (0.6629, 0.6764, 0.0, "of 66% (56% to 76%) over all classes; with 120 labels 68%|would buy about 2 points."),
        (
            0.66,
            0.6764,
            0.0165,
            "of 66% (56% to 76%) over all classes; with 120 labels 68%|about 2 points, 2 of them by",
        ),
        (
            0.664,
            0.6741,
            0.0199,
            "of 66% (56% to 76%) over all classes; with 120 labels 67%|about 1 point, 1 of them by",
        ),
        (0.664, 0.666, 0.0, "of 66% (56% to 76%) over all classes; with 120 labels 67%|buy little: a point at most."),
    ],
)
def test_what_more_labels_buy_is_what_a_reader_subtracts(now, later, by_discovery, said):
    expected = Expectation(
        60, 60, Estimate(now, now - 0.1, now + 0.1), Estimate(later, 0.6, 0.8), by_discovery, Curve(now, 0.01, (now,))
    )

    *_, figures, gain = Outlook(unseen_of_counts([15, 15, 15, 15]), expected, at_random=True).sentences

    of, bought = said.split("|")
    assert (of in figures, bought in gain) == (True, True), (figures, gain)
