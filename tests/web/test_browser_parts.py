"""What the labelling page shows of rows that are no whole file: boxes."""

import numpy as np
import pytest
from PIL import Image

from evenpick.images import Preprocessing
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.sources import SourceDescription

pytestmark = pytest.mark.slow


@pytest.fixture
def boxes(tmp_path):
    """A workspace of one photograph with two boxes."""
    (tmp_path / "photos").mkdir()
    image = Image.new("RGB", (400, 200), "red")
    image.paste("blue", (300, 50, 340, 90))
    image.save(tmp_path / "photos" / "a.png")
    rows = [
        ImageRow(f"a.png#{k}", f"d{k}", file="a.png", part=box) for k, box in ((1, "300,50,40,40"), (2, "0,0,40,40"))
    ]
    writer = PoolWriter(
        tmp_path / "work", tmp_path / "photos", SourceDescription("made", Preprocessing(), 6, 7, "none", "0")
    )
    rng = np.random.default_rng(0)
    writer.append(
        rows, rng.normal(size=(2, 6)).astype(np.float32), summarise_probabilities(rng.dirichlet(np.ones(7), 2))
    )
    return tmp_path / "work"


def test_a_box_is_shown_large_and_where_it_lies_in_the_whole_image(begin, running, open_page, boxes):
    client = begin(workspace=boxes, budget=2)
    with running(client.app) as address:
        page = open_page(address)
        size = "[document.querySelector(arguments[0]).naturalWidth, document.querySelector(arguments[0]).naturalHeight]"
        page.wait(lambda: page.script(size, "#whole img") == [400, 200])
        assert page.script(size, "#figure img") == [48, 48]  # with its margin
        assert page.find("#whole").rect["width"] < page.find("#stage").rect["width"] / 2
        page.find("#whole").click()
        page.wait(lambda: page.find("#whole").rect["width"] > page.find("#stage").rect["width"] / 2)
        page.find("#whole").click()
        page.new_class("cat")
        assert not page.script("document.getElementById('whole').hidden")
        page.answer("1")
        assert page.status() == "finished"


def test_a_whole_image_has_nothing_in_its_corner(begin, running, open_page):
    with running(begin().app) as address:
        assert open_page(address).script("document.getElementById('whole').hidden")
