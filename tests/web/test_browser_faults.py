"""What the labelling page does when something is in the way: an image that cannot be shown, a token that is wrong."""

import pytest
from selenium.webdriver.common.keys import Keys

from evenpick.web.app import create_app

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-some-length"


def test_an_image_that_cannot_be_shown_is_passed_over_and_nothing_is_recorded(begin, running, open_page):
    client = begin()
    first = client.session.next()
    file = client.session.pool.folder / client.session.pool.image_ids[first]
    photograph = file.read_bytes()
    file.unlink()
    with running(client.app) as address:
        page = open_page(address)

        assert page.row() not in (None, first)
        assert "Passed over, nothing is recorded: image" in page.text("#alert")
        assert client.session.store.entries() == []
        page.new_class("cat")
        assert page.script("document.getElementById('alert').hidden")
        file.write_bytes(photograph)
        client.ask("/api/retry", page="another")
        page.answer("1")
        assert first in (page.row(), client.session.next())


def test_after_three_images_in_a_row_the_page_says_that_the_folder_is_gone(begin, running, open_page):
    client = begin()
    folder = client.session.pool.folder
    with running(client.app) as address:
        page = open_page(address)
        page.new_class("cat")
        folder.rename(folder.with_name("elsewhere"))
        page.wait_until_it_can_be_answered()
        page.press("1")  # the next images are loaded ahead already; one of the next is not
        while page.status() == "image":
            page.wait_until_it_can_be_answered()
            page.press(Keys.NULL, "1")
            page.wait(lambda: page.script("document.body.dataset.ready") == "false")
            page.wait(lambda: page.status() != "image" or page.script("document.body.dataset.ready") == "true")
        entries = client.session.store.entries()
        assert page.status() == "unreachable"
        assert "The photographs cannot be reached" in page.text("#notice")
        page.press("1", "0")
        assert client.session.store.entries() == entries

        folder.with_name("elsewhere").rename(folder)
        page.find("#retry").click()
        page.wait(lambda: page.status() == "image")
        page.answer("1")
        assert len(client.session.store.entries()) == len(entries) + 1


def test_an_answer_is_held_while_the_token_is_wrong_and_sent_once_the_new_address_was_opened(begin, running, open_page):
    client = begin(token=TOKEN)
    apps = [client.app]

    async def app(scope, receive, send):
        await apps[-1](scope, receive, send)

    with running(app) as address:
        page = open_page(f"{address}/?token={TOKEN}")
        page.new_class("cat")
        row = page.row()
        page.wait_until_it_can_be_answered()
        other = create_app(client.session, token="another-token-of-length")
        apps.append(other)
        page.press("1")
        page.wait(lambda: "Your last answer is held here" in page.text("#alert"))
        assert client.session.counts == {"cat": 1}

        open_page(f"{address}/?token=another-token-of-length")
        page.here()
        page.wait(lambda: page.row() != row)
        assert client.session.counts == {"cat": 2}
        assert page.script("document.getElementById('alert').hidden")
        page.browser.delete_all_cookies()
    other.state.close()
