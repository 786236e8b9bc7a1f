"""Whatever people do, the image that is drawn is the one that the record implies, with the chance that it had."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenpick import Pool, Session
from evenpick.acquisition import unit_features
from evenpick.classifiers import fit_probe
from evenpick.session.rounds import lag, round_start

STEPS = st.lists(
    st.sampled_from(["label", "label", "label", "label", "skip", "undo", "elsewhere", "reopen"]),
    min_size=5,
    max_size=90,
)


@pytest.fixture(scope="module")
def grouped():
    """130 groups of one to three images, of four classes."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(130), rng.integers(1, 4, 130))
    classes = rng.choice(4, size=130, p=[0.6, 0.25, 0.1, 0.05])[groups]
    features = rng.normal(size=(4, 6))[classes] + 0.4 * rng.normal(size=(len(groups), 6))
    return Pool.from_arrays(features, groups=groups), classes.astype(str)


def slowly(pool, answers, row):
    """The chance of a row, by the definition: the open groups, and what the probe of the round takes them for."""
    answered = {int(pool.groups[answer.index]) for answer in answers}
    pieces = [int(r) for r in pool.representatives if int(pool.groups[r]) not in answered]
    chance = 1 / len(pieces)
    labels = [answer for answer in answers if answer.label is not None]
    start = round_start(len(labels))
    known = labels[: start - lag(start)] if start else []
    names = [*dict.fromkeys(answer.label for answer in known)]
    if len(names) < 2:
        return chance
    numbers = np.array([names.index(answer.label) for answer in known])
    probe = fit_probe(unit_features(pool, np.array([answer.index for answer in known])), numbers)
    taken = probe.probabilities(unit_features(pool, np.array(pieces))).argmax(axis=1).tolist()
    of_class = taken[pieces.index(row)]
    return chance / 2 + 1 / (2 * len({*taken}) * taken.count(of_class))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, seed=st.integers(0, 5), share=st.sampled_from([0.1, 0.3, 0.5]))
def test_each_draw_has_its_chance_and_is_asked_for_until_it_is_answered(grouped, steps, seed, share):
    pool, classes = grouped
    options = {"random_state": seed, "audit": share}
    session = Session(pool, 90, **options)
    for row in range(3, 3 * 48, 4):  # as if imported: the first round is over soon
        if session._free[row]:
            session.label(row, classes[row])
    for step in steps:
        question = session.ask()
        if question is None:
            break
        if step == "undo":
            undone = session.undo()
            again = session.ask()
            if undone.chance is not None:
                assert (again.index, again.chance) == (undone.index, undone.chance)
        elif step == "elsewhere" and (other := session.ask({question.index})):
            session.label(other.index, classes[other.index])
            if question.chance is not None and session.labels_left:
                still = session.ask()  # the phase may be another one by now
                assert still.index == question.index
                assert question.chance < still.chance < question.chance / (1 - 1 / 2), "among fewer"
        elif step == "reopen":
            answers = session.answers
            session = Session(pool, 90, **options)
            session.replay(answers)
            assert session.ask() == question
        else:
            if question.chance is not None and question.index in pool.representatives and not _put_off(session):
                assert question.chance == pytest.approx(slowly(pool, session.answers, question.index))
            session.skip(question.index) if step == "skip" else session.label(question.index, classes[question.index])
            assert session.answers[-1].chance == question.chance


def _put_off(session):
    """Whether others answered since the draw became due: its chance is that of then."""
    return session._audit._turns.due_since != len(session.answers)


@pytest.mark.slow
@pytest.mark.parametrize("steering", [{}, {"balancing": "ratio_max", "acquisition": "random"}])
def test_weighted_by_their_chances_the_draws_are_right_on_average_for_every_class(grouped, steering):
    pool, classes = grouped
    names = sorted(set(classes))
    of_piece = np.array([classes[pool.representatives] == name for name in names], float).T  # (pieces, classes)
    place_of = {int(pool.groups[row]): place for place, row in enumerate(pool.representatives)}
    errors = []  # of each draw: what it says of the total of every class among the open pieces, less what that is
    for seed in range(150):
        session, is_open = Session(pool, 70, random_state=seed, audit=0.3, **steering), np.ones(len(of_piece), bool)
        while (question := session.ask()) is not None:
            place = place_of[int(pool.groups[question.index])]
            if question.chance is not None:
                errors.append(of_piece[place] / question.chance - of_piece[is_open].sum(axis=0))
            session.label(question.index, classes[question.index])
            is_open[place] = False

    off = np.mean(errors, axis=0) / (np.std(errors, axis=0) / np.sqrt(len(errors)))
    assert len(errors) == 150 * 20
    assert np.abs(off).max() < 3.5
