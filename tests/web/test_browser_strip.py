"""The strip of a group on the labelling page: one answer for all of its images but for those that are taken out."""

import numpy as np
import pytest

from evenpick.labels import LabelStore
from evenpick.pool import Pool

pytestmark = pytest.mark.slow


@pytest.fixture
def bursts(make_workspace):
    """A workspace of five bursts of four images."""
    workspace = make_workspace(20)
    rows = "".join(f"{i:03d}.jpg,{i // 4},time\n" for i in range(20))
    (workspace / "groups.csv").write_text(f"image,group,reason\n{rows}")
    assert np.array_equal(Pool.open(workspace).groups, np.arange(20) // 4)
    return workspace


def test_one_answer_holds_for_the_images_of_a_group_but_for_those_taken_out(begin, running, open_page, bursts):
    client = begin(workspace=bursts, budget=5, balancing=None)
    with running(client.app) as address:
        page = open_page(address)
        frames = "[...document.querySelectorAll('#others button')].map(button => +button.dataset.row)"
        first, others = page.row(), page.script(frames)
        assert {first, *others} == {4 * (first // 4) + k for k in range(4)}
        assert page.text("#frames") == "The answer holds for all 4 images; click what shows something else."
        page.find(f"#others button[data-row='{others[1]}']").click()
        assert page.text("#frames") == "The answer holds for 3 of 4 images; the others are asked for later."
        page.find(f"#others button[data-row='{others[2]}']").click()
        page.find(f"#others button[data-row='{others[2]}']").click()  # put back
        page.new_class("cat")

        assert page.text("#labels") == "1"
        assert page.row() not in (first, others[0], others[2])
    with LabelStore(bursts) as store:
        said = store.entries()[0]
    ids = client.session.pool.image_ids
    assert (said.image, said.label) == (ids[first], "cat")
    assert said.inherited == (ids[others[0]], ids[others[2]])
    assert said.taken_out == (ids[others[1]],)


def test_without_groups_there_is_no_strip(begin, running, open_page):
    with running(begin().app) as address:
        assert open_page(address).script("document.getElementById('strip').hidden")
