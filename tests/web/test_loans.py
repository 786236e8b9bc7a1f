"""Several people at once: each another image, none lost, and one alone gets what a simulation gets."""

from dataclasses import replace

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.session import RecordedSession, Session, take_back
from evenpick.web.loans import Loans, Turn

LABELS = ["common"] * 50 + ["rare"] * 5 + ["other"] * 5
OPTIONS = {"acquisition": "random", "balancing": "ratio_max", "patience": 1, "random_state": 3}


@pytest.fixture
def pool(make_pool):
    return make_pool(n=60, seed=2)


@pytest.fixture
def begin(tmp_path, pool, lend):
    def build(budget=60, settings=OPTIONS, **options):
        return lend(RecordedSession(tmp_path, pool, budget, "ann", **settings), **options)

    return build


def row(turn):
    assert turn.status == "image"
    return turn.question.index


def test_one_alone_gets_what_a_simulation_gets_whatever_they_take_back(begin, pool):
    plain, expected = Session(pool, 40, **OPTIONS), []
    while (index := plain.next()) is not None:
        plain.label(index, LABELS[index])
        expected.append(index)

    session, loans = begin(40)
    done = []
    while (turn := loans.next("p", "ann")).status == "image":
        if len(done) % 7 == 3:
            loans.answer("p", "ann", row(turn), "a slip", None)
            assert row(loans.next("p", "ann")) is not None
            loans.undo("p", "ann", None)
            assert loans.next("p", "ann") == turn
        if len(done) % 5 == 4:
            loans.release("p")
        loans.upcoming("p")
        index = row(loans.next("p", "ann"))
        loans.answer("p", "ann", index, LABELS[index], None)
        done.append(index)

    assert done == expected
    assert [a.target for a in session.session.answers] == [a.target for a in plain.answers]


def test_every_page_has_another_image_until_it_answers(begin):
    _, loans = begin()
    rows = [row(loans.next(page, "ann")) for page in "abcdefgh"]

    assert len(set(rows)) == 8
    assert [row(loans.next(page, "ann")) for page in "abcdefgh"] == rows
    loans.answer("c", "ann", rows[2], "cat", None)
    assert row(loans.next("c", "ann")) not in rows


def test_a_page_that_closes_or_falls_silent_gives_its_image_back(begin):
    now = [0.0]
    _, loans = begin(seconds=60, clock=lambda: now[0])
    first, second = row(loans.next("a", "ann")), row(loans.next("b", "bob"))
    loans.release("a")
    assert row(loans.next("c", "eve")) == first
    now[0] = 30
    assert row(loans.next("b", "bob")) == second  # still there, and lent anew
    now[0] = 61
    assert row(loans.next("d", "dan")) == first
    now[0] = 100
    assert row(loans.next("e", "eli")) == second


def test_an_image_comes_back_when_its_time_is_over_to_the_second(begin):
    now = [0.0]
    _, loans = begin(seconds=60, clock=lambda: now[0])
    first = row(loans.next("a", "ann"))
    now[0] = 59.9
    assert row(loans.next("b", "bob")) != first
    now[0] = 60
    assert row(loans.next("c", "eve")) == first


def test_a_late_answer_is_kept_beside_the_one_that_counts(begin):
    now = [0.0]
    session, loans = begin(seconds=60, clock=lambda: now[0])
    late = row(loans.next("a", "ann"))
    now[0] = 61
    assert row(loans.next("b", "bob")) == late
    loans.answer("b", "bob", late, "cat", None)
    loans.answer("a", "ann", late, "dog", None)

    assert session.opinions[late] == {"bob": "cat", "ann": "dog"}
    assert session.counts == {"cat": 1}


def test_no_more_images_are_out_than_labels_are_left(begin):
    session, loans = begin(budget=3)
    rows = [row(loans.next(page, page)) for page in "abc"]
    assert loans.next("d", "dan") == Turn("waiting")
    loans.answer("a", "a", rows[0], "cat", None)
    assert loans.next("a", "a") == Turn("waiting")
    loans.answer("b", "b", rows[1], None, None)  # a skip costs nothing: another image may be asked
    assert row(loans.next("d", "dan")) not in rows
    loans.answer("c", "c", rows[2], "cat", None)
    loans.answer("d", "dan", row(loans.next("d", "dan")), "cat", None)
    assert loans.next("a", "a") == Turn("finished")
    assert session.session.labels_left == 0


def test_sending_again_changes_nothing(begin):
    session, loans = begin()
    asked = row(loans.next("a", "ann"))
    first = loans.answer("a", "ann", asked, "cat", "r1")
    assert loans.answer("a", "ann", asked, "cat", "r1") == first
    undone = loans.undo("a", "ann", "r2")
    assert loans.undo("a", "ann", "r2") == undone
    loans.answer("a", "ann", asked, "cat", "r3")
    loans.rename("a", "ann", "cat", "dog", "r4")
    loans.rename("a", "ann", "cat", "dog", "r4")

    assert [entry.kind for entry in session.store.entries()] == ["label", "undo", "label", "rename"]
    with pytest.raises(EvenpickError, match="request 'r1' was something else"):
        loans.answer("a", "ann", asked, None, "r1")


