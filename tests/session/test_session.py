"""The state machine of labelling, against a session written as plainly as the method page reads."""

import numpy as np
import pytest

from evenpick.acquisition import select
from evenpick.errors import EvenpickError
from evenpick.session import Session, phase_of


def reference_session(pool, labels, budget, acquisition, balancing, seed):
    """Method page, section 'Balancing', without patience: every mean and distance from scratch."""
    order = select(pool, budget, acquisition, seed).tolist()
    rank = np.empty(len(pool), dtype=int)
    rank[np.random.default_rng([seed, 1]).permutation(len(pool))] = np.arange(len(pool))
    features = np.asarray(pool.features, dtype=np.float64)
    done, classes, asked = [], [], {}
    switched = False
    while len(done) < budget:
        counts = [sum(labels[i] == c for i in done) for c in classes]
        target = None
        if not switched:
            index = next(i for i in order if i not in done)
        else:
            mean = sum(counts) / len(counts)
            target = min(classes, key=lambda c: (counts[classes.index(c)], asked.get(c, 0), classes.index(c)))
            means = {c: features[[i for i in done if labels[i] == c]].mean(axis=0) for c in classes}
            others = [c for c, n in zip(classes, counts, strict=True) if n >= mean and c != target]
            best = None
            for i in sorted(set(range(len(pool))) - set(done), key=lambda i: rank[i]):
                near = np.linalg.norm(features[i] - means[target])
                distances = [np.linalg.norm(features[i] - means[c]) for c in others]
                if not others:
                    score = near
                elif balancing == "ratio_max":
                    score = near / max(distances) if max(distances) > 0 else (0 if near == 0 else np.inf)
                else:
                    score = near - min(distances)
                if best is None or score < best[0] - 1e-9:
                    best = (score, i)
            index = best[1]
            asked[target] = asked.get(target, 0) + 1
        done.append(index)
        if labels[index] not in classes:
            classes.append(labels[index])
        now = np.array([sum(labels[i] == c for i in done) for c in classes])
        under = now < now.mean()
        gap = now[~under].mean() - now[under].mean() if under.any() else 0
        if balancing and budget - len(done) <= under.sum() * gap + 1e-9:
            switched = True
    return done


def run(session, labels):
    done = []
    while (index := session.next()) is not None:
        session.label(index, labels[index])
        done.append(index)
    return done


