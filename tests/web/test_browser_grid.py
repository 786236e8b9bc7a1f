"""The page of many images in a real browser: click out what does not belong, label the rest with one key, undo all."""

import functools
import json
import threading

import pytest
from browsing import TILES
from selenium.webdriver.common.keys import Keys

from evenpick.session import by_likeness, rows_of_class

pytestmark = pytest.mark.slow


@pytest.fixture
def client(begin):
    client = begin(n=60, budget=50)
    for row, name in enumerate(["cat", "dog", "cow", "cat", "dog", "cat"]):
        client.ask("/api/label", row=row, label=name)
    return client


@pytest.fixture
def open_grid(open_grid_of, client):
    return functools.partial(open_grid_of, client)


def test_what_is_clicked_out_gets_no_label_and_one_key_labels_the_rest(open_grid, client):
    page = open_grid("?class=cat")
    shown = page.rows()
    assert len(shown) >= 10
    page.wait_until_it_can_be_answered()
    page.click(shown[1])
    page.click(shown[4])
    page.click(shown[4])  # put back
    assert page.rows_in() == [row for row in shown if row != shown[1]]
    assert page.text("#selected") == f"{len(shown) - 1} of {len(shown)} images"
    page.answer("1")

    assert client.session.counts == {"cat": 3 + len(shown) - 1, "dog": 2, "cow": 1}
    assert {entry.means for entry in client.session.store.entries()[6:]} == {"grid"}
    assert shown[1] not in page.rows()  # nor is it shown again
    assert not {*page.rows()} & {*shown}
    page.find("#undo").click()
    page.wait(lambda: client.session.counts == {"cat": 3, "dog": 2, "cow": 1})


def test_the_keyboard_alone_does_it_all(open_grid, client):
    page = open_grid()
    assert page.status() == "empty"
    assert page.text("#notice") == "Choose a class, to find more of its images."
    for _ in range(10):
        if page.script("document.activeElement.dataset.name") == "dog":
            break
        page.press(Keys.TAB)
    page.press(Keys.ENTER)
    page.wait(lambda: page.status() == "images")
    page.wait_until_it_can_be_answered()
    shown = page.rows()
    while page.script("document.activeElement.className") != "tile":
        page.press(Keys.TAB)
    page.press(Keys.ARROW_RIGHT)
    page.press(" ")
    page.press(Keys.ARROW_DOWN)
    down = page.script("+document.activeElement.parentNode.dataset.row")
    assert shown.index(down) > 2
    page.press(" ")
    assert page.rows_in() == [row for row in shown if row not in (shown[1], down)]
    page.press(Keys.ENTER)
    assert page.script("document.activeElement.id") == "to"
    page.answer(Keys.ENTER)  # of a class the class itself

    assert client.session.counts["dog"] == 2 + len(shown) - 2
    page.press(Keys.ESCAPE)
    assert page.script("document.activeElement.className") == "tile"
    page.answer(Keys.BACKSPACE)
    assert client.session.counts["dog"] == 2


def test_from_the_image_on_the_screen_there_is_a_way_and_a_way_back(open_page, running, client):
    with running(client.app) as address:
        page = open_page(address)
        row = page.row()
        page.wait_until_it_can_be_answered()
        page.press("*")
        page.wait(lambda: page.status() == "images")
        assert page.script(TILES)[0] == row
        assert page.text("#shown").startswith(f"{len(page.script(TILES))} images most like image {row}")
        page.wait(lambda: page.script("document.body.dataset.ready") == "true")
        page.press("/", "zebra", Keys.ENTER)
        page.wait(lambda: client.session.counts.get("zebra"))
        assert row in client.session.opinions
        page.press(Keys.ESCAPE, Keys.ESCAPE)
        page.wait(lambda: page.status() == "image" and page.row() is not None)
        assert page.row() not in client.session.opinions
        page.wait_until_it_can_be_answered()
        page.press(Keys.BACKSPACE)
        page.wait(lambda: "zebra" not in client.session.counts)  # all of them


def test_an_image_is_shown_large_by_its_button_or_a_key_with_the_way_to_what_is_like_it(open_grid, client):
    page = open_grid("?class=cat")
    first, second = page.rows()[:2]
    page.find(f"#gallery li[data-row='{second}'] .open").click()
    assert page.text("#large-name") == client.session.pool.image_ids[second]
    page.press("1")  # no answer from here
    page.find("#close").click()
    page.script(f"document.querySelector(\"#gallery li[data-row='{first}'] .tile\").focus()")
    page.press("+")
    assert page.text("#large-name") == client.session.pool.image_ids[first]
    assert page.script("document.querySelector('#large img').src").split("?")[0].endswith(f"/image/{first}")
    assert page.rows_in() == page.rows()
    page.find("#large-alike").click()
    page.wait(lambda: page.script("location.search") == f"?row={first}")

    assert client.session.counts == {"cat": 3, "dog": 2, "cow": 1}


