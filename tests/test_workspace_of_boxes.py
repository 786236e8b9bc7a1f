"""A workspace of boxes from its embedding to predictions, by real files and a tiny real network."""

import json

import numpy as np
import pytest
from PIL import Image

from evenpick import SourceModel, Workspace
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing

RED_AND_BLUE = np.array([[200, 30, 30], [30, 30, 200]])


@pytest.fixture
def boxed(tmp_path, make_network):
    """A workspace of photographs that have a red and a blue square each, and what makes another folder of such."""

    def folder_of(name, n, seed):
        rng = np.random.default_rng(seed)
        (tmp_path / name).mkdir()
        images = []
        for i in range(n):
            pixels = rng.integers(90, 110, size=(48, 96, 3))
            pixels[8:40, 8:40] = RED_AND_BLUE[0] + rng.integers(-20, 20, size=(32, 32, 3))
            pixels[8:40, 56:88] = RED_AND_BLUE[1] + rng.integers(-20, 20, size=(32, 32, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name / f"{i}.png")
            found = [{"category": "1", "conf": 0.9, "bbox": [x / 96, 8 / 48, 32 / 96, 32 / 48]} for x in (8, 56)]
            images.append({"file": f"{i}.png", "detections": found})
        content = {"info": {}, "detection_categories": {"1": "animal"}, "images": images}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
        return tmp_path / name

    network = make_network(tmp_path / "tiny.onnx")
    work = Workspace(tmp_path / "work")
    source = SourceModel.from_onnx(network, Preprocessing(size=8))
    work.embed(folder_of("photos", 8, 0), source, boxes=tmp_path / "photos.json", box_margin=0.2)
    (tmp_path / "labels.csv").write_text(
        "image,label\n" + "".join(f"{i}.png#{k},{'red' if k == 1 else 'blue'}\n" for i in range(8) for k in (1, 2))
    )
    work.import_labels(tmp_path / "labels.csv")
    work.train(self_training=False, n_folds=2)
    return work, folder_of


def test_boxes_of_another_folder_are_classified_each(boxed, tmp_path):
    work, folder_of = boxed
    other = folder_of("other", 3, 1)

    found = work.predict(other, boxes=tmp_path / "other.json")

    assert dict(zip(found.image_ids, found.labels, strict=True)) == {
        f"{i}.png#{k}": "red" if k == 1 else "blue" for i in range(3) for k in (1, 2)
    }
    with pytest.raises(EvenpickError, match=r"was trained on boxes: name the file with those of '.*other' by --boxes"):
        work.predict(other)


def test_boxes_of_the_workspace_itself_need_not_be_named(boxed, tmp_path):
    work, _ = boxed

    found = work.predict(tmp_path / "photos")

    assert list(found.image_ids) == [f"{i}.png#{k}" for i in range(8) for k in (1, 2)]
    assert not (work.path / "folders").exists()