@pytest.mark.slow
@pytest.mark.parametrize("balancing", [None, "ratio_max", "diff_min"])
@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_reference(balancing, seed, make_pool, tied_pool):
    pool = make_pool(n=60, seed=seed) if seed % 2 else tied_pool(seed + 20)
    rng = np.random.default_rng(seed)
    labels = [f"c{int(i)}" for i in rng.choice(6, size=len(pool), p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05])]
    budget = max(2, len(pool) * 2 // 3)

    session = Session(pool, budget, "ent_inv_div", balancing, random_state=seed)

    assert run(session, labels) == reference_session(pool, labels, budget, "ent_inv_div", balancing, seed)


def test_asks_the_same_until_it_is_answered(make_pool):
    session = Session(make_pool(), 5)

    first = session.next()
    assert session.next() == first
    session.label(first, "a")
    assert session.next() != first


def test_a_skip_costs_no_budget_and_is_never_asked_again(make_pool):
    pool = make_pool(n=12)
    session = Session(pool, 3, "random", None)
    skipped = []
    while (index := session.next()) is not None:
        if len(skipped) < 9:
            session.skip(index)
            skipped.append(index)
        else:
            session.label(index, "a")

    assert session.counts == {"a": 3}
    assert len(set(skipped)) == 9


def test_an_image_answered_out_of_turn_is_not_lost_nor_asked(make_pool):
    session = Session(make_pool(), 4, "random", None)
    asked = session.next()
    other = next(i for i in range(40) if i != asked)
    session.label(other, "a")

    assert session.next() == asked
    session.label(asked, "b")
    assert session.next() not in (asked, other)


def test_undo_goes_back_to_the_same_question_and_phase(make_pool):
    pool = make_pool(n=60, seed=2)
    labels = ["common"] * 50 + ["rare"] * 10
    session = Session(pool, 30, "random", "diff_min", patience=2, random_state=3)
    questions, states = [], []
    while (index := session.next()) is not None:
        questions.append(index)
        states.append((session.phase, session.counts, session.target))
        session.label(index, labels[index])
    assert session.phase == "balancing"

    for question, state in zip(reversed(questions), reversed(states), strict=True):
        assert session.undo().index == question
        assert session.next() == question
        assert (session.phase, session.counts, session.target) == state
    with pytest.raises(EvenpickError, match="no answer to undo"):
        session.undo()


def test_a_replayed_record_arrives_at_the_same_state(make_pool):
    pool = make_pool(n=60, seed=2)
    labels = ["common"] * 50 + ["rare"] * 5 + ["other"] * 5
    options = {"acquisition": "random", "balancing": "ratio_max", "patience": 1, "random_state": 3}
    live = Session(pool, 40, **options)
    for _ in range(39):
        replayed = Session(pool, 40, **options)
        replayed.replay(live.answers)
        index = live.next()
        assert replayed.next() == index
        assert (replayed.phase, replayed.target) == (live.phase, live.target)
        if index % 7 == 0:
            live.skip(index)
        else:
            live.label(index, labels[index])


def test_an_exhausted_pool_ends_the_session(make_pool):
    session = Session(make_pool(n=4), 4, "random")
    session.skip(0)
    for index in (1, 2, 3):
        session.label(index, "a")

    assert session.next() is None
    assert session.labels_left == 1


def test_bad_answers_are_refused_and_change_nothing(make_pool):
    session = Session(make_pool(n=9), 2)
    session.label(3, " a ")
    assert session.counts == {"a": 1}
    with pytest.raises(EvenpickError, match="answered already"):
        session.label(3, "b")
    with pytest.raises(EvenpickError, match="row 9 is not in the pool"):
        session.label(9, "b")
    for missing in ("  ", None, float("nan"), b"b"):
        with pytest.raises(EvenpickError, match="the label of row 4 must be a text that is not empty"):
            session.label(4, missing)
    session.label(4, "b")
    with pytest.raises(EvenpickError, match="budget of 2 labels is spent"):
        session.label(5, "b")
    assert session.counts == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"balancing": "ratio"}, "did you mean 'ratio_max'"),
        ({"balancing": "none"}, "balancing 'none' is written None in Python"),
        ({"acquisition": "cor_set"}, "did you mean 'core_set'"),
        ({"patience": -1}, "patience must be 0"),
        ({"budget": 0}, "budget must be a whole number"),
    ],
)
def test_unknown_options_are_refused(options, message, make_pool):
    with pytest.raises(EvenpickError, match=message):
        Session(make_pool(), **{"budget": 3, **options})


