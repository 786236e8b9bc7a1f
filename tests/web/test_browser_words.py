"""Images found by words on the page of many, in a real browser: a real pair of encoders, real photographs."""

import shutil
import threading
import time

import pytest
from browsing import found_by_axe, see_as, tab_of_its_own
from PIL import Image
from selenium.webdriver.common.keys import Keys

from evenpick.session import by_likeness
from evenpick.workspace import Workspace

pytestmark = pytest.mark.slow

EACH = 8  # parts of each of the five photographs
SHOWN = {"chelsea": "cat", "china": "palace", "coffee": "cup", "flower": "daisy", "rocket": "missile"}


@pytest.fixture(scope="module")
def embedded(word_pair, known_photographs, source_cache, tmp_path_factory):
    """Parts of five photographs, `cat 3.jpg` and so on, as the image encoder of the pair sees them; without class names."""
    folder = tmp_path_factory.mktemp("parts")
    for file, shown in SHOWN.items():
        image = Image.open(f"{known_photographs['folder']}/{file}.jpg")
        for i in range(EACH):
            edge = 0.02 * i
            box = (edge * image.width, edge * image.height, (1 - edge / 2) * image.width, (1 - edge / 3) * image.height)
            image.crop(tuple(map(round, box))).resize((320, 240)).save(folder / f"{shown} {i}.jpg")
    work = Workspace(tmp_path_factory.mktemp("embedded") / "work")
    work.embed(folder, f"onnx:{word_pair / 'vision_model.onnx'}", group_by="none")
    return work


@pytest.fixture
def client(begin, embedded, tmp_path):
    shutil.copytree(embedded.path, tmp_path / "work")
    return begin(workspace=tmp_path / "work", budget=30)


def names_of(client, rows):
    return {client.session.pool.image_ids[row].split()[0] for row in rows}


def find(page, words):
    before = page.rows()
    page.press("*")
    assert page.script("document.activeElement.id") == "words"
    page.press(words)
    page.wait_until_it_can_be_answered()  # two Enters at once would be one
    page.press(Keys.ENTER)
    page.wait(lambda: page.rows() != before)
    page.wait_until_it_can_be_answered()


def test_somebody_types_words_takes_in_what_shows_them_and_labels_it(open_grid_of, client):
    page = open_grid_of(client)
    assert page.text("#notice") == "Choose a class, to find more of its images, or find images by words."
    find(page, "a tabby cat")
    shown = page.rows()
    assert names_of(client, shown[:EACH]) == {"cat"}
    assert page.rows_in() == []
    assert f"{len(shown)} images nearest to “a tabby cat”" in page.text("#shown")
    assert page.find("#do").get_attribute("aria-disabled") == "true"
    for row in shown[:3]:
        page.click(row)
    assert page.text("#selected") == f"3 of {len(shown)} images"
    assert page.find("#do").get_attribute("aria-disabled") == "false"
    page.press("/", "feline")
    page.answer(Keys.ENTER)

    assert {client.session.pool.row_of[one.image] for one in client.session.store.entries()} == {*shown[:3]}
    assert {(one.label, one.means) for one in client.session.store.entries()} == {("feline", "words")}
    assert not {*page.rows()} & {*shown}  # the next ones
    page.find("#undo").click()
    page.wait(lambda: client.session.counts == {})
    page.wait(lambda: {*shown[:3]} <= {*page.rows()})
    assert page.rows_in() == []


def test_the_keyboard_alone_finds_takes_in_and_names_a_class_after_the_words(open_grid_of, client):
    page = open_grid_of(client)
    find(page, "daisy")
    shown = page.rows()
    assert page.script("document.activeElement.className") == "tile"
    page.press(" ", Keys.ARROW_RIGHT)
    page.press(" ")
    assert page.rows_in() == shown[:2]
    page.press(Keys.ENTER)
    assert page.script("document.activeElement.id") == "to"
    page.wait_until_it_can_be_answered()
    page.press(Keys.ENTER)
    assert page.text("#means") == "New class “daisy”? Enter again: new class"
    assert client.session.counts == {}
    page.answer(Keys.ENTER)
    assert client.session.counts == {"daisy": 2}
    # Now it is a class, and one Enter is enough.
    page.wait_until_it_can_be_answered()
    page.press(Keys.ESCAPE)
    assert page.script("document.activeElement.className") == "tile"
    page.press(" ", Keys.ENTER)
    page.answer(Keys.ENTER)
    assert client.session.counts == {"daisy": 3}
    page.press(Keys.ESCAPE)
    find(page, "daisy")
    page.press(Keys.ESCAPE, Keys.ESCAPE)
    page.wait(lambda: page.script("location.pathname") == "/")


