"""What is fine-tuned on and how: all that decides the result."""

import functools
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..arrays import IndexArray
from ..errors import EvenpickError
from ..images import Part, Preprocessing
from ..sources import SourceDescription

ENOUGH_TO_HOLD_OUT = 200  # images; fewer leave too few aside to tell a better epoch from a lucky one
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
class FineTuningTask:
    """What is trained on: all that decides the result."""

    source: SourceDescription
    images: Sequence[Part]
    labels: IndexArray
    settings: FineTuningSettings
    seed: int

    def rng(self, epoch: int) -> np.random.Generator:
        """The draws of one epoch, counted from 1; 0 is for what comes before the first."""
        return np.random.default_rng([self.seed, epoch])

    @functools.cached_property
    def preprocessing(self) -> Preprocessing:
        return self.source.preprocessing

    @functools.cached_property
    def held_out(self) -> IndexArray:
        """Positions held out for early stopping, one in ten of each class that has ten."""
        rng, held = self.rng(0), [np.empty(0, np.intp)]
        if self.settings.early_stop and len(self.labels) >= ENOUGH_TO_HOLD_OUT:
            for label in np.unique(self.labels):
                of_class = np.flatnonzero(self.labels == label)
                held.append(rng.choice(of_class, len(of_class) // _HELD_OUT, replace=False))
        return np.sort(np.concatenate(held))

    @functools.cached_property
    def fingerprint(self) -> str:
        stats = [image.file.stat() for image in self.images]  # another image under the same name is another task
        images = [[str(image), stat.st_size, stat.st_mtime_ns] for image, stat in zip(self.images, stats, strict=True)]
        parts = [self.source.to_json(), images, self.labels.tolist(), asdict(self.settings), self.seed]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
