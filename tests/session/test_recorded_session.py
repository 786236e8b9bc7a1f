"""A session on a record: whatever happens, reopening arrives at the same state and the same question."""

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore, Undo, set_aside
from evenpick.session import RecordedSession, Session

LABELS = ["common"] * 50 + ["rare"] * 5 + ["other"] * 5
OPTIONS = {"acquisition": "random", "balancing": "ratio_max", "patience": 1, "random_state": 3}


def run(session):
    done = []
    while (index := session.next()) is not None:
        session.label(index, LABELS[index])
        done.append(index)
    return done


def test_a_session_reopened_after_every_answer_asks_what_an_uninterrupted_one_asks(tmp_path, make_pool):
    pool = make_pool(n=60, seed=2)
    expected = run(Session(pool, 40, **OPTIONS))

    done = []
    while True:
        with RecordedSession(tmp_path, pool, 40, "ann", **OPTIONS) as session:
            if (index := session.next()) is None:
                break
            session.label(index, LABELS[index])
            done.append(index)

    assert done == expected


@pytest.mark.slow
def test_undo_skip_and_rename_are_replayed_too(tmp_path, make_pool):
    pool, rng = make_pool(n=60, seed=2), np.random.default_rng(5)
    for _ in range(60):
        with RecordedSession(tmp_path, pool, 40, "ann", **OPTIONS) as session:
            state = session.next(), session.phase, session.counts, session.session.target
        with RecordedSession(tmp_path, pool) as session:
            assert (session.next(), session.phase, session.counts, session.session.target) == state
            action, index = rng.random(), session.next()
            if index is None:
                break
            if action < 0.1 and session.counts:
                session.undo()
            elif action < 0.2:
                session.skip(index)
            elif action < 0.25 and len(session.counts) > 2:
                session.rename(list(session.counts)[-1], next(iter(session.counts)))
            else:
                session.label(index, LABELS[index])


def test_a_merge_adds_the_counts(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(), 9, balancing=None) as session:
        for index, name in enumerate(["cat", "dgo", "dog", "cat"]):
            session.label(index, name)
        session.rename("dgo", "dog")
        assert session.counts == {"cat": 2, "dog": 2}
        session.rename("cat", "feline")
        assert session.counts == {"feline": 2, "dog": 2}
        with pytest.raises(EvenpickError, match="class 'cow' does not exist; found so far: feline, dog"):
            session.rename("cow", "dog")
        with pytest.raises(EvenpickError, match="has this name already"):
            session.rename("dog", " dog ")


def test_two_answers_are_kept_the_first_counts_and_both_can_be_seen(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(), 9) as session:
        session.label(4, "cat", "ann")
        session.label(4, "dog", "bob")
        session.skip(5, "bob")

        assert session.counts == {"cat": 1}
        assert session.opinions == {4: {"ann": "cat", "bob": "dog"}, 5: {"bob": None}}
        with pytest.raises(EvenpickError, match="answered already; undo first"):
            session.label(4, "cow", "bob")
        session.undo("ann")
        assert session.counts == {"dog": 1}
    with RecordedSession(tmp_path, make_pool()) as session:
        assert session.opinions == {4: {"bob": "dog"}, 5: {"bob": None}}
        assert [entry.kind for entry in session.store.entries()] == ["label", "label", "skip", "undo"]


def test_a_second_answer_costs_no_budget(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(), 1) as session:
        session.label(4, "cat", "ann")
        session.label(4, "cat", "bob")
        with pytest.raises(EvenpickError, match="budget of 1 labels is spent"):
            session.label(5, "cat", "bob")


def test_undo_takes_back_ones_own_last_answer(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(), 9) as session:
        session.label(1, "cat", "ann")
        session.label(2, "dog", "bob")

        assert session.undo("ann").image == "1"
        with pytest.raises(EvenpickError, match="no answer to undo"):
            session.undo("ann")
        assert session.undo().image == "2"


def test_an_undo_that_names_an_answer_takes_back_that_one_or_nothing(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(), 9) as session:
        first = session.label(1, "cat", "ann")
        second = session.label(2, "dog", "ann")
        with pytest.raises(EvenpickError, match="this is not your last answer any more: undo now takes back 'dog'"):
            session.undo("ann", entry_id=first)
        assert session.undo("ann", entry_id=second).label == "dog"
        with pytest.raises(EvenpickError, match="this is not your last answer any more: undo now takes back 'cat'"):
            session.undo("ann", entry_id=second)

        assert session.counts == {"cat": 1}