def test_all_at_once_in_and_out_and_on_to_others(open_grid_of, client):
    page = open_grid_of(client, "?words=pizza")
    page.wait_until_it_can_be_answered()
    shown = page.rows()
    assert page.script("document.querySelector('#words').value") == "pizza"
    assert page.text("#all") == "All in"
    page.find("#all").click()
    assert (page.rows_in(), page.text("#all")) == (shown, "All out")
    page.find("#all").click()
    assert page.rows_in() == []
    page.click(shown[1])
    page.find("#all").click()
    assert page.rows_in() == shown
    page.find("#all").click()
    page.press("1")  # no class yet, and nothing is in
    page.find("#others").click()
    page.wait(lambda: page.rows() != shown)

    assert not {*page.rows()} & {*shown}
    assert page.script("document.activeElement.className") == "tile"
    assert client.session.store.entries() == []


def test_what_is_in_stays_in_before_the_others_until_it_is_labelled(open_grid_of, client):
    page = open_grid_of(client, "?words=cat")
    page.wait_until_it_can_be_answered()
    first = page.rows()
    chosen = [first[4], first[1]]
    for row in chosen:
        page.click(row)
    to_others(page)
    second = page.rows()
    assert second[:2] == page.rows_in() == sorted(chosen, key=first.index)
    assert not {*second[2:]} & {*first}
    page.click(second[3])
    to_others(page)

    third = page.rows()
    assert third[:3] == page.rows_in() == [*second[:2], second[3]]
    page.press("/", "feline")
    page.answer(Keys.ENTER)
    assert {client.session.pool.row_of[one.image] for one in client.session.store.entries()} == {*third[:3]}


def click_others(page):
    page.wait_until_it_can_be_answered()
    time.sleep(0.6)  # sooner it would be a double click
    page.find("#others").click()


def to_others(page):
    before = page.rows()
    click_others(page)
    page.wait(lambda: page.rows() != before)
    page.wait_until_it_can_be_answered()


def test_when_there_are_no_others_it_is_said_and_what_is_in_stays(open_grid_of, client):
    page = open_grid_of(client, "?words=cat")
    page.wait_until_it_can_be_answered()
    page.find("#all").click()
    chosen = page.rows_in()
    while not page.find("#alert").is_displayed():
        click_others(page)
        assert page.rows_in() == chosen

    assert page.text("#alert") == "There are no others now: label these first."
    assert page.rows() == chosen
    page.find("#all").click()
    click_others(page)
    page.wait(lambda: page.status() == "empty")
    assert page.text("#notice") == "Every image has a label, was shown before, or is on another page."


@pytest.mark.parametrize("words", ["zzz", "cat " * 20])
def test_a_search_that_is_refused_leaves_what_is_there_and_it_can_be_labelled(open_grid_of, client, words):
    page = open_grid_of(client, "?words=a tabby cat")
    page.wait_until_it_can_be_answered()
    shown = page.rows()
    page.click(shown[0])
    page.click(shown[2])
    page.press("*", words, Keys.ENTER)
    page.wait(lambda: page.find("#alert").is_displayed())
    page.wait(lambda: page.script("document.activeElement.id") == "words")

    assert (page.rows(), page.rows_in()) == (shown, [shown[0], shown[2]])
    assert "nearest to “a tabby cat”" in page.text("#shown")
    page.press(Keys.ESCAPE)
    page.press("/", "feline")
    page.answer(Keys.ENTER)
    assert {client.session.pool.row_of[one.image] for one in client.session.store.entries()} == {shown[0], shown[2]}
    assert "nearest to “a tabby cat”" in page.text("#shown")
    assert not {*page.rows()} & {*shown}


def test_what_was_given_back_for_a_search_in_between_is_not_shown_on(open_grid_of, client, monkeypatch):
    client.ask("/api/label", row=39, label="cat")
    asked, may_answer = threading.Event(), threading.Event()

    def slowly(*given):
        asked.set()
        assert may_answer.wait(20)
        return by_likeness(*given)

    page = open_grid_of(client, "?words=daisy")
    page.wait_until_it_can_be_answered()
    monkeypatch.setattr("evenpick.web.desk.by_likeness", slowly)
    page.find("#filters button[data-name='cat']").click()
    assert asked.wait(20)
    page.press("*", "zzz", Keys.ENTER)
    may_answer.set()
    page.wait(lambda: page.find("#alert").is_displayed())

    page.wait(lambda: page.rows() == [])
    assert (
        len(client.ask("/api/of_words", page="other", words="daisy", count=40)["tiles"]) == 29
    )  # what the budget is for


def look_for(page, words):
    page.find("#words").clear()
    page.find("#words").send_keys(words)
    page.wait_until_it_can_be_answered()
    page.find("#words").send_keys(Keys.ENTER)
    page.wait(lambda: words in page.text("#shown"))


