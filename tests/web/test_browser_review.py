"""The review page in a real browser: look through the answers, change, merge, split, and undo each."""

import contextlib

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from evenpick.errors import EvenpickError
from evenpick.labels.class_list import ClassList, ListedClass

pytestmark = pytest.mark.slow

SKIPS = "Can\N{RIGHT SINGLE QUOTATION MARK}t tell"
GIVEN = {0: "cat", 1: "cat", 2: "dog", 3: "dgo", 4: None, 5: "bird", 6: "bird"}


@pytest.fixture
def review(begin, running, browser):
    """The review page of a few answers, of which one is disputed."""
    client = begin(repeat=2)
    for row, label in GIVEN.items():
        if label is None:
            client.ask("/api/skip", row=row, annotator="ann")
        else:
            client.ask("/api/label", row=row, label=label, annotator="ann")
    client.ask("/api/label", row=0, label="dog", annotator="bob")
    with opened(running, browser, client, "/review", {*GIVEN}) as page:
        yield page


class Review:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def script(self, code, *arguments):
        return self.browser.execute_script(f"return {code}", *arguments)

    def wait(self, condition):
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.browser, 30, poll_frequency=0.02).until(lambda _: condition())

    def rows(self):
        return set(self.script("[...document.querySelectorAll('#gallery li')].map(item => +item.dataset.row)"))

    def filters(self):
        pairs = self.script(
            "[...document.querySelectorAll('#filters button')].map(b => [b.firstChild.textContent, +b.lastChild.data])"
        )
        return {name: count for name, count in pairs if name != "May be wrong"}  # it comes a moment later

    def filter(self, name):
        self.script(
            "[...document.querySelectorAll('#filters button')].find(b => b.textContent.startsWith(arguments[0])).click()",
            name,
        )

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector):
        self.all(selector)[0].click()

    def select(self, *rows):
        for row in rows:
            self.click(f"#gallery li[data-row='{row}'] .tile")

    def type(self, selector, text):
        field = self.all(selector)[0]
        field.send_keys(Keys.CONTROL, "a", Keys.NULL, text, Keys.ENTER)


def test_answers_are_shown_by_class_by_person_and_where_people_differ(review):
    expected = {"All": 7, "Answered differently": 1, SKIPS: 1, "cat": 2, "bird": 2, "dog": 1, "dgo": 1}
    assert review.filters() == expected
    for name, rows in (("bird", {5, 6}), ("Answered", {0}), (SKIPS, {4}), ("All", {*GIVEN})):
        review.filter(name)
        assert review.rows() == rows
    review.script("(who.value = 'bob', who.dispatchEvent(new Event('change')))")
    assert review.rows() == {0}
    review.wait(lambda: review.script("document.querySelector('.tile img').naturalWidth") == 96)
    review.click(".open")
    assert review.script("large.open")
    assert "000.jpg: cat; ann: cat, bob: dog" in review.script("document.getElementById('large-name').textContent")


def test_a_conflict_is_settled_a_class_split_and_each_undone(review):
    before = dict(review.session.counts)
    review.select(0)
    review.type("#to", "DOG")
    review.wait(lambda: review.filters()["Answered differently"] == 0)
    assert review.session.opinions[0] == {"bob": "dog"}
    review.select(5, 6)
    assert review.script("document.getElementById('selected').textContent") == "2 selected"
    review.type("#to", "owl")
    review.wait(lambda: review.filters().get("owl") == 2)
    assert review.session.counts == {"cat": 1, "dog": 2, "dgo": 1, "owl": 2}

    review.click("#undo")
    review.wait(lambda: review.filters().get("bird") == 2)
    review.click("#undo")
    review.wait(lambda: review.filters()["Answered differently"] == 1)
    assert review.session.counts == before
    assert not review.all("#undo")[0].is_enabled()


def test_classes_are_merged_renamed_and_each_undone(review):
    review.filter("dgo")
    review.type("#class-name", "Dog")
    review.wait(lambda: review.filters().get("dog") == 2)
    assert review.rows() == {2, 3}
    review.type("#class-name", "hound")
    review.wait(lambda: review.filters().get("hound") == 2)
    review.click("#undo")
    review.wait(lambda: review.filters().get("dog") == 2)
    review.click("#undo")
    review.wait(lambda: review.filters().get("dgo") == 1)
    assert review.session.counts == {"cat": 2, "dog": 1, "dgo": 1, "bird": 2}


@pytest.mark.parametrize("typed", ["Dog", " DOG", "dog "])
def test_what_a_class_is_merged_into_is_told_as_it_is_recorded(review, typed):
    review.filter("dgo")
    review.type("#class-name", typed)
    review.wait(lambda: review.filters().get("dog") == 2)
    review.wait(lambda: review.script("document.getElementById('last').textContent") == ": dgo is now dog")
    review.filter("All")
    review.select(5)
    review.type("#to", typed)
    review.wait(lambda: review.script("document.getElementById('last').textContent") == ": 1 to dog")

    assert review.session.counts == {"cat": 2, "dog": 3, "bird": 1}


def test_a_class_that_is_known_beforehand_is_told_as_the_list_has_it(begin, running, browser):
    client = begin(classes=ClassList((ListedClass("Red fox"),)))
    client.ask("/api/label", row=0, label="cat")
    with opened(running, browser, client, "/review", {0}) as review:
        review.filter("cat")
        review.type("#class-name", "red  fox")
        review.wait(lambda: client.session.counts == {"Red fox": 1})
        review.wait(lambda: review.script("document.getElementById('last').textContent") == ": cat is now Red fox")
        assert review.rows() == {0}


