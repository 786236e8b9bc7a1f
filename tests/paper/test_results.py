"""The rows and facts of a benchmark on disk."""

import json

import pytest

from evenpick import EvenpickError
from evenpick.paper import DataSet, read_facts
from evenpick.paper.data_set import Split
from evenpick.paper.results import FACTS, RESULTS, add_facts, check_unchanged, digest, read_rows, whole_rows

SETTINGS = {"source": "tiny", "fingerprint": "0", "pool_share": 0.9}
ROWS = [{**SETTINGS, "seed": seed} for seed in range(3)]


@pytest.fixture
def half_written(tmp_path):
    """Three rows and a half, as a full disk or a power cut leaves them."""
    (tmp_path / RESULTS).write_text("".join(json.dumps(row) + "\n" for row in ROWS) + '{"source": "ti')
    return tmp_path


def test_a_row_that_is_half_written_does_not_count_and_is_cut_off_before_others_follow(half_written):
    assert read_rows(half_written) == ROWS
    assert (half_written / RESULTS).read_text().endswith('"ti')  # reading alone changes nothing

    assert whole_rows(half_written, SETTINGS) == ROWS
    assert (half_written / RESULTS).read_text().endswith("}\n")


@pytest.mark.parametrize(("key", "value"), [("source", "other"), ("fingerprint", "1"), ("pool_share", 1)])
def test_rows_of_other_settings_are_refused(key, value, half_written):
    with pytest.raises(EvenpickError, match=f"holds rows with {key} .* and this run has {value!r}: give it a folder"):
        whole_rows(half_written, SETTINGS | {key: value})


def test_there_is_nothing_before_the_first_run(tmp_path):
    assert (read_rows(tmp_path), whole_rows(tmp_path, SETTINGS), read_facts(tmp_path)) == ([], [], {})


def test_facts_of_a_set_are_kept_beside_those_of_others_and_replaced_by_newer_ones(tmp_path):
    add_facts(tmp_path, "food", {"images": 3})
    add_facts(tmp_path, "places", {"images": 4})
    add_facts(tmp_path, "food", {"images": 5})

    assert read_facts(tmp_path) == {"food": {"images": 5}, "places": {"images": 4}}
    assert (tmp_path / FACTS).read_text().endswith("\n")


def made(pool, test, folder):
    return DataSet("made", Split(folder, pool), Split(folder, test))


def test_a_set_is_another_when_an_image_or_a_label_of_either_split_is(tmp_path):
    same = made({"b": "dog", "a": "cat"}, {"c": "cat"}, tmp_path / "elsewhere")
    others = [
        made({"a": "cat"}, {"c": "cat"}, tmp_path),
        made({"a": "cat", "b": "cat"}, {"c": "cat"}, tmp_path),
        made({"a": "cat", "b": "dog"}, {"c": "dog"}, tmp_path),
    ]
    begun = made({"a": "cat", "b": "dog"}, {"c": "cat"}, tmp_path)
    check_unchanged(tmp_path, begun)  # nothing is known of it yet
    add_facts(tmp_path, "made", {"digest": digest(begun)})

    check_unchanged(tmp_path, same)
    for other in others:
        with pytest.raises(EvenpickError, match="'made' has other images or labels than when"):
            check_unchanged(tmp_path, other)
