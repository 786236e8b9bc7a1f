"""A session answered by an oracle is the session itself, step by step."""

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.session import Session, simulate
from evenpick.session.simulation import as_function


def long_tail(n):
    """Two thirds common, then rarer classes, scattered over the rows."""
    names = ["common"] * (n * 2 // 3) + ["rare"] * (n // 5)
    return np.random.default_rng(1).permutation(names + ["rarest"] * (n - len(names))).tolist()


def test_a_simulation_is_the_session_with_the_oracles_answers(make_pool):
    pool, oracle = make_pool(n=60), long_tail(60)
    options = {"acquisition": "random", "balancing": "diff_min", "patience": 2, "random_state": 4}
    session = Session(pool, 40, **options)
    asked, phases, targets = [], [], []
    while (index := session.next()) is not None:
        asked.append(index)
        phases.append(session.phase)
        targets.append(session.target)
        session.label(index, oracle[index])

    result = simulate(pool, oracle, 40, **options)

    assert result.indices.dtype == np.intp
    assert result.indices.tolist() == asked
    assert result.labels == [oracle[i] for i in asked]
    assert (result.phases, result.targets) == (phases, targets)


def test_the_switch_divides_the_phases_and_targets(make_pool):
    result = simulate(make_pool(n=60), long_tail(60), 40, balancing="ratio_max", random_state=1)

    assert result.switch_at is not None
    assert 0 < result.switch_at < 40
    assert result.phases == ["discovery"] * result.switch_at + ["balancing"] * (40 - result.switch_at)
    assert result.targets[: result.switch_at] == [None] * result.switch_at
    for position in range(result.switch_at, 40):
        seen = result.labels[:position]
        counts = {name: seen.count(name) for name in set(seen)}
        assert counts[result.targets[position]] == min(counts.values())


def test_without_balancing_there_is_no_switch(make_pool):
    result = simulate(make_pool(n=60), long_tail(60), 60, balancing=None)

    assert result.switch_at is None
    assert set(result.phases) == {"discovery"}
    assert sorted(result.indices) == list(range(60))


@pytest.mark.parametrize("kind", ["list", "array", "objects", "function"])
def test_the_oracle_may_be_a_sequence_or_a_function(kind, make_pool):
    pool, names = make_pool(n=60), long_tail(60)
    oracle = {
        "list": names,
        "array": np.array(names),
        "objects": np.array(names, dtype=object),
        "function": lambda index: names[index],
    }[kind]

    result, expected = simulate(pool, oracle, 30), simulate(pool, tuple(names), 30)

    assert result.indices.tolist() == expected.indices.tolist()
    assert result.labels == expected.labels
    assert {type(label) for label in result.labels} == {str}


@pytest.mark.parametrize("names", [[4, 9, 7], [0.5, 1.0, 2.5], ["4", "9", "7"], [False, True, True]])
def test_labels_and_targets_come_back_in_the_type_of_the_oracle(names, make_pool):
    oracle = [names[len(name) % 3] for name in long_tail(60)]
    options = {"balancing": "ratio_max", "random_state": 1}

    result = simulate(make_pool(n=60), np.array(oracle), 40, **options)
    texts = simulate(make_pool(n=60), [str(label) for label in oracle], 40, **options)

    assert result.labels == [oracle[row] for row in result.indices]
    assert {type(label) for label in result.labels} == {type(names[0])}
    assert {type(target) for target in result.targets} == {type(names[0]), type(None)}
    assert [str(label) for label in result.labels] == texts.labels
    assert [str(target) for target in result.targets] == [str(target) for target in texts.targets]
    assert simulate(make_pool(n=60), oracle.__getitem__, 40, **options).labels == result.labels


def test_a_label_that_is_missing_is_refused_with_its_row_before_anything_is_asked(make_pool):
    with pytest.raises(EvenpickError, match=r"simulate: row 39: the label is missing \(nan\)"):
        simulate(make_pool(n=40), np.append(np.zeros(39), np.nan), 1)
    with pytest.raises(EvenpickError, match=r"simulate: row \d+: the label is missing \(nan\)"):
        simulate(make_pool(n=40), lambda row: float("nan"), 1)


def test_an_oracle_that_mixes_types_is_refused(make_pool):
    with pytest.raises(EvenpickError, match=r"simulate: labels must be of one type; row \d+ has "):
        simulate(make_pool(n=10), ["a"] * 5 + [1] * 5, 10)


@pytest.mark.parametrize("as_a_function", [True, False])
def test_none_skips_the_image_and_costs_nothing(as_a_function, make_pool):
    names = [None if i % 3 == 0 else "odd" if i % 2 else "even" for i in range(30)]

    result = simulate(make_pool(n=30), names.__getitem__ if as_a_function else names, 20)

    assert sorted(result.indices) == [i for i in range(30) if i % 3]
    assert None not in result.labels


def test_a_pool_that_is_used_up_ends_the_simulation_early(make_pool):
    result = simulate(make_pool(n=10), ["a"] + [None] * 9, 10)

    assert (result.indices.tolist(), result.labels, result.switch_at) == ([0], ["a"], None)


def test_an_oracle_that_skips_everything_labels_nothing(make_pool):
    result = simulate(make_pool(n=10), lambda index: None, 5)

    assert (len(result.indices), result.labels, result.phases, result.targets) == (0, [], [], [])


def test_same_seed_same_result_and_the_global_seed_changes_nothing(make_pool):
    pool, oracle = make_pool(n=60), long_tail(60)
    first = simulate(pool, oracle, 40, acquisition="random", random_state=7)
    np.random.seed(3)  # noqa: NPY002
    again = simulate(pool, oracle, 40, acquisition="random", random_state=7)
    other = simulate(pool, oracle, 40, acquisition="random", random_state=8)

    assert again.indices.tolist() == first.indices.tolist()
    assert other.indices.tolist() != first.indices.tolist()


@pytest.mark.parametrize("length", [0, 39, 41])
def test_an_oracle_of_another_length_is_refused(length, make_pool):
    with pytest.raises(EvenpickError, match=f"one label for each of the 40 images; got {length}"):
        simulate(make_pool(n=40), ["a"] * length, 5)


def test_wrong_options_of_the_session_are_refused(make_pool):
    with pytest.raises(EvenpickError, match="did you mean 'ratio_max'"):
        simulate(make_pool(), ["a"] * 40, 5, balancing="ratio")
    with pytest.raises(EvenpickError, match=r"row 0: the label is missing \(' '\)"):
        simulate(make_pool(), [" "] * 40, 5)


def test_a_sequence_as_a_function_answers_by_row():
    oracle = as_function(["a", None, "c"], 3)

    assert [oracle(i) for i in range(3)] == ["a", None, "c"]


def test_prints_what_came_out(make_pool):
    pool, names = make_pool(n=60), ["a", "b"] * 30

    assert repr(simulate(pool, names, 45)) == "SimulationResult: 45 labels, 2 classes, balancing began after 40"
    assert repr(simulate(pool, names, 30)) == "SimulationResult: 30 labels, 2 classes, balancing never began"


@pytest.mark.parametrize(("one", "other"), [("1", 1), (1, "1"), (True, "True"), (1, True)])
@pytest.mark.parametrize("called", [False, True])
def test_labels_of_two_types_are_refused_even_if_they_read_alike(one, other, called, make_pool):
    labels = [one, other] * 20
    oracle = labels.__getitem__ if called else labels

    with pytest.raises(EvenpickError, match="simulate: labels must be of one type"):
        simulate(make_pool(), oracle, 5, acquisition="random", balancing=None)
