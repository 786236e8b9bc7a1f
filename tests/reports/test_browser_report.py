"""The report in a real browser: what the script does, that nothing runs over the edge, and what axe-core finds."""

import numpy as np
import pytest
from browsing import found_by_axe, see_as, tab_of_its_own, too_wide
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from evenpick.labels import Annotation, LabelStore
from evenpick.pool import Pool
from evenpick.reports import write_evaluation, write_report
from evenpick.training import evaluate, train

pytestmark = pytest.mark.slow

NAMES = ["ant", "bee", "cow", "d" * 70, "שועל אדום", "eel", "fox", "gnu", "hen"]


@pytest.fixture
def page(make_workspace):
    """A report with everything: a model, an evaluation with mistakes, doubtful labels."""
    rng = np.random.default_rng(0)
    truth = np.arange(120) % len(NAMES)
    features = rng.normal(size=(120, 6)).astype(np.float32)
    features[np.arange(120), truth % 6] += 2
    workspace = make_workspace(120, features=features)
    pool = Pool.open(workspace)
    with LabelStore(workspace) as store:
        store.append([Annotation(pool.image_ids[row], NAMES[truth[row]], annotator="me") for row in range(60)])
    model = train(pool, np.arange(60), [NAMES[i] for i in truth[:60]], n_folds=3)
    model.save(workspace / "model")
    tested = evaluate(model, pool, [NAMES[i] for i in truth])
    write_evaluation(workspace, tested, "the same images", workspace)
    return write_report(workspace)


@pytest.fixture
def opened(browser, page):
    with tab_of_its_own(browser):
        browser.get_log("browser")
        browser.get(page.as_uri())
        yield browser
        # What the Content-Security-Policy stops would be among them.
        said = browser.get_log("browser")
    assert said == []


def shown_classes(browser):
    script = "return [...document.querySelectorAll('.sortable tbody tr')].filter(r => !r.hidden).map(r => r.cells[0].innerText)"
    return browser.execute_script(script)


def test_the_classes_are_sorted_and_searched(opened):
    first, by_name = shown_classes(opened), opened.find_element(By.CSS_SELECTOR, ".sortable th:first-child button")

    by_name.click()
    assert shown_classes(opened) == sorted(first)
    by_name.click()
    assert shown_classes(opened) == sorted(first)[::-1]
    opened.find_element(By.CSS_SELECTOR, ".finder input").send_keys("O")
    assert set(shown_classes(opened)) == {"cow", "fox"}
    assert opened.find_element(By.CSS_SELECTOR, ".finder [role=status]").text == "2 of 9 classes"


def test_a_point_of_the_map_shows_its_image_under_the_pointer_and_by_the_keyboard(opened):
    tip = opened.find_element(By.CSS_SELECTOR, ".tip")
    assert not tip.is_displayed()

    opened.find_element(By.CSS_SELECTOR, ".map").send_keys(Keys.ARROW_RIGHT)

    said = opened.execute_script("return document.querySelector('.tip span').textContent")
    name, image = said.split(": ")
    assert tip.is_displayed()
    assert opened.execute_script("return document.querySelector('.tip img').naturalWidth") == 96
    opened.find_element(By.CSS_SELECTOR, ".map").send_keys(Keys.ARROW_RIGHT)
    assert opened.execute_script("return document.querySelector('.tip span').textContent") != said
    opened.find_element(By.CSS_SELECTOR, ".map").send_keys(Keys.ESCAPE)
    assert not tip.is_displayed()
    opened.execute_script(
        "document.querySelector('use[data-at]').dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))"
    )
    assert tip.is_displayed()
    assert name in NAMES
    assert image.endswith(".jpg")


def test_one_class_of_the_map_can_be_looked_at_alone(opened):
    opened.find_element(By.CSS_SELECTOR, ".only select").send_keys("bee")

    clear = "return [...document.querySelectorAll('.map [data-class]:not(.faint)')].map(e => e.dataset.class)"
    assert {NAMES.index("bee")} == {sorted(NAMES).index("bee")} == {int(one) for one in opened.execute_script(clear)}


def test_axe_finds_nothing_and_nothing_runs_over_the_edge(opened):
    found = {}
    for width in (390, 1280, 1920):
        for scheme in ("light", "dark"):
            see_as(opened, width, 900, scheme)
            opened.refresh()
            found[width, scheme] = found_by_axe(opened) + too_wide(opened)

    assert {place: said for place, said in found.items() if said} == {}
