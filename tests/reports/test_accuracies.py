"""The three sentences that come first, and the accuracies below them."""

from types import SimpleNamespace

import pytest

from evenpick.estimates.expectation import Estimate
from evenpick.reports.accuracies import accuracy_facts, headline, steps_of

EVALUATION = {
    "test_set": "photos, labelled by test.csv", "n_images": 50, "tau": 0.0, "accuracy": 0.8, "accuracy_half_width": 0.1,
    "corrected_accuracy": 0.7, "corrected_half_width": 0.1, "overall_accuracy": 0.9, "overall_half_width": 0.05, "undiscovered": [],
    "classes": [{"name": name, "discovered": True} for name in "abc"], "among_labels": 0, "near_labels": 0, "on_new": None,
}  # fmt: skip
MODEL = {"out_of_date": False, "tau": 0.0, "cross_validation": None}


def outlook(now=None, later=None, audit=None, at_random=False, next_step=""):
    expectation = SimpleNamespace(n_labels=30, n_more=30)
    return SimpleNamespace(
        accuracy_now=now,
        accuracy_later=later,
        audit=audit,
        at_random=at_random,
        next_step=next_step,
        what_holds="`evenpick audit` gives a figure that holds",
        expectation=expectation,
    )


def facts(**others):
    given = {
        "workspace": "my work", "n_labels": 30, "n_images": 900, "classes_found": 3, "settings": {"budget": 30}, "model": None,
        "evaluation": None, "doubtful": [], "n_audit_labels": 0, "labels_until_accuracy": None, "expectation": None, "unseen": {"too_early": False},
    }  # fmt: skip
    return given | others


def first_three(given, known):
    return headline(given, known, steps_of(given, known))


def test_test_images_speak_first_as_the_classifier_predicts():
    good, sure, _ = first_three(facts(evaluation=EVALUATION, model=MODEL), outlook(Estimate(0.5, 0.4, 0.6)))

    assert "recognises 80% of the images of a class, on average over the 3 classes of the test set." in good
    assert "50 test images say so: for others like them expect between 70% and 90%, nineteen times in twenty." in sure


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (1, "over the 3 classes of the test set; 1 of them has no label yet and counts 0."),
        (2, "over the 3 classes of the test set; 2 of them have no label yet and count 0."),
    ],
)
def test_classes_without_a_label_count_nothing(missing, said):
    classes = [{"discovered": i >= missing} for i in range(3)]

    assert first_three(facts(evaluation={**EVALUATION, "classes": classes}, model=MODEL), outlook())[0].endswith(said)


def test_test_images_that_labels_show_are_left_out():
    new = {**EVALUATION, "n_images": 40, "accuracy": 0.6}
    seen = {**EVALUATION, "among_labels": 8, "near_labels": 2, "on_new": new}

    good, sure, _ = first_three(facts(evaluation=seen, model=MODEL), outlook())
    lines = accuracy_facts(seen, outlook(), MODEL)

    assert "recognises 60%" in good
    assert sure.startswith("40 test images say so")
    assert "10 more that labels show are left out" in sure
    assert (lines[0]["value"], lines[0]["low"], lines[0]["high"]) == pytest.approx((0.6, 0.5, 0.7))
    assert lines[0]["holds_for"].startswith("40 test images that no label shows, of 50")


def test_where_no_test_image_is_new_the_figure_says_nothing():
    _, sure, _ = first_three(facts(evaluation={**EVALUATION, "among_labels": 50}, model=MODEL), outlook())

    assert "labels show all of these images, so the figure says nothing of new ones" in sure


@pytest.mark.parametrize(
    ("known", "said"), [(0, "; test images speak of images like them"), (50, "; without it the figures are a guess")]
)
def test_next_counts_as_tested_what_test_images_that_are_new_tell(known, said):
    given = facts(evaluation={**EVALUATION, "among_labels": known}, model=MODEL)

    assert steps_of(given, outlook())[0].why.endswith(said)


def test_a_guess_is_called_one_and_an_audit_is_not():
    now = Estimate(0.61, 0.5, 0.7)
    audit = SimpleNamespace(n_told=40, accuracy=Estimate(0.9, 0.8, 0.95))

    guess, measured = first_three(facts(), outlook(now)), first_three(facts(), outlook(now, audit=audit))

    assert "about 61%" in guess[0]
    assert guess[1] == (
        "That is a guess, from labels that were chosen; `evenpick audit` gives a figure that holds: between 50% and 70%, nine times "
        "in ten."
    )
    assert "recognises 61%" in measured[0]
    assert measured[1].startswith("40 images drawn at random say so")


def test_before_anything_can_be_told_that_is_said():
    good, sure, after = first_three(facts(n_labels=1, classes_found=1, settings=None), outlook())

    assert good == "How good a classifier on these labels is cannot be told yet."
    assert sure.startswith("There is 1 label of 1 class: ")
    assert after == "Next: label on."


def test_what_is_next_is_what_status_says():
    said = first_three(facts(), outlook())[2]
    older = first_three(facts(model={**MODEL, "out_of_date": True}), outlook())[2]
    done = facts(model=MODEL, n_audit_labels=40)
    stop = first_three(done, outlook(next_step="Next: this is a good place to stop."))[2]
    missing = first_three(facts(evaluation={**EVALUATION, "undiscovered": ["d", "e"]}), outlook())[2]

    assert said == "Next, `evenpick train 'my work'`: makes a classifier of these labels."
    assert older.startswith("Next, `evenpick train 'my work'`: makes it anew")
    assert stop == "Next: this is a good place to stop."
    assert missing == "Next: label some of what has no label yet, such as d, e."


def test_every_accuracy_says_what_it_holds_for():
    folds = {"accuracy": 0.6, "corrected_accuracy": 0.7, "n_held_out": 28}
    known = outlook(Estimate(0.5, 0.4, 0.6), Estimate(0.55, 0.4, 0.7))

    lines = accuracy_facts(EVALUATION, known, {**MODEL, "cross_validation": folds})

    assert [(line["name"], line["value"], line["interval"]) for line in lines] == [
        ("mean recall of all classes", 0.8, "95%"),
        ("images recognised", 0.9, "95%"),
        ("to expect now, a guess", 0.5, "90%"),
        ("with 60 labels", 0.55, "90%"),
        ("on held-out folds", 0.7, ""),  # as `train` states it: tau was chosen anew for each fold
    ]
    assert all(line["holds_for"] for line in lines)
