"""Audit images: drawn with known chances, one at a time, whatever people answer."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from evenpick import Pool, Session, simulate
from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, Answer, LabelStore, effective_answers, recorded_labels
from evenpick.session import Question, RecordedSession, change
from evenpick.session.audit import (
    FIRST_LABEL,
    Audit,
    Demand,
    Race,
    Turns,
    chances_of,
    labels_until_accuracy,
    open_pieces,
    share_of,
)
from evenpick.session.discovery import Discovery
from evenpick.session.rounds import History, Rounds
from evenpick.session.steering import Predicted
from evenpick.session.weighted_coverage import predicted_after

STEERINGS = [{"balancing": "auto"}, {"balancing": "ratio_max"}, {"balancing": None, "acquisition": "core_set"}]


def said(row, label="x", chance=None, inherited=()):
    return Answer(row, label, "discovery", inherited=tuple(inherited), chance=chance)


def turns_of(share, n_labels, demand=None):
    """Which labels are audit labels, from 1, where every draw is answered at once."""
    turns, audits = Turns(share, demand), []
    for k in range(1, n_labels + 1):
        due = turns.due_since is not None
        audits += [k] * due
        turns.note(said(k, chance=0.5 if due else None))
    return audits


def answered(session, n, label_of, asked=None):
    """Answer n questions; a label None is a skip."""
    for _ in range(n):
        question = getattr(session, "session", session).ask()
        if asked is not None:
            asked.append(question)
        label = label_of(question.index)
        session.skip(question.index) if label is None else session.label(question.index, label)


# --- when an audit answer is due


def test_audit_labels_are_spread_evenly_and_none_is_among_the_very_first():
    assert turns_of(0.1, 60) == [10, 20, 30, 40, 50, 60]
    assert turns_of(0.5, 14) == [6, 8, 10, 12, 14]
    assert turns_of(0.15, 60) == [7, 14, 20, 27, 34, 40, 47, 54, 60]
    assert turns_of(0, 1000) == []
    assert min(turns_of(0.5, 20)) == FIRST_LABEL


def test_an_audit_label_that_was_put_off_stays_due_and_so_does_one_that_was_skipped():
    turns = Turns(0.1, None)
    for row in range(9):
        turns.note(said(row))
    assert turns.due_since == 9

    turns.note(said(10))
    turns.note(said(11, label=None))
    assert turns.due_since == 9, "others answer while the drawn image is out"
    turns.note(said(12, label=None, chance=0.1))
    assert (turns.due_since, turns.drawn) == (12, 1), "a skipped draw is a draw, and another one is due"
    turns.note(said(13, chance=0.1))
    assert (turns.due_since, turns.drawn) == (None, 2)


def test_many_labels_that_came_otherwise_do_not_make_a_long_row_of_audit_answers():
    turns = Turns(0.1, None)
    for row in range(500):
        turns.note(said(row))
    due = 0
    while turns.due_since is not None:
        turns.note(said(1000 + due, chance=0.1))
        due += 1
    assert due == 3


def test_demanded_labels_come_one_after_the_other():
    assert turns_of(0, 40, Demand(after=10, until=4)) == [11, 12, 13, 14]
    assert turns_of(0.2, 40, Demand(after=12, until=4)) == [10, 13, 14, 15, 20, 25, 30, 35, 40]
    turns = Turns(0, Demand(0, 3))
    assert (turns.due_since, turns.demanded) == (0, 3)
    turns.note(said(1, chance=0.2))
    turns.note(said(2, label=None, chance=0.2))
    assert turns.demanded == 2


@pytest.mark.parametrize("steering", STEERINGS)
def test_an_image_that_is_out_when_more_audit_labels_are_demanded_stays_out(steering, make_pool):
    session = Session(make_pool(n=80), 60, audit=0.3, **steering)
    while (question := session.ask()).chance is None:
        session.label(question.index, f"class {question.index % 3}")
    for _ in range(3):  # others answer meanwhile
        other = session.ask({question.index})
        session.label(other.index, f"class {other.index % 3}")
    out = session.ask()

    session.draw_audit(session.audit_labels + 4)

    assert session.ask() == out
    asked = []
    answered(session, 4, lambda row: f"class {row % 3}", asked)
    assert all(question.chance for question in asked)
    again = Session(make_pool(n=80), 60, audit=0.3, **steering)
    again.replay(session.answers, session._audit.demand)
    assert again.ask() == session.ask()


# --- what is drawn


def test_the_race_draws_with_the_chances_that_it_was_given():
    chances = np.array([0.5, 0.25, 0.15, 0.07, 0.03])
    rng = np.random.default_rng(0)
    drawn = [Race(np.arange(5), chances, rng.exponential(size=5)).first(np.ones(5, bool)) for _ in range(20_000)]

    assert {draw.row: draw.chance for draw in drawn} == dict(enumerate(chances))
    assert chisquare(np.bincount([draw.row for draw in drawn]), 20_000 * chances).pvalue > 0.01


def test_where_the_winner_was_answered_otherwise_the_others_are_drawn_with_their_chances_among_themselves():
    chances, waiting = np.array([0.5, 0.25, 0.15, 0.07, 0.03]), np.array([False, True, False, True, True])
    rng = np.random.default_rng(1)
    races = [Race(np.arange(5), chances, rng.exponential(size=5)) for _ in range(20_000)]
    drawn = [race.first(waiting) for race in races if not waiting[race.first(np.ones(5, bool)).row]]

    among = np.array([0.25, 0.07, 0.03]) / 0.35
    assert {draw.row: draw.chance for draw in drawn} == pytest.approx(dict(zip([1, 3, 4], among, strict=True)))
    counts = np.bincount([draw.row for draw in drawn], minlength=5)[[1, 3, 4]]
    assert chisquare(counts, len(drawn) * among).pvalue > 0.01
    assert Race(np.arange(5), chances, np.ones(5)).first(np.zeros(5, bool)) is None
    assert Race(np.arange(0), np.empty(0), np.empty(0)).first(waiting) is None


def test_open_pieces_are_one_row_of_each_group_of_which_nothing_is_answered():
    pool = Pool.from_arrays(np.arange(8.0)[:, None], groups=[0, 0, 0, 1, 2, 2, 3, 3])  # 1, 3, 4 and 6 stand for them

    assert open_pieces(pool, []).tolist() == [1, 3, 4, 6]
    assert open_pieces(pool, [said(0, inherited=(1,)), said(7, label=None)]).tolist() == [3, 4]
    alone = replace(pool, groups=None)
    assert open_pieces(alone, [said(0, inherited=(1,)), said(7, label=None)]).tolist() == [2, 3, 4, 5, 6]


def test_the_first_draws_of_many_seeds_are_uniform(make_pool):
    pool = make_pool(n=12)
    waiting = np.ones(12, bool)
    waiting[[3, 7]] = False
    answers = [said(3), said(7)]
    draws = []
    for seed in range(5000):
        audit = Audit(pool, seed, 0, Discovery(pool, 5, "random", 0))
        audit.demand = Demand(2, 5)
        audit.replay(answers)
        draws.append(audit.draw(answers, waiting))

    assert {draw.chance for draw in draws} == {0.1}
    counts = np.bincount([draw.row for draw in draws], minlength=12)
    assert counts[[3, 7]].tolist() == [0, 0]
    assert chisquare(counts[waiting]).pvalue > 0.01


def slowly_chosen(rows, predicted, share=0.5):
    """The chances by the definition, one row at a time."""
    of = dict(zip(predicted.rows.tolist(), predicted.classes.tolist(), strict=True))
    seen = {of[row] for row in rows if row in of}
    chances = []
    for row in rows:
        alike = [other for other in rows if row in of and of.get(other) == of[row]]
        by_class = 1 / (len(seen) * len(alike)) if alike else 0
        chances.append((1 - share) / len(rows) + share * by_class)
    return chances


def test_chances_are_half_uniform_and_half_by_predicted_class_and_sum_to_one():
    rng = np.random.default_rng(0)
    for n in (1, 5, 60):
        rows = np.sort(rng.choice(200, size=n, replace=False))
        sample = np.sort(np.concatenate([rows[: (n + 1) // 2], rng.choice(np.setdiff1d(np.arange(200), rows), 20)]))
        predicted = Predicted(sample, rng.choice(7, size=len(sample), p=[0.5, 0.2, 0.1, 0.1, 0.1, 0, 0]))

        chances = chances_of(rows, predicted)

        assert chances.tolist() == pytest.approx(slowly_chosen(rows.tolist(), predicted))
        assert chances.sum() == pytest.approx(1)
        assert chances.min() >= 0.5 / n
    assert chances_of(np.arange(4), None).tolist() == [0.25] * 4
    assert chances_of(np.arange(4), Predicted(np.array([7]), np.array([0]))).tolist() == [0.25] * 4


def test_the_round_and_a_probe_of_its_own_see_the_same_classes(pool_and_labels, any_size):
    pool, labels = pool_and_labels
    answers = [said(row, labels[row]) for row in np.random.default_rng(0).permutation(len(pool))[:90].tolist()]
    now, later = Rounds(pool, 3), Rounds(pool, 3)
    now.replay(answers[:60])
    later.replay(answers)

    by_round, anew = now.predicted(answers[:60]), later.predicted(answers[:60])

    assert by_round.rows.tolist() == anew.rows.tolist()
    assert by_round.classes.tolist() == anew.classes.tolist()
    assert later.predicted(answers).classes.tolist() != by_round.classes.tolist()
    assert now.predicted(answers[:39]) is None


def test_draws_by_class_see_all_of_a_pool_that_a_sample_could_hold(pool_and_labels, few_classes):
    pool, labels = pool_and_labels
    answers = [said(row, labels[row]) for row in np.random.default_rng(0).permutation(len(pool))[:60].tolist()]
    rounds = Rounds(pool, 3)
    rounds.replay(answers)

    assert len(rounds.round_now().sample.rows) < len(pool)
    assert rounds.predicted(answers).rows.tolist() == list(range(len(pool)))


def test_draws_by_class_see_of_a_larger_pool_what_the_round_covers(pool_and_labels, most_covered):
    most_covered(60)
    pool, labels = pool_and_labels
    answers = [said(row, labels[row]) for row in np.random.default_rng(0).permutation(len(pool))[:60].tolist()]
    rounds = Rounds(pool, 3)
    rounds.replay(answers)

    assert rounds.predicted(answers).rows.tolist() == rounds.round_now().sample.rows.tolist()


# --- in a session


@pytest.mark.parametrize("steering", STEERINGS)
def test_without_a_share_nothing_changes_and_with_one_the_share_of_labels_has_chances(pool_and_labels, steering):
    pool, labels = pool_and_labels
    plain = simulate(pool, labels, 80, **steering)
    mixed = simulate(pool, labels, 80, audit=0.2, **steering)

    assert plain.chances == [None] * 80
    audits = [k for k, chance in enumerate(mixed.chances, 1) if chance is not None]
    assert audits == turns_of(0.2, 80)
    assert plain.indices[: audits[0] - 1].tolist() == mixed.indices[: audits[0] - 1].tolist()
    uniform = {k: 1 / (len(pool) - k + 1) for k in audits}
    assert [mixed.chances[k - 1] for k in audits if k <= 40] == [uniform[k] for k in audits if k <= 40]
    with_probe = [k for k in audits if k > 40 and steering["balancing"] == "auto"]
    assert all(uniform[k] / 2 < mixed.chances[k - 1] != uniform[k] for k in with_probe)
    assert all(mixed.targets[k - 1] is None for k in audits)
    assert len({*mixed.indices.tolist()}) == 80


@pytest.mark.parametrize("steering", STEERINGS)
def test_undo_and_reopening_at_any_moment_ask_the_same(pool_and_labels, steering):
    pool, labels = pool_and_labels
    kinds = [*labels[:-1], None]

    def label_of(row):
        return None if row % 7 == 3 else kinds[row]

    session, asked = Session(pool, 40, audit=0.4, **steering), []
    answered(session, 40, label_of, asked)
    drawn = [question.index for question in asked if question.chance is not None]
    assert len(drawn) >= 10
    assert any(label_of(row) is None for row in drawn)
    for n in range(39, 4, -1):
        session.undo()
        reopened = Session(pool, 40, audit=0.4, **steering)
        reopened.replay(session.answers)
        assert session.ask() == reopened.ask() == asked[n]
        assert reopened.checked(asked[n].index, None).chance == asked[n].chance


def test_a_drawn_image_stays_the_next_audit_question_while_others_answer_and_after_a_reopening(pool_and_labels):
    pool, labels = pool_and_labels
    session = Session(pool, 60, audit=0.1)
    answered(session, 9, labels.__getitem__)
    drawn = session.ask()
    assert drawn.chance == 1 / (len(pool) - 9)

    for _ in range(15):  # past the next turn
        other = session.ask({drawn.index})
        assert other.chance is None
        session.label(other.index, labels[other.index])
        assert session.ask().index == drawn.index
    still = session.ask()
    assert still.chance == pytest.approx(1 / (len(pool) - 24)), "its chance among those that are left"
    reopened = Session(pool, 60, audit=0.1)
    reopened.replay(session.answers)
    assert reopened.ask() == still
    session.label(drawn.index, labels[drawn.index])
    assert session.answers[-1].chance == still.chance
    again = session.ask()
    assert again.chance == pytest.approx(1 / (len(pool) - 25)), "the turn that passed meanwhile is made up for"


@pytest.mark.parametrize("demanded", [False, True])
def test_what_will_be_drawn_is_told_ahead_so_that_it_is_shown_as_fast_as_any_other(pool_and_labels, demanded):
    pool, labels = pool_and_labels
    session, told = Session(pool, 66, audit=0.0 if demanded else 0.2), []
    answered(session, 42, labels.__getitem__)
    if demanded:
        session.draw_audit(session.audit_labels + 20)
    while (question := session.ask()) is not None:
        ahead = session.upcoming({question.index}, 3)
        session.label(question.index, labels[question.index])
        if (then := session.ask()) is not None:
            told.append((ahead[0] == then.index, then.chance is not None))
            assert len({*ahead}) == 3

    assert sum(drawn for _, drawn in told) >= (19 if demanded else 4)
    assert all(right for right, drawn in told if drawn)


def test_a_session_that_is_opened_on_a_drawn_image_prepares_the_round_behind_it(pool_and_labels):
    pool, labels = pool_and_labels
    session = Session(pool, 60, audit=0.1)
    answered(session, 49, labels.__getitem__)
    drawn = session.ask().index
    for _ in range(5):  # into the next round
        session.label(session.ask({drawn}).index, "a")
    reopened = Session(pool, 60, audit=0.1)
    reopened.replay(session.answers)

    reopened.prepare()

    assert reopened.ask().chance is not None
    assert isinstance(reopened._steering, Rounds)
    assert reopened._steering._current is not None


def test_a_drawn_image_that_somebody_has_already_counts_when_it_is_answered_there(pool_and_labels):
    pool, labels = pool_and_labels
    session = Session(pool, 60, audit=0.1)
    answered(session, 9, labels.__getitem__)
    drawn = session.ask()
    chosen_before = Question(drawn.index, "discovery")

    assert session.ask({drawn.index}).chance is None
    session.record(session.checked(drawn.index, "common", chosen_before))

    assert session.answers[-1].chance == drawn.chance
    assert session.ask().chance is None


def test_where_the_drawn_image_was_answered_without_its_chance_another_one_is_drawn(pool_and_labels):
    pool, labels = pool_and_labels
    session = Session(pool, 60, audit=0.1)
    answered(session, 9, labels.__getitem__)
    drawn = session.ask()
    session.record(said(drawn.index))  # as an import does

    instead = session.ask()

    assert instead.index != drawn.index
    assert instead.chance == pytest.approx(1 / (len(pool) - 10))


def test_an_answer_about_another_image_of_the_drawn_group_is_the_audit_answer():
    pool = Pool.from_arrays(np.random.default_rng(0).normal(size=(60, 3)), groups=np.arange(60) // 3)
    session = Session(pool, 20, audit=0.5)
    answered(session, 5, lambda row: "ab"[row % 2])
    drawn = session.ask()

    assert drawn.index in pool.representatives
    assert drawn.chance == 1 / 15
    session.label(drawn.index + 1, "a")
    assert session.answers[-1].chance == 1 / 15
    assert {drawn.index - 1, drawn.index} == {*session.answers[-1].inherited}


def test_groups_are_drawn_whole_and_when_all_had_their_turn_no_audit_is_left_to_draw():
    pool = Pool.from_arrays(np.random.default_rng(0).normal(size=(24, 3)), groups=np.arange(24) // 3)
    session = Session(pool, 16, audit=0.5)
    for _ in range(8):
        question = session.ask()
        session.label(question.index, "a", without=[question.index - 1])

    assert [answer.chance is not None for answer in session.answers] == [False] * 5 + [True, False, True]
    assert session.ask().chance is None
    assert session.ask() is not None, "what was taken out is asked for"


@pytest.mark.parametrize("share", [-0.1, 0.51, True, "0.1", float("nan")])
def test_a_share_that_is_none_is_refused(make_pool, share):
    with pytest.raises(EvenpickError, match=r"audit must be a share of the labels from 0 \(none\) to 0.5; got"):
        Session(make_pool(n=20), 10, audit=share)


def test_of_a_large_pool_a_demanded_audit_looks_at_what_all_labels_before_it_make_likely(pool_and_labels, most_covered):
    most_covered(60)
    pool, labels = pool_and_labels
    session = Session(pool, 70, audit=0.0)
    answered(session, 50, labels.__getitem__)
    session.draw_audit(3)
    known = History.of(session.answers).first(50)

    out = session.ask()

    rows = open_pieces(pool, session.answers)
    expected = chances_of(rows, predicted_after(pool, 0, known, known))
    assert out.chance == pytest.approx(expected[rows == out.index][0])
    assert len(set(expected.tolist())) > 2
    assert expected.tolist() != chances_of(rows, predicted_after(pool, 0, known, ())).tolist()


def test_an_audit_that_was_demanded_asks_for_nothing_else_and_ends_with_its_number(pool_and_labels):
    pool, labels = pool_and_labels
    session, asked = Session(pool, 80), []
    answered(session, 60, labels.__getitem__)

    session.draw_audit(12)
    answered(session, 12, labels.__getitem__, asked)

    assert session.audit_labels == 12
    assert all(question.chance for question in asked)
    found = np.unique([labels[question.index] for question in asked])
    assert len(found) > 3, "half of them by predicted class, among which rare ones"
    assert session.ask().chance is None


def test_a_second_audit_goes_by_a_probe_on_the_labels_before_it(pool_and_labels):
    pool, labels = pool_and_labels
    session = Session(pool, 120, balancing=None, acquisition="random")
    answered(session, 10, labels.__getitem__)
    session.draw_audit(3)
    answered(session, 33, labels.__getitem__)
    session.draw_audit(6)
    reopened = Session(pool, 120, balancing=None, acquisition="random")
    reopened.replay(session.answers, session.demand_for(6))

    assert session.ask() == reopened.ask()
    assert session.ask().chance not in (None, 1 / (len(pool) - 43))


def test_while_a_drawn_image_is_out_others_get_no_more_than_the_budget_spares(pool_and_labels):
    pool, labels = pool_and_labels
    session = Session(pool, 22)
    answered(session, 10, labels.__getitem__)
    session.draw_audit(10)
    drawn = session.ask()
    other = session.ask({drawn.index})
    third = session.ask({drawn.index, other.index})

    assert (drawn.chance, other.chance, third.chance) == (pytest.approx(1 / (len(pool) - 10), rel=0.6), None, None)
    assert session.ask({drawn.index, other.index, third.index}) is None
    for question in (other, third):
        session.label(question.index, labels[question.index])
    assert session.ask({drawn.index}) is None
    assert session.ask().index == drawn.index


def test_an_audit_goes_on_with_the_image_that_is_out_and_a_smaller_number_ends_it(pool_and_labels):
    pool, labels = pool_and_labels
    session = Session(pool, 60)
    answered(session, 20, labels.__getitem__)
    session.draw_audit(5)
    answered(session, 2, labels.__getitem__)
    drawn = session.ask()
    elsewhere = session.ask({drawn.index})
    session.label(elsewhere.index, "a new class")
    out = session.ask()

    assert out.index == drawn.index
    session.draw_audit(9)
    assert session.ask() == out  # with the same chance
    session.draw_audit(2)
    assert session.ask().chance is None
    with pytest.raises(EvenpickError, match="58 more audit labels need a budget of 81; got 60"):
        session.draw_audit(60)
    with pytest.raises(EvenpickError, match="1000 audit labels are 998 more, and 283 images have no answer yet"):
        session.draw_audit(1000)
    with pytest.raises(EvenpickError, match="must be a whole number from 0; got -1"):
        session.draw_audit(-1)


# --- on record


def draws_on_record(session):
    said = [entry for entry in effective_answers(session.store.entries()) if entry.chance is not None]
    return [(session.pool.row_of[entry.image], entry.label, entry.chance) for entry in said]


def test_the_record_keeps_the_chance_of_a_label_and_of_a_skip_and_brings_the_same_question_back(
    tmp_path, pool_and_labels
):
    pool, _ = pool_and_labels
    with RecordedSession(tmp_path, pool, 40, "ann", audit=0.1) as session:
        for _ in range(9):
            session.label(session.next(), "a")
        drawn = session.session.ask()
        session.skip(drawn.index)
        undone = session.undo()
        assert (undone.label, undone.chance) == (None, drawn.chance)
    with RecordedSession(tmp_path, pool) as session:
        assert session.session.ask() == drawn
        session.skip(drawn.index)
        second = session.session.ask()
        assert second.chance == 1 / (len(pool) - 10)
        session.label(second.index, "b", "bob")
        session.label(second.index, "c", "cid")

        assert draws_on_record(session) == [(drawn.index, None, drawn.chance), (second.index, "b", second.chance)]
        entries = [entry for entry in session.store.entries() if isinstance(entry, Annotation)]
        assert [entry.chance for entry in entries[-2:]] == [second.chance] * 2, "should the first be taken back"
    answers = recorded_labels(tmp_path, pool).answers
    assert [answer.chance for answer in answers[-2:]] == [drawn.chance, second.chance]


def test_a_changed_audit_answer_keeps_its_chance_and_an_inherited_one_that_becomes_its_own_has_none(tmp_path):
    pool = Pool.from_arrays(np.random.default_rng(0).normal(size=(60, 3)), groups=np.arange(60) // 3)
    with RecordedSession(tmp_path, pool, 20, "ann", audit=0.5) as session:
        for _ in range(6):
            session.label(session.next(), "a")
        row, _, chance = draws_on_record(session)[0]

        change(session, [row], "b", "ann")
        assert draws_on_record(session) == [(row, "b", chance)]
        change(session, [row + 1], "c", "ann")
        assert draws_on_record(session) == [(row, "b", chance)]
        session.rename("b", "d")
        assert draws_on_record(session) == [(row, "d", chance)]


def test_the_share_is_recorded_and_another_one_refused(tmp_path, pool_and_labels):
    pool, _ = pool_and_labels
    with RecordedSession(tmp_path, pool, 40, audit=0.1) as session:
        session.label(session.next(), "a")
    with RecordedSession(tmp_path, pool) as session:
        assert session.settings["audit"] == 0.1
    with pytest.raises(EvenpickError, match=r"chosen with audit 0\.1, now 0\.2"):
        RecordedSession(tmp_path, pool, audit=0.2)
    with LabelStore(tmp_path) as store:  # as versions before wrote it
        store.store_settings({name: value for name, value in store.settings.items() if name != "audit"})
    with pytest.raises(
        EvenpickError, match=r"chosen with audit 0\.0, now 0\.2.*`evenpick audit` draws images from now on"
    ):
        RecordedSession(tmp_path, pool, audit=0.2)
    with RecordedSession(tmp_path, pool) as session:
        assert session.settings["audit"] == 0


def test_an_audit_of_a_recorded_session_raises_the_budget_and_goes_on_when_opened_again(tmp_path, pool_and_labels):
    pool, labels = pool_and_labels
    with RecordedSession(tmp_path, pool, 45, "ann") as session:
        while (row := session.next()) is not None:
            session.label(row, labels[row])
        session.draw_audit(10)
        assert (session.settings["budget"], session.session.labels_left) == (55, 10)
        for _ in range(4):
            session.label(session.next(), "a")
        drawn = session.session.ask()
    with RecordedSession(tmp_path, pool) as session:
        assert session.session.ask() == drawn
        session.draw_audit(10)
        assert session.session.ask() == drawn
        assert session.settings["budget"] == 55
        session.undo()
        assert session.session.ask().chance is not None
        while (row := session.next()) is not None:
            session.label(row, "a")
        assert session.session.audit_labels == 10
        assert [entry.chance is not None for entry in session.store.entries() if isinstance(entry, Annotation)] == (
            [False] * 45 + [True] * 11
        )


def test_with_one_by_one_an_audit_counts_images_and_numbers_of_numpy_are_kept(tmp_path):
    pool = Pool.from_arrays(np.random.default_rng(0).normal(size=(30, 3)), groups=np.arange(30) // 3)
    with RecordedSession(tmp_path, pool, np.int64(5), audit=np.float32(0.25), one_by_one=True) as session:
        session.label(session.next(), "a")
        session.draw_audit(np.int64(20))
        assert session.session.ask().chance == 1 / 29
    with RecordedSession(tmp_path, pool) as session:
        assert (session.settings["budget"], session.settings["demand"]) == (21, [1, 20])


def test_the_record_tells_of_how_many_pieces_each_image_was_drawn(tmp_path):
    features = np.random.default_rng(0).normal(size=(90, 3))
    grouped = Pool.from_arrays(features, groups=np.arange(90) // 3)
    for n, pool in ((60, Pool.from_arrays(features[:60])), (90, Pool.from_arrays(features)), (30, grouped)):
        with RecordedSession(tmp_path, pool, 40) as session:
            if not session.counts:
                session.label(session.next(), "a")
            session.draw_audit(session.session.audit_labels + 2)
            for _ in range(2):
                session.label(session.next(), "a")
            assert session.session.n_pieces == n
    draws = recorded_labels(tmp_path, grouped).draws
    assert [draw.n_pieces for draw in draws] == [60, 60, 90, 90, 30, 30]


# --- the share that is drawn where nothing is said


def test_from_a_budget_that_gives_twenty_a_tenth_is_drawn_where_auto_steers(pool_and_labels):
    assert [share_of(None, budget, True) for budget in (1, 199, 200, 1000)] == [0, 0, 0.1, 0.1]
    assert share_of(None, 1000, False) == 0, "the paper's rules choose as printed"
    assert [share_of(share, 1000, True) for share in (0, 0.3)] == [0, 0.3]
    pool, labels = pool_and_labels
    drawn = [place for place, chance in enumerate(simulate(pool, labels, 200).chances, 1) if chance]
    assert drawn == [*range(10, 201, 10)]


def test_a_new_session_records_the_share_and_one_that_is_there_goes_on_as_it_was(tmp_path, pool_and_labels):
    pool, _ = pool_and_labels
    for name in ("new", "none", "grown", "imported", "old"):
        (tmp_path / name).mkdir()
    with RecordedSession(tmp_path / "new", pool, 200) as session:
        assert session.settings["audit"] == 0.1
    with RecordedSession(tmp_path / "none", pool, 200, audit=0) as session:
        assert session.settings["audit"] == 0
    with RecordedSession(tmp_path / "grown", pool, 100) as session:
        session.label(session.next(), "a")
    with RecordedSession(tmp_path / "grown", pool, 200) as session:
        assert session.settings["audit"] == 0
    with LabelStore(tmp_path / "imported") as store:
        store.append(Annotation(image_id, "a", annotator="imported") for image_id in pool.image_ids[:5])
    with RecordedSession(tmp_path / "imported", pool, 204) as session:
        assert session.settings["audit"] == 0, "199 are still to come"
    with LabelStore(tmp_path / "imported") as store:
        store.append(Annotation(image_id, "a", annotator="imported") for image_id in pool.image_ids[5:10])
    with RecordedSession(tmp_path / "imported", pool, 210) as session:
        assert session.settings["audit"] == 0.1, "no answer of the session is there yet"
    with LabelStore(tmp_path / "old") as store:  # as versions before wrote it
        store.store_settings({"budget": 200, "acquisition": "auto", "balancing": "auto"})
    with RecordedSession(tmp_path / "old", pool) as session:
        assert session.settings["audit"] == 0


def test_until_the_first_answer_the_share_is_found_anew_unless_it_was_stated(tmp_path, pool_and_labels):
    pool, _ = pool_and_labels

    def share_after(*openings):
        folder = tmp_path / str(len([*tmp_path.iterdir()]))
        folder.mkdir()
        for budget, options in openings:
            with RecordedSession(folder, pool, budget, **options) as session:
                share = session.settings["audit"]
        return share

    assert share_after((50, {}), (210, {})) == share_after((210, {})) == 0.1
    assert share_after((210, {}), (50, {})) == 0
    assert share_after((210, {}), (210, {"balancing": "ratio_max"})) == 0
    assert share_after((210, {"balancing": "ratio_max"}), (210, {"balancing": "auto"})) == 0.1
    assert share_after((210, {"audit": 0}), (210, {})) == 0
    assert share_after((50, {"audit": 0.2}), (210, {}), (None, {})) == 0.2


def test_with_fewer_groups_than_the_figures_need_none_is_drawn_by_default(tmp_path):
    features = np.random.default_rng(0).normal(size=(420, 3))
    few, enough = (Pool.from_arrays(features, groups=np.arange(420) // size) for size in (3, 2))
    for pool, drawn in ((few, False), (enough, True)):
        chances = simulate(pool, np.arange(420) % 5, 205).chances
        assert any(chance is not None for chance in chances) == drawn
    with LabelStore(tmp_path) as store:  # 10 groups have their label
        store.append(Annotation(image_id, "a", annotator="imported") for image_id in enough.image_ids[:22:2])
    with RecordedSession(tmp_path, enough, 300) as session:
        assert session.settings["audit"] == 0, "199 groups have none"
    with RecordedSession(tmp_path, enough, 300, one_by_one=True) as session:
        assert session.settings["audit"] == 0.1


def test_imported_labels_are_no_turns_of_a_share(tmp_path, pool_and_labels):
    pool, labels = pool_and_labels
    with LabelStore(tmp_path) as store:
        store.append(Annotation(image_id, "a", annotator="imported") for image_id in pool.image_ids[:95])
    with RecordedSession(tmp_path, pool, 135, audit=0.1) as session:
        assert session.session.audit_labels_to_come == 4
        drawn = []
        while (row := session.next()) is not None:
            session.label(row, labels[row])
            drawn.append(session.session.answers[-1].chance is not None)
    assert np.flatnonzero(drawn).tolist() == [9, 19, 29, 39]
    assert len(drawn) == 40


def test_how_many_labels_until_an_accuracy_is_told_as_a_session_then_draws_them(tmp_path, pool_and_labels):
    pool, labels = pool_and_labels
    with LabelStore(tmp_path) as store:
        store.append(Annotation(image_id, "a", annotator="imported") for image_id in pool.image_ids[:5])
    with RecordedSession(tmp_path, pool, 145, audit=0.15) as session:
        answered(session, 30, lambda row: labels[row])
        until = labels_until_accuracy(pool, recorded_labels(tmp_path, pool))
        answered(session, until - 1, lambda row: labels[row])
        assert session.session.audit_labels == 19
        assert labels_until_accuracy(pool, recorded_labels(tmp_path, pool)) == 1
        answered(session, 1, lambda row: labels[row])
        assert session.session.audit_labels == 20
    assert labels_until_accuracy(pool, recorded_labels(tmp_path, pool)) is None, "they are there"
    (tmp_path / "few").mkdir()
    with RecordedSession(tmp_path / "few", pool, 50, audit=0.1) as session:
        answered(session, 30, lambda row: labels[row])
    assert labels_until_accuracy(pool, recorded_labels(tmp_path / "few", pool)) is None, "50 labels do not bring 20"
