"""Skipped images are asked for again: from the last page, and from the review."""

import pytest

pytestmark = pytest.mark.slow


def skipped(client, *rows):
    for row in rows:
        client.ask("/api/skip", row=row)


def test_at_the_end_a_button_asks_for_the_skipped_images_again(begin, running, open_page):
    client = begin(n=4, budget=4)
    client.ask("/api/label", row=0, label="cat")
    client.ask("/api/label", row=1, label="cat")
    skipped(client, 2, 3)
    with running(client.app) as address:
        page = open_page(address)
        assert page.status() == "finished"
        assert "Nobody could tell 2 images so far." in page.text("#notice")
        page.find("#again").click()
        page.wait(lambda: page.row() == 2)
        page.answer("1")
        page.wait(lambda: page.row() == 3)
        page.answer("0")
        page.wait(lambda: page.status() == "finished")

        assert client.session.counts == {"cat": 3}
        assert "Nobody could tell 1 image so far." in page.text("#notice")


def test_in_the_review_chosen_skips_are_asked_for_again_and_that_is_undone(begin, running, open_page):
    client = begin(n=20, budget=9)
    client.ask("/api/label", row=0, label="cat")
    skipped(client, 5, 7)
    with running(client.app) as address:
        page = open_page(address)
        page.browser.get(f"{address}/review")
        page.wait(lambda: page.script("document.querySelectorAll('#gallery li').length") == 3)
        for row in (0, 5):
            page.find(f"#gallery li[data-row='{row}'] .tile").click()
        assert page.script("document.getElementById('again').hidden")  # one of them has a class
        page.find("#gallery li[data-row='0'] .tile").click()
        page.find("#again").click()
        page.wait(lambda: client.session.opinions.keys() == {0, 7})
        assert client.ask("/api/next")["turn"]["image"]["row"] == 5
        page.wait(lambda: "1 asked for again" in page.text("#undo"))
        page.find("#undo").click()
        page.wait(lambda: client.session.opinions.keys() == {0, 5, 7})
