"""Guesses on the labelling page: from the second round on, on arrow keys and as buttons, and never by accident."""

import time

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from evenpick.labels import LabelStore
from evenpick.session.rounds import FIRST_ROUND

pytestmark = pytest.mark.slow

NAMES = ("red", "green", "blue")
ARROWS = (Keys.ARROW_LEFT, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)


@pytest.fixture
def page(begin, page_of):
    """The page of a session of `auto`, as many labels before its second round."""

    def build(before=0, **options):
        client = begin(n=90, budget=80, balancing="auto", **options)
        for _ in range(FIRST_ROUND - before):
            row = client.session.next()
            client.session.label(row, NAMES[row % 3])
        return page_of(client)

    return build


def shown(page):
    """The guesses on the page; None where it has no place for them."""
    return page.script(
        "document.getElementById('guesses').checkVisibility()"
        " ? [...document.querySelectorAll('#guessed .name')].map(name => name.textContent) : null"
    )


def last(page):
    with LabelStore(page.session.store.path.parent) as store:
        return store.entries()[-1]


def test_they_come_with_the_second_round_and_an_arrow_key_takes_one(page):
    page = page(before=1)
    assert shown(page) is None
    page.script("document.getElementById('stage').focus()")
    page.press(*ARROWS)  # no guess, no answer
    page.answer("1")
    for place, arrow in enumerate(ARROWS):
        guesses = shown(page)
        assert guesses == list(page.session.session.guesses(page.row()))
        assert sorted(guesses) == sorted(NAMES)
        assert page.script("document.activeElement.id") == "stage"  # none is chosen beforehand
        before = page.session.counts[guesses[place]]
        page.answer(arrow)
        assert page.session.counts[guesses[place]] == before + 1
        assert last(page).offered == tuple(guesses)


def test_a_button_takes_one_and_a_double_click_takes_it_once(page):
    page = page()
    guesses = shown(page)
    assert page.text("#guesses h2") == "Guesses"
    ActionChains(page.browser, duration=0).double_click(page.find("#guessed li:nth-child(2) button")).perform()
    page.wait(lambda: page.text("#labels") == str(FIRST_ROUND + 1))
    time.sleep(0.6)

    assert page.text("#labels") == str(FIRST_ROUND + 1)
    assert last(page).label == guesses[1]
    assert page.script("document.activeElement.id") == "stage"


def test_undo_brings_the_same_guesses_back(page):
    page = page()
    row, guesses = page.row(), shown(page)
    page.script("document.getElementById('stage').focus()")
    page.answer(Keys.ARROW_RIGHT)
    page.answer(Keys.BACKSPACE)

    assert (page.row(), shown(page)) == (row, guesses)


def test_arrows_go_on_to_move_a_zoomed_image_and_the_focus_in_the_list(page):
    page = page()
    page.script("document.getElementById('stage').focus()")
    page.press("+", *ARROWS)
    assert "translate" in page.script("document.querySelector('#figure img').style.transform")
    page.press(" ", "/", Keys.ARROW_DOWN)
    page.press(Keys.ARROW_DOWN)
    assert page.script("document.activeElement.className") == "class"
    page.script("document.querySelector('.guess').focus()")
    page.press(*ARROWS)
    time.sleep(0.3)

    assert page.text("#labels") == str(FIRST_ROUND)


def test_arrows_that_choose_the_order_of_the_classes_answer_nothing(page):
    page = page()
    page.script("document.getElementById('order').focus()")
    page.press(*ARROWS, "1", "a")
    time.sleep(0.6)

    assert page.text("#labels") == str(FIRST_ROUND)
    assert page.script("document.getElementById('name').value") == ""
    assert page.script("document.activeElement.id") == "order"
    page.press(Keys.ESCAPE)
    page.answer(Keys.ARROW_DOWN)
    assert page.text("#labels") == str(FIRST_ROUND + 1)


def test_they_are_switched_off_in_the_page_and_on_again(page):
    page = page()
    row, guesses = page.row(), shown(page)

    def switch():
        page.find("#help").click()
        page.find("#guessing").click()
        page.find("#help-dialog .main").click()

    switch()
    page.wait(lambda: shown(page) is None)  # the browser says that a dialog closed after the click has returned
    page.script("document.getElementById('stage').focus()")
    page.press(*ARROWS)
    page.answer("1")
    assert last(page).offered == tuple(guesses)  # they were seen
    page.answer("1")
    assert last(page).offered == ()
    switch()
    page.wait(lambda: shown(page))
    assert shown(page) == list(page.session.session.guesses(page.row()))
    assert page.row() != row


def test_a_server_without_guesses_has_no_switch_either(page):
    page = page(guesses=False)

    assert shown(page) is None
    page.find("#help").click()
    assert not page.script("document.getElementById('guessing').checkVisibility()")
    page.press(Keys.ESCAPE)


def test_on_a_phone_they_are_large_enough_to_touch(page):
    page = page()
    metrics = {"width": 320, "height": 568, "deviceScaleFactor": 1, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        boxes = [button.rect for button in page.browser.find_elements("css selector", ".guess")]
        assert min(box["height"] for box in boxes) >= 44
        assert min(box["width"] for box in boxes) >= 44
        assert page.script("document.documentElement.scrollWidth") == 320
        assert page.find("#undo").rect["y"] + page.find("#undo").rect["height"] <= 568
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
