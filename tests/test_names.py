"""Names that people type."""

import json
from pathlib import Path

import pytest

from evenpick.errors import EvenpickError
from evenpick.names import checked_class_name, same_class, shown

# The same list as for the page's script.
CASES = json.loads((Path(__file__).parent / "web" / "javascript" / "names.json").read_text())


@pytest.mark.parametrize(("one", "other"), CASES["same"])
def test_names_that_differ_in_case_white_space_or_composition_are_one_class(one, other):
    assert same_class(["another", one], other) == one
    assert same_class([other], one) == other


@pytest.mark.parametrize(("one", "other"), CASES["different"])
def test_names_that_differ_in_a_mark_or_a_letter_are_two_classes(one, other):
    assert same_class(["another", one], other) is None
    assert same_class([other], one) is None


@pytest.mark.parametrize(("typed", "kept"), CASES["tidy"])
def test_white_space_is_made_one_and_what_nobody_sees_is_left_out(typed, kept):
    assert checked_class_name(typed) == kept


def test_of_classes_that_differ_in_case_alone_the_very_same_is_meant():
    assert same_class(["Pan", "pan"], "pan") == "pan"
    assert same_class(["Pan", "pan"], "PAN") == "Pan"


def test_blanks_around_a_name_and_the_way_accents_are_typed_make_no_difference():
    assert checked_class_name("  caf\u00e9 \n") == checked_class_name("cafe\u0301") == "caf\u00e9"


def test_markup_is_a_name_like_any_other():
    assert checked_class_name("<b>&") == "<b>&"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "\u200b \ufeff",
        "a\0b",
        "a\nb",
        "a\tb",
        "\ud800",
        "x" * 201,
        "a\u202eb",
        "\u200d",
        "\u3164",
        "\u2800 \ufe0f",
        None,
        3,
    ],
)
def test_what_nobody_can_read_is_refused(name):
    with pytest.raises(EvenpickError, match="a class name must"):
        checked_class_name(name)


@pytest.mark.parametrize("name", ["roe\ndeer", "roe\r\ndeer"])
def test_a_name_with_a_line_break_is_told_so(name):
    with pytest.raises(
        EvenpickError, match=r"must be on one line, and there is a line break in it.*; got 'roe.*deer'$"
    ):
        checked_class_name(name)


def test_what_would_change_the_terminal_or_the_direction_of_letters_is_written_out():
    assert shown("a\x1b[31mb\u202egpj.exe\u200b") == "a\\x1b[31mb\\u202egpj.exe\\u200b"
    assert shown("café\nหมี\u200dx") == "café\nหมี\u200dx"
