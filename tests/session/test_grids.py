"""Many images with one answer: what is laid side by side, and how it is recorded, undone and replayed."""

import time
from dataclasses import replace

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import Answer, LabelStore
from evenpick.pool import Pool
from evenpick.session import RecordedSession, Session, by_likeness, by_prediction, change, label_many, take_back


def said(session):
    return {row: dict(given) for row, given in session.opinions.items()}


@pytest.fixture
def session(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(20), 10, "ann", acquisition="random") as opened:
        yield opened


# --- which images -----------------------------------------------------------------------------------


def test_the_nearest_come_first_by_the_angle_alone():
    pool = Pool.from_arrays([[1, 0], [0, 5], [3, 3], [9, 1], [-1, 0]])

    assert by_likeness(pool, np.array([1, 2, 3, 4]), [0]).tolist() == [3, 2, 1, 4]
    assert by_likeness(pool, np.array([2, 3, 4]), [0, 1]).tolist() == [3, 2, 4]  # the better of the two counts
    assert by_likeness(pool, np.array([], np.intp), [0]).tolist() == []


def test_a_class_has_the_images_that_are_predicted_to_be_of_it_in_order_of_sureness(pool_and_labels):
    pool, labels = pool_and_labels
    known = [*range(0, 306, 6)]
    answers = [Answer(row, labels[row], "discovery") for row in known] + [Answer(1, None, "discovery")]
    others = np.setdiff1d(np.arange(306), known)

    surest = by_prediction(pool, others, answers, "1")
    assert np.mean(labels[surest] == "1") > 0.9
    assert len(surest) > 40
    assert by_prediction(pool, others, answers, "1", surest=False).tolist() == surest[::-1].tolist()
    every = np.concatenate([by_prediction(pool, others, answers, name) for name in sorted({*labels[known]})])
    assert sorted(every) == others.tolist()  # each image is of one predicted class


@pytest.mark.parametrize(("names", "reason"), [(["a", "b"], "'c' has no label yet"), (["c"], "'c' is the only class")])
def test_without_labels_of_the_class_and_of_another_one_nothing_is_predicted(make_pool, names, reason):
    answers = [Answer(row, name, "discovery") for row, name in enumerate(names)]

    with pytest.raises(EvenpickError, match=reason):
        by_prediction(make_pool(), np.arange(5, 40), answers, "c")


@pytest.mark.slow
def test_twenty_thousand_images_are_put_in_order_within_a_second():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 20, 20_000)
    features = (rng.normal(size=(20, 1280))[labels] + 2 * rng.normal(size=(20_000, 1280))).astype(np.float32)
    pool = Pool.from_arrays(features)
    answers = [Answer(row, str(labels[row]), "discovery") for row in range(200)]
    candidates = np.arange(200, 20_000)
    for order in (
        lambda: by_likeness(pool, candidates, [*range(100)]),
        lambda: by_prediction(pool, candidates, answers, "3"),
    ):
        fastest = 9.0
        for _ in range(3):
            start = time.perf_counter()
            order()
            fastest = min(fastest, time.perf_counter() - start)
        assert fastest < 1


def test_of_each_group_without_an_answer_there_is_one_image_and_then_every_image_that_is_left(make_pool):
    pool = replace(make_pool(n=9), groups=np.array([0, 0, 0, 1, 1, 1, 2, 3, 4]))
    plain = Session(pool, 9, "random", None)
    assert plain.unanswered().tolist() == [1, 4, 6, 7, 8]
    assert plain.unanswered({3, 7}).tolist() == [1, 6, 8]
    plain.label(0, "cat", without=[2])
    assert plain.unanswered().tolist() == [4, 6, 7, 8]
    for row in (4, 6, 7, 8):
        plain.label(row, "cat")
    assert plain.unanswered().tolist() == [2]
    assert Session(pool, 9, "random", None, one_by_one=True).unanswered().tolist() == [*range(9)]


# --- into the record --------------------------------------------------------------------------------


def test_each_image_is_an_entry_that_says_how_it_was_labelled(session):
    ids = label_many(session, [3, 8, 5], "cat", "grid", "ann", "r")

    entries = session.store.entries()
    assert ids == [1, 2, 3]
    assert [(e.image, e.label, e.means, e.phase, e.target, e.annotator, e.chance) for e in entries] == [
        (image, "cat", "grid", "discovery", None, "ann", None) for image in ("3", "8", "5")
    ]
    assert said(session) == {row: {"ann": "cat"} for row in (3, 8, 5)}
    assert session.session.labels_left == 7


def test_a_session_asks_what_it_would_ask_after_single_answers_also_when_reopened(tmp_path, pool_and_labels):
    pool, labels = pool_and_labels
    plain = Session(pool, 120)
    with RecordedSession(tmp_path, pool, 120, "ann") as session:
        for step in range(50):
            row = session.next()
            assert row == plain.next()
            session.label(row, labels[row])
            plain.label(row, labels[row])
            if step in (20, 44):
                rare = [row for row in session.session.unanswered() if labels[row] == "4"][:3]
                label_many(session, rare, "4", "confirmed", "ann")
                for row in rare:
                    plain.label(row, "4")
        asked = session.next()
        assert asked == plain.next()
    with RecordedSession(tmp_path, pool, 120, "ann") as session:
        assert session.next() == asked


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "room for 8 more labels; got 11"),
        ([3, 12, 4], "image '12' is answered already"),
        ([3, 4, 3], "image '3' is there twice"),
    ],
)
def test_what_cannot_be_recorded_whole_is_not_recorded_at_all(session, rows, reason):
    session.label(12, "dog")
    session.label(13, "dog")
    with pytest.raises(EvenpickError, match=reason):
        label_many(session, rows, "cat", "grid", "ann")

    assert len(session.store.entries()) == 2
    assert session.counts == {"dog": 2}


