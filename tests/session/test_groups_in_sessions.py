"""One answer labels the group, and every group has its turn before any has a second."""

from dataclasses import replace

import numpy as np
import pytest

from evenpick import Pool, Session, select, simulate
from evenpick.acquisition import ACQUISITIONS, select_more
from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore, effective_answers, recorded_labels
from evenpick.labels.importing import import_labels
from evenpick.session import RecordedSession, change

GROUPS = ["a", "a", "a", "b", "c", "c", "d", "e", "e", "e", "e", "f"]
FIRST = [1, 3, 4, 6, 8, 11]  # the middle of each group
STEERINGS = [{"balancing": "auto"}, {"balancing": "ratio_max"}, {"balancing": None, "acquisition": "core_set"}]


@pytest.fixture
def bursts():
    rng = np.random.default_rng(1)
    centres = {name: rng.normal(size=5) for name in "abcdef"}
    features = [centres[name] + 0.01 * rng.normal(size=5) for name in GROUPS]
    return Pool.from_arrays(features, rng.dirichlet(np.ones(4), size=(12, 2)), groups=GROUPS)


def test_the_one_in_the_middle_stands_for_a_group(bursts):
    assert bursts.representatives.tolist() == FIRST
    assert bursts.same_group(9).tolist() == [7, 8, 9, 10]
    assert bursts.take([0, 5]).representatives.tolist() == [0, 1]


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_every_function_chooses_one_of_each_group_before_any_second(bursts, name):
    chosen = select(bursts, 9, name)

    assert sorted(chosen[:6].tolist()) == FIRST
    assert len({*chosen.tolist()}) == 9


def test_no_group_has_a_third_turn_before_all_had_a_second():
    pool = Pool.from_arrays(np.random.default_rng(2).normal(size=(15, 3)), groups=[0] * 5 + [1] * 4 + [2] * 4 + [3] * 2)
    chosen = select(pool, 12, "core_set")

    turns = [chosen[:4], chosen[4:8], chosen[8:11], chosen[11:]]
    assert [sorted(pool.groups[turn].tolist()) for turn in turns[:3]] == [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2]]


def test_groups_of_which_an_image_is_answered_come_last(bursts):
    order = select_more(bursts, np.array([0, 11]), 8, "core_set", 0)

    assert sorted(order[:4].tolist()) == [3, 4, 6, 8]
    assert not {0, 11} & {*order.tolist()}


@pytest.mark.parametrize("steering", STEERINGS)
def test_a_session_asks_for_one_of_each_group_and_one_answer_is_for_all_of_it(bursts, steering):
    session = Session(bursts, 12, **steering)
    asked = []
    while (row := session.next()) is not None:
        group = session.group(row)
        assert {row, *group} == {*bursts.same_group(row).tolist()}
        asked.append(row)
        session.label(row, GROUPS[row])

    assert sorted(GROUPS[row] for row in asked) == ["a", "b", "c", "d", "e", "f"]
    assert session.labels_left == 6
    assert sorted(row for answer in session.answers for row in answer.rows) == [*range(12)]


@pytest.mark.parametrize("steering", STEERINGS)
def test_one_by_one_asks_for_every_image(bursts, steering):
    given = simulate(bursts, GROUPS, 12, one_by_one=True, **steering)

    assert sorted(given.indices.tolist()) == [*range(12)]
    assert np.array_equal(
        given.indices,
        simulate(Pool(bursts.features, bursts.image_ids, bursts.predictions), GROUPS, 12, **steering).indices,
    )


def test_frames_that_are_taken_out_wait_until_every_group_had_its_turn(bursts):
    session = Session(bursts, 12, balancing="auto")
    session.label(8, "fox", without=[7, 10])
    later = []
    while (row := session.next()) is not None:
        later.append(row)
        session.label(row, GROUPS[row])

    assert [GROUPS[row] for row in later[:5]].count("e") == 0
    assert len(later) == 6
    assert later[5] in (7, 10)
    assert session.answers[-1].rows in ((7, 10), (10, 7))  # what was taken out is a group of its own


def test_a_skip_passes_over_the_whole_group(bursts):
    session = Session(bursts, 12, balancing=None)
    row = session.next()
    session.skip(row)

    assert session.labels_left == 12
    assert not session.group(row)
    assert GROUPS[session.next()] != GROUPS[row]


def test_two_people_never_see_the_same_group(bursts):
    session = Session(bursts, 12)
    seen = set()
    for _ in range(6):
        row = session.next(exclude=seen)
        assert GROUPS[row] not in {GROUPS[other] for other in seen}
        seen.add(row)


def test_only_open_images_of_the_group_can_be_taken_out(bursts):
    session = Session(bursts, 12)
    with pytest.raises(EvenpickError, match=r"row 3 is not among the open images of the group of row 8: \(7, 9, 10\)"):
        session.label(8, "fox", without=[3])


def test_undo_gives_the_whole_group_back(bursts):
    session = Session(bursts, 12)
    first = session.next()
    session.label(first, "fox")
    session.undo()

    assert session.next() == first
    assert session.group(8) == (7, 9, 10)


