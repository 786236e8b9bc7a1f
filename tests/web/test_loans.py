"""Several people at once: each another image, none lost, and one alone gets what a simulation gets."""

import pytest

from evenpick.errors import EvenpickError
from evenpick.session import RecordedSession, Session
from evenpick.web.loans import Handout, Turn

LABELS = ["common"] * 50 + ["rare"] * 5 + ["other"] * 5
OPTIONS = {"acquisition": "random", "balancing": "ratio_max", "patience": 1, "random_state": 3}


@pytest.fixture
def pool(make_pool):
    return make_pool(n=60, seed=2)


@pytest.fixture
def begin(tmp_path, pool):
    opened = []

    def build(budget=40, **options):
        session = RecordedSession(tmp_path, pool, budget, "ann", **OPTIONS)
        handout = Handout(session, **options)
        opened.append((session, handout))
        return session, handout

    yield build
    for session, handout in opened:
        handout.close()
        session.store.close()


def row(turn):
    assert turn.status == "image"
    return turn.question.index


def test_one_alone_gets_what_a_simulation_gets_whatever_they_take_back(begin, pool):
    plain, expected = Session(pool, 40, **OPTIONS), []
    while (index := plain.next()) is not None:
        plain.label(index, LABELS[index])
        expected.append(index)

    session, handout = begin()
    done = []
    while (turn := handout.next("p", "ann")).status == "image":
        if len(done) % 7 == 3:
            handout.answer("p", "ann", row(turn), "a slip", None)
            assert row(handout.next("p", "ann")) is not None
            handout.undo("p", "ann", None)
            assert handout.next("p", "ann") == turn
        if len(done) % 5 == 4:
            handout.release("p")
        handout.upcoming("p")
        index = row(handout.next("p", "ann"))
        handout.answer("p", "ann", index, LABELS[index], None)
        done.append(index)

    assert done == expected
    assert [a.target for a in session.session.answers] == [a.target for a in plain.answers]


def test_every_page_has_another_image_until_it_answers(begin):
    _, handout = begin()
    rows = [row(handout.next(page, "ann")) for page in "abcdefgh"]

    assert len(set(rows)) == 8
    assert [row(handout.next(page, "ann")) for page in "abcdefgh"] == rows
    handout.answer("c", "ann", rows[2], "cat", None)
    assert row(handout.next("c", "ann")) not in rows


def test_a_page_that_closes_or_falls_silent_gives_its_image_back(begin):
    now = [0.0]
    _, handout = begin(seconds=60, clock=lambda: now[0])
    first, second = row(handout.next("a", "ann")), row(handout.next("b", "bob"))
    handout.release("a")
    assert row(handout.next("c", "eve")) == first
    now[0] = 30
    assert row(handout.next("b", "bob")) == second  # still there, and lent anew
    now[0] = 61
    assert row(handout.next("d", "dan")) == first
    now[0] = 100
    assert row(handout.next("e", "eli")) == second


def test_a_late_answer_is_kept_beside_the_one_that_counts(begin):
    now = [0.0]
    session, handout = begin(seconds=60, clock=lambda: now[0])
    late = row(handout.next("a", "ann"))
    now[0] = 61
    assert row(handout.next("b", "bob")) == late
    handout.answer("b", "bob", late, "cat", None)
    handout.answer("a", "ann", late, "dog", None)

    assert session.opinions[late] == {"bob": "cat", "ann": "dog"}
    assert session.counts == {"cat": 1}


def test_no_more_images_are_out_than_labels_are_left(begin):
    session, handout = begin(budget=3)
    rows = [row(handout.next(page, page)) for page in "abc"]
    assert handout.next("d", "dan") == Turn("waiting")
    handout.answer("a", "a", rows[0], "cat", None)
    assert handout.next("a", "a") == Turn("waiting")
    handout.answer("b", "b", rows[1], None, None)  # a skip costs nothing: another image may be asked
    assert row(handout.next("d", "dan")) not in rows
    handout.answer("c", "c", rows[2], "cat", None)
    handout.answer("d", "dan", row(handout.next("d", "dan")), "cat", None)
    assert handout.next("a", "a") == Turn("finished")
    assert session.session.labels_left == 0


def test_sending_again_changes_nothing(begin):
    session, handout = begin()
    asked = row(handout.next("a", "ann"))
    first = handout.answer("a", "ann", asked, "cat", "r1")
    assert handout.answer("a", "ann", asked, "cat", "r1") == first
    undone = handout.undo("a", "ann", "r2")
    assert handout.undo("a", "ann", "r2") == undone
    handout.answer("a", "ann", asked, "cat", "r3")
    handout.rename("a", "ann", "cat", "dog", "r4")
    handout.rename("a", "ann", "cat", "dog", "r4")

    assert [entry.kind for entry in session.store.entries()] == ["label", "undo", "label", "rename"]
    with pytest.raises(EvenpickError, match="request 'r1' was something else"):
        handout.answer("a", "ann", asked, None, "r1")


def test_a_question_that_is_out_keeps_its_target_through_the_undo_and_the_merge_of_others(begin):
    session, handout = begin()
    while session.phase == "discovery":
        index = row(handout.next("a", "ann"))
        handout.answer("a", "ann", index, LABELS[index], None)
    theirs = handout.next("b", "bob").question
    mine = handout.next("a", "ann").question
    handout.answer("a", "ann", mine.index, "common", None)
    handout.undo("a", "ann", None)
    handout.rename("a", "ann", theirs.target, "scarce", None)
    handout.answer("b", "bob", theirs.index, "common", None)

    answer = session.session.answers[-1]
    assert (answer.index, answer.phase, answer.target) == (theirs.index, "balancing", "scarce")


def test_with_repeat_different_people_are_asked_for_the_same_image(begin):
    session, handout = begin(budget=4, repeat=2)
    asked = {who: [] for who in ("ann", "bob", "eve")}
    for _ in range(20):
        for who, rows in asked.items():
            turn = handout.next(who, who)
            if turn.status == "image":
                rows.append(row(turn))
                handout.answer(who, who, row(turn), "cat", None)

    assert all(len(rows) == len(set(rows)) for rows in asked.values())
    assert sorted(len(given) for given in session.opinions.values()) == [2, 2, 2, 2]
    assert session.counts == {"cat": 4}
    assert {handout.next(who, who).status for who in asked} == {"finished"}


def test_two_pages_of_one_annotator_never_share_an_image_even_with_repeat(begin):
    _, handout = begin(repeat=3)

    assert row(handout.next("a", "ann")) != row(handout.next("b", "ann"))
    assert row(handout.next("c", "bob")) == row(handout.next("a", "ann"))


def test_an_image_that_was_skipped_is_not_repeated(begin):
    _, handout = begin(repeat=2)
    skipped = row(handout.next("a", "ann"))
    handout.answer("a", "ann", skipped, None, None)

    assert row(handout.next("b", "bob")) != skipped


def test_repeat_must_be_one_or_more(begin):
    with pytest.raises(EvenpickError, match="repeat must be 1"):
        begin(repeat=0)
