"""A real browser without a window, and the labelling page in one of its tabs, driven by keys."""

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

AXE = """
const [options, done] = arguments;
axe.run(options).then(({violations}) => done(violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html)}`)));
"""
TILES = "[...document.querySelectorAll('#gallery li')].map(item => +item.dataset.row)"
IN = "[...document.querySelectorAll('#gallery .tile[aria-pressed=true]')].map(b => +b.parentNode.dataset.row)"
SECONDS = 30  # to wait for anything; a busy machine is slow, not wrong


def open_browser():
    """Chromium, or a skipped test where there is none."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        missing = "no browser: install Chromium and its driver (Debian: chromium chromium-driver)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    # As root and in small containers Chromium needs the first two.
    for argument in ("--no-sandbox", "--disable-dev-shm-usage", "--headless=new", "--window-size=1200,800"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


@contextmanager
def tab_of_its_own(browser):
    """A tab that is closed afterwards, and the browser is then as it was before `see_as`."""
    browser.switch_to.new_window("tab")
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.close()
        browser.switch_to.window(browser.window_handles[0])


def see_as(browser, width, height, scheme):
    """The page of this size in pixels, a phone where it is narrow, light or dark."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def found_by_axe(browser, *without):
    """What axe-core finds on the page, a line each; `without` are rules that are left out."""
    import axe_core_python

    browser.execute_script((Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    return browser.execute_async_script(AXE, {"rules": {rule: {"enabled": False} for rule in without}})


def cut_off(browser, selector):
    """The texts of these elements that are not seen to their end."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility() &&"
        " (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight + 1)).map(e => e.textContent)",
        selector,
    )


def too_wide(browser):
    """One line where the page runs over the edge."""
    over = browser.execute_script("return document.documentElement.scrollWidth > innerWidth")
    return ["wider than the screen"] if over else []


class Page:
    """One tab; keys go to whatever has the focus, as from a keyboard."""

    def __init__(self, browser, address):
        self.browser = browser
        self.pressed_at = 0.0
        browser.switch_to.new_window("tab")
        self.tab = browser.current_window_handle
        browser.get(address)
        self.wait(lambda: self.status() in ("image", "waiting", "finished"))
        self.wait(lambda: self.status() != "image" or self.row() is not None)

    def here(self):
        self.browser.switch_to.window(self.tab)

    def script(self, code, *arguments):
        return self.browser.execute_script(f"return {code}", *arguments)

    def status(self):
        return self.script("document.body.dataset.status")

    def row(self):
        shown = self.script("document.querySelector('#figure img')?.dataset.row")
        return None if shown is None else int(shown)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.script("document.querySelector(arguments[0]).textContent", selector)

    def wait(self, condition):
        end = time.monotonic() + SECONDS
        while not (value := condition()):
            assert time.monotonic() < end, f"{self.status()}, {self.text('#alert')!r}"
            time.sleep(0.01)
        return value

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)
        self.pressed_at = time.monotonic()

    def wait_until_it_can_be_answered(self):
        self.wait(lambda: self.script("document.body.dataset.ready") == "true")
        time.sleep(max(0, self.pressed_at + 0.31 - time.monotonic()))  # no key that bounces

    def answer(self, *keys):
        """Press keys that answer, and wait for another image or the end."""
        self.wait_until_it_can_be_answered()
        before = self.row()
        self.press(*keys)
        self.wait(lambda: self.row() != before)

    def new_class(self, name):
        self.press("/" if self.script("document.activeElement.id") != "name" else "")
        self.answer(name, Keys.ENTER)

    def classes(self):
        items = self.script(
            "[...document.querySelectorAll('#classes li')].map(li => [li.querySelector('.name').textContent,"
            " +li.querySelector('.count').textContent])"
        )
        return dict(items)

    def accessible(self):
        """Role and name of everything that a screen reader is told of."""
        tree = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node.get("ignored")
        ]

    def close(self):
        self.here()
        self.browser.close()
        self.browser.switch_to.window(self.browser.window_handles[0])


class Grid(Page):
    """The page of many images, as the labelling page is driven."""

    def __init__(self, browser, address):
        self.browser, self.pressed_at = browser, 0.0
        browser.switch_to.new_window("tab")
        self.tab = browser.current_window_handle
        browser.get(address)
        self.wait(lambda: self.status() in ("images", "empty"))

    def status(self):
        return self.script("document.body.dataset.status")

    def rows(self):
        return self.script(TILES)

    def rows_in(self):
        return self.script(IN)

    def answer(self, *keys):
        """Press keys that answer, and wait for other images or the end."""
        self.wait_until_it_can_be_answered()
        before = self.rows()
        self.press(*keys)
        self.wait(lambda: self.rows() != before)

    def click(self, row):
        self.find(f"#gallery li[data-row='{row}'] .tile").click()
