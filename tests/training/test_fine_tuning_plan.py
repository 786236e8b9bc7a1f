"""Fine-tuning as a strategy: what fits into the time, what the folds say, and when it is chosen."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from evenpick.classifiers import SUFFIX
from evenpick.errors import EvenpickError
from evenpick.images import Part, Preprocessing
from evenpick.metrics import macro_accuracy
from evenpick.pool import Pool, embed
from evenpick.sources import SourceDescription, SourceModel, weights_fingerprint
from evenpick.sources.torch_networks import ResNet18
from evenpick.training import (
    FineTuningOptions,
    FineTuningSettings,
    Model,
    clear_checkpoints,
    export_classifier,
    fine_tuning,
    fine_tuning_plan,
    train,
)
from evenpick.training.fine_tuning_plan import FineTuningLeftOut, NetworkTask, planned

pytestmark = pytest.mark.slow

QUICK = FineTuningOptions(FineTuningSettings(epochs=12, batch_size=8, augment=False), max_minutes=None)


@pytest.fixture(scope="module")
def embedded_once(tmp_path_factory):
    """64 images whose stripes lie or stand, embedded by a ResNet-18 that has learned nothing, and their classes."""
    rng, tmp_path = np.random.default_rng(0), tmp_path_factory.mktemp("striped")
    (tmp_path / "photos").mkdir()
    for i in range(64):
        wave = np.sin(np.arange(32) * 1.2 + rng.uniform(0, 6)) * 80 + 128
        picture = np.tile(wave, (32, 1)) + rng.normal(scale=25, size=(32, 32))
        picture = picture.T if i % 2 else picture
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).convert("RGB").save(
            tmp_path / "photos" / f"{i:02d}.png"
        )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ResNet18()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    name = f"resnet18:{tmp_path / 'weights.safetensors'}"
    source = SourceModel.from_torch(network, Preprocessing(size=32, crop=1.0), name=name)
    source = replace(source, fingerprint=weights_fingerprint(name))
    embed(tmp_path / "work", tmp_path / "photos", source)
    return tmp_path


@pytest.fixture
def striped(embedded_once, tmp_path):
    """The pool in a workspace of this test alone, and the classes."""
    shutil.copytree(embedded_once / "work", tmp_path / "work")
    pool = Pool.open(tmp_path / "work")
    return pool, np.array(["lying", "standing"])[[int(i[:2]) % 2 for i in pool.image_ids]]


@pytest.fixture
def plan_of(monkeypatch, tmp_path):
    """Plans for 60 labels in ten folds on a machine that takes a second an image, so that they are worked out by hand."""
    monkeypatch.setattr(fine_tuning_plan, "seconds_per_image", lambda *_: 1.0)
    monkeypatch.setattr(fine_tuning_plan, "trainable", lambda source: None)
    monkeypatch.setattr(fine_tuning_plan, "weights_fingerprint", lambda name: "f")
    files = [tmp_path / f"{i}.jpg" for i in range(60)]
    for file in files:
        file.touch()
    source = SourceDescription("s", Preprocessing(), 512, 1000, "none", "f")
    task = NetworkTask(source, [Part(file) for file in files], np.arange(60) % 2, np.arange(60) % 10, (1.0,), 0)

    def build(max_minutes, epochs=10):
        return planned(task, FineTuningOptions(FineTuningSettings(epochs=epochs), max_minutes))

    return build


def test_fewer_folds_are_run_before_fewer_epochs(plan_of):
    whole, fewer_folds, fewer_epochs = plan_of(None), plan_of(60), plan_of(20)

    assert (whole.n_folds, whole.epochs, whole.bounds) == (10, 10, "")
    assert whole.minutes == pytest.approx(1.3 * 10 * (10 * 0.9 + 1))
    assert (fewer_folds.n_folds, fewer_folds.epochs) == (4, 10)
    assert fewer_folds.bounds == "fine-tuning was bounded to 4 of 10 folds by 60 minutes"
    assert (fewer_epochs.n_folds, fewer_epochs.epochs) == (2, 5)
    assert fewer_epochs.bounds == "fine-tuning was bounded to 2 of 10 folds and 5 of 10 epochs by 20 minutes"
    assert all(plan.minutes <= most for plan, most in ((fewer_folds, 60), (fewer_epochs, 20)))


def test_what_does_not_fit_is_refused_with_the_time_it_would_take(plan_of):
    with pytest.raises(
        FineTuningLeftOut, match=r"about 10\.9 minutes here even with 2 folds and 3 epochs; 5 are allowed"
    ):
        plan_of(5, epochs=20)
    with pytest.raises(FineTuningLeftOut, match="no time is allowed"):
        plan_of(0)


def test_fine_tuning_wins_where_fixed_features_fail_and_survives_the_disk(striped, tmp_path):
    embedded, labels = striped
    blind = np.random.default_rng(1).normal(size=(64, 8)).astype(np.float32)  # of a source that sees no stripes
    pool = Pool(blind, embedded.image_ids, source=embedded.source, folder=embedded.folder)
    rows, rest = np.arange(40), np.arange(40, 64)
    told = []
    options = replace(
        QUICK, checkpoints=tmp_path / "going", progress=lambda done, total, loss: told.append((done, total))
    )

    model = train(pool, rows, labels[rows], "auto", n_folds=2, fine_tuning=options)

    found = model.cross_validations
    assert model.strategy == "finetune"
    shallow = ("svm", "logistic_regression", "nearest_mean")
    assert set(found) == {*shallow, *(name + SUFFIX for name in shallow), "finetune"}
    assert found["finetune"].corrected_accuracy > max(f.corrected_accuracy for n, f in found.items() if n != "finetune")
    assert macro_accuracy(labels[rest], model.predict(pool.take(rest))) > 0.9
    assert told[-1] == (960, 960)  # 12 epochs of 20 + 20 + 40 images
    assert (tmp_path / "going" / "all.safetensors").is_file()  # until the model is saved
    for name in ("mine.safetensors", ".evenpick-0a.tmp"):
        (tmp_path / "going" / name).touch()
    clear_checkpoints(tmp_path / "going")
    assert [file.name for file in (tmp_path / "going").iterdir()] == ["mine.safetensors"]
    model.save(tmp_path / "model")
    read = Model.load(tmp_path / "model")
    assert sorted(file.name[:7] for file in (tmp_path / "model").iterdir()) == ["model.j", "network"]
    assert np.array_equal(read.predict_proba(pool), model.predict_proba(pool))
    assert read.cross_validations == found
    with pytest.raises(EvenpickError, match="looks at images: give it a pool with a folder"):
        model.predict(pool.features[:3])
    model.save(tmp_path / "work" / "model")
    assert "(n, 32, 32, 3), uint8 RGB" in export_classifier(tmp_path / "work", tmp_path / "classifier.onnx")


def test_a_run_that_was_killed_goes_on_to_the_same_model_on_a_busier_machine(striped, tmp_path, monkeypatch):
    pool, labels = striped
    rows = np.arange(24)
    quick = replace(QUICK, settings=replace(QUICK.settings, epochs=4), max_minutes=4)
    told = []

    def stop(done, total, loss):
        if done > 60:  # within the second fold
            raise KeyboardInterrupt

    def fit(options):
        return train(pool, rows, labels[rows], "finetune", n_folds=3, fine_tuning=options)

    monkeypatch.setattr(fine_tuning_plan, "seconds_per_image", lambda *_: 1.0)
    monkeypatch.setattr(fine_tuning, "BETWEEN_CHECKPOINTS", 0)
    whole = fit(quick)
    with pytest.raises(KeyboardInterrupt):
        fit(replace(quick, checkpoints=tmp_path / "going", progress=stop))
    monkeypatch.setattr(fine_tuning_plan, "seconds_per_image", lambda *_: 1.2)
    going = replace(quick, checkpoints=tmp_path / "going", progress=lambda done, total, loss: told.append(done))
    resumed = fit(going)

    assert "bounded" in whole.cross_validation.bounds
    assert told[0] >= 48  # the first fold was not trained again
    assert resumed.cross_validations == whole.cross_validations
    assert np.array_equal(resumed.predict_proba(pool), whole.predict_proba(pool))


def test_auto_goes_on_without_fine_tuning_and_says_why(striped, tmp_path):
    pool, labels = striped
    rows = np.arange(24)
    pool = replace(pool, folder=shutil.copytree(pool.folder, tmp_path / "photos"))
    (pool.folder / pool.image_ids[3]).unlink()

    model = train(pool, rows, labels[rows], "auto", n_folds=2, fine_tuning=QUICK)

    assert "finetune" not in model.cross_validations
    assert "images are missing: " in model.left_out
    assert "03.png" in model.left_out
    with pytest.raises(EvenpickError, match="put them back or take their labels out"):
        train(pool, rows, labels[rows], "finetune", n_folds=2, fine_tuning=QUICK)


def test_weights_that_changed_since_embedding_are_not_trained(striped):
    pool, labels = striped
    changed = Pool(pool.features[:], pool.image_ids, None, replace(pool.source, fingerprint="of then"), pool.folder)

    with pytest.raises(EvenpickError, match="has other weights now than when the images were embedded: embed again"):
        train(changed, np.arange(24), labels[:24], "finetune", fine_tuning=QUICK)


def test_fixed_features_win_where_they_suffice(striped):
    pool, labels = striped
    telling = Pool(
        np.where(labels[:, None] == ["lying", "standing"], 1.0, 0.0).astype(np.float32),
        pool.image_ids, source=pool.source, folder=pool.folder,
    )  # fmt: skip
    little = replace(QUICK, settings=replace(QUICK.settings, epochs=1))

    model = train(telling, np.arange(24), labels[:24], "auto", n_folds=2, fine_tuning=little)

    assert model.strategy == "svm"
    assert "finetune" in model.cross_validations


def test_fine_tuning_a_pool_without_images_is_refused():
    pool = Pool.from_arrays(np.eye(8))

    with pytest.raises(EvenpickError, match="needs the images themselves; this pool has features only"):
        train(pool, np.arange(8), ["a", "b"] * 4, "finetune")
