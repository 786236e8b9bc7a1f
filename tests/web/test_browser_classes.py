"""The list of classes on the labelling page as a person likes it, many classes by the field, and what an image is called."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.slow


@pytest.fixture
def page(begin, page_of):
    """The page after answers of these classes."""

    def build(*names, **options):
        client = begin(n=90, budget=80, **options)
        for name in names:
            client.ask("/api/label", row=client.ask("/api/next")["turn"]["image"]["row"], label=name)
        return page_of(client)

    return build


def choose(page, order):
    page.browser.execute_script(
        "const order = document.getElementById('order'); order.value = arguments[0];"
        " order.dispatchEvent(new Event('change'))",
        order,
    )


def test_the_list_is_ordered_by_key_use_or_name_and_keys_stay_with_their_class(page):
    page = page("wolf", "bear", "bear", "fox", "bear", "fox")
    assert list(page.classes()) == ["wolf", "bear", "fox"]
    choose(page, "use")
    assert list(page.classes()) == ["bear", "fox", "wolf"]
    page.answer("3")  # the key of fox, still
    page.answer("3")
    assert list(page.classes().items()) == [("fox", 4), ("bear", 3), ("wolf", 1)]
    choose(page, "name")
    assert list(page.classes()) == ["bear", "fox", "wolf"]
    page.answer("1")
    assert page.session.counts["wolf"] == 2
    page.browser.refresh()
    page.wait(lambda: page.row() is not None)
    assert list(page.classes()) == ["bear", "fox", "wolf"]
    assert page.script("document.getElementById('order').value") == "name"
    choose(page, "key")
    ActionChains(page.browser, duration=0).click(page.find("#order")).perform()
    choose(page, "use")
    assert page.script("document.activeElement.id") == "stage"
    choose(page, "key")


def test_of_forty_classes_those_without_a_key_are_two_letters_away(page):
    names = [f"{first}{second}a" for first in "bcdf" for second in "lmnrstuvwx"]
    page = page(*names)
    assert page.script("[...document.querySelectorAll('#classes kbd')].filter(key => key.textContent).length") == 35
    page.press("/", "fx")
    page.wait(lambda: list(page.classes()) == ["fxa"])
    page.press(Keys.ENTER)
    page.answer(Keys.ENTER)
    assert page.session.counts["fxa"] == 2
    page.wait_until_it_can_be_answered()
    page.press("f", "w")  # two letters in a row, without going to the field first
    page.wait(lambda: list(page.classes()) == ["fwa"])
    page.press(Keys.ENTER)
    page.answer(Keys.ENTER)
    assert page.session.counts["fwa"] == 2
    assert len(page.session.counts) == 40


def test_the_name_of_an_image_and_its_group_are_shown_when_asked_for(page, make_workspace):
    workspace = make_workspace(90)
    rows = "".join(f"{i:03d}.jpg,{i // 3},time\n" for i in range(90))
    (workspace / "groups.csv").write_text(f"image,group,reason\n{rows}")
    page = page("cat", workspace=workspace)
    assert not page.script("document.getElementById('caption').checkVisibility()")
    page.script("document.getElementById('stage').focus()")
    page.press(".")
    assert page.text("#caption") == f"{page.row():03d}.jpg · one of 3 images of its group"
    page.answer("1")
    assert page.text("#caption") == f"{page.row():03d}.jpg · one of 3 images of its group"
    page.find("#named").click()
    assert not page.script("document.getElementById('caption').checkVisibility()")
