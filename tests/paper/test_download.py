"""Sets of the Hugging Face Hub, read by its own package from Parquet files as the Hub keeps them."""

import io
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from evenpick import EvenpickError
from evenpick.cli import main
from evenpick.paper import download, download_data_set
from evenpick.paper.download import HOSTED

datasets = pytest.importorskip("datasets")

rng = np.random.default_rng(0)
quiet = lambda what, unit: lambda done, total: None  # noqa: E731


def encoded(pixels, form):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Puts rows where `download` looks for a set."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")

    def put(name, features, splits):
        folder = tmp_path / "hub" / name / "data"
        folder.mkdir(parents=True)
        for split, rows in splits.items():
            table = datasets.Dataset.from_list(rows, datasets.Features(features))
            table.to_parquet(folder / f"{split}-00000-of-00001.parquet")
        hosted = replace(HOSTED[name], address=str(folder.parent))
        monkeypatch.setitem(download.HOSTED, name, hosted)

    return put


def food(label):
    return {
        "image": {"bytes": encoded(rng.integers(0, 255, (8, 8, 3), np.uint8), "JPEG"), "path": None},
        "label": label,
    }


def test_food101_lies_as_its_authors_lay_it_out_each_file_byte_for_byte(tmp_path, hub):
    train, test = [food(i) for i in (1, 0, 1)], [food(i) for i in (0, 1)]
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["apple_pie", "baklava"])}
    hub("food101", features, {"train": train, "validation": test})

    folder = download_data_set("food101", tmp_path / "data", quiet)

    assert folder == tmp_path / "data" / "food101"
    assert (folder / "meta" / "train.txt").read_text().splitlines() == [
        "baklava/train-00000", "apple_pie/train-00001", "baklava/train-00002"
    ]  # fmt: skip
    assert (folder / "images" / "baklava" / "train-00002.jpg").read_bytes() == train[2]["image"]["bytes"]
    assert (folder / "images" / "apple_pie" / "test-00000.jpg").read_bytes() == test[0]["image"]["bytes"]


def test_cifar100_becomes_its_binary_form(tmp_path, hub):
    fine = [f"class{i}" for i in range(100)]
    features = {
        "img": datasets.Image(), "fine_label": datasets.ClassLabel(names=fine),
        "coarse_label": datasets.ClassLabel(num_classes=20),
    }  # fmt: skip
    pixels = rng.integers(0, 255, (100, 32, 32, 3), np.uint8)
    rows = [
        {"img": {"bytes": encoded(pixels[i], "PNG"), "path": None}, "fine_label": i, "coarse_label": i % 20}
        for i in range(100)
    ]
    hub("cifar100", features, {"train": rows[::-1], "test": rows})

    folder = download_data_set("cifar100", tmp_path / "data", quiet)

    assert (folder / "fine_label_names.txt").read_text().split() == fine
    coarse, label, *channels = np.split(np.fromfile(folder / "test.bin", np.uint8).reshape(100, -1), [1, 2], axis=1)
    assert (coarse.ravel() == np.arange(100) % 20).all()
    assert (label.ravel() == np.arange(100)).all()
    assert (channels[0].reshape(100, 3, 32, 32).transpose(0, 2, 3, 1) == pixels).all()
    assert np.fromfile(folder / "train.bin", np.uint8).reshape(100, -1)[0, 1] == 99


def test_what_is_there_is_not_written_over(tmp_path):
    (tmp_path / "food101").mkdir()

    with pytest.raises(EvenpickError, match="is there already"):
        download_data_set("food101", tmp_path, quiet)


def test_a_download_that_fails_leaves_no_set(tmp_path, hub):
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["apple_pie", "baklava"])}
    hub("food101", features, {"train": [food(0)]})  # no validation split

    with pytest.raises(KeyError):
        download_data_set("food101", tmp_path / "data", quiet)

    assert not (tmp_path / "data" / "food101").exists()


def test_a_set_that_cannot_be_reached_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(HOSTED, "food101", replace(HOSTED["food101"], address=str(tmp_path / "nothing")))

    told = CliRunner().invoke(main, ["benchmark", "download", "food101", "--data", str(tmp_path)])

    assert told.exit_code == 1
    assert "of the Hugging Face Hub cannot be had" in told.output
    assert "Traceback" not in told.output


def test_an_unknown_set_is_told_with_the_nearest(tmp_path):
    told = CliRunner().invoke(main, ["benchmark", "download", "food", "--data", str(tmp_path)])

    assert told.exit_code == 1
    assert "did you mean 'food101'?" in told.output
