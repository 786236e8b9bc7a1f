"""Grids over the API: who has which images, what the budget has room for, and eight people at once."""

import threading

import pytest

from evenpick.pool import Pool
from evenpick.session import RecordedSession
from evenpick.web.loans import Loans


def rows_of(grid):
    return [tile["row"] for tile in grid["tiles"]]


def test_a_grid_begins_with_the_image_that_it_is_like(begin):
    grid = begin().ask("/api/alike", page="g", row=7, count=5)

    assert rows_of(grid)[0] == 7
    assert len({*rows_of(grid)}) == 5
    assert (grid["means"], grid["room"]) == ("grid", 20)
    first = grid["tiles"][0]
    assert (first["image"], first["images"]) == ("007.jpg", 1)
    assert first["url"].startswith("/image/7?")
    assert first["thumbnail"].startswith("/thumbnail/7?")


def test_an_image_is_on_one_page_at_a_time(begin):
    client = begin(n=30, budget=30)
    shown = client.ask("/api/next", page="one")["turn"]["image"]["row"]
    first = rows_of(client.ask("/api/alike", page="two", row=shown, count=12))
    second = rows_of(client.ask("/api/alike", page="three", row=first[0], count=100))

    assert shown not in first
    assert {*first} & {*second} == set()
    assert len(second) == 30 - 1 - 12
    # Nothing is left for a single answer, but what the others give back may be.
    assert client.ask("/api/next", page="four")["turn"]["status"] == "waiting"
    client.ask("/api/release", page="two")
    assert client.ask("/api/next", page="four")["turn"]["image"]["row"] in first


def test_the_images_of_a_grid_are_asked_for_nowhere_and_given_back_after_a_while(make_workspace):
    workspace = make_workspace(30)
    now = [0.0]
    with RecordedSession(workspace, Pool.open(workspace), 30, "ann", acquisition="random") as session:
        loans = Loans(session, seconds=60, clock=lambda: now[0])
        asked = loans.next("one", "ann").question.index
        others = [row for row in range(30) if row != asked]
        assert loans.lend_grid("two", others, 29) == others
        assert loans.next("three", "bob").status == "waiting"
        assert loans.upcoming("one") == []
        now[0] = 61.0
        assert loans.next("three", "bob").question is not None
        loans.close()


def test_of_the_images_that_are_left_of_a_group_a_grid_has_one_as_its_label_holds_for_the_others(begin, make_workspace):
    workspace = make_workspace(6)
    (workspace / "groups.csv").write_text(
        "image,group,reason\n" + "".join(f"{i:03d}.jpg,{max(i, 3)},time\n" for i in range(6))
    )
    client = begin(workspace=workspace, budget=6, balancing=None)
    client.ask("/api/label", row=1, label="cat", without=[0, 2, 3])
    for row in (4, 5):
        client.ask("/api/label", row=row, label="cat")
    grid = client.ask("/api/alike", page="g", row=2)

    assert [(tile["row"], tile["images"]) for tile in grid["tiles"]] == [(2, 3)]
    client.ask("/api/label_many", page="g", rows=[2], label="dog")
    assert client.session.store.entries()[-1].inherited == ("000.jpg", "003.jpg")


def test_a_grid_is_no_larger_than_what_the_budget_has_room_for_beside_what_others_look_at(begin):
    client = begin(n=40, budget=10)
    for page in "ab":
        client.ask("/api/next", page=page)
    grid = client.ask("/api/alike", page="g", row=20, count=24)
    assert (len(grid["tiles"]), grid["room"]) == (8, 8)

    more = [row for row in range(40) if client.session.session.group(row) == ()][:9]
    refused = client.post("/api/label_many", json={"page": "g", "rows": more, "label": "cat"})
    assert refused.status_code == 409
    assert "the budget has room for 8 more labels; got 9" in refused.json()["error"]
    assert client.session.store.entries() == []
    done = client.ask("/api/label_many", page="g", rows=rows_of(grid), label="cat")
    assert (done["progress"]["labels"], len(done["entries"])) == (8, 8)
    assert client.ask("/api/alike", page="g", row=20)["tiles"] == []


