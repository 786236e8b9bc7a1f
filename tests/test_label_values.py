"""What a label may be, and what is refused with its row."""

import enum

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.label_values import checked_label, checked_labels


class Colour(enum.IntEnum):
    RED = 3


def missing_values():
    pandas = pytest.importorskip("pandas")
    return {
        "None": None,
        "nan": float("nan"),
        "numpy's nan": np.float32("nan"),
        "NA": pandas.NA,
        "NaT": pandas.NaT,
        "numpy's NaT of dates": np.datetime64("NaT"),
        "numpy's NaT of spans": np.timedelta64("NaT"),
        "masked": np.ma.masked,
        "empty": "",
        "blank": " \t\n",
        "numpy's empty text": np.str_(""),
    }


@pytest.mark.parametrize("name", missing_values())
def test_a_missing_value_is_refused_with_its_row(name):
    with pytest.raises(EvenpickError, match=r"train: row 7: the label is missing \(.*\); give its class or leave"):
        checked_labels("train", [1, missing_values()[name]], rows=[3, 7])


@pytest.mark.parametrize("value", [b"cat", np.bytes_(b"cat")])
def test_bytes_are_refused(value):
    with pytest.raises(EvenpickError, match=r"here: the label is bytes \(.*b'cat'.*\); decode it to text"):
        checked_label("here", value)


@pytest.mark.parametrize(
    "value", [np.datetime64("2020-01-01"), ["a"], np.array(["a"]), (1,), 1j, float("inf"), object()]
)
def test_what_is_no_label_is_refused_with_its_type(value):
    with pytest.raises(
        EvenpickError, match=rf"here: a label must be text, a finite number or a bool; got .*\({type(value).__name__}\)"
    ):
        checked_label("here", value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("cat", "cat"), (" 3", " 3"), (np.str_("cat"), "cat"), (3, 3), (np.int8(3), 3), (np.uint64(2**63), 2**63),
        (0.5, 0.5), (np.float32(0.5), 0.5), (True, True), (np.bool_(False), False), (Colour.RED, 3),
    ],
)  # fmt: skip
def test_a_label_becomes_the_plain_value_of_its_type(value, plain):
    found = checked_label("here", value)

    assert found == plain
    assert type(found) is type(plain)


@pytest.mark.parametrize(
    ("labels", "described"),
    [
        ([1, "1"], r"row 0 has 1 \(int\), row 1 '1' \(str\)"),
        ([1, 1, 1.0], r"row 0 has 1 \(int\), row 2 1\.0 \(float\)"),
        ([1, True], r"row 0 has 1 \(int\), row 1 True \(bool\)"),
        ([True, 1], r"row 0 has True \(bool\), row 1 1 \(int\)"),
    ],
)
def test_types_are_not_mixed(labels, described):
    with pytest.raises(EvenpickError, match=f"evaluate: labels must be of one type; {described}"):
        checked_labels("evaluate", labels)


@pytest.mark.parametrize("one", ["cat", b"cat"])
def test_one_text_is_not_taken_for_its_letters(one):
    with pytest.raises(EvenpickError, match="labels must be a sequence"):
        checked_labels("evaluate", one)


def test_labels_come_from_every_kind_of_sequence():
    pandas = pytest.importorskip("pandas")

    assert checked_labels("train", pandas.Series([5, 6], index=["x", "y"])) == [5, 6]
    assert checked_labels("train", pandas.Categorical(["b", "a"])) == ["b", "a"]
    assert checked_labels("train", np.ma.array([1, 2])) == [1, 2]
    assert checked_labels("train", (name for name in "ab")) == ["a", "b"]
    assert checked_labels("train", []) == []
    with pytest.raises(EvenpickError, match="row 1: the label is missing"):
        checked_labels("train", np.ma.array([1, 2], mask=[False, True]))