def test_the_record_says_what_was_seen_and_what_inherited(bursts, tmp_path):
    with RecordedSession(tmp_path, bursts, 12) as session:
        session.label(8, "fox", without=[7])
        session.label(3, "owl")
    with RecordedSession(tmp_path, bursts) as again:
        said = effective_answers(again.store.entries())
        assert [(a.image, a.inherited, a.taken_out) for a in said] == [("8", ("9", "10"), ("7",)), ("3", (), ())]
        assert again.session.answers[0].rows == (8, 9, 10)
        assert again.counts == {"fox": 1, "owl": 1}

    labels = recorded_labels(tmp_path, bursts)
    assert dict(zip(labels.rows.tolist(), labels.names, strict=True)) == {8: "fox", 9: "fox", 10: "fox", 3: "owl"}
    assert labels.seen.rows.tolist() == [8, 3]
    assert "4 labels of 2 classes, 2 of them inherited" in repr(labels)


def test_what_was_said_of_an_image_itself_counts_before_what_it_inherits(bursts, tmp_path):
    with RecordedSession(tmp_path, bursts, 12) as session:
        session.label(8, "fox")
        session.label(0, "cat")
        session.store.append([replace_image(session.store.entries()[0], "10", "owl")])

    labels = recorded_labels(tmp_path, bursts)
    assert dict(zip(labels.rows.tolist(), labels.names, strict=True))[10] == "owl"
    assert labels.rows.tolist().count(10) == 1


def replace_image(annotation, image, label):
    return replace(annotation, image=image, label=label, inherited=(), id=0)


def test_a_record_whose_settings_are_of_before_groups_opens(bursts, tmp_path):
    old = {
        "budget": 12,
        "acquisition": "auto",
        "balancing": "auto",
        "patience": 0,
        "random_state": 0,
        "evenpick": "0.1.0",
    }
    with LabelStore(tmp_path) as store:
        store.store_settings(old)
        store.append([Annotation("8", "fox", "discovery", annotator="ann")])

    with RecordedSession(tmp_path, bursts) as session:
        assert session.counts == {"fox": 1}
        assert session.settings["one_by_one"] is False


@pytest.fixture
def labelled(bursts, tmp_path):
    with RecordedSession(tmp_path, bursts, 3) as session:
        session.label(8, "fox", without=[7])
        session.label(1, "owl")
    return tmp_path


def names(workspace, pool):
    labels = recorded_labels(workspace, pool)
    return dict(zip(labels.rows.tolist(), labels.names, strict=True))


def test_importing_what_is_known_makes_no_answer_of_what_was_inherited(labelled, bursts):
    with LabelStore(labelled) as store:
        assert import_labels(store, {"8": "fox", "9": "fox", "10": "fox", "0": "owl"}, "ann") == 0

    assert len(recorded_labels(labelled, bursts).seen.names) == 2


def test_an_import_that_says_something_else_of_an_inherited_label_is_told_and_replaces_it_when_asked(labelled, bursts):
    with LabelStore(labelled) as store:
        with pytest.raises(EvenpickError, match=r"1 image has another label .* '9': 'fox' there, 'dog' here"):
            import_labels(store, {"9": "dog"}, "ann")
        import_labels(store, {"9": "dog"}, "ann", replacing=True)

    assert names(labelled, bursts) == {8: "fox", 10: "fox", 9: "dog", 0: "owl", 1: "owl", 2: "owl"}


def test_replacing_the_answer_of_a_group_leaves_no_image_of_it_without_a_label(labelled, bursts):
    with LabelStore(labelled) as store:
        import_labels(store, {"8": "dog", "9": "fox"}, "ann", replacing=True)

    assert names(labelled, bursts) == {8: "dog", 10: "dog", 9: "fox", 0: "owl", 1: "owl", 2: "owl"}


def test_an_image_that_inherited_its_answer_is_told_and_can_be_changed(labelled, bursts):
    with RecordedSession(labelled, bursts) as session:
        with pytest.raises(EvenpickError, match="image '9' is answered already with its group, by '8'; undo first"):
            session.label(9, "dog")
        change(session, [9], "dog", "ann")

    assert names(labelled, bursts)[9] == "dog"


def test_a_second_opinion_holds_for_what_its_person_left_in(labelled, bursts):
    with RecordedSession(labelled, bursts) as session:
        session.label(8, "dog", "you", without=[10])
        second = session.store.entries()[-1]

    assert (second.image, second.inherited, second.taken_out) == ("8", ("9",), ("7", "10"))


def test_an_image_that_inherited_its_answer_can_be_changed_beyond_the_budget(bursts, tmp_path):
    with RecordedSession(tmp_path, bursts, 2) as session:
        session.label(8, "fox")
        session.label(1, "owl")
        change(session, [9], "dog", "ann")

        assert session.counts == {"fox": 1, "owl": 1, "dog": 1}
        assert session.next() is None


def test_saying_again_what_an_image_inherited_makes_no_answer(bursts, tmp_path):
    with RecordedSession(tmp_path, bursts, 5) as session:
        session.label(8, "fox")

        assert change(session, [9], "fox", "ann") == []
        assert session.counts == {"fox": 1}


def test_without_what_was_inherited_all_else_is_the_same(labelled, bursts):
    labels = replace(recorded_labels(labelled, bursts), replaced_since=("8",))

    assert labels.seen.replaced_since == ("8",)
    assert labels.seen.settings == labels.settings
