"""Answers that are changed in place, and changes that are taken back."""

from dataclasses import replace

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import LabelStore, effective_answers
from evenpick.session import Question, RecordedSession, change, take_back


@pytest.fixture
def session(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(20), 10, "ann", acquisition="random") as opened:
        yield opened


def said(session):
    return {row: dict(given) for row, given in session.opinions.items()}


def test_a_changed_answer_counts_and_the_session_stands_where_it_would_with_it(session):
    session.label(3, "cat")
    session.label(4, "dog")
    change(session, [3], "dog", "bob")

    assert session.counts == {"dog": 2}
    assert said(session) == {4: {"ann": "dog"}, 3: {"bob": "dog"}}
    assert session.session.labels_left == 8
    # What it was asked for stays with it.
    entry = session.store.entries()[-1]
    assert (entry.phase, entry.annotator) == (session.store.entries()[0].phase, "bob")


def test_changing_many_at_once_splits_a_class(session):
    for row in range(4):
        session.label(row, "bird")
    change(session, [0, 2], "owl", "ann")

    assert session.counts == {"bird": 2, "owl": 2}


def test_a_conflict_is_settled_and_who_said_so_keeps_the_answer(session):
    session.label(3, "cat", "ann")
    session.label(3, "dog", "bob")
    change(session, [3], "dog", "carl")

    assert said(session) == {3: {"bob": "dog"}}
    assert session.counts == {"dog": 1}


@pytest.mark.parametrize("label", ["dog", None])
def test_every_change_can_be_taken_back_and_that_too(session, label):
    session.label(3, "cat", "ann")
    session.label(3, "fox", "bob")
    session.label(4, "dog")
    before = said(session)
    changed = change(session, [3, 4], label, "carl")
    after = said(session)
    assert after != before

    back = take_back(session, changed, "carl")
    assert said(session) == before
    take_back(session, back, "carl")
    assert said(session) == after
    assert len(session.store.entries()) == 3 + len(changed) * 3  # nothing is ever gone


def test_a_merge_can_be_taken_back_answers_since_stay(session):
    session.label(1, "cat")
    session.label(2, "feline")
    merged = session.rename("cat", "feline")
    assert session.counts == {"feline": 2}
    session.label(3, "feline")
    take_back(session, [merged], "ann")

    assert session.counts == {"cat": 1, "feline": 2}


def test_a_request_sent_again_changes_nothing(session):
    session.label(1, "cat")
    ids = change(session, [1], "dog", "ann", "request-1")
    assert change(session, [1], "dog", "ann", "request-1") == ids
    back = take_back(session, ids, "ann", "request-2")
    assert take_back(session, ids, "ann", "request-2") == back
    assert len(session.store.entries()) == 1 + 2 * len(ids)


def test_what_is_not_possible_is_refused_and_nothing_is_recorded(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(20), 1, "ann", acquisition="random") as session:
        session.skip(1)
        session.label(2, "cat")
        n = len(session.store.entries())
        with pytest.raises(EvenpickError, match="has no answer that could be changed"):
            change(session, [2, 5], "dog", "ann")
        with pytest.raises(EvenpickError, match="the budget of 1 labels is spent"):
            change(session, [1], "dog", "ann")
        with pytest.raises(EvenpickError, match="entry 99 does not exist"):
            take_back(session, [1, 99], "ann")
        assert len(session.store.entries()) == n


def test_reopened_it_arrives_at_the_same_state(tmp_path, make_pool):
    pool = make_pool(20)
    with RecordedSession(tmp_path, pool, 10, "ann", acquisition="random") as session:
        for row in range(5):
            session.label(row, "cat")
        take_back(session, change(session, [1, 2], "dog", "ann"), "ann")
        change(session, [3], "fox", "ann")
        session.rename("fox", "red fox")
        state = said(session), session.next()
    with RecordedSession(tmp_path, pool) as again:
        assert (said(again), again.next()) == state
    with LabelStore(tmp_path) as store:
        assert [a.label for a in effective_answers(store.entries())] == ["cat"] * 4 + ["red fox"]


def test_a_request_that_was_something_else_before_is_refused(session):
    session.label(1, "cat")
    session.label(2, "cat")
    ids = change(session, [1], "dog", "ann", "r")
    with pytest.raises(EvenpickError, match="request 'r' was something else before"):
        change(session, [2], "dog", "ann", "r")
    with pytest.raises(EvenpickError, match="request 'r' was something else before"):
        take_back(session, ids, "ann", "r")

    assert session.counts == {"cat": 1, "dog": 1}


def test_what_inherited_a_label_may_get_its_own_beyond_the_budget_and_what_inherited_a_skip_may_not(
    tmp_path, make_pool
):
    pool = replace(make_pool(n=6), groups=np.array([0, 0, 1, 1, 2, 3]))
    with RecordedSession(tmp_path, pool, 1, "ann", acquisition="random") as session:
        session.skip(0)
        session.label(2, "cat", question=Question(2, "balancing", offered=("dog", "cat")))
        with pytest.raises(EvenpickError, match="the budget of 1 labels is spent"):
            change(session, [1, 3], "dog", "ann")
        change(session, [3], "dog", "ann")

        assert session.counts == {"cat": 1, "dog": 1}
        assert [entry.offered for entry in session.store.entries()[1:]] == [("dog", "cat"), ()]
