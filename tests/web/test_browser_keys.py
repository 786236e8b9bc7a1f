"""Keys and clicks on the labelling page, as people press them: words, bounces, layouts, input methods, near names."""

import statistics
import time
from dataclasses import replace

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from evenpick.labels.class_list import ClassList, ListedClass

pytestmark = pytest.mark.slow


@pytest.fixture
def page(begin, running, open_page):
    """The page of a session with the classes that a test names, each with one label."""
    pages = []

    def build(*classes, **options):
        client = begin(n=90, budget=60, **options)
        for name in classes:
            client.ask("/api/label", row=client.ask("/api/next")["turn"]["image"]["row"], label=name)
        server = running(client.app)
        pages.append(server)
        opened = open_page(server.__enter__())
        opened.session = client.session
        opened.wait_until_it_can_be_answered()
        return opened

    yield build
    for server in pages:
        server.__exit__(None, None, None)


THIRTY_TWO = ["lobster", "oyster", *(f"class {i}" for i in range(30))]


def stroke(page, key, code, modifiers=0):
    """One key as a keyboard of any layout sends it."""
    text = {"text": key} if len(key) == 1 else {}
    for kind in ("keyDown", "keyUp"):
        event = {"type": kind, "key": key, "code": code, "modifiers": modifiers, **(text if kind == "keyDown" else {})}
        page.browser.execute_cdp_cmd("Input.dispatchKeyEvent", event)


def labels(page):
    return list(page.session.counts.values())


def test_a_word_typed_without_going_to_the_field_first_is_text_and_enter_offers_its_class(page):
    page = page(*THIRTY_TWO)
    page.script("document.getElementById('stage').focus()")
    for letter in "lobs":
        stroke(page, letter, f"Key{letter.upper()}")
        time.sleep(0.12)  # a good typist

    assert page.script("document.getElementById('name').value") == "lobs"
    assert labels(page) == [1] * 32
    page.press(Keys.ENTER)
    assert page.script("document.activeElement.textContent").startswith("1lobster")
    assert page.text("#hint") == "Enter again: the class that is marked · ↑ new class “lobs”"
    assert labels(page) == [1] * 32
    page.answer(Keys.ENTER)
    assert page.session.counts["lobster"] == 2
    assert "lobs" not in page.session.counts


def test_of_a_slow_typist_the_first_letter_is_taken_back(page):
    page = page(*THIRTY_TWO)
    page.script("document.getElementById('stage').focus()")
    row = page.row()
    stroke(page, "l", "KeyL")
    page.wait(lambda: page.row() != row)  # it has answered
    stroke(page, "o", "KeyO")
    page.wait(lambda: page.row() == row)

    assert page.script("document.getElementById('name').value") == "lo"
    assert page.script("document.activeElement.id") == "name"
    assert labels(page) == [1] * 32


def test_one_letter_alone_answers(page):
    page = page(*THIRTY_TWO)
    page.script("document.getElementById('stage').focus()")
    page.answer("a")

    assert page.session.counts["class 7"] == 2


@pytest.mark.parametrize(("known", "typed"), [("หมี", "หมู"), ("Bär", "Bar"), ("lobster", "lobstr")])
def test_a_near_name_is_asked_about_and_becomes_a_class_of_its_own(page, known, typed):
    page = page(known)
    page.press("/", typed)
    page.wait(lambda: f"did you mean “{known}”" in page.text("#hint"))
    page.press(Keys.ENTER)
    assert page.text("#hint").startswith(f"New class “{typed}”? Did you mean “{known}”?")
    assert page.session.counts == {known: 1}
    page.answer(Keys.ENTER)
    assert page.session.counts == {known: 1, typed: 1}


def test_from_a_near_name_an_arrow_leads_to_the_class_that_was_meant(page):
    page = page("lobster")
    page.press("/", "lobstr", Keys.ENTER)
    page.press(Keys.ARROW_DOWN)
    page.answer(Keys.ENTER)

    assert page.session.counts == {"lobster": 2}


def test_from_the_class_that_is_offered_an_arrow_leads_to_a_new_one(page):
    page = page("panda")
    page.press("/", "pan", Keys.ENTER)
    page.press(Keys.ARROW_UP)
    page.answer(Keys.ENTER)

    assert page.session.counts == {"panda": 1, "pan": 1}


@pytest.mark.parametrize("typed", ["red\u00a0fox", "RED  FOX", "red \u200bfox"])
def test_a_class_is_the_same_in_any_case_and_with_any_blank(page, typed):
    page = page("red fox")
    page.press("/")
    page.script("document.getElementById('name').value = arguments[0]", typed)
    page.answer(Keys.ENTER)

    assert page.session.counts == {"red fox": 2}


