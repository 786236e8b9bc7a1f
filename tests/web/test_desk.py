"""What the label API says and does, asked over HTTP but for what only the desk itself shows."""

import re
from dataclasses import replace

import numpy as np
import pytest

from evenpick.labels.class_list import ClassList, ListedClass
from evenpick.pool import Pool
from evenpick.session import RecordedSession
from evenpick.web.desk import Desk
from evenpick.web.loans import Loans


def test_next_label_skip_undo_and_rename(begin):
    client = begin()
    first = client.ask("/api/next", page="p")["turn"]["image"]
    assert client.ask("/api/next", page="p")["turn"]["image"] == first

    answered = client.ask("/api/label", page="p", row=first["row"], label=" cat ", then_next=True)
    second = answered["turn"]["image"]
    assert (answered["entry"], second["row"] != first["row"]) == (1, True)
    skipped = client.ask("/api/skip", page="p", row=second["row"], then_next=True)
    assert skipped["progress"] == {
        "budget": 20, "labels": 1, "skipped": 1, "unshown": 0, "phase": "discovery",
        "classes": [{"name": "cat", "count": 1}], "conflicts": 0, "unseen": None,
    }  # fmt: skip
    undone = client.ask("/api/undo", page="p", then_next=True)
    assert undone["row"] == undone["turn"]["image"]["row"] == second["row"]
    renamed = client.ask("/api/rename", page="p", old="cat", new="feline", then_next=True)
    assert renamed["progress"]["classes"] == [{"name": "feline", "count": 1}]
    assert renamed["turn"]["image"]["row"] == second["row"]


def test_every_turn_says_what_an_undo_takes_back_and_only_that_is_undone_if_it_is_named(begin):
    client = begin()
    assert "undoable" not in client.ask("/api/next", page="p")["turn"]
    named = client.ask("/api/label", page="p", row=1, label="sushi", then_next=True)["turn"]["undoable"]
    assert named == {"entry": 1, "label": "sushi", "answers": 1}
    client.ask("/api/label", page="q", row=2, label="hot_dog")
    refused = client.post("/api/undo", json={"page": "p", "entry": named["entry"]})
    said = {"error": "this is not your last answer any more: undo now takes back 'hot_dog'"}
    assert (refused.status_code, refused.json()) == (409, said)
    assert client.session.counts == {"sushi": 1, "hot_dog": 1}

    last = client.ask("/api/next", page="p")["turn"]["undoable"]
    assert last == {"entry": 2, "label": "hot_dog", "answers": 1}
    assert "undoable" not in client.ask("/api/next", page="b", annotator="bob")["turn"]
    undone = client.ask("/api/undo", page="p", entry=last["entry"], request="u", then_next=True)
    assert (undone["row"], undone["turn"]["undoable"]) == (2, named)
    assert client.ask("/api/undo", page="p", entry=last["entry"], request="u")["row"] == 2  # sent again
    assert client.ask("/api/undo", page="p")["row"] == 1  # whichever it is, as before


@pytest.mark.parametrize("wanted", [True, False])
def test_the_next_image_comes_with_the_reply_only_if_it_is_wanted(begin, wanted):
    client = begin()
    replies = [
        client.ask("/api/label", row=1, label="cat", then_next=wanted),
        client.ask("/api/skip", row=2, then_next=wanted),
        client.ask("/api/undo", then_next=wanted),
        client.ask("/api/rename", old="cat", new="feline", then_next=wanted),
    ]

    assert [reply.get("turn", {}).get("status") for reply in replies] == ["image" if wanted else None] * 4


def test_from_twenty_labels_on_the_classes_not_found_are_estimated_where_images_came_at_random(begin):
    client = begin(balancing=None)
    for i in range(20):
        row = client.ask("/api/next")["turn"]["image"]["row"]
        unseen = client.ask("/api/label", row=row, label=f"class {i if i < 5 else 5}")["progress"]["unseen"]
        assert (unseen is None) == (i < 19)

    # five classes with one label and none with two: 19/20 * 5 * 4 / 2
    assert unseen["undiscovered"] == pytest.approx(9.5)
    assert unseen["mass"] == 0.25
    assert unseen["low"] < 9.5 < unseen["high"]
    assert client.get("/api/state").json()["progress"]["unseen"] == unseen


