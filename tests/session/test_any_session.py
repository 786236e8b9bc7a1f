"""What holds of every session whatever people do: replays and undos are exact, groups whole, chances of draws sum to 1."""

import contextlib
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenpick import Pool, Session
from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore
from evenpick.session import RecordedSession, change, label_many, take_back
from evenpick.session.audit import Race, chances_of
from evenpick.session.steering import Predicted

CLASSES = ["empty", "empty", "empty", "fox", "fox", "lynx"]
SEEDS = st.integers(0, 10**6)


def drawn_pool(rng, n=48):
    """Groups of one to three images; classes that the features tell."""
    groups = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n]
    classes = rng.integers(0, len(CLASSES), n)[groups]
    features = rng.normal(size=(len(CLASSES), 4))[classes] + 0.3 * rng.normal(size=(n, 4))
    names = [CLASSES[number] for number in classes]
    return Pool.from_arrays(
        features, rng.dirichlet(np.ones(4), n), groups=groups if rng.random() < 0.7 else None
    ), names


def drawn_options(rng):
    how = [
        {"balancing": "auto"},
        {"balancing": "ratio_max", "patience": 1},
        {"balancing": None, "acquisition": "core_set"},
    ]
    return {
        **how[rng.integers(3)], "audit": float(rng.choice([0, 0.1, 0.4])), "random_state": int(rng.integers(5)),
        "one_by_one": bool(rng.random() < 0.2),
    }  # fmt: skip


def state_of(session):
    """All that tells two sessions apart: what they know, and what they ask."""
    known = (
        session.answers,
        [*session.counts.items()],
        session.labels_left,
        session.audit_labels,
        session.labels_demanded,
    )
    return *known, session.phase, session.target, session.ask(), session.unanswered().tolist()


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_an_undo_leads_back_and_a_replay_to_the_same_state_after_each_answer(seed):
    rng = np.random.default_rng(seed)
    pool, names = drawn_pool(rng, 120)
    options = drawn_options(rng)
    session = Session(pool, 60, **options)
    for row in session.unanswered()[: int(rng.choice([0, 35]))].tolist():  # the second round is near
        session.label(row, names[row])
    for _ in range(16):
        if (question := session.ask()) is None:
            break
        row, before = question.index, state_of(session)
        if rng.random() < 0.2:  # another one than asked for
            row = int(rng.choice(session.unanswered()))
        without = [other for other in session.group(row) if rng.random() < 0.2]
        label = names[row] if rng.random() < 0.8 else "another"
        session.skip(row) if rng.random() < 0.15 else session.label(row, label, without)
        if rng.random() < 0.5:
            after = state_of(session)
            undone = session.undo()
            assert state_of(session) == before
            if rng.random() < 0.5:
                session.record(undone)
                assert state_of(session) == after
        again = Session(pool, 60, **options)
        again.replay(session.answers)
        assert state_of(again) == state_of(session)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_no_row_is_asked_for_twice_and_an_answer_is_about_a_whole_group(seed):
    rng = np.random.default_rng(seed)
    pool, names = drawn_pool(rng)
    session = Session(pool, 40, **{**drawn_options(rng), "one_by_one": False})
    groups = np.arange(len(pool)) if pool.groups is None else pool.groups
    answered, had_turn = set(), set()
    while (question := session.ask()) is not None:
        group = {*np.flatnonzero(groups == groups[question.index]).tolist()}
        without = {int(row) for row in group - {question.index} - answered if rng.random() < 0.1}
        is_skip = rng.random() < 0.1
        if groups[question.index] in had_turn:
            assert had_turn == {*groups.tolist()}
            assert question.chance is None, "a group had its turn and is drawn again"
        session.skip(question.index) if is_skip else session.label(question.index, names[question.index], without)
        assert {*session.answers[-1].rows} == group - answered - (set() if is_skip else without)
        assert answered.isdisjoint(session.answers[-1].rows)
        answered.update(session.answers[-1].rows)
        had_turn.add(groups[question.index])
        assert {*session.unanswered().tolist()}.isdisjoint(answered)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_the_chances_of_all_that_may_be_drawn_sum_to_one(seed):
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(rng.random(60) < 0.7)
    if not len(rows):
        return
    looked_at = np.sort(rng.permutation(60)[: int(rng.integers(0, 60))])
    predicted = Predicted(looked_at, rng.integers(0, 5, len(looked_at))) if rng.random() < 0.8 else None
    chances = chances_of(rows, predicted)
    assert chances.sum() == pytest.approx(1)
    assert chances.min() >= 0.5 / len(rows)

    waiting = rng.random(60) < 0.5
    of_each = []
    for place, row in enumerate(rows.tolist()):
        first = np.ones(len(rows))
        first[place] = 1e-9  # this one is drawn, if it waits
        draw = Race(rows, chances, first).first(waiting)
        if waiting[row]:
            assert draw.row == row
            of_each.append(draw.chance)
    assert not of_each or sum(of_each) == pytest.approx(1)


def recorded_state(session):
    return *state_of(session.session), [*session.opinions.items()], [entry.id for entry in session.store.entries()]


@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_a_record_opened_anew_and_one_that_two_processes_write_say_the_same(seed, tmp_path_factory):
    rng, numbers = np.random.default_rng(seed), count()
    pool, names = drawn_pool(rng, 120)
    folder = tmp_path_factory.mktemp("workspace")
    with LabelStore(folder) as store:  # with the second round near, or begun
        rows = pool.representatives[: int(rng.choice([0, 38, 42]))].tolist()
        store.append(Annotation(pool.image_ids[row], names[row], annotator="import") for row in rows)

    def act(session):
        rows, who = session.session.unanswered().tolist(), str(rng.choice(["ann", "bob"]))
        row = session.next() if rng.random() < 0.7 else int(rng.choice(rows))
        seen = [*session.opinions]
        actions = [lambda: session.label(row, names[row], who)] * 6 + [
            lambda: session.skip(row, who),
            lambda: session.undo(who),
            lambda: session.undo(),
            lambda: session.rename(str(rng.choice([*session.counts])), f"new {next(numbers)}"),
            lambda: session.rename(str(rng.choice([*session.counts])), str(rng.choice([*session.counts]))),
            lambda: change(session, [int(rng.choice(seen))], str(rng.choice(CLASSES)), who),
            lambda: take_back(session, [int(rng.integers(1, session.store.entries()[-1].id + 1))], who),
            lambda: label_many(session, rows[:2], names[rows[0]], "grid", who),
            lambda: session.label(int(rng.choice(seen)), str(rng.choice(CLASSES)), who),
        ]
        with contextlib.suppress(EvenpickError, ValueError, IndexError):  # refused, or nothing to choose from yet
            actions[rng.integers(len(actions))]()
            return True
        return False

    with RecordedSession(folder, pool, 80, "ann", **drawn_options(rng)) as one, RecordedSession(folder, pool) as other:
        for _ in range(20):
            if one.next() is None:
                break
            actor = one if rng.random() < 0.6 else other
            acted = act(actor)
            with RecordedSession(folder, pool) as anew:
                for session in (one, other) if rng.random() < 0.5 else (actor,):
                    if session is not actor or not acted:
                        session.reload()
                    assert recorded_state(session) == recorded_state(anew)
                    assert session.store.entries() == anew.store.entries()
