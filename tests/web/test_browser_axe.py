"""What axe-core finds on the pages: nothing, light and dark, wide and narrow."""

import pytest
from browsing import found_by_axe, see_as, tab_of_its_own

pytestmark = pytest.mark.slow

WIDE, NARROW = (1100, 700), (390, 780)


@pytest.mark.parametrize("place", ["", "review", "grid", "grid?class=cat", "api"])
def test_axe_finds_nothing(begin, running, browser, place):
    client = begin(n=60, budget=50, balancing="auto")
    for row in range(41):  # the page has guesses then
        client.session.label(row, ("cat", "dog", "cow")[row % 3])
    found = {}
    with running(client.app) as address, tab_of_its_own(browser):
        for width, height in (WIDE, NARROW):
            for scheme in ("light", "dark"):
                see_as(browser, width, height, scheme)
                browser.get(f"{address}/{place}")
                browser.execute_async_script("setTimeout(arguments[0], 700)")
                # The axe of the package knows the attributes of 2022, of which aria-description is none.
                found[width, scheme] = found_by_axe(browser, "aria-valid-attr")

    assert {place: said for place, said in found.items() if said} == {}
