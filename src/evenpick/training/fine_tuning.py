"""Fine-tune the source network on labelled images, all its layers (section 3.4 of the paper).

PyTorch trains, and is imported only by the functions that need it; ONNX Runtime runs the result.
"""

import contextlib
import copy
import functools
import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..images import Batch, Logits, Preprocessing, decoded, logits_of_files, random_cut
from ..sources import SourceDescription, new_network, torch_seed

Progress = Callable[[int, int, float], None]  # images done, images in all (over all epochs), mean loss of last batch

ENOUGH_TO_HOLD_OUT = 200  # images; fewer leave too few aside to tell a better epoch from a lucky one
PATIENCE = 3  # epochs without improvement
_HELD_OUT = 10  # one image in so many, of each class that has as many


@dataclass(frozen=True)
class FineTuningSettings:
    """How to fine-tune; the defaults follow section 3.4 of the paper.

    Attributes
    ----------
    epochs, batch_size : int
    learning_rate : float
        The source's own 0.1 divided by 10; divided by 10 again after two thirds of the epochs.
    momentum, weight_decay : float
        Of stochastic gradient descent.
    augment : bool
        Show a random crop, mirrored half the time, instead of the central square.
    early_stop : bool
        With 200 images or more, hold some out and keep the epoch that is best on them.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    augment: bool = True
    early_stop: bool = True

    def __post_init__(self) -> None:
        rules = (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 2, "at least 2 (batch normalisation compares images)"),
            ("learning_rate", 0 < self.learning_rate < math.inf, "above 0"),
            ("momentum", 0 <= self.momentum < 1, "in [0, 1)"),
            ("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more"),
        )
        for name, kept, rule in rules:
            if not kept:
                raise EvenpickError(f"fine-tuning: {name} must be {rule}; got {getattr(self, name)}")


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

    def logits(self, files: Sequence[Path]) -> Logits:
        """Logits (n, n_classes) of the image files; EvenpickError names a file that cannot be read."""
        return _module_logits(self.module, files, self.preprocessing)

    def onnx(self) -> bytes:
        """The network as one ONNX file, for any batch size: image to features and logits."""
        from ..sources import torch_networks

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "network.onnx")
            torch_networks.export_onnx(copy.deepcopy(self.module).cpu(), self.preprocessing.size, file)
            return file.read_bytes()


def _module_logits(module: Any, files: Sequence[Path], preprocessing: Preprocessing) -> Logits:
    from ..sources import torch_networks

    run = torch_networks.torch_network(module.eval())
    return logits_of_files(lambda batch: run(batch)[1], files, preprocessing)


# --- training ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """What is trained on: all that decides the result."""

    source: SourceDescription
    files: Sequence[Path]
    labels: NDArray[np.intp]
    settings: FineTuningSettings
    seed: int

    def rng(self, epoch: int) -> np.random.Generator:
        """The draws of one epoch, counted from 1; 0 is for what comes before the first."""
        return np.random.default_rng([self.seed, epoch])

    @functools.cached_property
    def preprocessing(self) -> Preprocessing:
        return self.source.preprocessing

    @functools.cached_property
    def held_out(self) -> NDArray[np.intp]:
        """Positions held out for early stopping, one in ten of each class that has ten."""
        rng, held = self.rng(0), [np.empty(0, np.intp)]
        if self.settings.early_stop and len(self.labels) >= ENOUGH_TO_HOLD_OUT:
            for label in np.unique(self.labels):
                of_class = np.flatnonzero(self.labels == label)
                held.append(rng.choice(of_class, len(of_class) // _HELD_OUT, replace=False))
        return np.sort(np.concatenate(held))

    @functools.cached_property
    def fingerprint(self) -> str:
        stats = [file.stat() for file in self.files]  # another image under the same name is another task
        files = [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in zip(self.files, stats, strict=True)]
        parts = [self.source.to_json(), files, self.labels.tolist(), asdict(self.settings), self.seed]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class _Training:
    """The network and everything that changes while it is trained."""

    def __init__(self, task: _Task) -> None:
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
        used = rng.permutation(np.setdiff1d(np.arange(len(task.files)), task.held_out))
        draws = rng.random((len(used), 4))
        cuts = [random_cut(row, preprocessing) if settings.augment else preprocessing.cut for row in draws]
        parts = _nearly_equal(len(used), settings.batch_size)
        jobs = [[(task.files[used[i]], cuts[i]) for i in part] for part in parts]
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
        logits = _module_logits(self.module, [self.task.files[i] for i in held], self.task.preprocessing)
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
        from safetensors.torch import save

        momenta = {name: self.optimizer.state[p].get("momentum_buffer") for name, p in self.module.named_parameters()}
        groups = {"weights": self.module.state_dict(), "best": self.best, "momentum": momenta}
        tensors = {
            f"{group}/{name}": tensor.detach().cpu().contiguous()
            for group, members in groups.items()
            for name, tensor in members.items()
            if tensor is not None  # the source's own head has no gradient and so no momentum
        }
        state = [self.epoch, self.best_epoch, self.best_loss, self.scaler.state_dict(), self.task.fingerprint]
        facts = json.dumps(state)
        write_atomically(file, save(tensors, {"facts": facts, "digest": _digest(tensors, facts)}))

    def resume(self, file: Path) -> None:
        """Go on from the file if it is whole and of the same task; else begin at the beginning."""
        try:
            tensors, facts = _read_checkpoint(file)
        except Exception:  # noqa: BLE001 (missing, cut off or damaged in any way: training begins again)
            return
        epoch, best_epoch, best_loss, scaler, fingerprint = facts
        if fingerprint != self.task.fingerprint:
            return
        groups: dict[str, dict[str, Any]] = {"weights": {}, "best": {}, "momentum": {}}
        for key, tensor in tensors.items():
            group, _, name = key.partition("/")
            groups[group][name] = tensor.to(self.device)
        self.module.load_state_dict(groups["weights"])
        parameters = dict(self.module.named_parameters())
        for name, tensor in groups["momentum"].items():
            self.optimizer.state[parameters[name]]["momentum_buffer"] = tensor
        if scaler:  # a CPU has none, and CUDA refuses an empty one
            self.scaler.load_state_dict(scaler)
        self.epoch, self.best_epoch, self.best_loss, self.best = epoch, best_epoch, best_loss, groups["best"]


def _read_checkpoint(file: Path) -> tuple[dict[str, Any], list[Any]]:
    from safetensors.torch import load

    data = file.read_bytes()
    # safetensors gives the metadata of files on the disk only; it lies in a JSON header behind 8 bytes of length.
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    tensors = load(data)
    if _digest(tensors, metadata["facts"]) != metadata["digest"]:
        raise ValueError("damaged")
    return tensors, json.loads(metadata["facts"])


def _digest(tensors: dict[str, Any], facts: str) -> str:
    from safetensors.torch import save

    return hashlib.sha256(save(tensors) + facts.encode()).hexdigest()


def _nearly_equal(n: int, batch_size: int) -> list[NDArray[np.intp]]:
    """Positions 0..n-1 in batches that differ by one at most; no batch of one, which batch normalisation cannot take."""
    return np.array_split(np.arange(n), max(1, min(math.ceil(n / batch_size), n // 2)))


def fine_tune(
    source: SourceDescription,
    files: Sequence[Path],
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
    files : sequence of Path
    labels : array of int, shape (n,)
        Class of each file; there are `labels.max() + 1` classes.
    settings : FineTuningSettings
    seed : int
        Decides everything random; the global generators are neither used nor changed.
    checkpoint : Path, optional
        Written after each epoch. If it is there and of the same files, labels, settings and seed, training
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
    if len(files) != len(labels) or n_labelled < 2 or labels.min() < 0:
        raise EvenpickError(
            "fine-tuning needs one label for each image, 0 or above, and images of two classes or more; "
            f"got {len(files)} images, {len(labels)} labels and {n_labelled} classes"
        )
    training = _Training(_Task(source, files, labels, settings, seed))
    if checkpoint is not None:
        training.resume(checkpoint)
    while not training.finished():
        training.run_epoch(progress)
        training.judge()
        if checkpoint is not None:
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            training.save(checkpoint)
    return training.result()


def seconds_per_image(source: SourceDescription, files: Sequence[Path], settings: FineTuningSettings) -> float:
    """Seconds that training takes for one image on this machine: one step on an empty batch, and decoding a few files."""
    n = settings.batch_size
    training = _Training(_Task(source, [], np.arange(2), settings, 0))
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
    sample = [(file, preprocessing.cut) for file in files[:: max(1, len(files) // 8)]]
    start = time.perf_counter()
    for _ in decoded([sample] if sample else [], preprocessing):
        pass
    return step + (time.perf_counter() - start) / max(len(sample), 1)
