"""The labelling page in a real browser without a window, driven by keys, against a real server."""

import re
import subprocess
import sys

import pytest
from browsing import SECONDS
from selenium.webdriver.common.keys import Keys

from evenpick.labels import LabelStore, effective_answers
from evenpick.pool import Pool
from evenpick.session import Session

pytestmark = pytest.mark.slow


class Server:
    """`evenpick label` as people run it."""

    def __init__(self, workspace, *options, port=0):
        self.workspace = workspace
        command = [sys.executable, "-m", "evenpick", "label", str(workspace), "--no-browser", "--port", str(port)]
        self._process = subprocess.Popen(
            [*command, "--annotator", "ann", "--acquisition", "random", *options], stdout=subprocess.PIPE, text=True
        )
        line = self._process.stdout.readline()
        self.address = re.search(r"http://\S+", line)[0]
        self.port = int(re.search(r":(\d+)/", self.address)[1])

    def stop(self, *, hard=False):
        (self._process.kill if hard else self._process.terminate)()
        self._process.wait(SECONDS)
        self._process.stdout.close()


@pytest.fixture
def serve(make_workspace):
    """Start servers; those still running are stopped at the end."""
    servers = []

    def start(*options, workspace=None, port=0, n=60):
        workspace = workspace or make_workspace(n)
        servers.append(Server(workspace, *options, port=port))
        return servers[-1]

    yield start
    for server in servers:
        server.stop(hard=True)


def test_thirty_images_with_keys_a_restart_in_between_and_on_where_it_stopped(serve, open_page):
    server = serve("--budget", "30")
    expected = Session(Pool.open(server.workspace), 30, "random")
    page = open_page(server)
    said = []

    def say(name, *keys):
        row = page.row()
        assert row == expected.next()
        if name is None:
            expected.skip(row)
        else:
            expected.label(row, name)
        said.append((row, name))
        if keys:
            page.answer(*keys)
        else:
            page.new_class(name)

    for name in ("cat", "dog", "cow"):
        say(name)
    for _ in range(4):
        say("cat", "1")
        say("dog", "2")
        say("cow", "3")
    say(None, "0")
    page.answer("2")  # a slip
    page.answer(Keys.BACKSPACE)
    say("zebra")
    assert page.classes() == expected.counts == {"cat": 5, "dog": 5, "cow": 5, "zebra": 1}
    page.close()
    server.stop()

    again = serve(workspace=server.workspace)
    page = open_page(again)
    assert (page.text("#labels"), page.text("#budget")) == ("16", "30")
    while page.status() == "image":
        say("cat" if page.row() % 2 else "zebra", "1" if page.row() % 2 else "4")

    assert len(said) == 31
    page.wait(lambda: f"evenpick train {server.workspace}" in page.text("#notice"))
    with LabelStore(server.workspace) as store:
        kept = [(int(e.image[:3]), e.label) for e in effective_answers(store.entries())]
        kinds = [e.kind for e in store.entries()]
    assert kept == said
    assert (kinds.count("undo"), kinds.count("label"), kinds.count("skip")) == (1, 31, 1)


