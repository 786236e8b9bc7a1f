"""Images drawn at random among several people: each draw is answered once, with its chance, whoever has it."""

import numpy as np
import pytest

from evenpick.labels import effective_answers
from evenpick.session import RecordedSession

LABELS = ["common"] * 50 + ["rare"] * 5 + ["other"] * 5


@pytest.fixture
def begin(tmp_path, make_pool, lend):
    def build(budget=40, share=0.2, repeat=1):
        clock = iter(np.arange(0, 1e6, 1.0).tolist())
        session = RecordedSession(tmp_path, make_pool(n=60, seed=2), budget, "ann", audit=share)
        return lend(session, repeat=repeat, seconds=50.0, clock=lambda: next(clock))

    return build


def question(loans, page):
    turn = loans.next(page, page)
    assert turn.status == "image"
    return turn.question


def answer(loans, page, asked, label="common"):
    loans.answer(page, page, asked.index, label, None)


def chances(session):
    said = effective_answers(session.store.entries())
    return {session.pool.row_of[entry.image]: entry.chance for entry in said if entry.chance}


def until_drawn(session, loans, page):
    while (asked := question(loans, page)).chance is None:
        answer(loans, page, asked)
    return asked


def test_a_drawn_image_is_out_on_one_page_and_the_others_go_on(begin):
    session, loans = begin()
    drawn = until_drawn(session, loans, "ann")
    for _ in range(3):
        other = question(loans, "bob")
        assert (other.chance, other.index == drawn.index) == (None, False)
        answer(loans, "bob", other)
    loans.release("ann")

    again = question(loans, "bob")
    assert (again.index, again.chance) == (drawn.index, pytest.approx(1 / (1 / drawn.chance - 3))), "among fewer"
    answer(loans, "bob", again, None)
    assert chances(session) == {again.index: again.chance}


def test_an_undone_audit_answer_gives_the_same_image_with_its_chance_also_when_others_answered_since(begin):
    session, loans = begin(share=0.1)
    drawn = until_drawn(session, loans, "ann")
    answer(loans, "ann", drawn)
    for _ in range(4):
        answer(loans, "bob", question(loans, "bob"))

    loans.undo("ann", "ann", None)

    again = question(loans, "ann")
    assert (again.index, again.chance) == (drawn.index, drawn.chance)
    answer(loans, "ann", again, "rare")
    assert chances(session) == {drawn.index: pytest.approx(1 / (1 / drawn.chance - 4))}, "among those that are left"


def test_a_second_opinion_of_a_drawn_image_is_asked_as_of_one_that_was_drawn(begin):
    session, loans = begin(repeat=2)
    drawn = until_drawn(session, loans, "ann")
    answer(loans, "ann", drawn)
    seconds = [question(loans, "bob")]
    while seconds[-1].index != drawn.index:
        answer(loans, "bob", seconds[-1])
        seconds.append(question(loans, "bob"))

    assert seconds[-1].chance == drawn.chance
    answer(loans, "bob", seconds[-1], "rare")
    assert chances(session) == {drawn.index: drawn.chance}


def test_what_waits_for_an_audit_waits_and_goes_on(begin):
    session, loans = begin(budget=12, share=0)
    for _ in range(10):
        answer(loans, "ann", question(loans, "ann"))
    session.draw_audit(4)
    drawn = question(loans, "ann")

    assert session.settings["budget"] == 14
    assert loans.next("bob", "bob").status == "waiting"
    answer(loans, "ann", drawn)
    following = question(loans, "bob")
    assert following.chance is not None
    assert loans.next("ann", "ann").status == "waiting"


def test_in_place_of_a_drawn_image_that_cannot_be_shown_another_one_is_drawn(begin):
    session, loans = begin(share=0.1)
    drawn = until_drawn(session, loans, "ann")
    loans.pass_over("ann", drawn.index)

    instead = question(loans, "ann")

    assert instead.index != drawn.index
    assert instead.chance == pytest.approx(1 / (1 / drawn.chance - 1))
    answer(loans, "ann", instead)
    assert chances(session) == {instead.index: instead.chance}
    loans.forget_passed_over()
    assert question(loans, "ann").chance is None


@pytest.mark.parametrize("seed", range(3))
def test_many_people_who_come_and_go_take_back_and_start_anew_answer_each_draw_once(begin, seed):
    rng = np.random.default_rng(seed)
    session, loans = begin(budget=45)
    people = list("abcdefgh")
    for step in range(250):
        page = str(rng.choice(people))
        turn = loans.next(page, page)
        what = rng.choice(["answer", "answer", "answer", "skip", "undo", "release"])
        if turn.question is None:
            break
        if what == "release":
            loans.release(page)
        elif what == "undo" and any(entry.annotator == page for entry in effective_answers(session.store.entries())):
            loans.undo(page, page, None)
        else:
            answer(loans, page, turn.question, None if what == "skip" else LABELS[turn.question.index])
        if step % 60 == 59:
            outside = session.session.ask()
            session.reload()
            assert session.session.ask() == outside

    n_audited = sum(answer.chance is not None and answer.label is not None for answer in session.session.answers)
    assert n_audited == session.session.audit_labels
    assert 5 <= n_audited <= 13, "of 45, about a fifth"
    assert all(1 / 120 <= chance < 1 for chance in chances(session).values())


def test_a_grid_has_no_room_for_labels_that_an_audit_asks_for(begin):
    session, loans = begin(budget=10, share=0.0)
    answer(loans, "ann", question(loans, "ann"))
    assert loans.room("bob") == 9

    session.draw_audit(7)

    assert loans.room("bob") == 2
    question(loans, "ann")
    assert loans.room("bob") == 1, "one image is out on a page"