def test_a_question_that_is_out_keeps_its_target_through_the_undo_and_the_merge_of_others(begin):
    session, loans = begin()
    while session.phase == "discovery":
        index = row(loans.next("a", "ann"))
        loans.answer("a", "ann", index, LABELS[index], None)
    theirs = loans.next("b", "bob").question
    mine = loans.next("a", "ann").question
    loans.answer("a", "ann", mine.index, "common", None)
    loans.undo("a", "ann", None)
    loans.rename("a", "ann", theirs.target, "scarce", None)
    loans.answer("b", "bob", theirs.index, "common", None)

    answer = session.session.answers[-1]
    assert (answer.index, answer.phase, answer.target) == (theirs.index, "balancing", "scarce")


def test_with_repeat_different_people_are_asked_for_the_same_image(begin):
    session, loans = begin(budget=4, repeat=2)
    asked = {who: [] for who in ("ann", "bob", "eve")}
    for _ in range(20):
        for who, rows in asked.items():
            turn = loans.next(who, who)
            if turn.status == "image":
                rows.append(row(turn))
                loans.answer(who, who, row(turn), "cat", None)

    assert all(len(rows) == len(set(rows)) for rows in asked.values())
    assert sorted(len(given) for given in session.opinions.values()) == [2, 2, 2, 2]
    assert session.counts == {"cat": 4}
    assert {loans.next(who, who).status for who in asked} == {"finished"}


def test_the_last_image_that_is_out_is_lent_to_a_second_person(begin):
    session, loans = begin(budget=1, repeat=2)
    last = row(loans.next("a", "ann"))

    assert row(loans.next("b", "bob")) == last
    assert loans.next("c", "eve") == Turn("waiting")
    assert session.session.labels_left == 1


def test_who_renames_is_asked_anew(begin):
    _, loans = begin()
    loans.answer("a", "ann", row(loans.next("a", "ann")), "cat", None)
    shown = row(loans.next("a", "ann"))
    loans.rename("a", "ann", "cat", "feline", None)

    assert row(loans.next("b", "bob")) == shown


def test_two_pages_of_one_annotator_never_share_an_image_even_with_repeat(begin):
    _, loans = begin(repeat=3)

    assert row(loans.next("a", "ann")) != row(loans.next("b", "ann"))
    assert row(loans.next("c", "bob")) == row(loans.next("a", "ann"))


def test_an_image_that_was_skipped_is_not_repeated(begin):
    _, loans = begin(repeat=2)
    skipped = row(loans.next("a", "ann"))
    loans.answer("a", "ann", skipped, None, None)

    assert row(loans.next("b", "bob")) != skipped


def test_repeat_must_be_one_or_more(begin):
    with pytest.raises(EvenpickError, match="repeat must be 1"):
        begin(repeat=0)


def guessing(begin, pool, n=45, **options):
    """Loans after so many answers of `auto`."""
    session, loans = begin(settings={"acquisition": "auto", "balancing": "auto"}, **options)
    while sum(session.counts.values()) < n:
        row = session.next()
        session.label(row, LABELS[row])
    return session, loans


def test_a_page_that_wants_guesses_gets_those_of_the_session_and_the_record_keeps_what_was_shown(begin, pool):
    session, loans = guessing(begin, pool)
    shown = loans.next("a", "ann", guesses=True).question
    assert shown.offered == session.session.guesses(shown.index) != ()
    assert loans.next("b", "bob").question.offered == ()
    assert loans.next("a", "ann").question.offered == shown.offered  # what was seen was seen
    loans.answer("a", "ann", shown.index, shown.offered[1], None)
    loans.answer("b", "bob", row(loans.next("b", "bob")), "common", None)

    assert [entry.offered for entry in session.store.entries()[-2:]] == [shown.offered, ()]


def test_undo_brings_the_guesses_back_with_the_image(begin, pool):
    session, loans = guessing(begin, pool)
    shown = loans.next("a", "ann", guesses=True)
    loans.answer("a", "ann", row(shown), "a slip", None)
    loans.next("a", "ann", guesses=True)
    loans.undo("a", "ann", None)

    assert loans.next("a", "ann", guesses=True) == shown
    assert session.counts.get("a slip") is None
    loans.answer("a", "ann", row(shown), "common", None)
    loans.undo("a", "ann", None)
    loans.answer("a", "ann", row(shown), "other", None)  # by a page that has switched them off since
    assert session.store.entries()[-1].offered == shown.question.offered


def test_an_answer_that_comes_after_a_restart_keeps_the_guesses_it_was_given_with(begin, pool):
    session, loans = guessing(begin, pool)
    shown = loans.next("a", "ann", guesses=True).question
    again = Loans(session)  # knows of no page
    again.answer("a", "ann", shown.index, "common", None, guesses=True)
    again.close()

    assert session.store.entries()[-1].offered == shown.offered