def test_a_new_class_is_asked_about_anew_after_other_letters_and_after_another_search(open_grid_of, client):
    page = open_grid_of(client, "?words=daisy")
    page.wait_until_it_can_be_answered()
    page.click(page.rows()[0])
    page.press("/", Keys.ENTER)
    assert page.text("#means") == "New class “daisy”? Enter again: new class"
    page.press("x")
    assert page.text("#means") == ""
    page.press(Keys.BACKSPACE)
    page.wait_until_it_can_be_answered()
    page.press(Keys.ENTER)
    assert page.text("#means") == "New class “daisy”? Enter again: new class"
    page.press(Keys.ESCAPE)
    page.wait_until_it_can_be_answered()
    page.press("/", Keys.ENTER)
    assert page.text("#means") == "New class “daisy”? Enter again: new class"
    look_for(page, "pizza")
    assert page.text("#means") == ""
    look_for(page, "daisy")
    page.wait_until_it_can_be_answered()
    page.click(page.rows()[0])
    page.press("/", Keys.ENTER)

    assert page.text("#means") == "New class “daisy”? Enter again: new class"
    assert client.session.counts == {}


@pytest.mark.parametrize("name", ["feline", ""])
def test_a_class_that_is_named_while_nothing_is_in_says_so(open_grid_of, client, name):
    page = open_grid_of(client, "?words=cat")
    page.wait_until_it_can_be_answered()
    page.press("/", name)
    page.wait_until_it_can_be_answered()
    page.press(Keys.ENTER)
    page.wait(lambda: page.find("#alert").is_displayed())

    assert (page.text("#alert"), page.text("#means")) == ("No image is in: click those that are meant.", "")
    assert client.session.counts == {}


def test_after_a_click_on_find_the_keys_go_to_the_images(open_grid_of, client):
    page = open_grid_of(client)
    page.find("#words").send_keys("cat")
    page.find("#find button").click()
    page.wait(lambda: page.status() == "images")
    page.wait_until_it_can_be_answered()
    shown = page.rows()
    assert page.script("document.activeElement.className") == "tile"
    page.press(" ")

    assert (page.rows(), page.rows_in()) == (shown, shown[:1])


def test_a_key_says_that_nothing_is_in(open_grid_of, client):
    client.ask("/api/label", row=0, label="cat")
    page = open_grid_of(client, "?words=cat")
    page.wait_until_it_can_be_answered()
    page.press("1")
    page.wait(lambda: page.text("#alert") == "No image is in: click those that are meant.")

    assert len(client.session.store.entries()) == 1


@pytest.mark.parametrize(
    ("words", "said"), [("zzz", "'zzz' is unknown to text encoder"), ("cat " * 20, "takes 16 at most: shorten it")]
)
def test_words_that_find_nothing_are_told_in_one_line_and_can_be_typed_anew(open_grid_of, client, words, said):
    page = open_grid_of(client)
    page.press("*")
    page.press(words, Keys.ENTER)
    page.wait(lambda: said in page.text("#alert"))
    page.wait(lambda: page.script("document.activeElement.id") == "words")
    page.find("#words").clear()
    page.find("#words").send_keys("cat")
    page.find("#find button").click()
    page.wait(lambda: page.status() == "images")

    assert not page.find("#alert").is_displayed()


def test_what_was_in_stays_in_when_somebody_else_was_faster_with_one(open_grid_of, client):
    page = open_grid_of(client, "?words=cat")
    page.wait_until_it_can_be_answered()
    first, second, third = page.rows()[:3]
    for row in (first, second, third):
        page.click(row)
    client.ask("/api/label", row=second, label="dog", annotator="bob")
    page.press("/", "cat", Keys.ENTER)
    page.wait(lambda: "is answered already" in page.text("#alert"))
    page.wait(lambda: second not in page.rows())

    assert page.rows_in() == [first, third]
    assert client.session.counts == {"dog": 1}


def test_a_page_whose_source_is_of_no_pair_says_nothing_of_words(open_grid_of, begin):
    page = open_grid_of(begin())
    assert not page.find("#find").is_displayed()
    assert page.text("#notice") == "Choose a class, to find more of its images."
    page.press("*")
    assert page.script("document.activeElement.id") != "words"


@pytest.mark.parametrize("place", ["grid", "grid?words=cat"])
def test_axe_finds_nothing(client, running, browser, place):
    found = {}
    with running(client.app) as address, tab_of_its_own(browser):
        for width, height in ((1100, 700), (390, 780), (320, 568)):
            for scheme in ("light", "dark"):
                see_as(browser, width, height, scheme)
                browser.get(f"{address}/{place}")
                browser.execute_async_script("setTimeout(arguments[0], 700)")
                found[width, scheme] = found_by_axe(browser, "aria-valid-attr")
                assert browser.execute_script("return document.documentElement.scrollWidth") == width

    assert {place: said for place, said in found.items() if said} == {}
