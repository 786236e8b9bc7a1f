"""What axe-core finds on the pages: nothing, light and dark, wide and narrow."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

WIDE = {"width": 1100, "height": 700, "deviceScaleFactor": 1, "mobile": False}
NARROW = {"width": 390, "height": 780, "deviceScaleFactor": 1, "mobile": True}
# The axe of the package knows the attributes of 2022, of which aria-description is none.
FOUND = """
const [done, without] = [arguments[0], { rules: { "aria-valid-attr": { enabled: false } } }];
axe.run(without).then(({violations}) => done(violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html)}`)));
"""


@pytest.mark.parametrize("place", ["", "review", "grid", "grid?class=cat", "api"])
def test_axe_finds_nothing(begin, running, browser, place):
    import axe_core_python

    axe = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    client = begin(n=60, budget=50, balancing="auto")
    for row in range(41):  # the page has guesses then
        client.session.label(row, ("cat", "dog", "cow")[row % 3])
    found = {}
    with running(client.app) as address:
        browser.switch_to.new_window("tab")
        try:
            for metrics in (WIDE, NARROW):
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
                for scheme in ("light", "dark"):
                    features = [{"name": "prefers-color-scheme", "value": scheme}]
                    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
                    browser.get(f"{address}/{place}")
                    browser.execute_async_script("setTimeout(arguments[0], 700)")
                    browser.execute_script(axe)
                    found[metrics["width"], scheme] = browser.execute_async_script(FOUND)
        finally:
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
            browser.close()
            browser.switch_to.window(browser.window_handles[0])

    assert {place: said for place, said in found.items() if said} == {}