def test_an_undo_that_finds_nothing_knows_what_another_process_has_taken_back(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(), 9) as session, LabelStore(tmp_path) as elsewhere:
        entry = session.label(1, "cat", "ann")
        elsewhere.append([Undo(entry, annotator="ann")])
        assert session.last_answers("ann")

        with pytest.raises(EvenpickError, match="no answer to undo"):
            session.undo("ann", entry_id=entry)

        assert (session.last_answers("ann"), session.counts) == ((), {})


def test_the_last_answers_are_what_an_undo_takes_back_also_after_another_process_has_written(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(), 9) as session:
        assert session.last_answers("ann") == ()
        first = session.label(1, "cat", "ann")
        session.skip(2, "bob")
        assert [(one.id, one.label) for one in session.last_answers("ann")] == [(first, "cat")]
        with LabelStore(tmp_path) as other:
            other.append([Annotation("7", "cow", annotator="ann")])
        with pytest.raises(EvenpickError, match="undo now takes back 'cow'"):
            session.undo("ann", entry_id=first)
        assert [one.label for one in session.last_answers("ann")] == ["cow"]
        session.rename("cow", "ox")
        assert [one.label for one in session.last_answers("ann")] == ["ox"]
        assert [one.label for one in session.last_answers("bob")] == [None]
        session.undo("ann")
        session.undo("ann")
        assert session.last_answers("ann") == ()


def test_what_another_process_writes_meanwhile_is_taken_in(tmp_path, make_pool):
    pool = make_pool()
    with RecordedSession(tmp_path, pool, 9, "ann") as session:
        with LabelStore(tmp_path) as other:
            other.append([Annotation("7", "cat", annotator="import")])
        session.label(8, "dog")

        assert session.counts == {"cat": 1, "dog": 1}


def test_what_another_process_writes_during_an_undo_is_taken_in(tmp_path, make_pool, monkeypatch):
    with RecordedSession(tmp_path, make_pool(), 9, "ann") as session:
        session.label(8, "dog")
        session.label(9, "cow")
        append = session.store.append

        def append_after_another(entries):
            append([Annotation(annotator="import", image="7", label="cat")])
            return append(entries)

        monkeypatch.setattr(session.store, "append", append_after_another)
        session.undo()

        assert session.counts == {"dog": 1, "cat": 1}
        assert repr(session) == "RecordedSession: 2 of 9 labels, 2 classes, discovery (auto), pool of 40 images"


def test_a_refused_answer_leaves_no_entry(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(n=5), 3) as session:
        for index, name in ((5, "cat"), (-1, "cat"), (0, " ")):
            with pytest.raises(EvenpickError):
                session.label(index, name)
        assert session.store.entries() == []


def test_options_that_contradict_the_labels_are_refused(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(), 9, acquisition="random") as session:
        session.label(0, "cat")

    with pytest.raises(EvenpickError, match="labels chosen with acquisition random, now ent"):
        RecordedSession(tmp_path, make_pool(), 9, acquisition="ent")
    with RecordedSession(tmp_path, make_pool()) as session:
        assert (session.settings["budget"], session.settings["acquisition"]) == (9, "random")


def test_a_budget_counts_imported_labels_too_and_a_smaller_one_is_told_which_number_is_right(tmp_path, make_pool):
    with LabelStore(tmp_path) as store:
        store.append(Annotation(image_id, "cat", annotator="imported") for image_id in make_pool(40).image_ids[:30])
        with pytest.raises(
            EvenpickError, match=r"holds 30 labels, and --budget counts all .* for 5 more say --budget 35"
        ):
            RecordedSession(tmp_path, make_pool(40), 5)
        with pytest.raises(EvenpickError, match=r"for 10 more say --budget 40"):
            RecordedSession(tmp_path, make_pool(40), 29)
        assert store.settings is None
    with RecordedSession(tmp_path, make_pool(40), 35) as session:
        assert session.session.labels_left == 5


def test_a_new_session_needs_a_budget(tmp_path, make_pool):
    with pytest.raises(EvenpickError, match="needs a budget: say --budget"):
        RecordedSession(tmp_path, make_pool())


def test_a_record_of_another_pool_is_refused(tmp_path, make_pool):
    with RecordedSession(tmp_path, make_pool(n=9), 5) as session:
        session.label(8, "cat")

    with pytest.raises(EvenpickError, match="names an image that the pool does not hold: '8'"):
        RecordedSession(tmp_path, make_pool(n=8), 5)


def test_labels_set_aside_are_kept(tmp_path, make_pool):
    assert set_aside(tmp_path) is None
    for name in ("labels-1.sqlite", "labels-2.sqlite"):
        with RecordedSession(tmp_path, make_pool(), 5) as session:
            session.label(0, "cat")
        assert set_aside(tmp_path) == tmp_path / name
        assert not (tmp_path / "labels.sqlite").exists()
