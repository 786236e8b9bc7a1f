"""Guesses of the class: from the probe of the round, the same for the same answers, and without effect on any question."""

import numpy as np
import pytest

from evenpick import Session
from evenpick.acquisition import unit_features
from evenpick.classifiers import fit_probe
from evenpick.session.rounds import FIRST_ROUND, lag


@pytest.fixture
def after(pool_and_labels):
    """A session of `auto` after so many answers; with guesses asked for before each of them, if so told."""
    pool, labels = pool_and_labels

    def build(n_labels, balancing="auto", asking=False):
        session = Session(pool, 120, balancing=balancing)
        for _ in range(n_labels):
            row = session.next()
            if asking:
                session.guesses(row)
            session.label(row, labels[row])
        return session

    return build


def test_guesses_are_the_likeliest_classes_of_a_probe_on_the_labels_before_the_round(after, pool_and_labels):
    pool, _ = pool_and_labels
    session = after(60)
    row = session.next()
    known = session.answers[: 52 - lag(52)]  # the round of labels 53 to 67
    names = list(dict.fromkeys(answer.label for answer in known))
    probe = fit_probe(
        unit_features(pool, np.array([answer.index for answer in known])),
        np.array([names.index(answer.label) for answer in known]),
    )
    chances = dict(zip(names, probe.probabilities(unit_features(pool, np.array([row])))[0], strict=True))

    assert session.guesses(row) == tuple(sorted(chances, key=lambda name: -chances[name])[:3])
    assert len(session.guesses(row, most=2)) == 2


def test_in_the_first_round_and_in_other_steerings_there_are_none(after):
    first = after(FIRST_ROUND - 1)
    assert first.guesses(first.next()) == ()
    for balancing in ("ratio_max", None):
        assert after(60, balancing).guesses(after(60, balancing).next()) == ()


def test_with_one_class_there_is_nothing_to_guess(pool_and_labels):
    session = Session(pool_and_labels[0], 60)
    for _ in range(FIRST_ROUND):
        session.label(session.next(), "all of them")

    assert session.guesses(session.next()) == ()


def test_guesses_change_no_question_and_are_the_same_after_an_undo_and_in_a_new_session(after):
    asked, plain = after(80, asking=True), after(80)
    assert [answer.index for answer in asked.answers] == [answer.index for answer in plain.answers]
    before = asked.guesses(asked.next())
    for label in ("a slip", "another"):
        asked.label(asked.next(), label)
    for _ in range(10):  # back beyond the start of the round
        undone = asked.undo()
    again = after(80 - 8)
    assert undone.index == again.next()
    assert asked.guesses(undone.index) == again.guesses(undone.index)
    asked.replay(plain.answers)

    assert asked.guesses(asked.next()) == before == plain.guesses(plain.next())


def test_on_classes_that_look_alike_most_first_guesses_are_right(after, pool_and_labels):
    session = after(60)
    labels, right = pool_and_labels[1], []
    while (row := session.next()) is not None:
        right.append(session.guesses(row)[0] == labels[row])
        session.label(row, labels[row])

    assert np.mean(right) > 0.6  # 0.73; the most frequent class would be right in fewer than half
