"""Source models: a pretrained network that gives each image features and source predictions.

ONNX Runtime runs them; PyTorch is needed only for a caller's own module, and to export ResNet-18 and timm's networks.
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..images import Batch, Preprocessing
from .description import SourceDescription
from .network_cache import cached_network
from .onnx_forms import USUAL, OutputNames, fingerprint_of, used_form
from .onnx_networks import two_output_network
from .table import source_file
from .words import WordClasses, check_one_pair

Network: TypeAlias = Callable[[Batch], tuple[Batch, Batch]]


@dataclass(frozen=True, repr=False)
class SourceModel:
    """A network with its preprocessing.

    Attributes
    ----------
    name : str
        As typed: `efficientnet_lite0`, `resnet18:FILE`, `onnx:FILE`, `timm:NAME`, or the caller's own.
    preprocessing : Preprocessing
    feature_size, class_count : int
        `class_count` is 0 of an encoder without classes, whose pools have no source predictions.
    licence : str
        Licence of the weights.
    fingerprint : str
        Hash of the weights: pools of different weights are never mixed.
    network : callable
        Batch of shape (n, 3, size, size), float32, to features (n, feature_size) and logits
        (n, class_count), or of its words; may be called from several threads at once.
    file : Path or None
        The ONNX file that the network was read from, when it was.
    words : WordClasses or None
        Names that stand for its classes.
    """

    name: str
    preprocessing: Preprocessing
    feature_size: int
    class_count: int
    licence: str
    fingerprint: str
    network: Network
    file: Path | None = None
    words: WordClasses | None = None

    def __repr__(self) -> str:
        return f"source model {self.describe()!r}"

    def __call__(self, images: Sequence[Image.Image]) -> tuple[Batch, Batch]:
        """Features (n, feature_size) and logits (n, class_count) of RGB images, each in its first view."""
        return self.network(self.preprocessing(images))

    def features_of_views(self, batch: Batch) -> Batch:
        """Mean features (n, feature_size) of images whose views follow each other in the batch (n * views, 3, size, size)."""
        features = self.network(batch)[0]
        views = self.preprocessing.views
        return features if views == 1 else features.reshape(-1, views, features.shape[1]).mean(axis=1)

    def see(self, images: Sequence[Sequence[Image.Image]]) -> tuple[Batch, Batch]:
        """Features (n, feature_size), the mean of all views, and logits (n, views, class_count) of images as `cuts` gave them.

        A view of all images after the other, so that memory does not grow with their number.
        """
        views = [self.network(self.preprocessing.batch(view)) for view in zip(*images, strict=True)]
        if len(views) == 1:
            return views[0][0], views[0][1][:, None]
        return np.mean([features for features, _ in views], axis=0), np.stack([logits for _, logits in views], axis=1)

    def describe(self) -> SourceDescription:
        """What `pool.json` and the report state of it."""
        return SourceDescription(
            self.name, self.preprocessing, self.feature_size, self.class_count, self.licence, self.fingerprint,
            self.words.words if self.words else None,
        )  # fmt: skip

    def with_words(self, words: WordClasses) -> "SourceModel":
        """The same with these words in place of its classes; without any name, its classes stay.

        Raises
        ------
        EvenpickError
            If text encoder and network are not of one pair.
        """
        check_one_pair(words.words.encoder, words.vectors.shape[1], self.name, self.feature_size)
        network = self.network

        def by_words(batch: Batch) -> tuple[Batch, Batch]:
            features, _ = network(batch)
            return features, words.logits(features)

        return replace(self, network=by_words if words.words.names else network, words=words)

    @classmethod
    def load(cls, name: str = "efficientnet_lite0", preprocessing: Preprocessing | None = None) -> "SourceModel":
        """The source of that name; see `SOURCES`.

        Raises
        ------
        EvenpickError
            If the name is in no table or a file is missing or is no such network.
        MissingExtraError
            If the source needs packages that are not installed.
        """
        found = source_file(name, preprocessing)
        return cls.from_onnx(found.file, found.preprocessing, name, found.licence, found.fingerprint, found.outputs)

    @classmethod
    def from_onnx(
        cls,
        file: str | Path,
        preprocessing: Preprocessing,
        name: str | None = None,
        licence: str = "not stated",
        fingerprint: str | None = None,
        outputs: OutputNames = USUAL,
    ) -> "SourceModel":
        """Any ONNX network with one image input, an output for features and maybe one for logits.

        `fingerprint` names the weights; by default it is the hash of the file and of what holds its weights.
        `outputs` says which outputs to take; by default those of the usual names.
        """
        path = Path(file)
        if not path.is_file():
            raise EvenpickError(f"source model file '{file}' does not exist")
        used = path if fingerprint else _in_used_form(path, outputs)
        fingerprint = fingerprint or fingerprint_of(path)
        network = two_output_network(str(used), str(file))
        return replace(_measured(name or f"onnx:{file}", preprocessing, licence, fingerprint, network), file=used)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process, maybe on another machine, gets the content of the ONNX file."""
        if self.file is None:
            raise EvenpickError(
                f"source '{self.name}' was not read from an ONNX file, which is all that can be sent to other "
                "processes; export it, and load it as onnx:FILE"
            )
        facts = (self.name, self.preprocessing, self.licence, self.fingerprint)
        return _from_content, (self.file.read_bytes(), *facts, self.words)

    @classmethod
    def from_torch(
        cls,
        module: Any,
        preprocessing: Preprocessing,
        head: str | None = None,
        name: str = "torch",
        licence: str = "not stated",
        *,
        classes: bool = True,
    ) -> "SourceModel":
        """Any `torch.nn.Module`, run by PyTorch (on the GPU if the module lies there).

        Parameters
        ----------
        module : torch.nn.Module
            Gives logits (n, n_classes), or features and logits.
        preprocessing : Preprocessing
        head : str, optional
            Name of the last linear layer (such as `fc`), whose input is taken as the features; needed
            when the module gives logits only.
        classes : bool
            False for an encoder, a module that gives features only.
        """
        from .torch_networks import as_two_outputs, fingerprint, torch_network

        two_outputs = as_two_outputs(module, head, classes)
        run, lock = torch_network(two_outputs), threading.Lock()

        def network(batch: Batch) -> tuple[Batch, Batch]:
            with lock:  # PyTorch uses all cores by itself; decoding goes on meanwhile
                return run(batch)

        return _measured(name, preprocessing, licence, fingerprint(module), network)


