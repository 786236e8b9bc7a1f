"""Images found by words over the API: what is lent, how it is recorded, taken back and replayed, and what is refused."""

import pytest

from evenpick.pool import Pool
from evenpick.session import RecordedSession
from evenpick.web.app import create_app
from evenpick.web.desk import Desk
from evenpick.web.loans import Loans


def rows_of(grid):
    return [tile["row"] for tile in grid["tiles"]]


@pytest.fixture
def client(begin, lynx_to_snow):
    return begin(workspace=lynx_to_snow())


def test_the_page_is_told_whether_images_can_be_found_by_words(begin, client, make_workspace):
    assert client.get("/api/state").json()["by_words"] is True
    without = begin(workspace=make_workspace(name="without"))
    assert without.get("/api/state").json()["by_words"] is False
    refused = without.post("/api/of_words", json={"words": "lynx"})
    assert (refused.status_code, "where the source is one of a pair" in refused.json()["error"]) == (409, True)


def test_the_nearest_without_a_label_are_lent_and_those_that_are_labelled_say_how_they_were_found(client):
    client.ask("/api/label", row=1, label="lynx")
    grid = client.ask("/api/of_words", page="g", words="a Lynx", count=6)
    assert (rows_of(grid), grid["means"]) == ([0, 2, 3, 4, 5, 6], "words")

    done = client.ask("/api/label_many", page="g", rows=[0, 3], label="Lynx", means=grid["means"], request="r")

    entries = client.session.store.entries()[1:]
    assert [(one.id, one.image, one.label, one.means, one.chance) for one in entries] == [
        (done["entries"][0], "000.jpg", "lynx", "words", None),
        (done["entries"][1], "003.jpg", "lynx", "words", None),
    ]
    # What was not chosen is asked for like any other, and is nearest still.
    again = client.ask("/api/of_words", page="g", words="lynx", count=3, without=[4])
    assert rows_of(again) == [2, 5, 6]


def test_two_people_who_look_for_the_same_words_get_different_images(client):
    first = rows_of(client.ask("/api/of_words", page="ann", words="lynx", count=5))
    second = rows_of(client.ask("/api/of_words", page="bob", annotator="bob", words="lynx", count=5))
    assert (first, second) == ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9])

    client.ask("/api/label_many", page="bob", annotator="bob", rows=second, label="lynx", means="words")
    client.ask("/api/release", page="ann")
    assert rows_of(client.ask("/api/of_words", page="carol", words="lynx", count=6)) == [0, 1, 2, 3, 4, 10]


def test_one_undo_takes_all_of_them_back(client):
    client.ask("/api/label_many", page="g", rows=[0, 1, 2], label="lynx", means="words")
    undone = client.ask("/api/undo", page="p")

    assert undone["rows"] == [0, 1, 2]
    assert client.session.counts == {}
    assert rows_of(client.ask("/api/of_words", page="g", words="lynx", count=2)) == [0, 1]


def test_the_review_shows_them_as_answered_at_once(client):
    client.ask("/api/label_many", page="g", rows=[0, 1], label="lynx", means="words")

    (grid,) = client.get("/api/review").json()["grids"]
    assert (grid["rows"], grid["label"]) == ([0, 1], "lynx")


def test_a_session_with_such_labels_is_replayed_to_the_same_next_image(lynx_to_snow):
    workspace = lynx_to_snow()
    with RecordedSession(workspace, Pool.open(workspace), 30, "ann") as session:
        desk = Desk(session, loans := Loans(session), show_target=False, repeat=1)
        for step in range(12):
            session.label(session.next(), ("lynx", "snow")[step % 2])
        found = desk.of_words(request("OfWords", words="snow", count=4, page="g"))
        desk.label_many(
            request("LabelMany", rows=[tile.row for tile in found.tiles], label="snow", means=found.means, page="g")
        )
        asked, counts = session.next(), session.counts
        loans.close()
    with RecordedSession(workspace, Pool.open(workspace), 30, "ann") as session:
        assert (session.next(), session.counts) == (asked, counts)


def request(kind, **fields):
    from evenpick.web import api

    return getattr(api, kind)(**fields)


def test_what_was_drawn_at_random_is_found_by_no_words(lynx_to_snow):
    workspace, drawn = lynx_to_snow(60), 0
    with RecordedSession(workspace, Pool.open(workspace), 50, "ann", acquisition="random", audit=0.2) as session:
        desk = Desk(session, loans := Loans(session), show_target=False, repeat=1)
        while session.session.labels_left > 20:
            question = session.session.ask()
            if question.chance is not None:
                drawn += 1
                found = {tile.row for tile in desk.of_words(request("OfWords", words="lynx", count=100)).tiles}
                assert question.index not in found
                assert len(found) == min(session.session.labels_left, int(session.session.unanswered().size))
            session.label(question.index, "lynx")
        loans.close()
    assert drawn > 2


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        ("zebra", 409, "'zebra' is unknown to text encoder"),
        ("lynx " * 20, 409, "tokens, and text encoder"),
        ("x" * 201, 400, "'words' must be a readable text of 1 to 200 characters"),
        ("", 400, "'words' must be a readable text"),
        (3, 400, "'words' must be a readable text"),
    ],
)
def test_words_that_find_nothing_are_refused_in_one_line_and_no_image_is_lent(client, words, status, reason):
    refused = client.post("/api/of_words", json={"page": "g", "words": words})

    assert (refused.status_code, reason in refused.json()["error"]) == (status, True), refused.json()
    assert "\n" not in refused.json()["error"]
    assert len(rows_of(client.ask("/api/of_words", page="other", words="lynx", count=20))) == 20


def test_the_app_loads_no_text_encoder_before_somebody_looks_for_words(lynx_to_snow, monkeypatch):
    workspace = lynx_to_snow()
    monkeypatch.setattr("evenpick.sources.TextEncoder.load", lambda name: pytest.fail("it is loaded"))
    with RecordedSession(workspace, Pool.open(workspace), 30, "ann") as session:
        create_app(session).state.close()