def test_a_double_click_a_bouncing_key_and_a_held_key_answer_once(page):
    page = page("cat", "dog")
    page.script("document.getElementById('stage').focus()")
    button = page.find("#classes li[data-name='cat'] .class")
    ActionChains(page.browser, duration=0).double_click(button).perform()
    time.sleep(0.6)
    assert page.session.counts == {"cat": 2, "dog": 1}
    page.wait_until_it_can_be_answered()
    for pause in (0.0, 0.02, 0.02):  # of a busy machine each stroke takes a while by itself
        stroke(page, "2", "Digit2")
        time.sleep(pause)
    time.sleep(0.4)
    assert page.session.counts == {"cat": 2, "dog": 2}
    held = {"type": "keyDown", "key": "1", "code": "Digit1", "text": "1"}
    page.browser.execute_cdp_cmd("Input.dispatchKeyEvent", held)
    for _ in range(8):
        page.browser.execute_cdp_cmd("Input.dispatchKeyEvent", {**held, "autoRepeat": True})
        time.sleep(0.1)
    page.browser.execute_cdp_cmd("Input.dispatchKeyEvent", {**held, "type": "keyUp"})
    assert page.session.counts == {"cat": 3, "dog": 2}


def test_no_image_can_be_answered_before_it_was_on_the_screen_for_200_ms(page):
    page = page("cat")
    page.script(
        "(window.seen = [], new PerformanceObserver(list => { for (const entry of list.getEntries())"
        " seen.push(entry.renderTime || entry.loadTime) }).observe({type: 'element'}),"
        " new MutationObserver(changes => { for (const {target} of changes) if (target.dataset.ready === 'true')"
        " seen.push(-performance.now()) }).observe(document.body, {attributeFilter: ['data-ready']}), 1)"
    )
    for _ in range(5):
        page.answer("1")
    page.wait_until_it_can_be_answered()
    seen = page.script("window.seen")

    shown = None
    waited = []
    for moment in seen:  # when an image was drawn, and (negative) when it could be answered
        if moment > 0:
            shown = moment
        elif shown is not None:
            waited.append(-moment - shown)
            shown = None
    assert len(waited) >= 4, seen
    assert statistics.median(waited) >= 200
    assert min(waited) >= 150  # a busy machine may draw late what it was told in time


@pytest.mark.parametrize(
    ("key", "code", "name"),
    [
        ("&", "Digit1", "cat"),  # French
        ("é", "Digit2", "dog"),
        ("ф", "KeyA", "class 7"),  # Russian
        ("\N{GREEK SMALL LETTER ALPHA}", "KeyA", "class 7"),
        ("ش", "KeyA", "class 7"),  # Arabic
        ("٢", "Digit2", "dog"),
        ("\N{FULLWIDTH DIGIT TWO}", "Digit2", "dog"),
        ("Process", "KeyA", "class 7"),  # an input method
    ],
)
def test_keys_of_other_keyboards_answer_by_where_they_are(page, key, code, name):
    page = page("cat", "dog", *(f"class {i}" for i in range(30)))
    page.script("document.getElementById('stage').focus()")
    before = page.session.counts[name]
    row = page.row()
    stroke(page, key, code)
    page.wait(lambda: page.row() != row)

    assert page.session.counts[name] == before + 1


def test_escape_and_enter_of_an_input_method_are_its_own(page):
    page = page("cat")
    page.press("/")
    page.browser.execute_cdp_cmd("Input.imeSetComposition", {"text": "しか", "selectionStart": 2, "selectionEnd": 2})
    for key in ("Escape", "Enter"):
        page.script(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
            " {key: arguments[0], isComposing: true, bubbles: true, cancelable: true}))",
            key,
        )
    assert page.script("document.getElementById('name').value") == "しか"
    assert page.session.counts == {"cat": 1}
    page.browser.execute_cdp_cmd("Input.insertText", {"text": "鹿"})
    page.answer(Keys.ENTER)
    assert page.session.counts == {"cat": 1, "鹿": 1}


LIST = ClassList((ListedClass("lobster", "x", "with claws", "001.jpg"), ListedClass("oyster"), ListedClass("crab")))


def test_the_classes_of_a_list_are_there_from_the_start_with_key_note_and_example(page):
    page = page(classes=LIST)
    assert page.classes() == {"lobster": 0, "oyster": 0, "crab": 0}
    assert page.text("#found") == "0"
    button = page.find("#classes li[data-name='lobster'] .class")
    assert button.get_attribute("title") == "lobster: with claws"
    page.wait(lambda: page.script("document.querySelector('#classes img').naturalWidth") == 96)
    page.script("document.getElementById('stage').focus()")
    page.answer("x")
    page.new_class("shrimp")
    assert page.classes() == {"lobster": 1, "oyster": 0, "crab": 0, "shrimp": 1}


def test_in_a_closed_list_there_is_no_new_class_and_the_start_of_one_is_enough(page):
    page = page(classes=replace(LIST, closed=True))
    page.press("/", "shrimp")
    page.wait(lambda: "the list is closed" in page.text("#hint"))
    assert page.script("document.getElementById('add').hidden")
    page.press(Keys.ENTER, Keys.ESCAPE)
    assert page.session.counts == {}
    page.press("/")
    page.answer("ly", Keys.BACKSPACE, Keys.BACKSPACE, "oy", Keys.ENTER)
    assert page.session.counts == {"oyster": 1}
