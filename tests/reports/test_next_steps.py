"""What status says to do next, by hand-made facts."""

import shlex
from typing import Any

import pytest

from evenpick.reports.next_steps import next_steps

FACTS: dict[str, Any] = {
    "workspace": "my work", "images": 400, "labels": 120, "budget": 120, "inherited": 0, "classes_found": 8, "doubtful": [],
    "audit_labels": 0, "labels_until_accuracy": None, "at_random": False, "model": "current", "unseen": {"too_early": False},
    "expectation": {"n_labels": 120, "n_more": 120, "now": {"value": 0.6}, "doubled": {"value": 0.65}},
}  # fmt: skip


def commands(**facts):
    steps = next_steps({**FACTS, **facts})
    assert all(shlex.split(step.command)[2] == "my work" for step in steps)
    return [
        shlex.split(step.command)[1] + "".join(f" {word}" for word in shlex.split(step.command)[3:]) for step in steps
    ]


def test_before_any_label_it_is_labelling_with_a_budget_unless_one_was_said():
    assert commands(labels=0, budget=None) == ["label --budget 100"]
    assert commands(labels=0, budget=None, images=30) == ["label --budget 30"]
    assert commands(labels=0, budget=60) == ["label"]


def test_labels_that_are_left_come_first_and_training_waits_for_them():
    steps = next_steps({**FACTS, "budget": 200, "model": None})

    assert [step.command.split()[1] for step in steps] == ["label", "audit"]
    assert steps[0].why == "goes on: 80 of 200 labels are left"


def test_with_a_share_drawn_at_random_it_is_said_when_an_accuracy_is_told_in_place_of_an_audit():
    steps = next_steps({**FACTS, "budget": 200, "labels_until_accuracy": 75})

    assert [step.command.split()[1] for step in steps] == ["label", "report"]
    assert steps[0].why == "goes on: 80 of 200 labels are left; after 75 of them those drawn at random tell an accuracy"


def test_a_classifier_is_trained_and_trained_anew():
    assert commands(model=None)[0] == "train"
    assert commands(model="out of date")[0] == "train"
    assert "train" not in commands()


def test_of_one_class_nothing_is_trained_or_audited():
    assert commands(classes_found=1, model=None, expectation=None) == []
    assert commands(classes_found=1, model="out of date", expectation=None) == ["report"]


def test_more_labels_are_proposed_where_they_bring_a_point():
    steps = next_steps(FACTS)

    assert steps[0].command == "evenpick label 'my work' --budget 240"
    assert steps[0].why == "240 labels would bring about 5 points more accuracy"
    little = {**FACTS["expectation"], "doubled": {"value": 0.605}}
    assert commands(expectation=little) == ["audit --labels 50", "report"]
    assert commands(expectation=None) == ["audit --labels 50", "report"]
    assert commands(unseen={"too_early": True}) == ["audit --labels 50", "report"]
    assert commands(expectation={**FACTS["expectation"], "n_more": 0}) == ["audit --labels 50", "report"]


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        (None, "240 labels would bring about 2 points more accuracy"),  # from 66 to 68 %
        ({"macro": {"value": 0.701}}, "240 labels would bring about 1 point more accuracy"),  # from 70 to 71 %
    ],
)
def test_what_more_labels_bring_is_the_difference_of_the_figures_that_are_shown(audit, said):
    expected = {**FACTS["expectation"], "now": {"value": 0.6629}, "doubled": {"value": 0.6764}}

    assert next_steps({**FACTS, "expectation": expected, "audit": audit})[0].why == said


@pytest.mark.parametrize("macro", [1.0, 0.998, 0.994])
def test_labels_that_can_bring_no_point_to_the_accuracy_that_is_shown_are_not_proposed(macro):
    expected = {**FACTS["expectation"], "now": {"value": 0.66}, "doubled": {"value": 0.70}}

    assert commands(expectation=expected, audit={"macro": {"value": macro}}) == ["audit --labels 50", "report"]


def test_doubts_are_to_be_reviewed_and_many_of_them_are_no_alarm():
    few, many = (next_steps({**FACTS, "doubtful": [{}] * n, "expectation": None})[0] for n in (1, 40))

    assert few.command == many.command == "evenpick review 'my work'"
    assert few.why == "shows 1 label that may be wrong, the likeliest first"
    assert many.why == "shows 40 labels that may be wrong; these are many: the first few will tell"


def test_an_audit_is_not_proposed_where_the_labels_tell_by_themselves():
    assert commands(audit_labels=20, expectation=None) == ["report"]
    assert commands(at_random=True, expectation=None) == ["report"]


def test_there_are_three_at_most():
    assert len(commands(model=None, doubtful=[{}])) == 3
