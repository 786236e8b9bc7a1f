"""Rounds that follow from the answers alone, however they came about."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from evenpick import Session, simulate
from evenpick.acquisition import ByteTable, herding, part_to_cover, unit_features
from evenpick.classifiers import fit_probe
from evenpick.labels import Answer
from evenpick.pool import Pool
from evenpick.probabilities import margins
from evenpick.session import FIRST_ROUND, rounds
from evenpick.session.rounds import (
    ProbedCoverage,
    balanced_uncertainty,
    coverage_weights,
    first_labels,
    lag,
    next_round,
    round_start,
)


@pytest.fixture(scope="module")
def pool_and_labels():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), [150, 80, 40, 20, 10, 6])
    features = rng.normal(size=(6, 12))[labels] + 0.8 * rng.normal(size=(len(labels), 12))
    return Pool.from_arrays(features), labels.astype(str)


def answers_to(rows, labels):
    numbers = {}  # in order of discovery
    return tuple((row, numbers.setdefault(labels[row], len(numbers))) for row in rows.tolist())


def test_rounds_grow_by_a_third_or_so_and_each_begins_where_the_last_ended():
    starts = sorted({round_start(n) for n in range(200)})

    assert starts == [0, 40, 52, 67, 87, 113, 146, 189]
    assert all(next_round(n) > n >= round_start(n) for n in range(1000))
    assert [lag(start) for start in (40, 160, 200, 2000)] == [8, 8, 10, 100]
    assert all(later - earlier > lag(later) for earlier, later in pairwise(starts))


@pytest.mark.slow
def test_images_are_worth_what_the_probe_is_unsure_of_and_rare_classes_more(pool_and_labels):
    pool, labels = pool_and_labels
    rows = np.random.default_rng(1).permutation(len(pool))[:60]
    points, labelled = unit_features(pool, np.arange(len(pool))), unit_features(pool, rows)
    numbers = np.unique(labels[rows], return_inverse=True)[1]

    weights = coverage_weights(points, labelled, numbers)

    probe = fit_probe(labelled, numbers)
    shares = probe.probabilities(points, corrected=False).sum(axis=0) / len(points)
    for weight, chances in zip(weights, probe.probabilities(points), strict=True):
        second, first = sorted(chances)[-2:]
        rarity = sum(chance / share**0.5 for chance, share in zip(chances, shares, strict=True))
        assert weight == pytest.approx((1 - (first - second)) * rarity)


def test_the_probe_is_mostly_less_sure_of_a_class_while_it_is_not_found(pool_and_labels):
    pool, labels = pool_and_labels
    points = unit_features(pool, np.arange(len(pool)))
    given = np.arange(0, len(pool), 6)

    def doubt(name, found):
        others = np.setdiff1d(np.flatnonzero(labels == name), given)
        probe = fit_probe(points[found], np.unique(labels[found], return_inverse=True)[1])
        return 1 - margins(probe.probabilities(points[others])).mean()

    unfound = np.mean([doubt(name, given[labels[given] != name]) for name in np.unique(labels)])
    assert unfound > 1.2 * np.mean([doubt(name, given) for name in np.unique(labels)])


@pytest.fixture
def most_covered(monkeypatch):
    def set_to(n_images):
        for module in (herding, rounds):
            monkeypatch.setattr(module, "MOST_COVERED", n_images)

    return set_to


def test_of_a_large_pool_all_rounds_cover_the_sample_of_max_herding_until_labels_make_a_quarter_of_it(
    pool_and_labels, most_covered
):
    most_covered(240)
    pool, labels = pool_and_labels
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:80], labels)
    coverage = ProbedCoverage(pool, 0)

    first, again, later, back = (coverage.round_after(answers[:n])._sample.rows.tolist() for n in (0, 67, 68, 67))

    assert first == again == back == part_to_cover(pool, 1, np.random.default_rng(0))[0].tolist()
    assert first != later


def test_of_a_pool_that_is_covered_whole_the_kernel_is_computed_once(pool_and_labels, monkeypatch):
    pool, labels = pool_and_labels
    tables = []
    monkeypatch.setattr(rounds, "ByteTable", lambda *given: tables.append(1) or ByteTable(*given))

    simulate(pool, labels, len(pool))

    assert len(tables) == 1


def test_the_first_round_is_nearly_that_of_max_herding(pool_and_labels):
    pool, labels = pool_and_labels

    auto, herded = (simulate(pool, labels, FIRST_ROUND, acquisition=a, random_state=4) for a in ("auto", "max_herding"))

    assert auto.indices[0] == herded.indices[0]
    assert len({*auto.indices} & {*herded.indices}) > FIRST_ROUND - 4  # the kernel is rounded to a byte


def test_labels_in_the_sample_and_outside_cover_alike(pool_and_labels, most_covered):
    most_covered(200)
    pool, _ = pool_and_labels
    sample = rounds.Sample(pool, 0, 0)
    outside = np.setdiff1d(np.arange(len(pool)), sample.rows)
    rows = np.array([*sample.rows[[3, 50]], *outside[[0, 1, -1]]])
    greedy_round = rounds.Round(pool, sample, (), np.random.default_rng(0))

    for some in (rows, rows[:2], rows[2:]):
        covered = greedy_round._coverage_by(some)
        assert covered == pytest.approx(sample.kernel.best(unit_features(pool, some)), abs=1.01 / 255)
    assert (greedy_round._coverage_by(rows) > greedy_round._coverage_by(rows[:2])).any()


@pytest.mark.parametrize("most", [60, 10_000])
def test_a_round_keeps_away_from_the_labels_its_probe_knows(pool_and_labels, most, most_covered):
    most_covered(most)
    pool, labels = pool_and_labels
    twice = Pool.from_arrays(np.vstack([pool.features[:], pool.features[:]]))  # row i and row i + n are copies
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:60], labels)
    known = {row for row, _ in answers}

    picks = ProbedCoverage(twice, 0).round_after(answers)
    open_rows, chosen = np.ones(len(twice), bool), []
    open_rows[[*known]] = False
    for _ in range(20):
        chosen.append(picks.first(open_rows))
        open_rows[chosen[-1]] = False

    assert not known & {row % len(pool) for row in chosen}


def test_what_was_skipped_is_not_chosen_within_a_round_and_covers_nothing(pool_and_labels):
    pool, labels = pool_and_labels
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:60], labels)
    unhindered = ProbedCoverage(pool, 0).round_after(answers)
    wanted = unhindered.first(np.ones(len(pool), bool))

    for skipped in ((*answers[:5], (wanted, None), *answers[5:]), (*answers[:-1], (wanted, None), answers[-1])):
        after = ProbedCoverage(pool, 0).round_after(skipped)
        after.first(np.ones(len(pool), bool))
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
    coverage = ProbedCoverage(pool, 0)

    coverage.prepare(answers[:-1])
    open_rows = np.ones(len(pool), bool)

    assert coverage.round_after(others).first(open_rows) == ProbedCoverage(pool, 0).round_after(others).first(open_rows)
    assert coverage.round_after(others)._greedy._weights.tolist() == (
        ProbedCoverage(pool, 0).round_after(others)._greedy._weights.tolist()
    )


def test_a_round_keeps_away_from_labels_that_came_after_its_probe(pool_and_labels):
    pool, labels = pool_and_labels
    twice = Pool.from_arrays(np.vstack([pool.features[:], pool.features[:]]))  # row i and row i + n are copies
    answers = answers_to(np.random.default_rng(2).permutation(len(pool))[:60], labels)
    coverage = ProbedCoverage(twice, 0)
    wanted = coverage.round_after(answers).first(np.ones(len(twice), bool))
    late = wanted % len(pool)

    after = coverage.round_after((*answers[:-1], (late, 0))).first(np.ones(len(twice), bool))

    assert after % len(pool) != late


def test_balanced_uncertainty_by_hand():
    class Fixed:
        def probabilities(self, points, corrected=True):
            return np.array([[0.5, 0.5], [0.9, 0.1]]) if corrected else np.array([[0.64, 0.36], [0.94, 0.06]])

    # Shares 0.79 and 0.21, and of two images none is rarer than one half; margins 0 and 0.8.
    common, rare = 0.79**-0.5, 0.5**-0.5
    expected = [1.0 * (0.5 * common + 0.5 * rare), 0.2 * (0.9 * common + 0.1 * rare)]

    assert balanced_uncertainty(Fixed(), np.zeros((2, 3))) == pytest.approx(expected)


def test_before_there_are_two_classes_every_image_is_worth_the_same(pool_and_labels):
    points = unit_features(pool_and_labels[0], np.arange(50))

    assert coverage_weights(points, points[:5], np.zeros(5, np.intp)) is None


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


def test_a_session_that_is_replayed_goes_on_as_one_that_was_not(pool_and_labels):
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


def test_undo_over_the_start_of_a_round_comes_back_to_the_same_questions(pool_and_labels):
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


def test_preparing_ahead_changes_no_question(pool_and_labels):
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

    monkeypatch.setattr(ProbedCoverage, "_begin", lambda *_: pytest.fail("begun although it was prepared"))

    assert session.next() is not None


def test_a_session_reopened_after_the_first_round_does_not_plan_it_again(pool_and_labels):
    pool, labels = pool_and_labels
    answers = [Answer(row, labels[row], "discovery") for row in range(FIRST_ROUND)]

    reopened = Session(pool, 120, acquisition=lambda *_: pytest.fail("planned"))
    reopened.replay(answers)
    reopened.prepare()

    assert reopened.next() is not None


@pytest.mark.parametrize("most", [60, 10_000])
def test_answers_undone_and_merged_while_others_prepare_change_no_question(pool_and_labels, most, most_covered):
    most_covered(most)
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

    monkeypatch.setattr(ProbedCoverage, "_begin", lambda *_: pytest.fail("begun again"))
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


def test_first_labels_counts_labels_and_keeps_the_skips_between_them():
    answers = ((4, 0), (7, None), (2, 1), (9, None), (1, 2))

    assert first_labels(answers, 2) == answers[:3]
    assert first_labels(answers, 3) == answers
    assert first_labels(answers, 9) == answers


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
        return [rare[simulate(pool, labels, 200, balancing=balancing, random_state=s).indices].sum() for s in range(3)]

    assert np.mean(rare_labels("auto")) > 1.2 * np.mean(rare_labels(None))
