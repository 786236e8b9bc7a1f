"""How objects show themselves in a notebook."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from evenpick import Pool, Session, Workspace, simulate, train
from evenpick.notebook import by_class, html_pictures, html_table, in_notebook
from evenpick.training import evaluate

BAD = "<script>alert('x')</script>"


def pictures(html):
    return [
        Image.open(io.BytesIO(base64.b64decode(data)))
        for data in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    ]


def balanced(html):
    """Every tag is closed, in order."""
    open_tags = []
    for closing, name in re.findall(r"<(/?)(\w+)[^>]*>", html):
        if not closing:
            open_tags += [name] if name != "img" else []
        else:
            assert open_tags.pop() == name
    return not open_tags


@pytest.fixture
def photographs(tmp_path):
    """Fifteen images of 300 x 200 pixels in a workspace, of which one file is gone."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(15):
        Image.fromarray(rng.integers(0, 255, (200, 300, 3), np.uint8)).save(folder / f"{i:02d}.png")
    pool = Pool.from_arrays(rng.normal(size=(15, 4)), image_ids=[f"{i:02d}.png" for i in range(15)])
    (folder / "00.png").unlink()
    return Pool(pool.features, pool.image_ids, folder=folder)


def test_a_table_is_text_and_escaped():
    html = html_table(BAD, [(BAD, 1)], (BAD, "n"))

    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 3
    assert balanced(html)
    assert not re.search(r"color:(?!inherit)|background:(?!none)", html), "colours are the notebook's"


def test_a_caption_is_escaped_in_text_and_title():
    html = html_pictures([(f'" onclick="{BAD}', None)])

    assert "<script" not in html
    assert 'onclick="' not in html
    assert balanced(html)


def test_the_most_frequent_classes_come_first_and_the_others_are_summed():
    rows = by_class({f"class {i:02d}": i for i in range(1, 16)})

    assert rows[0] == ("class 15", "15")
    assert rows[-1] == ("3 other classes", "6")
    assert len(rows) == 13


def test_a_pool_shows_twelve_small_pictures_and_one_whose_file_is_gone_shows_none(photographs):
    html = photographs._repr_html_()

    shown = pictures(html)
    assert [image.size for image in shown] == [(96, 64)] * 11
    assert html.count("<figure") == 12
    assert "15 images" in html
    assert len(html) < 80_000
    assert balanced(html)


def test_a_pool_without_photographs_shows_a_table_only():
    html = Pool.from_arrays(np.eye(3))._repr_html_()

    assert "pool of 3 images" in html
    assert "<figure" not in html


def test_a_session_shows_the_classes_and_what_was_labelled_last(photographs):
    session = Session(photographs, 10, acquisition="random", balancing=None)
    for name in ("a", "b", BAD):
        session.label(session.next(), name)
    session.skip(session.next())

    html = session._repr_html_()

    assert re.findall(r'figcaption title="([^"]+)"', html)[1:] == ["b", "a"]
    assert len(re.findall("<figure", html)) == 3
    assert "<script" not in html
    assert "3 of 10 labels" in html
    assert balanced(html)


def test_results_and_models_show_tables():
    rng = np.random.default_rng(0)
    labels = np.array(["a", "b", "c"] * 20)
    pool = Pool.from_arrays(rng.normal(size=(60, 4)) + (labels == "a")[:, None])
    result = simulate(pool, labels, 30, acquisition="random", balancing=None)
    model = train(pool, result.indices, result.labels, unlabelled=())
    evaluation = evaluate(model, pool, labels)

    assert "30 labels, 3 classes" in result._repr_html_()
    assert f">{list(result.labels).count('a')}</td>" in result._repr_html_()
    assert "classes:" not in model._repr_html_()
    assert f">{model.counts[0]}</td>" in model._repr_html_()
    assert "macro accuracy" in evaluation._repr_html_()
    assert "The worst classes" in evaluation._repr_html_()
    assert balanced(result._repr_html_() + model._repr_html_() + evaluation._repr_html_())


def test_what_a_workspace_gives_shows_itself(make_workspace, tmp_path):
    work = Workspace(make_workspace(n=10))
    truth = tmp_path / "truth.csv"
    truth.write_text("image,label\n" + "".join(f"{i:03d}.jpg,{'ab'[i % 2]}\n" for i in range(10)))

    select, simulated = work.select(4), work.simulate(truth, 6)

    htmls = [one._repr_html_() for one in (select, simulated)]
    htmls += [work.status()._repr_html_(), work.diagnose()._repr_html_()]
    assert all(map(balanced, htmls))
    assert "4 images to label" in htmls[0]
    assert "6 labels, 2 of 2 classes found" in htmls[1]
    assert f"evenpick train {work.path}" in htmls[2]
    assert work.diagnose().advice.method.replace("'", "&#x27;") in htmls[3]


def test_this_is_no_notebook():
    assert not in_notebook()