@pytest.mark.slow
@pytest.mark.parametrize("balancing", ["ratio_max", "diff_min"])
@pytest.mark.parametrize("seed", range(6))
def test_looking_ahead_changes_no_question(balancing, seed, make_pool, tied_pool):
    """Preparing some images, excluding some, undoing and guessing: the record alone decides what is asked."""
    pool = make_pool(n=60, seed=seed) if seed % 2 else tied_pool(seed + 20)
    rng = np.random.default_rng(seed)
    labels = [f"c{int(i)}" for i in rng.choice(6, size=len(pool), p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05])]
    budget = max(2, len(pool) * 2 // 3)
    plain = run(Session(pool, budget, "random", balancing, random_state=seed), labels)

    session = Session(pool, budget, "random", balancing, random_state=seed)
    done = []
    while (index := session.next()) is not None:
        if rng.random() < 0.7:
            session.prepare(index)
        other = session.next([index])
        assert other != index
        if rng.random() < 0.5 and other is not None:
            session.upcoming([index], 3)
            session.prepare(other)
        if rng.random() < 0.2:
            session.label(index, "a slip")
            session.undo()
        if rng.random() < 0.2:
            session.prepare()
        assert session.next() == index
        session.label(index, labels[index])
        done.append(index)

    assert done == plain


def test_several_people_see_different_images_and_each_question_keeps_its_target(make_pool):
    pool = make_pool(n=60, seed=2)
    labels = ["common"] * 50 + ["rare"] * 10
    session = Session(pool, 40, "random", "ratio_max", random_state=3)
    while session.phase == "discovery":
        index = session.next()
        session.label(index, labels[index])

    first = session.ask()
    second = session.ask([first.index])
    third = session.ask([first.index, second.index])
    assert len({first.index, second.index, third.index}) == 3
    assert {first.target, second.target, third.target} == {"rare"}
    session.label(third.index, labels[third.index])
    session.label(first.index, labels[first.index])
    session.label(second.index, labels[second.index])

    assert [answer.target for answer in session.answers[-3:]] == ["rare"] * 3
    assert [answer.phase for answer in session.answers[-3:]] == ["balancing"] * 3


def test_nothing_is_left_when_others_look_at_the_rest(make_pool):
    session = Session(make_pool(n=3), 3, "random")

    assert session.next([0, 1, 2]) is None
    assert session.next([0, 2]) == 1
    assert session.upcoming([1], 5) == [i for i in session.upcoming([], 5) if i != 1]


def test_the_next_question_counts_as_asked_even_after_a_reopening(make_pool):
    pool = make_pool(n=60, seed=2)
    labels = ["common"] * 50 + ["rare"] * 10
    live = Session(pool, 40, "random", "ratio_max", random_state=3)
    while live.phase == "discovery":
        index = live.next()
        live.label(index, labels[index])
    index = live.next()
    reopened = Session(pool, 40, "random", "ratio_max", random_state=3)
    reopened.replay(live.answers)

    live.label(index, labels[index])
    reopened.label(index, labels[index])  # answered before anything was asked

    assert reopened.answers == live.answers


@pytest.mark.parametrize("seed", [-1, 0.5, "0"])
def test_a_seed_that_is_none_is_refused(seed, make_pool):
    for call in (select, Session):
        with pytest.raises(EvenpickError, match="random_state must be a whole number, 0 or more"):
            call(make_pool(), 5, random_state=seed)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("balancing", [None, "ratio_max", "auto"])
def test_phase_of_says_the_phase_of_the_session_after_every_answer(balancing, seed, make_pool):
    pool, rng = make_pool(n=60, seed=seed), np.random.default_rng(seed)
    session = Session(pool, 48, "random", balancing, random_state=seed)
    phases = []
    while (row := session.next()) is not None:
        phases.append(session.phase)
        assert phase_of(pool, session.answers, 48, balancing) == session.phase
        if rng.random() < 0.1:
            session.skip(row)
        else:
            session.label(row, rng.choice(["common", "common", "common", "rare"]))

    assert set(phases) == ({"discovery"} if balancing is None else {"discovery", "balancing"})


def test_prints_where_it_stands(make_pool):
    session = Session(make_pool(n=1500), 200, "random")
    for row, name in enumerate(["a", "b", "a"]):
        session.label(row, name)
    session.skip(3)

    assert repr(session) == "Session: 3 of 200 labels, 2 classes, discovery (auto), pool of 1,500 images"
    assert "discovery (no balancing)" in repr(Session(make_pool(), 5, balancing=None))


def test_a_question_for_a_class_that_was_undone_since_can_still_be_answered(make_pool):
    pool = make_pool(n=60, seed=2)
    session = Session(pool, 12, "random", "ratio_max", random_state=3)
    for name in "aaaaabbbbc":
        session.label(session.next(), name)
    question = session.ask()
    assert question.target == "c"

    session.undo()
    session.record(session.checked(question.index, "a", question))

    assert session.answers[-1].target == "c"
    assert session.counts == {"a": 6, "b": 4}
    assert session.next() is not None


@pytest.mark.parametrize("patience", ["3", 1.5, float("nan"), True, -1])
def test_patience_must_be_a_whole_number(patience, make_pool):
    with pytest.raises(EvenpickError, match="patience must be 0"):
        Session(make_pool(), 5, patience=patience)