def test_a_second_opinion_is_asked_for_without_guesses(begin, pool):
    session, loans = guessing(begin, pool, repeat=2)
    first = loans.next("a", "ann", guesses=True).question
    loans.answer("a", "ann", first.index, "common", None)
    second = loans.next("b", "bob", guesses=True).question
    assert (second.index, second.offered) == (session.session.answers[0].index, ())
    while second.index != first.index:
        loans.answer("b", "bob", second.index, "common", None)
        second = loans.next("b", "bob", guesses=True).question
    assert second.offered == ()


def test_who_is_lent_an_image_that_another_person_looks_at_gets_no_guesses(begin, pool):
    _, loans = guessing(begin, pool, repeat=2)
    first = loans.next("a", "ann", guesses=True).question
    loans.passed_over.update(answer.index for answer in loans._session.session.answers)
    second = loans.next("b", "bob", guesses=True).question

    assert (first.index, len(first.offered)) == (second.index, 3)
    assert second.offered == ()


def test_guesses_follow_a_class_that_is_renamed_or_merged(begin, pool):
    _, loans = guessing(begin, pool)
    shown = loans.next("a", "ann", guesses=True).question.offered
    loans.rename("b", "bob", "common", "frequent", None)
    loans.rename("b", "bob", "rare", "other", None)
    merged = {"common": "frequent", "rare": "other", "other": "other"}

    now = loans.next("a", "ann", guesses=True).question.offered
    assert now == tuple(dict.fromkeys(merged[name] for name in shown))
    assert len(now) == 2


def test_a_server_without_guesses_offers_none(begin, pool):
    _, loans = guessing(begin, pool, guesses=False)

    assert loans.next("a", "ann", guesses=True).question.offered == ()
    assert not loans.has_guesses


def test_an_image_drawn_at_random_comes_without_guesses_and_all_others_with_some(begin, pool):
    session, loans = begin(settings={"acquisition": "auto", "balancing": "auto", "audit": 0.3})
    while (turn := loans.next("a", "ann", guesses=True)).status == "image":
        loans.answer("a", "ann", row(turn), LABELS[row(turn)], None)

    later = session.store.entries()[40:]
    drawn = [entry for entry in later if entry.chance is not None]
    assert 4 < len(drawn) < len(later) - 4
    assert all((entry.chance is None) == bool(entry.offered) for entry in later)


def test_skipped_images_are_asked_for_again_next_and_that_can_be_undone(begin):
    session, loans = begin()
    skipped = []
    for name in (None, "cat", None, "cat", None):
        asked = row(loans.next("a", "ann"))
        loans.answer("a", "ann", asked, name, None)
        skipped += [] if name else [asked]
    ids = loans.ask_again("ann", [], "r1")
    assert loans.ask_again("ann", [], "r1") == ids  # sent again
    assert len(ids) == 3
    again = []
    for name in ("cat", None, "dog"):
        again.append(row(loans.next("a", "ann")))
        loans.answer("a", "ann", again[-1], name, None)

    assert again == skipped
    assert session.counts == {"cat": 3, "dog": 1}
    assert row(loans.next("a", "ann")) not in skipped
    with pytest.raises(EvenpickError, match="none of these images was skipped"):
        loans.ask_again("ann", [again[0]], None)
    loans.ask_again("ann", [again[1]], None)
    loans.release("a")
    assert row(loans.next("a", "ann")) == again[1]
    take_back(session, [session.store.entries()[-1].id], "ann")
    loans.release("a")
    assert row(loans.next("a", "ann")) != again[1]


def test_two_pages_share_what_is_asked_again(begin):
    _, loans = begin()
    for _ in range(2):
        loans.answer("a", "ann", row(loans.next("a", "ann")), None, None)
    loans.ask_again("ann", [], None)

    assert row(loans.next("a", "ann")) != row(loans.next("b", "bob"))


def test_what_is_asked_again_has_the_name_that_its_target_has_now(begin):
    _, loans = begin()
    while (asked := loans.next("a", "ann").question).target is None:
        loans.answer("a", "ann", asked.index, LABELS[asked.index], None)
    loans.answer("a", "ann", asked.index, None, None)
    loans.ask_again("ann", [asked.index], None)
    loans.rename("b", "bob", asked.target, "scarce", None)

    again = loans.next("a", "ann").question
    assert (again.index, again.target) == (asked.index, "scarce")


def test_what_is_asked_again_waits_while_another_page_has_an_image_of_its_group(tmp_path, make_pool):
    pool = replace(make_pool(n=6), groups=np.array([0, 0, 0, 1, 2, 3]))
    with RecordedSession(tmp_path, pool, 6, "ann", acquisition="random", balancing=None) as session:
        loans = Loans(session)
        session.skip(0)
        loans.ask_again("ann", [], None)
        assert loans.lend_grid("g", session.session.unanswered().tolist(), 2) == [1, 3]
        assert row(loans.next("a", "ann")) in (4, 5)
        loans.release("g")
        assert row(loans.next("b", "bob")) == 0
        loans.close()
