"""Fine-tune the source network on labelled images, all its layers (section 3.4 of the paper).

PyTorch trains, and is imported only by the functions that need it; ONNX Runtime runs the result.
"""

import contextlib
import copy
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvenpickError
from ..images import Batch, Logits, Part, Preprocessing, decoded, logits_of_parts, random_cut
from ..sources import SourceDescription, new_network, torch_seed
from .checkpoint import read_checkpoint, write_checkpoint
from .fine_tuning_task import FineTuningSettings, FineTuningTask

Progress = Callable[[int, int, float], None]  # images done, images in all (over all epochs), mean loss of last batch
PATIENCE = 3  # epochs without improvement
BETWEEN_CHECKPOINTS = (
    20.0  # seconds that a kill may cost: of a large network each takes a second, and a tenth of a gigabyte
)


@dataclass(frozen=True)
class FineTuned:
    """A network that `fine_tune` trained.

    Attributes
    ----------
    module : torch.nn.Module
        Gives features and logits, in evaluation mode, on the device it was trained on.
    preprocessing : Preprocessing
    epochs : int
        Epochs whose weights are kept: the best one when some images were held out.
    n_held_out : int
        Images held out for early stopping; 0 if none.
    held_out_loss : float or None
        Their mean cross-entropy after that epoch.
    """

    module: Any
    preprocessing: Preprocessing
    epochs: int
    n_held_out: int = 0
    held_out_loss: float | None = None

    def logits(self, images: Sequence[Part]) -> Logits:
        """Logits (n, n_classes) of the images; EvenpickError names a file that cannot be read."""
        return _module_logits(self.module, images, self.preprocessing)

    def onnx(self) -> bytes:
        """The network as one ONNX file, for any batch size: image to features and logits."""
        from ..sources import torch_networks

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "network.onnx")
            torch_networks.export_onnx(copy.deepcopy(self.module).cpu(), self.preprocessing.size, file)
            return file.read_bytes()


def _module_logits(module: Any, images: Sequence[Part], preprocessing: Preprocessing) -> Logits:
    from ..sources import torch_networks

    run = torch_networks.torch_network(module.eval())
    return logits_of_parts(lambda batch: run(batch)[1], images, preprocessing)


class _Training:
    """The network and everything that changes while it is trained."""

    def __init__(self, task: FineTuningTask) -> None:
        import torch

        self.task = task
        with torch_seed(int(task.rng(0).integers(2**63))):
            self.module = new_network(task.source, int(task.labels.max()) + 1)
        self.optimizer = torch.optim.SGD(
            self.module.parameters(), task.settings.learning_rate, task.settings.momentum,
            weight_decay=task.settings.weight_decay,
        )  # fmt: skip
        self.device = self.module.head.weight.device
        self.on_cuda = self.device.type == "cuda"  # the only device where mixed precision is tried and quicker
        self.scaler = torch.amp.GradScaler("cuda", enabled=self.on_cuda)
        self.epoch = 0
        self.best_epoch, self.best_loss = 0, math.inf
        self.best: dict[str, Any] = {}

    def finished(self) -> bool:
        """Whether all epochs are done, or the last few were no better on the held-out images."""
        stopped = len(self.task.held_out) > 0 and self.epoch - self.best_epoch >= PATIENCE
        return stopped or self.epoch >= self.task.settings.epochs

    def run_epoch(self, progress: Progress) -> None:
        """Every image once, in an order, with crops and a random state of PyTorch that the epoch's number fixes."""
        task, settings, preprocessing = self.task, self.task.settings, self.task.preprocessing
        rng = task.rng(self.epoch + 1)
        used = rng.permutation(np.setdiff1d(np.arange(len(task.images)), task.held_out))
        draws = rng.random((len(used), 4))
        cuts = [random_cut(row, preprocessing) if settings.augment else preprocessing.cut for row in draws]
        parts = _nearly_equal(len(used), settings.batch_size)
        jobs = [[(task.images[used[i]], cuts[i]) for i in part] for part in parts]
        # In the last third of the epochs a tenth of the rate.
        rate = settings.learning_rate * (0.1 if 3 * self.epoch >= 2 * settings.epochs else 1)
        done, total = self.epoch * len(used), settings.epochs * len(used)
        self.module.train()
        with torch_seed(int(rng.integers(2**63))), contextlib.closing(decoded(jobs, preprocessing)) as batches:
            for part, batch in zip(parts, batches, strict=True):
                loss = self.step(batch, task.labels[used[part]], rate)
                done += len(part)
                progress(done, total, loss)
        self.epoch += 1

    def step(self, batch: Batch, labels: NDArray[np.intp], rate: float) -> float:
        """One step of gradient descent; the mean cross-entropy before it."""
        import torch

        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.zero_grad()
        target = torch.from_numpy(labels.astype(np.int64)).to(self.device)
        with torch.autocast(self.device.type, enabled=self.on_cuda):
            _, logits = self.module(torch.from_numpy(batch).to(self.device))
            loss = torch.nn.functional.cross_entropy(logits, target)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise EvenpickError(
                f"fine-tuning: the loss became {value} in epoch {self.epoch + 1} "
                f"at learning_rate {rate:g}; use a smaller one (--learning-rate)"
            )
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return value

    def judge(self) -> None:
        """Keep the weights if they are the best so far on the held-out images.

        Cross-entropy judges, not accuracy: on a few dozen images accuracy moves in coarse steps and ties.
        """
        held = self.task.held_out
        if not len(held):
            return
        logits = _module_logits(self.module, [self.task.images[i] for i in held], self.task.preprocessing)
        highest = logits.max(axis=1)
        chosen = logits[np.arange(len(held)), self.task.labels[held]]
        loss = float((np.log(np.exp(logits - highest[:, None]).sum(axis=1)) + highest - chosen).mean())
        if loss < self.best_loss:
            self.best_epoch, self.best_loss = self.epoch, loss
            self.best = {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}

    def result(self) -> FineTuned:
        """The network with the weights to keep."""
        preprocessing, n_held_out = self.task.preprocessing, len(self.task.held_out)
        if not self.best:
            return FineTuned(self.module.eval(), preprocessing, self.epoch, n_held_out)
        self.module.load_state_dict(self.best)
        return FineTuned(self.module.eval(), preprocessing, self.best_epoch, n_held_out, self.best_loss)

    def save(self, file: Path) -> None:
        """Write all that the next epoch depends on, as safetensors: nothing in it can run."""
        momenta = {name: self.optimizer.state[p].get("momentum_buffer") for name, p in self.module.named_parameters()}
        groups = {"weights": self.module.state_dict(), "best": self.best, "momentum": momenta}
        state = [self.epoch, self.best_epoch, self.best_loss, self.scaler.state_dict(), self.task.fingerprint]
        write_checkpoint(file, groups, state)

    def resume(self, file: Path) -> None:
        """Go on from the file if it is whole and of the same task; else begin at the beginning."""
        try:
            groups, facts = read_checkpoint(file, self.device)
        except Exception:  # noqa: BLE001 (missing, cut off or damaged in any way: training begins again)
            return
        epoch, best_epoch, best_loss, scaler, fingerprint = facts
        if fingerprint != self.task.fingerprint:
            return
        self.module.load_state_dict(groups["weights"])
        parameters = dict(self.module.named_parameters())
        for name, tensor in groups.get("momentum", {}).items():
            self.optimizer.state[parameters[name]]["momentum_buffer"] = tensor
        if scaler:  # a CPU has none, and CUDA refuses an empty one
            self.scaler.load_state_dict(scaler)
        self.epoch, self.best_epoch, self.best_loss = epoch, best_epoch, best_loss
        self.best = groups.get("best", {})


