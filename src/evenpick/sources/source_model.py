"""Source models: a pretrained network that gives each image features and source predictions.

ONNX Runtime runs them; PyTorch is needed only for a caller's own module, and to export ResNet-18 and timm's networks.
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..atomic_files import write_atomically
from ..errors import EvenpickError
from ..images import Batch, Preprocessing
from ..probabilities import softmax
from ..vectors import normalised
from .description import SourceDescription
from .measuring import Network, measured
from .network_cache import cached_network
from .onnx_forms import USUAL, OutputNames, fingerprint_of, used_form
from .onnx_networks import two_output_network
from .side_by_side import check_number, together
from .source_names import names_in
from .table import source_file
from .words import WordClasses, check_one_pair


@dataclass(frozen=True, repr=False)
class SourceModel:
    """A network with its preprocessing, or several networks side by side.

    Attributes
    ----------
    name : str
        As typed: `efficientnet_lite0`, `resnet18:FILE`, `onnx:FILE`, `timm:NAME`, or the caller's own; of several all of
        them, with + between.
    preprocessing : Preprocessing
        Of several that of the first, which has those of the others.
    feature_size, class_count : int
        `class_count` is 0 of an encoder without classes, whose pools have no source predictions.
    licence : str
        Licence of the weights.
    fingerprint : str
        Hash of the weights: pools of different weights are never mixed.
    network : callable
        Batch of shape (n, 3, size, size), float32, to features (n, feature_size) and logits
        (n, class_count), or of its words; may be called from several threads at once. Several have one each.
    file : Path or None
        The ONNX file that the network was read from, when it was.
    words : WordClasses or None
        Names that stand for its classes.
    class_list : str
        What its classes are called as a whole, such as ILSVRC; empty if nobody stated it.
    members : tuple of SourceModel
        The sources that stand side by side; empty for one alone.
    predicting : tuple of int
        The places of those members whose predictions are taken.
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
    class_list: str = ""
    members: tuple["SourceModel", ...] = ()
    predicting: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"source model {self.describe()!r}"

    def __call__(self, images: Sequence[Image.Image]) -> tuple[Batch, Batch]:
        """Features (n, feature_size) and logits (n, class_count) of RGB images, each in its first view.

        Of several sources the logits are logarithms of their mean probabilities.
        """
        once = replace(self.preprocessing, views=1)
        features, logits = replace(self, preprocessing=once).see([once.cuts(image) for image in images])
        if logits.shape[1] == 1:
            return features, logits[:, 0]
        n, k, classes = logits.shape
        mean = softmax(logits.reshape(n * k, classes)).reshape(logits.shape).mean(axis=1)
        return features, np.log(np.maximum(mean, np.finfo(np.float32).tiny)).astype(np.float32)

    def see(self, images: Sequence[Sequence[Image.Image]]) -> tuple[Batch, Batch]:
        """Features (n, feature_size) and logits (n, k, class_count) of images as `cuts` gave them.

        Features are the mean of all views; those of several sources stand side by side, each at length 1. There are
        logits of each view, and of several sources of each view by each that predicts. A view of all images after the
        other, so that memory does not grow with their number.
        """
        if self.members:
            return self._seen_side_by_side(images)
        views = [self.network(self.preprocessing.batch(view)) for view in zip(*images, strict=True)]
        if len(views) == 1:
            return views[0][0], views[0][1][:, None]
        return np.mean([features for features, _ in views], axis=0), np.stack([logits for _, logits in views], axis=1)

    def _seen_side_by_side(self, images: Sequence[Sequence[Image.Image]]) -> tuple[Batch, Batch]:
        views, features, logits = self.preprocessing.views, list[Batch](), list[Batch]()
        for place, (member, preprocessing) in enumerate(zip(self.members, self.preprocessing.each, strict=True)):
            own = [cuts[place * views : (place + 1) * views] for cuts in images]
            seen, said = replace(member, preprocessing=preprocessing).see(own)
            with np.errstate(invalid="ignore"):  # what is infinite becomes no number, which is told later
                features.append(normalised(seen))
            if place in self.predicting:
                logits.append(said)
        nothing = np.empty((len(images), 1, 0), np.float32)
        return np.hstack(features), np.concatenate(logits, axis=1) if logits else nothing

    def describe(self) -> SourceDescription:
        """What `pool.json` and the report state of it."""
        return SourceDescription(
            self.name, self.preprocessing, self.feature_size, self.class_count, self.licence, self.fingerprint,
            self.words.words if self.words else None, self.predicting, tuple(one.name for one in self.members),
            tuple(one.class_list for one in self.members),
        )  # fmt: skip

    def with_words(self, words: WordClasses) -> "SourceModel":
        """The same with these words in place of its classes; without any name, its classes stay.

        Raises
        ------
        EvenpickError
            If text encoder and network are not of one pair, or there are several networks.
        """
        self.check_takes_words()
        check_one_pair(words.words.encoder, words.vectors.shape[1], self.name, self.feature_size)
        network = self.network

        def by_words(batch: Batch) -> tuple[Batch, Batch]:
            features, _ = network(batch)
            return features, words.logits(features)

        return replace(self, network=by_words if words.words.names else network, words=words)

    def check_takes_words(self) -> None:
        """Refuse several networks, as a text encoder goes with one."""
        if self.members:
            raise EvenpickError(
                f"class names need a text encoder of the same pair as the source; '{self.name}' is {len(self.members)} sources: "
                "embed with one of them, or leave the class names out"
            )

    @classmethod
    def load(cls, name: str = "efficientnet_lite0", preprocessing: Preprocessing | None = None) -> "SourceModel":
        """The source of that name, or the sources of these with + between; see `SOURCES`.

        Raises
        ------
        EvenpickError
            If the name is in no table or a file is missing or is no such network.
        MissingExtraError
            If the source needs packages that are not installed.
        """
        names = names_in(name)
        if preprocessing is not None and len(preprocessing.each) != len(names):
            raise EvenpickError(
                f"source '{name}' is {len(names)} and has {len(preprocessing.each)} preprocessings: there must be one for each"
            )
        if len(names) > 1:
            check_number(len(names))
            each = [None] * len(names) if preprocessing is None else preprocessing.each
            return cls.side_by_side([_loaded(*one) for one in zip(names, each, strict=True)])
        return _loaded(name, preprocessing)

    @classmethod
    def as_described(cls, described: SourceDescription) -> "SourceModel":
        """The source that a pool or a model states, whatever the files beside its networks say today of preprocessing and classes.

        Its fingerprint is that of the weights as they are now.
        """
        members = tuple(map(_loaded, described.names, described.preprocessing.each))
        if len(members) == 1:
            return members[0]
        lists = zip(members, described.class_lists, strict=True)
        fingerprint = "+".join(member.fingerprint for member in members)
        return _of_members(
            tuple(replace(one, class_list=known) for one, known in lists), replace(described, fingerprint=fingerprint)
        )

    @classmethod
    def side_by_side(
        cls,
        sources: "Sequence[SourceModel | str]",
        seen_as: Callable[[Preprocessing], Preprocessing] = lambda own: own,
    ) -> "SourceModel":
        """Several sources as one: each image is decoded once, and the features of all follow each other.

        The features of each are brought to length 1. Predictions are those of the first that has classes, and of all that
        are known to have the same; of these the mean. `seen_as` changes the preprocessing of each before they are compared.

        Raises
        ------
        EvenpickError
            If one is there twice, there are none or too many, or they cannot share the decoding of an image.
        """
        asked = [one for given in sources for one in (names_in(given) if isinstance(given, str) else given._apart)]
        check_number(len(asked))
        loaded = (_loaded(one, None) if isinstance(one, str) else one for one in asked)
        members = tuple(replace(one, preprocessing=seen_as(one.preprocessing)) for one in loaded)
        if len(members) == 1:
            return members[0]
        facts = together([member.describe() for member in members], [member.class_list for member in members])
        return _of_members(members, facts)

    @property
    def _apart(self) -> "list[SourceModel]":
        each = zip(self.members, self.preprocessing.each, strict=False)
        return [replace(one, preprocessing=preprocessing) for one, preprocessing in each] or [self]

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

        `fingerprint` names the weights; by default it is the hash of the file, of what holds its weights, and of `outputs`
        other than the usual ones. `outputs` says which outputs to take; by default those of the usual names.
        """
        path = Path(file)
        if not path.is_file():
            hint = (
                "; a + divides two sources only before the name of a kind, such as +onnx:" if "+" in str(file) else ""
            )
            raise EvenpickError(f"source model file '{file}' does not exist{hint}")
        used = path if fingerprint else _in_used_form(path, outputs)
        fingerprint = fingerprint or fingerprint_of(path, outputs)
        network = two_output_network(str(used), str(file))
        return replace(_measured(name or f"onnx:{file}", preprocessing, licence, fingerprint, network), file=used)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process, maybe on another machine, gets the content of the ONNX file."""
        if self.members:
            return _of_members, (self.members, self.describe())
        if self.file is None:
            raise EvenpickError(
                f"source '{self.name}' was not read from an ONNX file, which is all that can be sent to other "
                "processes; export it, and load it as onnx:FILE"
            )
        return _from_content, (
            self.file.read_bytes(),
            replace(self.describe(), words=None),
            self.words,
            self.class_list,
        )

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


