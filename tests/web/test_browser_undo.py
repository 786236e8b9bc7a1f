"""Undo on the labelling page takes back what its button names, whatever other pages of the same person have answered."""

import asyncio
import threading

import pytest
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.slow


def test_undo_takes_back_nothing_but_what_its_button_names(begin, running, open_page):
    client = begin()
    client.ask("/api/label", row=0, label="sushi")
    client.ask("/api/label", row=1, label="hot_dog")
    with running(client.app) as address:
        here, there = open_page(address), open_page(address)
        here.here()
        here.answer("1")
        assert here.text("#last") == ": sushi"
        there.here()
        there.answer("2")
        assert there.text("#last") == ": hot_dog"
        here.here()
        row = here.row()
        here.wait_until_it_can_be_answered()
        here.press(Keys.BACKSPACE)
        here.wait(lambda: here.text("#last") == ": hot_dog")
        here.wait(lambda: here.text("#alert") == "this is not your last answer any more: undo now takes back 'hot_dog'")
        assert client.session.counts == {"sushi": 2, "hot_dog": 2}
        assert here.row() == row

        here.answer(Keys.BACKSPACE)
        assert client.session.counts == {"sushi": 2, "hot_dog": 1}
        assert here.text("#last") == ": sushi"


def test_the_button_names_the_last_answer_from_the_start_and_a_page_without_one_takes_nothing_back(
    begin, running, open_page
):
    client = begin()
    with running(client.app) as address:
        page = open_page(address)
        assert not page.find("#undo").is_enabled()
        client.ask("/api/label", row=0, label="cat")  # on another page, of which this one knows nothing
        page.script("document.getElementById('stage').focus()")
        page.press(Keys.BACKSPACE)
        page.wait(lambda: page.text("#alert") == "There is no answer to undo.")
        assert client.session.counts == {"cat": 1}
        page.browser.refresh()
        page.wait(lambda: page.text("#last") == ": cat")
        assert page.find("#undo").is_enabled()


def test_while_the_page_is_loading_backspace_does_not_say_that_there_is_nothing_to_undo(begin, running, open_page):
    client = begin()
    client.ask("/api/label", row=0, label="cat")
    asked, answering = threading.Event(), threading.Event()
    answering.set()

    async def app(scope, receive, send):
        if scope["path"] == "/api/next":
            asked.set()
            while not answering.is_set():
                await asyncio.sleep(0.01)
        await client.app(scope, receive, send)

    with running(app) as address:
        page = open_page(address)
        answering.clear()
        asked.clear()
        page.browser.refresh()
        assert asked.wait(10)
        page.script("document.getElementById('stage').focus()")
        page.press(Keys.BACKSPACE)
        told = not page.script("document.getElementById('alert').hidden")
        answering.set()  # in any case, for the server waits for it
        assert not told
        page.wait(lambda: page.text("#last") == ": cat")
        assert client.session.counts == {"cat": 1}