def _nearly_equal(n: int, batch_size: int) -> list[NDArray[np.intp]]:
    """Positions 0..n-1 in batches that differ by one at most; no batch of one, which batch normalisation cannot take."""
    return np.array_split(np.arange(n), max(1, min(math.ceil(n / batch_size), n // 2)))


def fine_tune(
    source: SourceDescription,
    images: Sequence[Part],
    labels: NDArray[np.intp],
    settings: FineTuningSettings,
    seed: int,
    checkpoint: Path | None = None,
    progress: Progress = lambda done, total, loss: None,
) -> FineTuned:
    """Train all layers of the source, with a new head, on labelled images.

    Parameters
    ----------
    source : SourceDescription
        `pool.source`.
    images : sequence of Part
    labels : array of int, shape (n,)
        Class of each image; there are `labels.max() + 1` classes.
    settings : FineTuningSettings
    seed : int
        Decides everything random; the global generators are neither used nor changed.
    checkpoint : Path, optional
        Written after an epoch, every `BETWEEN_CHECKPOINTS` seconds and at the end. If it is there and of the same images, labels, settings and seed, training
        goes on from it, to the same weights bit for bit (on the same CPU with as many threads). The caller removes it.
    progress : callable
        Called after each batch.

    Raises
    ------
    EvenpickError
        If the source cannot be trained, an image cannot be read, there are fewer than two classes or the
        training diverges.
    """
    labels = np.asarray(labels)
    n_labelled = len(np.unique(labels))
    if len(images) != len(labels) or n_labelled < 2 or labels.min() < 0:
        raise EvenpickError(
            "fine-tuning needs one label for each image, 0 or above, and images of two classes or more; "
            f"got {len(images)} images, {len(labels)} labels and {n_labelled} classes"
        )
    training = _Training(FineTuningTask(source, images, labels, settings, seed))
    if checkpoint is not None:
        training.resume(checkpoint)
    saved = time.monotonic()
    while not training.finished():
        training.run_epoch(progress)
        training.judge()
        if checkpoint is not None and (training.finished() or time.monotonic() - saved >= BETWEEN_CHECKPOINTS):
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            training.save(checkpoint)
            saved = time.monotonic()
    return training.result()


def seconds_per_image(source: SourceDescription, images: Sequence[Part], settings: FineTuningSettings) -> float:
    """Seconds that training takes for one image on this machine: one step on an empty batch, and decoding a few of them."""
    n = settings.batch_size
    training = _Training(FineTuningTask(source, [], np.arange(2), settings, 0))
    if training.device.type == "cpu":
        n = min(n, 8)  # as fast for each image as more, and the answer comes sooner
    preprocessing = training.task.preprocessing
    batch = np.zeros((n, 3, preprocessing.size, preprocessing.size), np.float32)
    training.module.train()
    with torch_seed(0):
        training.step(batch, np.zeros(n, np.intp), 1e-9)  # the first step also sets up memory and kernels
        start = time.perf_counter()
        training.step(batch, np.zeros(n, np.intp), 1e-9)
    step = (time.perf_counter() - start) / n
    sample = [(image, preprocessing.cut) for image in images[:: max(1, len(images) // 8)]]
    start = time.perf_counter()
    for _ in decoded([sample] if sample else [], preprocessing):
        pass
    return step + (time.perf_counter() - start) / max(len(sample), 1)