def test_labels_that_were_chosen_tell_no_classes_not_found(begin):
    client = begin(budget=30, balancing="ratio_max")
    for i in range(20):
        row = client.ask("/api/next")["turn"]["image"]["row"]
        progress = client.ask("/api/label", row=row, label=f"class {min(i, 5)}")["progress"]

    assert progress["unseen"] is None


def test_the_state_lists_conflicts_and_agreement(begin):
    client = begin(repeat=2)
    row = client.ask("/api/next", page="a", annotator="ann")["turn"]["image"]["row"]
    assert client.ask("/api/next", page="b", annotator="bob")["turn"]["image"]["row"] == row
    client.ask("/api/label", annotator="ann", row=row, label="cat")
    client.ask("/api/label", annotator="bob", row=row, label="dog")

    state = client.get("/api/state").json()

    answers = [{"annotator": "ann", "label": "cat"}, {"annotator": "bob", "label": "dog"}]
    assert state["conflicts"] == [{"row": row, "image": f"{row:03d}.jpg", "answers": answers}]
    assert state["agreement"] == [{"annotators": ["ann", "bob"], "images": 1, "same": 0.0, "kappa": 0.0}]
    assert (state["images"], state["annotator"], state["repeat"]) == (40, "ann", 2)


def test_the_end_is_told(begin):
    client = begin(budget=2)
    for _ in range(2):
        row = client.ask("/api/next")["turn"]["image"]["row"]
        answered = client.ask("/api/label", row=row, label="cat", then_next=True)

    assert answered["turn"] == {"status": "finished", "undoable": {"entry": 2, "label": "cat", "answers": 1}}
    late = client.post("/api/label", json={"row": (row + 1) % 40, "label": "cat"})
    assert late.status_code == 409
    assert "budget of 2 labels is spent" in late.json()["error"] or "answered already" in late.json()["error"]


def test_the_target_is_told_only_when_the_server_was_told_to(begin, make_workspace):
    for show in (False, True):
        client = begin(n=30, budget=25, workspace=make_workspace(30, name=f"w{show}"), show_target=show)
        turn = client.ask("/api/next")["turn"]
        while client.session.phase == "discovery":
            name = "common" if turn["image"]["row"] % 7 else "rare"
            turn = client.ask("/api/label", row=turn["image"]["row"], label=name, then_next=True)["turn"]
        assert turn["image"].get("target") == ("rare" if show else None)
        assert ("target" in turn["image"]) is show
        assert client.get("/api/state").json()["show_target"] is show


def test_upcoming_images_are_those_asked_for_next_in_discovery(begin):
    client = begin()
    client.ask("/api/next")
    guesses = client.ask("/api/upcoming")["urls"]
    shown = []
    for _ in guesses:
        row = client.ask("/api/next")["turn"]["image"]["row"]
        shown.append(client.ask("/api/skip", row=row, then_next=True)["turn"]["image"]["url"])

    assert guesses == shown
    assert len(guesses) == 3


def test_what_is_not_possible_now_is_a_conflict_with_a_reason(begin):
    client = begin()
    client.ask("/api/label", row=1, label="cat")
    for path, body, message in [
        ("/api/label", {"row": 1, "label": "dog"}, "image '001.jpg' is answered already; undo first"),
        ("/api/rename", {"old": "dog", "new": "cat"}, "class 'dog' does not exist; found so far: cat"),
        ("/api/undo", {"annotator": "bob"}, "there is no answer to undo"),
    ]:
        answer = client.post(path, json=body)
        assert (answer.status_code, message in answer.json()["error"]) == (409, True)


@pytest.mark.slow
def test_automatic_balancing_asks_without_repeats_and_tells_no_target(begin):
    client = begin(n=70, budget=60, balancing="auto", show_target=True)
    turn, rows = client.ask("/api/next")["turn"], []
    while turn["status"] == "image":
        row = turn["image"]["row"]
        rows.append(row)
        assert turn["image"]["target"] is None
        assert turn["image"]["phase"] == ("discovery" if len(rows) <= 40 else "balancing")
        client.ask("/api/upcoming")
        turn = client.ask("/api/label", row=row, label=f"class {row % 5}", then_next=True)["turn"]

    assert len(set(rows)) == len(rows) == 60


