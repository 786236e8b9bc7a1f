"""Messages for people: the nearest name, and lists cut short."""

import pytest

from evenpick.errors import EvenpickError, MissingExtraError, first_few, unknown_name
from evenpick.installing import install_command


def test_a_misspelt_name_is_answered_with_the_nearest_one():
    error = unknown_name("acquisition", "cor_set", ["random", "core_set"])

    assert str(error) == "acquisition 'cor_set' does not exist; did you mean 'core_set'?"


@pytest.mark.parametrize("name", ["xyzzy", "", None, 7])
def test_a_name_like_no_other_is_answered_with_all_of_them(name):
    error = unknown_name("source", name, iter(["onnx", "timm"]))

    assert str(error) == f"source '{name}' does not exist; known: onnx, timm"


def test_of_two_names_that_are_equally_near_the_first_is_offered():
    assert str(unknown_name("source", "lite", ["lite2", "lite0"])).endswith("did you mean 'lite0'?")


def test_of_many_names_some_are_listed():
    names = [f"name {i}" for i in range(2000)]

    assert str(unknown_name("model", "xyzzy", names)).endswith(", name 39 and 1,960 more")


def test_a_missing_extra_names_the_pip_line_and_is_a_users_error():
    error = MissingExtraError("source 'x'", "torch")

    assert str(error) == f"source 'x' needs an extra that is not installed: {install_command('torch')}"
    assert isinstance(error, EvenpickError)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        (["a"], "'a'"),
        ([1, 2, 3], "1, 2, 3"),
        ([1, 2, 3, 4], "1, 2, 3 and 1 more"),
        (["a\nb", "c", "d", "e", "f"], "'a\\nb', 'c', 'd' and 2 more"),
        (["x" * 300 + "/0.png"], f"'...{'x' * 249}/0.png'"),
    ],
)
def test_first_few_shows_three_and_counts_the_rest(values, expected):
    assert first_few(iter(values)) == expected


def test_first_few_shows_as_many_as_asked():
    assert first_few([1, 2, 3], shown=1) == "1 and 2 more"
