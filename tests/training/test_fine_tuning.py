"""Fine-tuning small networks on made images: it learns, repeats itself, goes on where it stopped, and says why not."""

import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from evenpick.errors import EvenpickError
from evenpick.images import Part, Preprocessing, random_cut
from evenpick.installing import install_command
from evenpick.sources import SourceDescription, new_network, trainable
from evenpick.sources.torch_networks import ResNet18
from evenpick.training import FineTuningSettings, fine_tuning, fine_tuning_task
from evenpick.training.fine_tuning import fine_tune, seconds_per_image
from evenpick.training.network import FineTunedNetwork

pytestmark = pytest.mark.slow

SHORT = FineTuningSettings(epochs=2, batch_size=4)


def described(name, preprocessing=None):
    return SourceDescription(name, preprocessing or Preprocessing(), 512, 1000, "none", "made")


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A ResNet-18 with random weights that sees 32 x 32 pixels."""
    file = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(ResNet18().state_dict(), file)
    return described(f"resnet18:{file}", Preprocessing(size=32, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)))


@pytest.fixture(scope="session")
def striped(tmp_path_factory):
    """Write n noisy images with stripes along rows (label 0) and columns (label 1) in turn."""

    def build(n, seed=0, labels=None):
        folder = tmp_path_factory.mktemp("striped")
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % 2 if labels is None else np.array(labels)
        files = []
        for i, label in enumerate(labels):
            wave = np.sin(np.arange(48) / 2 + rng.uniform(0, 6)) * 60 + 128
            pixels = np.broadcast_to(wave[:, None], (48, 48))
            pixels = (pixels.T if label else pixels)[..., None] + rng.normal(0, 20, (48, 48, 3))
            files.append(Part(folder / f"{i}.png"))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(files[-1].file)
        return files, labels

    return build


@pytest.fixture(scope="session")
def few(striped):
    return striped(8)


@pytest.fixture(scope="module")
def trained_once(source, few, tmp_path_factory):
    """A network of one epoch on the few images, and its checkpoint."""
    checkpoint = tmp_path_factory.mktemp("trained") / "checkpoint"
    return fine_tune(source, few[0], few[1], replace(SHORT, epochs=1), 0, checkpoint), checkpoint


@pytest.fixture(scope="module")
def as_onnx(trained_once):
    return trained_once[0].onnx()


@pytest.fixture
def checkpoint(trained_once, tmp_path):
    """A copy of that checkpoint."""
    return shutil.copy(trained_once[1], tmp_path / "checkpoint")


def weights(trained):
    return {name: tensor.numpy() for name, tensor in trained.module.state_dict().items()}


def assert_same_weights(one, other):
    assert weights(one).keys() == weights(other).keys()
    for name, values in weights(one).items():
        np.testing.assert_array_equal(values, weights(other)[name], err_msg=name)


def stop_after(images):
    def progress(done, total, loss):
        if done > images:
            raise KeyboardInterrupt

    return progress


# --- what it learns ---------------------------------------------------------------------------------


def test_a_network_learns_to_tell_two_kinds_of_images_that_it_has_not_seen(source, striped):
    settings = FineTuningSettings(epochs=6, batch_size=8)
    files, labels = striped(48, seed=1)
    unseen, truth = striped(40, seed=2)

    trained = fine_tune(source, files, labels, settings, seed=0)

    assert (trained.epochs, trained.n_held_out, trained.held_out_loss) == (6, 0, None)
    assert (trained.logits(unseen).argmax(axis=1) == truth).mean() >= 0.95


def test_the_onnx_file_gives_the_logits_of_pytorch_for_any_number_of_images(trained_once, as_onnx, few):
    files, trained = few[0], trained_once[0]

    network = FineTunedNetwork(as_onnx, trained.preprocessing)

    assert network.logits(files) == pytest.approx(trained.logits(files), abs=1e-4)
    assert network.logits(files[:1]) == pytest.approx(trained.logits(files)[:1], abs=1e-4)
    assert network.logits(files).dtype == trained.logits(files).dtype == np.float64
    assert network.logits([]).shape == trained.logits([]).shape == (0, 2)


def test_a_class_with_one_image_and_a_batch_left_with_one_image_are_no_trouble(source, striped):
    files, labels = striped(5, labels=[0, 0, 0, 0, 2])

    trained = fine_tune(source, files, labels, replace(SHORT, epochs=1), seed=0)

    assert trained.logits(files).shape == (5, 3)
    assert np.isfinite(trained.logits(files)).all()


def test_the_source_s_weights_are_what_training_starts_from(source, few):
    settings = FineTuningSettings(epochs=1, learning_rate=1e-12, weight_decay=0)

    trained = fine_tune(source, few[0], few[1], settings, seed=0)

    given = ResNet18()
    given.load_state_dict(new_network(source, 2).source.state_dict())
    ours = dict(trained.module.source.named_parameters())
    for name, values in given.named_parameters():
        assert torch.allclose(values, ours[name], atol=1e-7), name


def test_efficientnet_lite0_can_be_fine_tuned(few):
    files, labels = few

    trained = fine_tune(
        described("efficientnet_lite0", Preprocessing(size=64)), files[:4], labels[:4], replace(SHORT, epochs=1), 0
    )

    assert trained.logits(files).shape == (8, 2)
    assert trained.module.head.in_features == 1280


# --- the same again ---------------------------------------------------------------------------------


def test_one_seed_gives_one_network_whatever_the_global_state_which_stays_as_it_is(few):
    # EfficientNet draws its drop-connect from PyTorch's global state.
    source = described("efficientnet_lite0", Preprocessing(size=32))
    networks = []
    for state in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(state)
            np.random.seed(state)  # noqa: NPY002 (the very state that must not matter)
            before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
            networks.append(fine_tune(source, few[0], few[1], replace(SHORT, epochs=1), seed=5))
            assert torch.equal(before[0], torch.get_rng_state())
            assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002

    other = fine_tune(source, few[0], few[1], replace(SHORT, epochs=1), seed=6)

    assert_same_weights(*networks)
    assert not np.array_equal(weights(networks[0])["head.weight"], weights(other)["head.weight"])


@pytest.fixture
def after_each_epoch(monkeypatch):
    """Checkpoints however little time an epoch takes."""
    monkeypatch.setattr(fine_tuning, "BETWEEN_CHECKPOINTS", 0)


def test_short_epochs_have_one_checkpoint_at_the_end(source, few, tmp_path):
    checkpoint, there = tmp_path / "checkpoint", []

    def progress(done, total, loss):
        there.append(checkpoint.exists())

    fine_tune(source, few[0], few[1], replace(SHORT, epochs=3), 0, checkpoint, progress)

    assert there == [False] * 6
    assert checkpoint.exists()


def test_training_goes_on_after_an_interruption_to_the_same_weights(source, few, tmp_path, after_each_epoch):
    checkpoint = tmp_path / "made" / "fine-tuning.safetensors"
    settings = replace(SHORT, epochs=3)
    whole = fine_tune(source, few[0], few[1], settings, seed=0)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(source, few[0], few[1], settings, seed=0, checkpoint=checkpoint, progress=stop_after(16))
    calls = []

    again = fine_tune(source, few[0], few[1], settings, 0, checkpoint, progress=lambda *facts: calls.append(facts[:2]))

    assert calls == [(20, 24), (24, 24)]
    assert_same_weights(whole, again)
    assert again.epochs == 3


@pytest.mark.parametrize("change", ["labels", "images", "settings", "seed"])
def test_a_checkpoint_of_another_task_is_ignored(source, few, checkpoint, change):
    files, labels = few
    settings = replace(SHORT, epochs=1)
    task = {
        "images": files[::-1] if change == "images" else files,
        "labels": 1 - labels if change == "labels" else labels,
        "settings": replace(settings, momentum=0.5) if change == "settings" else settings,
        "seed": int(change == "seed"),
    }

    seen = []
    fine_tune(source, **task, checkpoint=checkpoint, progress=lambda *facts: seen.append(facts[0]))

    assert seen == [4, 8]


@pytest.mark.parametrize("damage", ["cut off", "one bit", "empty"])
def test_a_damaged_checkpoint_is_ignored(source, few, trained_once, checkpoint, damage):
    settings = replace(SHORT, epochs=1)
    whole = trained_once[0]
    data = bytearray(checkpoint.read_bytes())
    data[-1000] ^= 1
    checkpoint.write_bytes({"cut off": data[:-1], "one bit": data, "empty": b""}[damage])

    seen = []
    again = fine_tune(source, few[0], few[1], settings, 0, checkpoint, lambda *facts: seen.append(facts[0]))

    assert seen == [4, 8]
    assert_same_weights(whole, again)


# --- early stopping ---------------------------------------------------------------------------------


def test_early_stopping_keeps_the_best_epoch_also_after_an_interruption(
    source, striped, tmp_path, monkeypatch, after_each_epoch
):
    files, labels = striped(40)
    batches = 2  # of 18 images an epoch

    def logits(module, held, preprocessing):
        """Made to be best in epochs 3 and 4: the network counts its batches."""
        epoch = int(module.source.bn1.num_batches_tracked) // batches
        truth = labels[[files.index(file) for file in held]]
        return np.eye(2)[truth] * [0, 1, 2, 4, 4, 3, 2][epoch]

    monkeypatch.setattr(fine_tuning_task, "ENOUGH_TO_HOLD_OUT", 40)
    monkeypatch.setattr(fine_tuning, "_module_logits", logits)
    settings = FineTuningSettings(epochs=15, batch_size=18)
    done, checkpoint = [], tmp_path / "checkpoint"

    whole = fine_tune(source, files, labels, settings, 0, progress=lambda *facts: done.append(facts[0]))
    with pytest.raises(KeyboardInterrupt):
        fine_tune(source, files, labels, settings, 0, checkpoint, stop_after(4 * 36))
    again = fine_tune(source, files, labels, settings, 0, checkpoint)

    assert (whole.epochs, whole.n_held_out, done[-1]) == (3, 4, (3 + fine_tuning.PATIENCE) * 36)
    assert int(whole.module.source.bn1.num_batches_tracked) == 3 * batches
    assert whole.held_out_loss == pytest.approx(np.log1p(np.exp(-4)))
    assert_same_weights(whole, again)
    assert (again.epochs, again.held_out_loss) == (whole.epochs, whole.held_out_loss)


def test_the_loss_told_is_that_of_the_kept_weights_on_the_held_out_images(source, striped, monkeypatch):
    monkeypatch.setattr(fine_tuning_task, "ENOUGH_TO_HOLD_OUT", 40)
    files, labels = striped(40)
    settings = FineTuningSettings(epochs=2, batch_size=18)

    trained = fine_tune(source, files, labels, settings, 0)

    held = fine_tuning_task.FineTuningTask(source, files, labels, settings, 0).held_out
    logits = trained.logits([files[i] for i in held])
    losses = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels[held]))
    assert trained.held_out_loss == pytest.approx(float(losses))


def test_images_are_held_out_from_classes_with_ten_or_more_and_only_of_200_images():
    labels = np.repeat([0, 1, 2], [150, 41, 9])

    def held(labels, settings=SHORT):
        return fine_tuning_task.FineTuningTask(described("made"), [], labels, settings, 0).held_out

    assert np.bincount(labels[held(labels)]).tolist() == [15, 4]
    assert len(np.unique(held(labels))) == 19
    assert len(held(labels[:199])) == len(held(labels, replace(SHORT, early_stop=False))) == 0


# --- what it does to images and batches -------------------------------------------------------------


def test_random_crops_are_squares_of_the_size_asked_for_mirrored_half_the_time():
    ramp = Image.fromarray(np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None, None], (100, 80, 3)))
    ramp = ramp.transpose(Image.Transpose.ROTATE_90)  # 100 wide, 80 high; darker towards the right
    preprocessing = Preprocessing(size=16)

    def ends(*draws):
        square = np.asarray(random_cut(np.array(draws), preprocessing)(ramp))
        assert square.shape == (16, 16, 3)
        return square[0, 0, 0], square[0, -1, 0]

    plain, mirrored = ends(1, 0, 0, 0.5), ends(1, 0, 0, 0.49)
    assert mirrored == plain[::-1]
    assert abs(int(plain[1]) - int(plain[0])) == pytest.approx(75, abs=2)  # 15 of 16 steps across 80 pixels
    smallest = ends(0, 1, 1, 0.9)
    assert abs(int(smallest[1]) - int(smallest[0])) == pytest.approx(75 * 0.6**0.5, abs=2)


@pytest.mark.parametrize("n", [2, 3, 31, 32, 33, 65, 100])
@pytest.mark.parametrize("batch_size", [2, 32])
def test_batches_are_nearly_equal_and_none_has_one_image(n, batch_size):
    parts = fine_tuning._nearly_equal(n, batch_size)

    assert np.concatenate(parts).tolist() == list(range(n))
    assert min(map(len, parts)) >= 2
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert max(map(len, parts)) <= max(batch_size, 3)


# --- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"batch_size": 1}, r"batch_size must be at least 2 .*; got 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0; got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0; got nan"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\); got 1.0"),
        ({"weight_decay": -1.0}, "weight_decay must be 0 or more; got -1.0"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(EvenpickError, match=f"^fine-tuning: {message}$"):
        FineTuningSettings(**wrong)


@pytest.mark.parametrize("labels", [[0, 0], [0, 1, 1], [-1, 0]])
def test_labels_that_cannot_be_learnt_are_refused(few, labels):
    with pytest.raises(EvenpickError, match="one label for each image, 0 or above, and images of two classes"):
        fine_tune(described("made"), few[0][:2], np.array(labels), SHORT, 0)


def test_an_image_that_is_gone_or_broken_is_named(source, few, trained_once, as_onnx, tmp_path):
    files, labels = few
    gone = Part(tmp_path / "gone.jpg")
    with pytest.raises(EvenpickError, match=r"image '.*gone\.jpg' cannot be read: No such file"):
        fine_tune(source, [gone, *files[1:]], labels, SHORT, 0)

    trained = trained_once[0]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    network = FineTunedNetwork(as_onnx, trained.preprocessing)
    for logits in (trained.logits, network.logits):
        with pytest.raises(EvenpickError, match=r"image '.*broken\.jpg' cannot be read: not an image"):
            logits([files[0], Part(broken)])


def test_a_training_that_diverges_says_so(source, few):
    with pytest.raises(EvenpickError, match=r"loss became (nan|inf) in epoch .* use a smaller one"):
        fine_tune(source, few[0], few[1], FineTuningSettings(epochs=9, batch_size=4, learning_rate=1e30), 0)


def test_bytes_that_are_no_network_are_refused(few):
    with pytest.raises(EvenpickError, match="the fine-tuned network cannot be read"):
        FineTunedNetwork(b"no network", Preprocessing(size=32)).logits(few[0])


def test_a_source_says_why_it_cannot_be_trained(source, monkeypatch):
    assert trainable(source) is None
    assert trainable(described("efficientnet_lite0")) is None
    assert trainable(described("onnx:x.onnx")) == (
        "source 'onnx:x.onnx' is an ONNX file, which cannot be trained; "
        "embed with efficientnet_lite0, resnet18:FILE or timm:NAME"
    )
    assert "source 'made' cannot be built again" in trainable(described("made"))
    assert "its weights 'gone.pth' are no file" in trainable(described("resnet18:gone.pth"))
    with pytest.raises(EvenpickError, match="is an ONNX file"):
        fine_tune(described("onnx:x.onnx"), ["a", "b"], np.arange(2), SHORT, 0)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert install_command("torch") in trainable(described("efficientnet_lite0"))


# --- the rest ---------------------------------------------------------------------------------------


def test_the_time_of_an_image_is_measured(source):
    before = torch.get_rng_state()

    assert 0 < seconds_per_image(source, [], SHORT) < 10
    assert torch.equal(before, torch.get_rng_state())


def test_a_fine_tuned_network_runs_without_pytorch(as_onnx, few, tmp_path):
    (tmp_path / "network.onnx").write_bytes(as_onnx)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from evenpick.images import Part, Preprocessing\nfrom evenpick.training.network import FineTunedNetwork\n"
        "network = FineTunedNetwork(Path(sys.argv[1]).read_bytes(), Preprocessing(size=32))\n"
        "assert not {'torch', 'onnxruntime'} & set(sys.modules)\n"
        "print(network.logits([Part(Path(sys.argv[2]))]).shape)\n"
        "assert 'torch' not in sys.modules"
    )

    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "network.onnx", few[0][0].file],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout == "(1, 2)\n"
