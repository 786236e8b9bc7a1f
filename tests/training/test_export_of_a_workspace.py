"""The classifier as one ONNX file, against the model that it was made from."""

import json

import numpy as np
import onnxruntime
import pytest

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing, open_part
from evenpick.pool import Pool, embed
from evenpick.sources import SourceModel
from evenpick.training import Model, export_classifier, source_of, train


@pytest.fixture
def trained(tmp_path, photo_folder, make_network):
    """A workspace with a tiny network and the default classifier of three classes."""
    file = make_network(tmp_path / "tiny.onnx")
    source = SourceModel.load(f"onnx:{file}", Preprocessing(size=8))
    pool = embed(tmp_path / "work", photo_folder, source).pool
    labels = ["a", "b", "a", "c", "b", "a", "c", "b", "a", "a", "a", "b"]
    train(pool, np.arange(12), labels).save(tmp_path / "work" / "model")
    return tmp_path / "work"


def test_the_file_says_what_the_model_says_from_pixels_on(trained, tmp_path, photo_folder):
    told = export_classifier(trained, tmp_path / "classifier.onnx")
    pool, model = Pool.open(trained), Model.load(trained / "model")
    session = onnxruntime.InferenceSession(str(tmp_path / "classifier.onnx"), providers=["CPUExecutionProvider"])
    cut = model.source.preprocessing.cut
    pixels = np.stack([np.asarray(cut(open_part(pool.part(row)))) for row in range(len(pool))])

    found = session.run(["probabilities"], {"image": pixels})[0]

    assert "(n, 8, 8, 3), uint8 RGB" in told
    assert found == pytest.approx(model.predict_proba(pool), abs=1e-5)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == ["a", "b", "c"]
    assert json.loads(facts["strategy"]) == model.strategy


def test_a_file_that_exists_is_not_replaced(trained, tmp_path):
    (tmp_path / "mine.onnx").write_text("mine")

    with pytest.raises(EvenpickError, match="exists; name another file"):
        export_classifier(trained, tmp_path / "mine.onnx")
    assert (tmp_path / "mine.onnx").read_text() == "mine"


def test_a_source_with_other_weights_is_refused(trained, tmp_path, make_network):
    make_network(tmp_path / "tiny.onnx", seed=1)

    with pytest.raises(EvenpickError, match="has other weights or outputs now than when the model was trained"):
        source_of(Model.load(trained / "model").source)
    with pytest.raises(EvenpickError, match="embed and train again"):
        export_classifier(trained, tmp_path / "classifier.onnx")
    assert not (tmp_path / "classifier.onnx").exists()


def test_a_workspace_without_a_model_is_refused(tmp_path):
    with pytest.raises(EvenpickError, match="holds no model"):
        export_classifier(tmp_path, tmp_path / "classifier.onnx")
