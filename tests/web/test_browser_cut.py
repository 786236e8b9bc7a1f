"""What the pages say can be read to its end, on every usual screen."""

import pytest
from browsing import cut_off, see_as
from selenium.webdriver.common.keys import Keys

from evenpick.session.rounds import FIRST_ROUND

pytestmark = pytest.mark.slow

SCREENS = [(1200, 800), (1366, 768), (1920, 1080), (390, 844)]
# Each part of a name by itself: in how many lines it is.
LINES = """return [...document.querySelectorAll(arguments[0])].flatMap(name => [...name.firstChild.childNodes]
  .filter(part => part.data).map(part => {
    const range = document.createRange();
    range.selectNodeContents(part);
    return [part.data, new Set([...range.getClientRects()].map(({top}) => top)).size];
  }))"""
RING = 5  # pixels beyond the edge of what has the focus


@pytest.fixture
def guessing(begin, page_of):
    """The page with guesses of these three classes."""

    def build(*names):
        client = begin(n=90, budget=80, balancing="auto")
        for _ in range(FIRST_ROUND):
            row = client.session.next()
            client.session.label(row, names[row % 3])
        return page_of(client)

    return build


@pytest.fixture
def on_each_screen(browser):
    """Go through the screens; afterwards the browser is as before."""

    def sizes(height=None):
        for width, usual in SCREENS:
            see_as(browser, width, height or usual, "light")
            yield width

    yield sizes
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_first_hint_and_what_is_asked_of_a_near_name(begin, page_of, on_each_screen):
    page = page_of(begin())
    assert page.text("#hint").startswith("Type what you see")
    assert [cut for _ in on_each_screen() for cut in cut_off(page.browser, "#hint")] == []
    page.new_class("sushi")
    page.wait_until_it_can_be_answered()
    page.press("/", "sushl")
    page.wait(lambda: "did you mean “sushi”" in page.text("#hint"))
    assert [cut for _ in on_each_screen() for cut in cut_off(page.browser, "#hint")] == []
    page.press(Keys.ENTER)
    assert "Did you mean “sushi”" in page.text("#hint")
    assert [cut for _ in on_each_screen() for cut in cut_off(page.browser, "#hint")] == []


@pytest.mark.parametrize(
    "names",
    [
        ("hot_dog", "mussels", "guacamole"),
        ("strawberry", "guacamole", "hamburger"),
        ("macaroni_and_cheese", "chocolate_mousse", "strawberry_shortcake"),
    ],
)
def test_guesses_and_undo_are_whole_and_break_within_no_word(guessing, on_each_screen, names):
    page = guessing(*names)
    for width in on_each_screen():
        assert cut_off(page.browser, "#guessed .name, #classes .name, #undo") == [], width
        parts = page.browser.execute_script(LINES, "#guessed .name")
        assert len(parts) >= 3, width
        assert [part for part, lines in parts if lines > 1] == [], width


def test_the_filters_of_the_review_and_the_ring_around_the_name_of_a_class(begin, page_of, on_each_screen):
    client = begin()
    for row in range(12):
        client.ask("/api/label", row=row, label=f"class {row}")
    page = page_of(client)
    page.browser.get(page.script("location.origin") + "/review")
    page.wait(lambda: page.script("document.querySelectorAll('#gallery li').length") == 12)
    page.script("document.querySelector('[data-filter=\"class class 3\"]').click()")
    page.script("document.querySelector('.tile').click()")
    page.script("document.getElementById('class-name').focus()")
    for width in on_each_screen(height=480):  # what is selected takes room, and the filters have to be scrolled
        assert cut_off(page.browser, "#filters span") == [], width
        top = page.script("document.querySelector('main').getBoundingClientRect().top")
        assert page.find("#class-name").rect["y"] >= top + RING, width
