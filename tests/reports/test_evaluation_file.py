"""What is kept of an evaluation: figures in full, mistakes as examples."""

import json

import pytest

from evenpick.errors import EvenpickError
from evenpick.paths import Paths
from evenpick.pool import Pool
from evenpick.reports import write_evaluation
from evenpick.reports.evaluation_file import EXAMPLES, SUREST, read_evaluation
from evenpick.training import evaluate, train


@pytest.fixture
def model():
    pool = Pool.from_arrays([[0, 1], [0.1, 1], [1, 0], [1, 0.1]])
    return train(pool, [0, 1, 2, 3], ["up", "up", "right", "right"])


def test_of_many_mistakes_the_surest_are_kept_and_some_of_each_pair(tmp_path, model):
    far, near = [[9.0, 0.1]] * 100, [[1.0, 1.3]] * 20
    test = Pool.from_arrays(far + near)
    found = evaluate(model, test, ["up"] * 100 + ["right"] * 20)

    write_evaluation(tmp_path, found, "made", tmp_path / "folders" / "test")
    kept = read_evaluation(tmp_path)

    pairs = [(one["true"], one["predicted"]) for one in kept["mistakes"]]
    assert len(found.mistakes) == kept["n_mistakes"] == 120
    assert pairs.count(("up", "right")) == SUREST
    assert pairs.count(("right", "up")) == EXAMPLES
    assert kept["seen_in"] == "folders/test"
    assert str(tmp_path) not in json.dumps(kept)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "3", '{"model": "abc"}'])
def test_a_damaged_file_is_told_with_what_to_do(tmp_path, text):
    file = Paths(tmp_path).evaluation
    file.parent.mkdir(parents=True)
    file.write_text(text)

    with pytest.raises(EvenpickError, match="is damaged: run `evenpick evaluate` again"):
        read_evaluation(tmp_path)


@pytest.mark.parametrize("lost", ["test_set", "accuracy_half_width", "classes"])
def test_a_file_without_a_figure_that_is_shown_is_damaged(tmp_path, model, lost):
    write_evaluation(tmp_path, evaluate(model, Pool.from_arrays([[9.0, 0.1]]), ["right"]), "made")
    file = Paths(tmp_path).evaluation
    kept = json.loads(file.read_text())
    assert read_evaluation(tmp_path) == kept

    file.write_text(json.dumps({key: value for key, value in kept.items() if key != lost}))

    with pytest.raises(EvenpickError, match="is damaged: run `evenpick evaluate` again"):
        read_evaluation(tmp_path)


def test_without_an_evaluation_there_is_none(tmp_path):
    assert read_evaluation(tmp_path) is None
