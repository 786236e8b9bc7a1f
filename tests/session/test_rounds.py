"""Rounds that follow from the answers alone, however they came about."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from evenpick import Session, select, simulate
from evenpick.acquisition import ByteTable, rows_to_cover
from evenpick.labels import Answer
from evenpick.pool import Pool
from evenpick.session import rounds, sample
from evenpick.session.rounds import FIRST_ROUND, History, Rounds, lag, next_round, round_start, sample_start
from evenpick.session.sample import sampled_rows


def answers_to(rows, labels):
    """Answers to these rows; a label None is a skip."""
    return [Answer(row, labels[row], "discovery") for row in rows.tolist()]


def rounds_after(pool, answers):
    rounds_of_pool = Rounds(pool, 0)
    rounds_of_pool.replay(answers)
    return rounds_of_pool


def first_of(round_of_pool, pool):
    return round_of_pool.first(np.ones(len(pool), bool))


def test_rounds_grow_by_a_third_or_so_and_each_begins_where_the_last_ended():
    starts = sorted({round_start(n) for n in range(200)})

    assert starts == [0, 40, 52, 67, 87, 113, 146, 189]
    assert all(next_round(n) > n >= round_start(n) for n in range(1000))
    assert [lag(start) for start in (40, 160, 200, 2000)] == [8, 8, 10, 100]
    assert all(later - earlier > lag(later) for earlier, later in pairwise(starts))


def test_of_a_large_pool_the_first_round_covers_the_sample_of_max_herding_and_others_follow_as_labels_double(
    pool_and_labels, most_covered
):
    most_covered(200)
    pool, labels = pool_and_labels
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:120], labels)
    steering, samples = Rounds(pool, 0), []
    for n in (39, 40, 86, 87, 119, 86, 39):
        steering.replay(answers[:n])
        samples.append(steering.round_now().sample.rows.tolist())

    first, second, still, third, still_third, second_again, first_again = samples

    assert first == first_again == rows_to_cover(pool, 1, np.random.default_rng(0)).tolist()
    assert second == still == second_again == sampled_rows(pool, 0, History.of(answers).known_at(40)).tolist()
    assert third == still_third == sampled_rows(pool, 0, History.of(answers).known_at(87)).tolist()
    assert len({*map(tuple, samples)}) == 3


def test_of_a_pool_that_few_classes_share_all_is_covered_first_and_then_a_sample(pool_and_labels, few_classes):
    pool, labels = pool_and_labels
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:120], labels)
    steering, samples = Rounds(pool, 0), []
    for n in (39, 40, 86, 87, 39):
        steering.replay(answers[:n])
        samples.append(steering.round_now().sample.rows.tolist())

    first, second, still, third, first_again = samples

    assert first == first_again == list(range(len(pool)))
    assert second == still == sampled_rows(pool, 0, History.of(answers).known_at(40)).tolist()
    assert third == sampled_rows(pool, 0, History.of(answers).known_at(87)).tolist()
    assert max(len(second), len(third)) < len(first)


def test_whether_less_is_covered_is_settled_once_a_sample(pool_and_labels, monkeypatch):
    pool, labels = pool_and_labels
    asked = []
    monkeypatch.setattr(rounds, "is_sampled", lambda pool, known: asked.append(len(known)) or False)

    simulate(pool, labels, 150)

    assert asked == [0, 32, 79]


def test_a_sample_lasts_until_labels_have_doubled_or_make_a_quarter_of_one_more(monkeypatch):
    starts = [0, 40, 52, 67, 87, 113, 146, 189, 245]

    assert [sample_start(start) for start in starts] == [0, 40, 40, 40, 87, 87, 87, 189, 189]
    monkeypatch.setattr(rounds, "MOST_COVERED", 100)
    assert [sample_start(start) for start in starts] == [0, 40, 40, 67, 67, 113, 146, 189, 245]


def test_of_a_pool_that_is_covered_whole_the_kernel_is_computed_once(pool_and_labels, monkeypatch):
    pool, labels = pool_and_labels
    tables = []
    monkeypatch.setattr(sample, "ByteTable", lambda *given: tables.append(1) or ByteTable(*given))

    simulate(pool, labels, len(pool))

    assert len(tables) == 1


def test_the_first_round_is_nearly_that_of_max_herding(pool_and_labels):
    pool, labels = pool_and_labels

    auto, herded = (simulate(pool, labels, FIRST_ROUND, acquisition=a, random_state=4) for a in ("auto", "max_herding"))

    assert auto.indices[0] == herded.indices[0]
    assert len({*auto.indices} & {*herded.indices}) > FIRST_ROUND - 4  # the kernel is rounded to a byte


def test_a_round_keeps_away_from_the_labels_its_probe_knows(pool_and_labels, any_size):
    pool, labels = pool_and_labels
    twice = Pool.from_arrays(np.vstack([pool.features[:], pool.features[:]]))  # row i and row i + n are copies
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:52], labels)
    known = {answer.index for answer in answers}

    picks = rounds_after(twice, answers).round_now()
    open_rows, chosen = np.ones(len(twice), bool), []
    open_rows[[*known]] = False
    for _ in range(20):
        chosen.append(picks.first(open_rows))
        open_rows[chosen[-1]] = False

    assert not known & {row % len(pool) for row in chosen}


def test_what_was_skipped_is_not_chosen_within_a_round_and_covers_nothing(pool_and_labels):
    pool, labels = pool_and_labels
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:52], labels)
    wanted = first_of(rounds_after(pool, answers).round_now(), pool)
    skip = Answer(wanted, None, "discovery")

    for skipped in ([*answers[:5], skip, *answers[5:]], [*answers[:-1], skip, answers[-1]]):
        after = rounds_after(pool, skipped).round_now()
        first_of(after, pool)
        assert wanted not in after._order


def test_of_nothing_but_copies_no_order_of_files_decides():
    pool = Pool.from_arrays(np.ones((300, 4)))

    order = simulate(pool, ["only"] * 300, 60).indices

    assert 0.3 < np.mean(np.diff(order) > 0) < 0.7


def test_a_round_prepared_for_other_answers_is_not_used(pool_and_labels):
    pool, labels = pool_and_labels
    start = next_round(FIRST_ROUND)
    rows = np.random.default_rng(3).permutation(len(pool))[: start + 5]
    answers, others = answers_to(rows[:start], labels), answers_to(rows[5:], labels)
    steering = rounds_after(pool, answers[:-1])
    steering.prepare(0)
    steering.replay(others)

    found, expected = steering.round_now(), rounds_after(pool, others).round_now()

    assert first_of(found, pool) == first_of(expected, pool)
    assert found._greedy._weights.tolist() == expected._greedy._weights.tolist()


def test_a_round_keeps_away_from_labels_that_came_after_its_probe(pool_and_labels):
    pool, labels = pool_and_labels
    twice = Pool.from_arrays(np.vstack([pool.features[:], pool.features[:]]))  # row i and row i + n are copies
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:52], labels)
    wanted = first_of(rounds_after(twice, answers).round_now(), twice)
    late = Answer(wanted % len(pool), labels[0], "discovery")

    after = first_of(rounds_after(twice, [*answers[:-1], late]).round_now(), twice)

    assert after % len(pool) != late.index


def test_a_simulation_spends_its_budget_without_repeats_and_again_the_same(pool_and_labels):
    pool, labels = pool_and_labels

    first, again = (simulate(pool, labels, 150, random_state=3) for _ in range(2))

    assert len(set(first.indices.tolist())) == 150
    assert first.indices.tolist() == again.indices.tolist()
    assert first.phases == ["discovery"] * FIRST_ROUND + ["balancing"] * (150 - FIRST_ROUND)
    assert first.switch_at == FIRST_ROUND
    assert set(first.targets) == {None}


def test_the_whole_pool_can_be_labelled(pool_and_labels):
    pool, labels = pool_and_labels

    result = simulate(pool, labels, len(pool))

    assert sorted(result.indices.tolist()) == list(range(len(pool)))


def test_where_a_small_sample_is_covered_the_rest_of_the_pool_comes_too_and_in_no_order_of_files(
    pool_and_labels, most_covered
):
    most_covered(30)
    pool, labels = pool_and_labels

    first, again = (simulate(pool, labels, len(pool)).indices for _ in range(2))

    assert sorted(first.tolist()) == list(range(len(pool)))
    assert first.tolist() == again.tolist()
    assert 0.4 < np.mean(np.diff(first[-100:]) > 0) < 0.6


def test_a_session_that_is_replayed_goes_on_as_one_that_was_not(pool_and_labels, any_size):
    pool, labels = pool_and_labels
    running = Session(pool, 150, random_state=1)
    for n in range(140):
        row = running.next()
        if n % 9 == 4:
            running.skip(row)
        else:
            running.label(row, labels[row])
        if n in (45, 60, 61, 90, 120):
            reopened = Session(pool, 150, random_state=1)
            reopened.replay(running.answers)
            assert reopened.ask() == running.ask()


def test_undo_over_the_start_of_a_round_comes_back_to_the_same_questions(pool_and_labels, any_size):
    pool, labels = pool_and_labels
    session = Session(pool, 100)
    for _ in range(FIRST_ROUND + 6):
        session.label(session.next(), labels[session.next()])
    before = session.next()
    undone = [session.undo() for _ in range(10)]

    assert session.phase == "discovery"
    for answer in reversed(undone):
        assert session.next() == answer.index
        session.label(answer.index, answer.label)
    assert session.next() == before


def test_preparing_ahead_changes_no_question(pool_and_labels, any_size):
    pool, labels = pool_and_labels
    plain, prepared = Session(pool, 120), Session(pool, 120)
    for _ in range(110):
        assert prepared.next() == plain.next()
        prepared.prepare(prepared.next())
        for session in (plain, prepared):
            session.label(session.next(), labels[session.next()])


def test_preparing_is_done_before_the_round_begins(pool_and_labels, monkeypatch):
    pool, labels = pool_and_labels
    session = Session(pool, 120)
    for _ in range(FIRST_ROUND - lag(FIRST_ROUND)):
        session.label(session.next(), labels[session.next()])
    session.prepare(session.next())
    for _ in range(lag(FIRST_ROUND)):
        session.label(session.next(), labels[session.next()])

    monkeypatch.setattr(Rounds, "_round_after", lambda *_: pytest.fail("begun although it was prepared"))

    assert session.next() is not None


def test_a_session_reopened_after_the_first_round_does_not_plan_it_again(pool_and_labels):
    pool, labels = pool_and_labels
    answers = [Answer(row, labels[row], "discovery") for row in range(FIRST_ROUND)]

    reopened = Session(pool, 120, acquisition=lambda *_: pytest.fail("planned"))
    reopened.replay(answers)
    reopened.prepare()

    assert reopened.next() is not None


@pytest.mark.slow
def test_answers_undone_and_merged_while_others_prepare_change_no_question(pool_and_labels, any_size):
    pool, labels = pool_and_labels
    session, stop = Session(pool, 120, random_state=2), threading.Event()

    def prepare():
        while not stop.wait(0.001):
            session.prepare(0)

    with ThreadPoolExecutor(1) as worker:
        prepared = worker.submit(prepare)
        try:
            for n in range(90):
                row = session.next()
                session.label(row, labels[row])
                if n % 20 == 19:
                    session.undo()
                if n == 70:
                    merged = [replace(a, label="0" if a.label == "1" else a.label) for a in session.answers]
                    session.replay(merged)
                if n % 10 == 9:
                    reopened = Session(pool, 120, random_state=2)
                    reopened.replay(session.answers)
                    assert reopened.ask() == session.ask()
        finally:
            stop.set()
    assert prepared.result() is None


def test_another_name_for_a_class_changes_no_question_and_prepares_nothing_anew(pool_and_labels, monkeypatch):
    pool, labels = pool_and_labels
    session = Session(pool, 120)
    for _ in range(70):
        session.label(session.next(), labels[session.next()])
    expected = session.ask()

    monkeypatch.setattr(Rounds, "_round_after", lambda *_: pytest.fail("begun again"))
    session.replay([replace(a, label="z" if a.label == "0" else a.label) for a in session.answers])

    assert session.ask() == expected


def test_people_at_once_get_different_images(pool_and_labels):
    pool, labels = pool_and_labels
    session = Session(pool, 120)
    for _ in range(50):
        session.label(session.next(), labels[session.next()])

    out = []
    for _ in range(30):
        out.append(session.next(exclude=out))

    assert len(set(out)) == 30
    assert all(session.next(exclude=out[:n]) == out[n] for n in range(30))


def test_the_history_counts_labels_and_keeps_the_skips_between_them():
    history = History()
    for row, label in ((4, "x"), (7, None), (2, "y"), (9, None), (1, "x"), (3, None)):
        history.add(Answer(row, label, "discovery"))

    assert history.n_labels == 3
    assert history.first(0) == ()
    assert history.first(2) == ((4, 0), (7, None), (2, 1))
    assert history.first(3) == (*history.first(2), (9, None), (1, 0))
    assert history.begins_with(history.first(2))
    assert not history.begins_with(((4, 0), (7, 0)))


@pytest.mark.parametrize("changed", [3, 50])
def test_an_answer_changed_before_a_round_began_begins_it_anew(changed, pool_and_labels):
    pool, labels = pool_and_labels
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:60], labels)
    others = [*answers]
    others[changed] = Answer(answers[changed].index, None if changed == 3 else "another", "discovery")
    steering = rounds_after(pool, answers)
    before = steering.round_now()

    steering.replay(others)

    assert steering.round_now() is not before
    assert steering.round_now().answers == rounds_after(pool, others).round_now().answers


def test_an_answer_undone_within_a_round_goes_on_with_it(pool_and_labels):
    pool, labels = pool_and_labels
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:60], labels)
    steering = rounds_after(pool, answers)
    before = steering.round_now()

    steering.replay(answers[:-1])
    assert steering.round_now() is before
    steering.replay(answers[:51])  # 52 begin it
    assert steering.round_now() is not before


def test_with_another_acquisition_function_the_first_round_is_its_discovery(pool_and_labels):
    pool, labels = pool_and_labels
    order = select(pool, FIRST_ROUND, "random", random_state=3)

    result = simulate(pool, labels, 60, acquisition="random", random_state=3)

    assert result.indices[:FIRST_ROUND].tolist() == order.tolist()
    assert result.switch_at == FIRST_ROUND


def test_one_class_only_is_covered_evenly(pool_and_labels):
    pool, _ = pool_and_labels

    result = simulate(pool, ["only"] * len(pool), 70)

    assert len(set(result.indices.tolist())) == 70


@pytest.mark.slow
def test_rare_classes_get_more_labels_than_when_the_pool_is_covered_alike():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), np.geomspace(300, 8, 12).astype(int))
    features = rng.normal(size=(12, 32))[labels] + 1.5 * rng.normal(size=(len(labels), 32))
    pool, rare = Pool.from_arrays(features), labels >= 8

    def rare_labels(balancing):
        return [
            rare[simulate(pool, labels, 200, balancing=balancing, audit=0, random_state=s).indices].sum()
            for s in range(3)
        ]

    assert np.mean(rare_labels("auto")) > 1.2 * np.mean(rare_labels(None))