def test_what_was_taken_out_before_is_not_shown_again(begin):
    client = begin()
    first = rows_of(client.ask("/api/alike", page="g", row=7, count=6))
    again = rows_of(client.ask("/api/alike", page="g", row=7, count=6, without=[7, first[2]]))

    assert again[:4] == [row for row in first if row not in (7, first[2])]


@pytest.mark.parametrize("order", ["nearest", "surest", "least_sure"])
def test_the_images_of_a_class_are_asked_for_by_its_name_in_any_case(begin, order):
    client = begin()
    for row in range(6):
        client.ask("/api/label", row=row, label="cat" if row % 2 else "dog")
    grid = client.ask("/api/of_class", page="g", label="CAT", order=order, count=5)

    assert grid["means"] == ("grid" if order == "nearest" else "confirmed")
    assert {*rows_of(grid)} & {*range(6)} == set()
    client.ask("/api/label_many", page="g", rows=rows_of(grid), label="Cat", means=grid["means"])
    assert client.session.counts == {"dog": 3, "cat": 3 + len(grid["tiles"])}
    assert {entry.means for entry in client.session.store.entries()[6:]} == {grid["means"]}


def test_a_class_without_a_label_has_no_grid(begin):
    refused = begin().post("/api/of_class", json={"label": "cat"})

    assert (refused.status_code, "has no label yet" in refused.json()["error"]) == (409, True)


def test_sent_again_a_grid_counts_once_and_one_undo_takes_it_back(begin):
    client = begin()
    single = client.ask("/api/next", page="p")["turn"]["image"]["row"]
    grid = rows_of(client.ask("/api/alike", page="g", row=(single + 1) % 40, count=4))
    body = {"page": "g", "rows": grid, "label": "cat", "request": "r"}
    assert client.ask("/api/label_many", **body)["entries"] == client.ask("/api/label_many", **body)["entries"]
    undoable = client.ask("/api/next", page="p")["turn"]["undoable"]
    assert (undoable["label"], undoable["answers"]) == ("cat", len(grid))
    named = {"page": "p", "request": "u", "entry": undoable["entry"]}
    undone = client.ask("/api/undo", **named, then_next=True)
    assert client.ask("/api/undo", **named)["rows"] == undone["rows"] == grid
    assert undone["progress"]["labels"] == 0
    assert undone["turn"]["image"]["row"] == single  # the page keeps what it has


def test_eight_people_with_grids_and_single_answers_lose_nothing_and_give_nothing_twice(begin, running):
    import httpx2 as httpx

    client = begin(n=400, budget=300)
    given, failures = [], []

    def work(who, address):
        with httpx.Client(base_url=address, timeout=20) as own:

            def sent(path, **body):
                answer = own.post(path, json={"page": who, "annotator": who, **body})
                assert answer.status_code == 200, answer.text
                return answer.json()

            for step in range(12):
                turn = sent("/api/next")["turn"]
                if turn["status"] != "image":
                    break
                row = turn["image"]["row"]
                if step % 3 == int(who) % 3:
                    grid = rows_of(sent("/api/alike", row=row, count=5))[: 5 if step % 2 else 3]
                    if grid:
                        sent("/api/label_many", rows=grid, label=f"class {step % 4}", request=f"{who}-{step}")
                        given.extend(grid)
                else:
                    sent("/api/label", row=row, label=f"class {row % 4}", request=f"{who}-{step}")
                    given.append(row)

    def watched(who, address):
        try:
            work(who, address)
        except BaseException as error:
            failures.append(error)
            raise

    with running(client.app) as address:
        people = [threading.Thread(target=watched, args=(str(number), address)) for number in range(8)]
        for person in people:
            person.start()
        for person in people:
            person.join()

    recorded = [client.session.pool.row_of[entry.image] for entry in client.session.store.entries()]
    assert failures == []
    assert len(given) > 100
    assert sorted(recorded) == sorted(given)
    assert len({*recorded}) == len(recorded) <= 300