def test_a_skip_becomes_a_label_and_a_label_a_skip(review):
    review.select(4)
    review.type("#to", "cat")
    review.wait(lambda: review.filters()[SKIPS] == 0)
    review.select(2)
    review.click("#skip")
    review.wait(lambda: review.filters()[SKIPS] == 1)

    assert review.session.counts == {"cat": 3, "dgo": 1, "bird": 2}


def test_what_is_refused_is_said(review):
    review.session.settings["budget"] = 6
    review.select(4)
    review.type("#to", "cat")
    review.wait(lambda: not review.script("document.getElementById('alert').hidden"))

    assert "the budget of 6 labels is spent" in review.script("document.getElementById('alert').textContent")


def test_what_was_labelled_at_once_is_taken_back_at_once_and_given_again(begin, running, browser):
    client = begin()
    client.ask("/api/label", row=0, label="dog")
    client.ask("/api/label_many", rows=[3, 4], label="cat")
    client.ask("/api/label_many", rows=[5, 6, 7], label="cow", means="confirmed", annotator="bob")
    with opened(running, browser, client, "/review", {0, 3, 4, 5, 6, 7}) as review:
        review.filter("Many at once")
        assert review.rows() == {3, 4, 5, 6, 7}
        assert review.script("document.getElementById('grid-last').textContent") == "The last time: 3 cow, by bob"
        review.click("#grid-back")
        review.wait(lambda: client.session.counts == {"dog": 1, "cat": 2})
        review.wait(lambda: review.script("document.getElementById('last').textContent") == ": 3 cow taken back")
        review.click("#undo")
        review.wait(lambda: client.session.counts == {"dog": 1, "cat": 2, "cow": 3})


def test_what_images_inherited_is_shown_and_changed(begin, running, browser, make_workspace):
    workspace = make_workspace(12)
    (workspace / "groups.csv").write_text(
        "image,group,reason\n" + "".join(f"{i:03d}.jpg,{i // 3},time\n" for i in range(12))
    )
    client = begin(workspace=workspace, budget=5, balancing=None)
    client.ask("/api/label", row=1, label="cat")
    with opened(running, browser, client, "/review", {1}) as review:
        assert review.filters()["Inherited"] == 2
        review.filter("Inherited")
        review.wait(lambda: review.rows() == {0, 2})
        assert review.script("document.getElementById('shown').textContent") == "2 images that inherited an answer"
        review.select(2)
        assert review.script("document.getElementById('again').hidden")
        review.type("#to", "dog")
        review.wait(lambda: client.session.counts == {"cat": 1, "dog": 1})
        review.wait(lambda: review.rows() == {0})


def test_an_undo_that_is_refused_is_said_and_can_be_done_later(begin, running, browser):
    client = begin(budget=1)
    client.ask("/api/label", row=0, label="cat")
    with opened(running, browser, client, "/review", {0}) as review:
        review.select(0)
        review.click("#skip")
        review.wait(lambda: client.session.counts == {})
        review.wait(lambda: not review.script("document.getElementById('undo').disabled"))
        client.ask("/api/label", row=1, label="cat")
        review.click("#undo")
        review.wait(
            lambda: "the budget of 1 labels is spent" in review.script("document.getElementById('alert').textContent")
        )
        review.wait(lambda: not review.script("document.getElementById('undo').disabled"))
        client.ask("/api/undo")
        review.click("#undo")
        review.wait(lambda: client.session.opinions.get(0) == {"ann": "cat"})


def test_labels_that_may_be_wrong_come_worst_first_with_what_they_may_be(begin, running, browser, pool_of_two):
    client = begin(workspace=pool_of_two, budget=40)
    for row in range(30):
        client.ask("/api/label", row=row, label="cat" if row % 2 or row == 8 else "dog")
    with opened(running, browser, client, "/review", {*range(30)}) as review:
        review.wait(lambda: review.script("document.getElementById('filters').textContent.includes('May be wrong')"))
        review.filter("May be wrong")
        first = review.all("#gallery li")[0]
        assert int(first.get_attribute("data-row")) == 8
        assert "cat, perhaps dog" in first.text
        review.select(8)
        review.type("#to", "dog")
        review.wait(lambda: client.session.counts == {"dog": 15, "cat": 15})


@pytest.fixture
def pool_of_two(make_workspace):
    """Images of two kinds, even and odd, that their features tell apart."""
    features = np.random.default_rng(0).normal(size=(40, 6)) * 0.3
    features[::2, 0] += 3
    features[1::2, 1] += 3
    return make_workspace(40, features=features)


@contextlib.contextmanager
def opened(running, browser, client, place, rows):
    """A page of the review, once it shows these rows."""
    with running(client.app) as address:
        browser.switch_to.new_window("tab")
        browser.get(address + place)
        page = Review(browser, client.session)
        page.wait(lambda: page.rows() == rows)
        try:
            yield page
        finally:
            browser.close()
            browser.switch_to.window(browser.window_handles[0])


def test_that_labels_that_may_be_wrong_cannot_be_named_is_told(review, monkeypatch):
    def refuse(*given):
        raise EvenpickError("the features cannot be read")

    monkeypatch.setattr("evenpick.web.looking_back.doubtful_labels", refuse)
    review.browser.refresh()
    review.wait(lambda: not review.script("document.getElementById('alert').hidden"))

    told = "Which labels may be wrong cannot be said: the features cannot be read"
    assert review.script("document.getElementById('alert').textContent") == told
    assert review.rows() == {*GIVEN}
