"""An encoder without source classes goes the whole way: embed, diagnose, select, label, train, predict, export."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from evenpick.acquisition import ACQUISITIONS, select
from evenpick.acquisition.table import BY_PREDICTIONS, BY_VIEWS
from evenpick.errors import EvenpickError
from evenpick.pool import Pool
from evenpick.workspace import Workspace

pytestmark = pytest.mark.usefixtures("source_cache")


@pytest.fixture
def work(make_network, photo_folder, tmp_path):
    """A workspace embedded by an ONNX file as Hugging Face exports an encoder, and its source's name."""
    file = make_network(tmp_path / "encoder.onnx", outputs=("image_embeds", "unused"))
    model = onnx.load(file)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["n", 4]))
    onnx.save(model, file)
    work = Workspace(tmp_path / "work")
    work.embed(photo_folder, f"onnx:{file}")
    return work


def test_its_pool_has_features_and_no_source_predictions(work):
    pool = Pool.open(work.path)

    assert (pool.features.shape, pool.predictions) == ((12, 4), None)
    assert pool.source.class_count == 0
    assert "no source classes" in repr(pool)


def test_going_on_with_it_adds_nothing_and_loses_nothing(work, photo_folder):
    again = work.embed(photo_folder, Pool.open(work.path).source.name)

    assert (len(again.pool), again.done_now) == (12, 0)


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_every_function_chooses_or_says_why_not_and_what_to_take(name, work):
    pool, rng = Pool.open(work.path), np.random.default_rng(0)

    if name in BY_PREDICTIONS:
        with pytest.raises(EvenpickError, match=r"'onnx:.*' is an encoder without classes.*choose 'auto', 'core_set'"):
            ACQUISITIONS[name](pool, 5, rng)
        assert len(set(select(pool, 5, f"{name}@3").tolist())) == 5
    elif name in BY_VIEWS:
        with pytest.raises(
            EvenpickError, match=r"no source predictions of several views.*--views 4 and a source with classes"
        ):
            ACQUISITIONS[name](pool, 5, rng)
    else:
        assert len(set(ACQUISITIONS[name](pool, 5, rng).tolist())) == 5


def test_diagnose_says_what_can_be_told(work):
    before = work.diagnose()

    assert before.knowledge is None
    assert before.facts["before_labels"] is None
    assert "an encoder without classes" in before.advice.finding
    assert "Take 'auto'" in before.advice.method
    assert "source classes" not in before.advice.finding.replace("without classes", "")


def test_it_is_labelled_trained_predicted_with_and_exported(work, photo_folder, tmp_path):
    rows = [f"{image_id},{image_id.split('/')[0]}" for image_id in Pool.open(work.path).image_ids]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *rows]))
    work.simulate(tmp_path / "labels.csv", 8)
    after = work.diagnose()
    model = work.train()
    predictions = work.predict(photo_folder)
    work.export(tmp_path / "classifier.onnx", to="onnx")
    session = onnxruntime.InferenceSession((tmp_path / "classifier.onnx").read_bytes())
    (chances,) = session.run(None, {"image": np.zeros((1, 8, 8, 3), np.uint8)})

    assert after.measured.n_labels == 8
    assert len(predictions.labels) == 12
    assert chances.shape == (1, len(model.classes))