@pytest.mark.parametrize("order", ["surest", "least_sure"])
def test_images_of_a_predicted_class_are_recorded_as_confirmed(open_grid, client, order):
    page = open_grid(f"?class=cat&order={order}")
    if page.status() == "images":
        page.answer("1")
        assert {entry.means for entry in client.session.store.entries()[6:]} == {"confirmed"}
    else:
        assert page.text("#notice") == "No image without a label is predicted to be “cat” now."
    page.find("#order option[value='nearest']").click()
    page.wait(lambda: "most like “cat”" in page.text("#shown"))


def test_no_class_is_made_by_accident(open_grid, client):
    page = open_grid("?row=9")
    page.wait_until_it_can_be_answered()
    page.press("/", "co", Keys.ENTER)
    assert "Did you mean “cow”" in page.text("#means")
    assert "co" not in client.session.counts
    page.find("#to").send_keys("W")
    page.answer(Keys.ENTER)
    assert client.session.counts["cow"] > 1


def test_an_image_that_cannot_be_shown_gets_no_label(open_grid, client):
    (client.session.pool.folder / "009.jpg").unlink()
    page = open_grid("?row=9")
    page.wait_until_it_can_be_answered()
    assert 9 in page.rows()
    assert 9 not in page.rows_in()
    page.answer("1")
    assert 9 not in client.session.opinions
    assert 9 not in page.rows()


def test_what_is_refused_is_said_and_the_page_goes_on_from_where_things_stand(open_grid, client):
    page = open_grid("?class=cat")
    shown = page.rows()
    client.ask("/api/label", row=shown[2], label="dog", annotator="bob")
    page.answer("1")

    assert "is answered already" in page.text("#alert")
    assert client.session.counts == {"cat": 3, "dog": 3, "cow": 1}
    assert shown[2] not in page.rows()


def test_of_two_choices_the_last_one_is_shown_though_the_first_is_answered_late(open_grid, client, monkeypatch):
    asked, may_answer = threading.Event(), threading.Event()

    def slowly(*given):
        asked.set()
        assert may_answer.wait(20)
        return by_likeness(*given)

    page = open_grid()
    monkeypatch.setattr("evenpick.web.desk.by_likeness", slowly)
    for name in ("cat", "dog"):
        page.find(f"#filters button[data-name='{name}']").click()
        assert asked.wait(20)
    may_answer.set()
    page.wait(lambda: page.status() == "images")

    session = client.session
    like_dogs = by_likeness(
        session.pool, session.session.unanswered(), rows_of_class(session.session.answers, "dog")
    ).tolist()
    assert page.rows() == like_dogs[: len(page.rows())]
    assert "most like “dog”" in page.text("#shown")


def test_why_a_class_has_no_grid_is_said_once_and_nothing_else(open_grid):
    page = open_grid("?class=zebra")

    assert "'zebra' has no label yet" in page.text("#alert")
    assert page.text("#notice") == ""


def test_nothing_is_left_when_the_budget_is_spent(open_grid, client):
    page = open_grid("?class=cat")
    while page.status() == "images":
        page.answer("1")

    assert client.session.session.labels_left == 0
    assert page.text("#notice") == "The budget has no room for more labels."


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (1280, 720)])
def test_nothing_of_the_grid_sticks_out_at_any_width(open_grid, client, width, height):
    client.ask("/api/label", row=30, label="a class with a very long name that does not fit on a telephone")
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 800}
    page = open_grid("?class=cat")
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        page.browser.refresh()
        page.wait(lambda: page.status() == "images")
        assert page.script("document.documentElement.scrollWidth") == width
        for selector in ("#gallery .tile", "#to", "#do", "#undo"):
            box = page.find(selector).rect
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width, selector
            assert 0 < box["y"] + box["height"] <= height, selector
        # On a small screen some have to be looked at first.
        for _ in range(12):
            page.wait_until_it_can_be_answered()
            if client.session.counts["cat"] > 3:
                break
            page.script("(document.activeElement.blur(), 1)")
            page.press("1")
            page.wait(
                lambda: client.session.counts["cat"] > 3 or not page.script("document.querySelector('#alert').hidden")
            )
        assert client.session.counts["cat"] > 3
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_everything_of_the_grid_has_a_name_for_a_screen_reader(open_grid):
    page = open_grid("?class=cat")
    row = page.rows()[0]
    page.wait(lambda: ("button", f"Open image {row}") in page.accessible())
    parts = page.accessible()

    wanted = {"button", "textbox", "image", "combobox", "link"}
    assert all(name for role, name in parts if role in wanted), json.dumps(parts)
    assert {"status", "main", "banner", "navigation"} <= {role for role, _ in parts}