def test_two_pages_at_once_never_show_the_same_image(serve, open_page):
    server = serve("--budget", "40")
    pages = [open_page(server), open_page(server)]
    pages[0].here()
    pages[0].new_class("cat")
    seen = []
    for i in range(24):
        rows = []
        for page in pages:
            page.here()
            rows.append(page.row())
        assert rows[0] != rows[1]
        seen += rows
        if i % 5 != 4:
            last = pages[(i // 2) % 2]
        page = last  # the one that has answered last takes it back
        page.here()
        page.script("document.getElementById('stage').focus()")
        if i % 5 == 4:
            page.answer(Keys.BACKSPACE)
        elif page.classes():
            page.answer("1")
        else:
            page.new_class("cat")
    assert len(set(seen)) > 15


def test_a_page_that_is_closed_gives_its_image_to_the_next(serve, open_page):
    server = serve("--budget", "9")
    first = open_page(server)
    row = first.row()
    first.close()

    assert open_page(server).row() == row


def test_an_answer_given_while_the_server_is_down_arrives_once_it_is_back(serve, open_page):
    server = serve("--budget", "9")
    page = open_page(server)
    page.new_class("cat")
    row = page.row()
    page.wait_until_it_can_be_answered()
    server.stop(hard=True)
    page.press("1")
    page.wait(lambda: "does not answer" in page.text("#alert"))
    page.press("0")  # nothing is taken while an answer is on its way
    serve(workspace=server.workspace, port=server.port)
    page.wait(lambda: page.row() != row)

    assert page.script("document.getElementById('alert').hidden")
    assert page.classes() == {"cat": 2}
    with LabelStore(server.workspace) as store:
        assert [e.kind for e in store.entries()] == ["label", "label"]


def test_a_class_name_with_markup_stays_text(serve, open_page):
    page = open_page(serve("--budget", "9"))
    name = "<img src=x onerror=\"document.title='attacked'\"><b>bold"
    page.new_class(name)
    page.answer("1")

    assert page.classes() == {name: 2}
    assert page.script("document.querySelectorAll('#answers img, #answers b, #status img').length") == 0
    assert "attacked" not in page.script("document.title")
    page.find(".more").click()
    assert page.text("#rename-title") == f"Rename “{name}”"
    page.press(Keys.ESCAPE)


def test_renaming_and_merging(serve, open_page):
    page = open_page(serve("--budget", "9"))
    for name in ("cat", "dgo", "dog"):
        page.new_class(name)

    def rename(old, new, button):
        page.find(f"#classes li[data-name='{old}'] .more").click()
        page.press(Keys.CONTROL, "a", Keys.NULL, new)
        page.wait(lambda: page.text("#rename-do") == button)
        page.press(Keys.ENTER)
        page.wait(lambda: old not in page.classes())

    rename("dgo", "dog", "Merge")
    assert page.classes() == {"cat": 1, "dog": 2}
    rename("cat", "feline", "Rename")
    assert page.classes() == {"feline": 1, "dog": 2}
    page.wait(lambda: page.script("document.activeElement.id") == "stage")
    page.answer("1")  # it kept its key
    assert page.classes() == {"feline": 2, "dog": 2}


def test_searching_among_the_classes(serve, open_page):
    page = open_page(serve("--budget", "20"))
    for name in ("grand piano", "airplane", "Crème brûlée", "panda"):
        page.new_class(name)
    page.press("/", "crbr")
    page.wait(lambda: list(page.classes()) == ["Crème brûlée"])
    page.press(Keys.ARROW_DOWN)
    page.answer(Keys.ENTER)
    assert page.classes()["Crème brûlée"] == 2
    page.press("/", "pan")
    page.wait(lambda: list(page.classes()) == ["panda", "airplane", "grand piano"])
    assert page.text("#hint").startswith("Enter: panda?")
    assert page.text("#add-name") == "New class “pan”"
    page.press(Keys.ESCAPE)
    assert len(page.classes()) == 4
    page.press("/")
    page.answer("PANDA", Keys.ENTER)  # a known class, however it is typed
    assert page.classes()["panda"] == 2


def test_zooming_with_keys_moves_the_image_and_ends_with_it(serve, open_page):
    page = open_page(serve("--budget", "9"))
    page.new_class("cat")
    plain = page.script("document.querySelector('#figure img').style.transform")
    page.press("+")
    page.press(Keys.ARROW_RIGHT)
    zoomed = page.script("document.querySelector('#figure img').style.transform")
    assert "scale(1.5)" in zoomed
    assert "translate(-60px" in zoomed
    page.press(" ")
    assert page.script("document.querySelector('#figure img').style.transform") == plain
    page.press("+")
    page.answer("1")
    assert page.script("document.querySelector('#figure img').style.transform") == plain


def test_single_keys_can_be_switched_off(serve, open_page):
    page = open_page(serve("--budget", "9"))
    page.new_class("cat")
    row = page.row()
    page.press("?")
    page.find("#keys").click()
    page.find("#help-dialog .main").click()
    page.wait_until_it_can_be_answered()
    page.press("1")
    page.press("0")
    assert (page.row(), page.classes()) == (row, {"cat": 1})
    page.press(Keys.ENTER)
    page.answer("cat", Keys.ENTER)  # typing still answers
    page.find("#help").click()
    page.find("#keys").click()
    page.find("#help-dialog .main").click()
    page.answer("1")
    assert page.classes() == {"cat": 3}


def test_the_target_is_hidden_unless_the_server_was_told_to_show_it(serve, open_page, make_workspace):
    for options in ((), ("--show-target",)):
        workspace = make_workspace(30, name=f"w{len(options)}")
        server = serve("--budget", "20", "--balancing", "ratio_max", *options, workspace=workspace)
        page = open_page(server)
        page.new_class("common")
        while page.text("#phase") == "discovery":
            page.answer("1") if page.text("#labels") != "5" else page.new_class("rare")
        assert page.script("document.getElementById('target').hidden") is not bool(options)
        assert ("Asked for: rare" in page.text("#target")) is bool(options)
        page.close()
        server.stop()


def test_the_token_leaves_the_address_and_no_script_can_read_it(serve, open_page):
    page = open_page(serve("--budget", "9", "--token", "a-token-of-some-length"))

    assert page.script("location.search") == ""
    assert page.script("document.cookie") == ""
    page.new_class("cat")
    page.browser.refresh()
    page.wait(lambda: page.status() == "image" and page.classes() == {"cat": 1})
    page.browser.delete_all_cookies()


def test_everything_has_a_name_for_a_screen_reader_and_changes_are_said(serve, open_page):
    page = open_page(serve("--budget", "9"))
    page.new_class("cat")
    page.answer("1")
    page.wait(lambda: page.text("#status") == "cat. 2 of 9.")
    # Chromium brings its accessibility tree up to date a moment after the page.
    page.wait(lambda: ("button", "cat 2") in page.accessible())
    parts = page.accessible()

    wanted = {"button", "textbox", "searchbox", "image", "progressbar", "progress", "list", "region", "search"}
    assert all(name for role, name in parts if role in wanted - {"search"}), parts
    for part in [("button", "Rename or merge cat"), ("button", "Zoom in")]:
        assert part in parts
    assert any(role == "image" and name.startswith("Image ") for role, name in parts)
    assert {"status", "main", "banner"} <= {role for role, _ in parts}
    assert page.script("document.documentElement.lang") == "en"


def test_classes_still_expected_are_told_from_twenty_labels_on(serve, open_page):
    page = open_page(serve("--budget", "22", "--acquisition", "random", "--balancing", "none"))
    for name in ("cat", "dog", "cow"):
        page.new_class(name)
    for labels in range(4, 20):
        page.answer("1")
        page.wait(lambda labels=labels: page.text("#labels") == str(labels))
    assert page.text("#expected") == ""
    page.answer("1")
    page.wait(lambda: page.text("#labels") == "20")

    # two classes with one label: 19/20 * 2 * 1 / 2
    assert "about 1 more expected" in page.text("#expected")
    assert "10 % of images" in page.find("#expected").get_attribute("aria-label")


def test_the_keyboard_reaches_everything(serve, open_page):
    page = open_page(serve("--budget", "9"))
    page.new_class("cat")
    reached = set()
    for _ in range(25):
        page.press(Keys.TAB)
        reached.add(page.script("document.activeElement.id || document.activeElement.className"))
    assert {"who", "help", "zoom-out", "zoom-in", "name", "class", "more", "skip", "undo"} <= reached


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (1280, 720)])
def test_nothing_sticks_out_at_any_width(serve, open_page, width, height):
    page = open_page(serve("--budget", "9"))
    for name in ("cat", "a class with a very long name that does not fit on a telephone", "x" * 100):
        page.new_class(name)
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 800}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert page.script("document.documentElement.scrollWidth") == width
        for selector in ("#figure img", "#name", "#classes .class", "#skip", "#undo", "#help"):
            box = page.find(selector).rect
            assert box["width"] > 0
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
        assert min(page.find(s).rect["height"] for s in ("#name", "#classes .class", "#skip", "#undo")) >= 44
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