def _in_used_form(file: Path, outputs: OutputNames) -> Path:
    """The file itself, or one in the user's cache with the same network in the form that is used here."""
    if (content := used_form(file, outputs)) is None:
        return file
    key = f"onnx-{hashlib.sha256(content).hexdigest()[:16]}"
    return cached_network(key, lambda made: write_atomically(made, content))


def _from_content(
    content: bytes, name: str, preprocessing: Preprocessing, licence: str, fingerprint: str, words: WordClasses | None
) -> SourceModel:
    source = _measured(name, preprocessing, licence, fingerprint, two_output_network(content, name))
    return source if words is None else source.with_words(words)


def _measured(name: str, preprocessing: Preprocessing, licence: str, digest: str, network: Network) -> SourceModel:
    """The source with the sizes that the network shows on an empty image."""
    image = np.zeros((1, 3, preprocessing.size, preprocessing.size), np.float32)
    try:
        features, logits = network(image)
    except EvenpickError:
        raise  # it says what is wrong already
    except Exception as error:
        raise EvenpickError(
            f"source '{name}' does not take images of shape (n, 3, {preprocessing.size}, "
            f"{preprocessing.size}): {str(error).splitlines()[0]}"
        ) from error
    if features.ndim != 2 or logits.ndim != 2:
        raise EvenpickError(
            f"source '{name}' must give features (n, d) and logits (n, k), if any; "
            f"got shapes {features.shape} and {logits.shape}"
        )
    sizes = features.shape[1], logits.shape[1]
    if not _takes_two(network, image, sizes):
        network = _one_by_one(network)
    return SourceModel(name, preprocessing, *sizes, licence, digest, network)


def _takes_two(network: Network, image: Batch, sizes: tuple[int, int]) -> bool:
    """Whether the network takes more than one image a call; many are exported for a batch of one."""
    try:
        features, logits = network(np.concatenate([image, image]))
    except Exception:  # noqa: BLE001 (each runtime raises its own kinds; one image was taken just now)
        return False
    return (features.shape, logits.shape) == ((2, sizes[0]), (2, sizes[1]))


def _one_by_one(network: Network) -> Network:
    def run(batch: Batch) -> tuple[Batch, Batch]:
        features, logits = zip(*[network(image[None]) for image in batch], strict=True)
        return np.concatenate(features), np.concatenate(logits)

    return run