# --- the address of an image ------------------------------------------------------------------------


def address_of_the_first_image(workspace, pool):
    """What the review answers, without the number of the image."""
    with RecordedSession(workspace, pool, 20, "ann", acquisition="random") as session:
        session.label(0, "cat")
        loans = Loans(session)
        [given] = Desk(session, loans, show_target=False, repeat=1).looking_back.review().given
        loans.close()
        session.undo()
    return re.search(r"/0\?v=([0-9a-f]{12})$", given.url)[1]


def test_the_address_of_an_image_changes_with_the_contents_of_its_file(make_workspace):
    workspace = make_workspace(40)
    pool = Pool.open(workspace)
    version = address_of_the_first_image(workspace, pool)
    replaced = replace(pool, facts=pool.facts._replace(version=np.full(40, b"another")))

    assert address_of_the_first_image(workspace, replaced) != version
    assert address_of_the_first_image(workspace, replace(pool, facts=None)) != version


def test_the_address_of_an_image_changes_with_workspace_folder_and_size_of_the_pool(make_workspace):
    """A browser keeps images for an hour: it must not show those of another workspace at the same port."""
    one, other = make_workspace(40, name="one"), make_workspace(40, name="other")
    pool = Pool.open(one)
    version = address_of_the_first_image(one, pool)

    assert address_of_the_first_image(one, Pool.open(one)) == version
    assert address_of_the_first_image(other, pool) != version
    assert address_of_the_first_image(one, Pool.open(other)) != version
    smaller, same = (make_workspace(n, name=f"{n}", photos="one") for n in (39, 40))
    assert address_of_the_first_image(one, Pool.open(smaller)) != version
    assert address_of_the_first_image(one, Pool.open(same)) == version


def test_a_class_is_known_in_any_case_and_with_any_blank_but_not_with_another_mark(begin):
    client = begin()
    for row, name in enumerate(["Bär", "b\u00c4R ", "Bar", "red fox", "Red\u00a0 Fox", "หมี", "หมู"]):
        classes = client.ask("/api/label", row=row, label=name)["progress"]["classes"]

    counts = {c["name"]: c["count"] for c in classes}
    assert counts == {"Bär": 2, "Bar": 1, "red fox": 2, "หมี": 1, "หมู": 1}


def test_a_closed_list_refuses_other_classes_in_answers_changes_and_renames(begin):
    client = begin(classes=ClassList((ListedClass("cat"), ListedClass("dog")), closed=True))
    client.ask("/api/label", row=1, label="CAT")
    for path, body in (
        ("label", {"row": 2, "label": "cow"}),
        ("change", {"rows": [1], "label": "cow"}),
        ("rename", {"old": "cat", "new": "cow"}),
    ):
        refused = client.post(f"/api/{path}", json=body)
        assert (refused.status_code, "the list is closed: cat, dog" in refused.json()["error"]) == (409, True)
    client.ask("/api/rename", old="cat", new="dog")
    assert client.session.counts == {"dog": 1}


def test_a_class_that_is_renamed_merges_with_the_same_name_in_another_case(begin):
    client = begin()
    client.ask("/api/label", row=1, label="cat")
    client.ask("/api/label", row=2, label="dgo")
    client.ask("/api/rename", old="dgo", new="CAT")
    assert client.session.counts == {"cat": 2}
    client.ask("/api/rename", old="cat", new="Cat")
    assert client.session.counts == {"Cat": 2}


def test_an_image_that_cannot_be_shown_is_handed_to_nobody_until_it_is_asked_for_again(begin):
    client = begin(n=3, budget=3)
    rows = []
    for _ in range(3):
        row = client.ask("/api/next", page="p")["turn"]["image"]["row"]
        rows.append(row)
        reply = client.ask("/api/unshown", page="p", row=row)
    assert sorted(rows) == [0, 1, 2]
    assert (reply["turn"]["status"], reply["progress"]["unshown"]) == ("finished", 3)
    assert client.session.store.entries() == []

    again = client.ask("/api/retry", page="p")
    assert (again["turn"]["image"]["row"], again["progress"]["unshown"]) == (rows[0], 0)
