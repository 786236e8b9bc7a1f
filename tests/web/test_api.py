"""The types of the API: what a body may hold, and what is said of one that holds something else."""

import json

import pytest

from evenpick.web.api import (
    BadBodyError,
    Conflict,
    Image,
    Label,
    Next,
    Opinion,
    Rename,
    Skip,
    Turn,
    Undo,
    decoded,
    encoded,
)


def test_a_body_becomes_its_type():
    body = {"row": 39, "label": " cat ", "page": "p", "annotator": "ann", "request": "r-1", "then_next": True}

    assert decoded(json.dumps(body).encode(), Label, 40) == Label(**body)


def test_what_may_be_left_out_has_its_default():
    request = decoded(b'{"row": 0}', Skip, 40)

    assert not request.page
    assert not request.annotator
    assert not request.request
    assert request.then_next is False


def test_a_whole_number_may_have_a_point():
    assert decoded(b'{"row": 22.0}', Skip, 40) == Skip(22)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (Label, b"{", "the body must be JSON in UTF-8"),
        (Label, b"", "the body must be JSON in UTF-8"),
        (Label, b"\xff", "the body must be JSON in UTF-8"),
        (Label, b"[" * 60_000, "the body must be JSON in UTF-8"),
        (Label, b'{"row": Infinity, "label": "cat"}', "the body must be JSON in UTF-8"),
        (Label, b'{"row": NaN, "label": "cat"}', "the body must be JSON in UTF-8"),
        (Label, b'{"row": 1, "label": "\\ud800"}', "the body must be JSON in UTF-8"),
        (Label, b"3", "the body is not as described: Expected `object`, got `int`; got 3"),
        (Label, b'{"label": "x"}', "'row' is missing"),
        (Label, b'{"row": 1}', "'label' is missing"),
        (Label, b'{"row": "1", "label": "cat"}', "'row' must be a whole number from 0 to 39; got \"1\""),
        (Label, b'{"row": true, "label": "cat"}', "'row' must be a whole number from 0 to 39; got true"),
        (Label, b'{"row": -1, "label": "cat"}', "'row' must be a whole number from 0 to 39; got -1"),
        (Label, b'{"row": 40, "label": "cat"}', "'row' must be a whole number from 0 to 39; got 40"),
        (Skip, b'{"row": 40}', "'row' must be a whole number from 0 to 39; got 40"),
        (Label, b'{"row": 1.5, "label": "cat"}', "'row' must be a whole number from 0 to 39; got 1.5"),
        (Label, b'{"row": 1, "label": " "}', "'label' must be a readable text of 1 to 200 characters; got \" \""),
        (Label, b'{"row": 1, "label": "a\\u0000b"}', "'label' must be a readable text"),
        (Label, b'{"row": 1, "label": "%s"}' % (b"x" * 201), "'label' must be a readable text of 1 to 200"),
        (Label, b'{"row": 1, "label": ["cat"]}', "'label' must be a readable text of 1 to 200 characters; got [\"cat\"]"),
        (Label, b'{"row": 1, "label": "cat", "a\\nb": 1}', '"a\\nb" is unknown; known: row, label, without, page, annotator'),
        (Next, b'{" - at `$.": 1}', '" - at `$." is unknown; known: page, annotator'),
        (Label, b'{"row": 1, "label": "cat", "request": "../x"}', "'request' must be 1 to 64 letters"),
        (Next, b'{"annotator": ""}', "'annotator' must be a readable text"),
        (Next, b'{"annotator": null}', "'annotator' must be a readable text of 1 to 200 characters; got null"),
        (Next, b'{"page": 7}', "'page' must be 1 to 64 letters, digits, '-' or '_'; got 7"),
        (Rename, b'{"old": "a", "new": ""}', "'new' must be a readable text"),
        (Undo, b'{"entry": -1}', "'entry' must be the id of an entry; got -1"),
        (Undo, b'{"then_next": 1}', "'then_next' must be true or false; got 1"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_in_one_line(kind, body, message):
    with pytest.raises(BadBodyError) as refused:
        decoded(body, kind, 40)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_the_longest_name_is_a_name():
    assert len(decoded(b'{"row": 1, "label": "%s"}' % (b"x" * 200), Label, 40).label) == 200


def test_a_target_that_is_not_to_be_shown_is_left_out_and_none_is_null():
    hidden = Turn("image", Image(3, "a.jpg", "/image/3", "discovery"))
    no_target = Turn("image", Image(3, "a.jpg", "/image/3", "discovery", None))

    shown = {"row": 3, "image": "a.jpg", "url": "/image/3", "phase": "discovery"}
    assert json.loads(encoded(hidden))["image"] == shown
    assert json.loads(encoded(no_target))["image"]["target"] is None
    assert json.loads(encoded(Turn("finished"))) == {"status": "finished"}


def test_a_file_name_that_is_not_unicode_can_be_sent():
    conflict = Conflict(0, "caf\udce9.jpg", [Opinion("ann", None), Opinion("bob", "café")])

    assert encoded(conflict).isascii()
    assert json.loads(encoded(conflict)) == {
        "row": 0, "image": "caf\udce9.jpg",
        "answers": [{"annotator": "ann", "label": None}, {"annotator": "bob", "label": "café"}],
    }  # fmt: skip