def _network_of_none(batch: Batch) -> tuple[Batch, Batch]:
    raise EvenpickError("several sources have no one network: call each of `members`, or `see`")


def _of_members(members: tuple[SourceModel, ...], facts: SourceDescription) -> SourceModel:
    return SourceModel(
        facts.name, facts.preprocessing, facts.feature_size, facts.class_count, facts.licence, facts.fingerprint,
        _network_of_none, members=members, predicting=facts.predicting,
    )  # fmt: skip


def _in_used_form(file: Path, outputs: OutputNames) -> Path:
    """The file itself, or one in the user's cache with the same network in the form that is used here."""
    if (content := used_form(file, outputs)) is None:
        return file
    key = f"onnx-{hashlib.sha256(content).hexdigest()[:16]}"
    return cached_network(key, lambda made: write_atomically(made, content))


def _loaded(name: str, preprocessing: Preprocessing | None) -> SourceModel:
    """The one source of that name, whatever stands in it."""
    found = source_file(name, preprocessing)
    one = SourceModel.from_onnx(found.file, found.preprocessing, name, found.licence, found.fingerprint, found.outputs)
    return replace(one, class_list=found.class_list)


def _from_content(content: bytes, facts: SourceDescription, words: WordClasses | None, class_list: str) -> SourceModel:
    network = two_output_network(content, facts.name)
    source = _measured(facts.name, facts.preprocessing, facts.licence, facts.fingerprint, network)
    source = replace(source, class_list=class_list)
    return source if words is None else source.with_words(words)


def _measured(name: str, preprocessing: Preprocessing, licence: str, digest: str, network: Network) -> SourceModel:
    """The source with the sizes that the network shows on an empty image."""
    feature_size, class_count, network = measured(name, preprocessing.size, network)
    return SourceModel(name, preprocessing, feature_size, class_count, licence, digest, network)