def test_a_group_costs_one_label_whatever_its_size(tmp_path, make_pool):
    pool = replace(make_pool(n=9), groups=np.array([0, 0, 0, 1, 1, 1, 2, 3, 4]))
    with RecordedSession(tmp_path, pool, 3, "ann", acquisition="random") as session:
        with pytest.raises(EvenpickError, match="with another image of its group"):
            label_many(session, [0, 2], "cat", "grid", "ann")
        label_many(session, [1, 4, 6], "cat", "grid", "ann")
        assert session.session.labels_left == 0
        assert [entry.inherited for entry in session.store.entries()] == [("0", "2"), ("3", "5"), ()]


def test_sent_again_it_counts_once_and_another_grid_under_the_same_name_is_refused(session):
    ids = label_many(session, [3, 8], "cat", "grid", "ann", "r")
    assert label_many(session, [3, 8], "cat", "grid", "ann", "r") == ids
    with pytest.raises(EvenpickError, match="request 'r' was something else before"):
        label_many(session, [3, 9], "cat", "grid", "ann", "r")

    assert len(session.store.entries()) == 2


def test_one_undo_takes_a_grid_back_whole_and_nothing_else(session):
    session.label(0, "dog")
    label_many(session, [3, 8], "cat", "grid", "ann")
    label_many(session, [4, 5, 6], "cat", "grid", "ann", "second")
    label_many(session, [9], "cat", "confirmed", "bob")
    assert session.undo("ann", "u").image == "6"
    assert said(session) == {0: {"ann": "dog"}, 3: {"ann": "cat"}, 8: {"ann": "cat"}, 9: {"bob": "cat"}}
    session.undo("ann")
    assert said(session) == {0: {"ann": "dog"}, 9: {"bob": "cat"}}
    session.undo("ann")
    session.undo("bob")
    assert said(session) == {}
    assert session.find("u").undoes == 6


def test_what_was_changed_since_is_left_by_the_undo_and_is_an_answer_of_its_own(session):
    label_many(session, [3, 8], "cat", "grid", "ann")
    change(session, [8], "dog", "ann")
    assert session.undo("ann").image == "8"  # the change
    assert said(session) == {3: {"ann": "cat"}}
    session.undo("ann")

    assert said(session) == {}
    changed = session.store.entries()[3]
    assert (changed.label, changed.means) == ("dog", None)


def test_taking_back_and_giving_again_by_the_entries(session):
    ids = label_many(session, [3, 8], "cat", "grid", "ann")
    again = take_back(session, ids, "ann")
    assert said(session) == {}
    take_back(session, again, "ann")
    assert session.counts == {"cat": 2}


def test_a_killed_process_leaves_all_of_a_grid_or_nothing(session, tmp_path, monkeypatch):
    from evenpick.labels import record

    insert, done = LabelStore._insert, []

    def broken(store, entry, now):
        if len(done) == 2:
            raise RuntimeError("killed")
        done.append(insert(store, entry, now))
        return done[-1]

    monkeypatch.setattr(record.LabelStore, "_insert", broken)
    with pytest.raises(RuntimeError):
        label_many(session, [1, 2, 3, 4], "cat", "grid", "ann")

    assert session.store.entries() == []


def test_what_was_drawn_at_random_is_in_no_grid_and_no_answer_of_a_grid_is_an_audit_answer(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(60), 50, "ann", acquisition="random", audit=0.2) as session:
        audited = 0
        while session.session.labels_left > 10:
            question = session.session.ask()
            if question.chance is None:
                session.label(question.index, "dog")
                continue
            audited += 1
            assert question.index not in session.session.unanswered()
            with pytest.raises(EvenpickError, match="drawn at random and is asked for by itself"):
                label_many(session, [question.index], "cat", "grid", "ann")
            label_many(session, session.session.unanswered()[:5].tolist(), "cat", "grid", "ann")
            assert session.session.ask().index == question.index  # it waits
            session.label(question.index, "dog")

        entries = session.store.entries()
        assert audited > 2
        assert sum(entry.chance is not None for entry in entries) == audited
        assert {entry.chance for entry in entries if entry.means} == {None}


def test_what_is_demanded_for_an_audit_is_not_spent_on_grids(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(60), 10, "ann", acquisition="random") as session:
        session.label(0, "dog")
        session.draw_audit(7)
        rows = session.session.unanswered()[:3].tolist()
        with pytest.raises(EvenpickError, match="room for 2 more labels; got 3"):
            label_many(session, rows, "cat", "grid", "ann")
        label_many(session, rows[:2], "cat", "grid", "ann")
        while (row := session.next()) is not None:
            session.label(row, "dog")

        assert (session.session.audit_labels, session.session.labels_left) == (7, 0)
