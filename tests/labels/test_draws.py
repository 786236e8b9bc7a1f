"""Audit answers with what was known when their images were drawn."""

import numpy as np
import pytest

from evenpick import Session
from evenpick.labels import Annotation, AuditDraw, Rename, Undo, effective_answers, recorded_labels
from evenpick.labels.draws import audit_draws
from evenpick.session import RecordedSession, change, take_back


def record(*entries):
    """Entries with ids from 1: (image, label, chance), or the id that is undone."""
    made = []
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, int):
            made.append(Undo(entry, annotator="ann", id=number))
        else:
            image, label, *chance = entry
            made.append(Annotation(image, label, chance=chance[0] if chance else None, annotator="ann", id=number))
    return made


def draws(*entries):
    made = record(*entries)
    return [(d.image, d.label, "".join(sorted(d.before))) for d in audit_draws(made, effective_answers(made))]


def test_before_a_draw_is_what_was_answered_and_not_taken_back():
    assert draws(("a", "x"), ("b", None), ("c", "x", 0.2), ("d", "y"), ("e", None, 0.1)) == [
        ("c", "x", "ab"),
        ("e", None, "abcd"),
    ]
    assert draws(("a", "x"), 1, ("c", "x", 0.2)) == [("c", "x", "")]
    assert draws(("a", "x"), 1, 2, ("c", "x", 0.2)) == [("c", "x", "a")]
    assert draws(("a", "x"), 1, 1, 2, ("c", "x", 0.2)) == [("c", "x", "")], "one of two undos still stands"
    assert draws(("a", "x"), 1, 1, ("a", "y"), ("c", "x", 0.2)) == [("c", "x", "a")], "undone twice is undone"
    assert draws(("a", "x"), ("c", "x", 0.2), 2) == []


def test_a_changed_answer_was_drawn_when_it_was_first_given():
    assert draws(("a", "x"), ("c", "x", 0.2), ("d", "y"), 2, ("c", "z", 0.2)) == [("c", "z", "a")]
    assert draws(("c", "x", 0.2), 1, ("d", "y"), ("c", "z", 0.1)) == [("c", "z", "d")], "drawn again, by another draw"
    made = [*record(("a", "x"), ("c", "x", 0.2)), Rename("x", "w", annotator="ann", id=3)]
    assert audit_draws(made, effective_answers(made)) == [AuditDraw("c", "w", 0.2, frozenset("a"))]


def test_in_a_session_the_chances_are_those_of_what_was_open_by_then(tmp_path, make_pool):
    pool = make_pool(n=60)
    with RecordedSession(tmp_path, pool, 30, audit=0.5) as session:
        for number in range(20):
            session.label(session.next(), "ab"[number % 2])
        drawn = [answer.index for answer in session.session.answers if answer.chance]
        change(session, drawn[:3], "c", "ann")
        renewed = change(session, [session.session.answers[0].index], "d", "ann")
        take_back(session, renewed, "ann")

    found = recorded_labels(tmp_path, pool).draws

    assert [pool.row_of[draw.image] for draw in found] == drawn
    assert [draw.label for draw in found[:3]] == ["c"] * 3
    for draw in found:
        assert draw.chance == pytest.approx(1 / (60 - len(draw.before)))


def test_a_draw_is_no_more_than_the_answers_of_a_session_without_changes(make_pool):
    session = Session(make_pool(n=60), 20, audit=0.5)
    for number in range(20):
        session.label(session.next(), "ab"[number % 2])
    entries = [
        Annotation(str(answer.index), answer.label, chance=answer.chance, annotator="ann", id=number)
        for number, answer in enumerate(session.answers, 1)
    ]

    found = audit_draws(entries, effective_answers(entries))

    places = [number for number, answer in enumerate(session.answers) if answer.chance]
    assert [len(draw.before) for draw in found] == places
    assert np.array([draw.chance for draw in found]).tolist() == [1 / (60 - place) for place in places]
