"""Two sources side by side go the whole way: embed, choose, label, train, predict, evaluate, report."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore
from evenpick.pool import Pool
from evenpick.sources import SourceModel
from evenpick.training import source_of
from evenpick.vectors import normalised
from evenpick.workspace import Workspace

pytestmark = pytest.mark.usefixtures("source_cache")
LITE = "efficientnet_lite0+efficientnet_lite1"


@pytest.fixture
def names(make_network, tmp_path):
    """Two tiny real sources of the same classes and of other sizes."""
    for i, facts in enumerate(({"size": 8, "crop": 0.875}, {"size": 12, "crop": 1.0})):
        file = make_network(tmp_path / f"{i}.onnx", seed=i, size=facts["size"])
        file.with_suffix(".json").write_text(json.dumps({**facts, "classes": "flowers"}))
    return [f"onnx:{tmp_path / '0.onnx'}", f"onnx:{tmp_path / '1.onnx'}"]


@pytest.fixture
def photos(tmp_path):
    """Thirty images that are red or blue, and a table of their classes."""
    folder, rng = tmp_path / "photos", np.random.default_rng(0)
    folder.mkdir()
    with (tmp_path / "truth.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["image", "label"])
        for i in range(30):
            bright, dark = rng.integers(150, 256), rng.integers(0, 60)
            Image.new("RGB", (40, 30), (bright, dark, 9) if i % 2 else (9, dark, bright)).save(folder / f"{i:02d}.png")
            table.writerow([f"{i:02d}.png", "red" if i % 2 else "blue"])
    return folder


def went_the_whole_way(work, folder, truth, names):
    """What a person does, one after the other; the pool at the end."""
    done = work.embed(folder, names, group_by="none")
    assert work.diagnose().knowledge is not None
    assert len(work.select(5, "ent_inv_div").indices) == 5
    assert work.simulate(truth, 12).budget == 12
    model = work.train(n_folds=3)
    test = folder.parent / "test"
    shutil.copytree(folder, test)
    predictions, found = work.predict(test), work.evaluate(test, truth)
    assert predictions.probabilities.shape == (30, 2)
    assert found.n_images == 30
    assert model.source == done.pool.source
    assert work.model.source == done.pool.source
    elsewhere = Pool.open(work.paths.other_folder(test))
    np.testing.assert_allclose(elsewhere.features[:], done.pool.features[:], atol=1e-6)
    facts = json.loads((work.report().parent / "report.json").read_text())
    assert facts["source"]["name"] == "+".join(name.replace(f"{folder.parent}/", "") for name in done.pool.source.names)
    return done.pool


@pytest.mark.slow
def test_two_sources_go_the_whole_way(names, photos, tmp_path):
    work = Workspace(tmp_path / "work")
    pool = went_the_whole_way(work, photos, tmp_path / "truth.csv", names)

    assert pool.source.name == "+".join(names)
    assert pool.features.shape == (30, 8)
    assert work.predict(photos).labels == ["red" if i % 2 else "blue" for i in range(30)]
    assert not (tmp_path / "work" / "folders").exists() or len([*(tmp_path / "work" / "folders").iterdir()]) == 1


@pytest.mark.slow
def test_the_networks_that_come_with_evenpick_go_the_whole_way(photos, tmp_path):
    work = Workspace(tmp_path / "work")
    pool = went_the_whole_way(work, photos, tmp_path / "truth.csv", ["efficientnet_lite0", "efficientnet_lite1"])
    apart = [Workspace(tmp_path / name).embed(photos, name, group_by="none").pool for name in LITE.split("+")]

    assert (pool.source.name, pool.source.class_count, pool.source.licence) == (LITE, 1000, "Apache-2.0")
    assert [one.size for one in pool.source.preprocessing.each] == [224, 240]
    expected = np.hstack([normalised(one.features[:]) for one in apart])
    np.testing.assert_allclose(pool.features[:], expected, atol=1e-6)
    assert pool.source.predicting == (0, 1)
    assert pool.mutual_information.max() > 0


def test_options_of_embed_hold_for_all_of_them(names, photos, tmp_path):
    seen = (
        Workspace(tmp_path / "work")
        .embed(photos, names, views=2, fit="squash", reduced_jpeg=True, reading={"max_pixels": 5000}, group_by="auto")
        .pool
    )

    for one in seen.source.preprocessing.each:
        assert (one.views, one.fit, one.reduced_jpeg, one.max_pixels) == (2, "squash", True, 5000)
    assert source_of(seen.source).describe() == seen.source


@pytest.mark.parametrize(
    ("stated", "asked"),
    [
        ({"reduced_jpeg": True}, {"reduced_jpeg": True}),
        ({"views": 2}, {"views": 3}),
        ({"max_pixels": 4000}, {"reading": {"max_pixels": 5000}}),
    ],
)
def test_an_option_of_embed_holds_where_the_file_of_one_source_states_another_value(
    stated, asked, names, photos, tmp_path
):
    (tmp_path / "1.json").write_text(json.dumps({"size": 12, "crop": 1.0, **stated}))
    expected = next(iter((asked.get("reading") or asked).items()))
    pool = Workspace(tmp_path / "work").embed(photos, names, group_by="none", **asked).pool

    assert [getattr(one, expected[0]) for one in pool.source.preprocessing.each] == [expected[1]] * 2
    with pytest.raises(EvenpickError, match=r"must be the same for all.* by '.*/1.json': change it there, or"):
        Workspace(tmp_path / "other").embed(photos, names, group_by="none")


@pytest.mark.slow
def test_several_are_compared_with_the_one_of_the_pool(names, photos, tmp_path):
    work, seen = Workspace(tmp_path / "work"), []
    work.embed(photos, names[0], group_by="none")
    with LabelStore(work.path) as store:
        store.append(
            [Annotation(image=f"{i:02d}.png", label="red" if i % 2 else "blue", annotator="me") for i in range(20)]
        )
    found = work.compare_sources(["+".join(names)], progress=lambda done, total: seen.append((done, total)))

    assert [one.name for one in found.sources] == [names[0], "+".join(names)]
    assert found.sources[1].accuracy == 1
    assert seen[-1] == (40, 40)


def test_the_command_takes_several_and_says_whose_predictions_they_are(names, photos, tmp_path):
    from click.testing import CliRunner

    from evenpick.cli import main

    def said(*words, code=0):
        result = CliRunner().invoke(main, [str(word) for word in words])
        assert result.exit_code == code, result.output
        return " ".join(result.output.split())

    work = tmp_path / "work"
    first = said("embed", work, photos, "--source", names[0], "--source", names[1])
    assert f"Source predictions are the mean of those of '{names[0]}', '{names[1]}'." in first
    assert "30 unchanged" in said("embed", work, photos, "--source", "+".join(names))
    assert "sees just what" in said(
        "embed", tmp_path / "twice", photos, "--source", names[0], "--source", names[0], code=1
    )
    assert "NAME+NAME" in said("sources")
    assert "Source predictions" not in said("embed", tmp_path / "one", photos, "--source", names[0])


def test_what_takes_one_network_says_so_in_one_line(names, photos, tmp_path):
    work = Workspace(tmp_path / "work")
    work.embed(photos, names, group_by="none")
    work.simulate(tmp_path / "truth.csv", 12)
    model = work.train("auto", n_folds=3)

    assert "is 2 networks side by side, which cannot be trained as one" in model.left_out
    with pytest.raises(EvenpickError, match=r"is 2 networks, each of which sees .* \(8, 12 px\).*`evenpick predict`"):
        work.export(tmp_path / "classifier.onnx", "onnx")
    with pytest.raises(
        EvenpickError, match="is 2 networks side by side, which cannot be trained as one; embed with one"
    ):
        work.train("finetune")
    with pytest.raises(EvenpickError, match=r"class names need a text encoder .* is 2 sources: embed with one of them"):
        work.embed(photos, names, class_names=["red", "blue"])
    with pytest.raises(EvenpickError, match=r"class names need a text encoder .* is 2 sources"):
        SourceModel.side_by_side(names).check_takes_words()
