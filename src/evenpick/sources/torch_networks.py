"""What needs PyTorch: build the known networks, give any module two outputs, export to ONNX."""

import hashlib
import logging
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..atomic_files import writing
from ..errors import EvenpickError, MissingExtraError, unknown_name
from ..images import Preprocessing
from .efficientnet_lite import read_weights

try:
    import torch
    from torch import nn
except ImportError:
    raise MissingExtraError("a PyTorch source model", "torch") from None


class _HeadInput(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Features are what goes into the last linear layer, logits what comes out of the module."""

    def __init__(self, module: Any, head: str) -> None:
        super().__init__()
        self.module = module
        self._features: Any = None
        try:
            layer = module.get_submodule(head)
        except AttributeError:
            raise EvenpickError(f"the module has no layer '{head}' to take features from") from None
        layer.register_forward_pre_hook(self._keep)

    def _keep(self, layer: Any, inputs: Any) -> None:
        self._features = inputs[0]

    def forward(self, image: Any) -> Any:
        logits = self.module(image)
        return self._features.flatten(1), logits


class _EfficientNetLite(nn.Module):  # type: ignore[misc]  # torch is untyped here
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Any) -> Any:
        features = self.module.extract_features(image).mean((2, 3))
        return features, self.module._fc(features)


class WithNewHead(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A source's features with a linear layer of our own on them; the source's logits are dropped."""

    def __init__(self, source: Any, feature_size: int, class_count: int) -> None:
        super().__init__()
        self.source = source
        self.head: Any = nn.Linear(feature_size, class_count)

    def forward(self, image: Any) -> Any:
        features, _ = self.source(image)
        return features, self.head(features)


class _WithoutClasses(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A module that gives features alone; its logits are (n, 0)."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Any) -> Any:
        features = self.module(image)
        return features, features[:, :0]


class _FeaturesOnly(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Of two outputs the first, for a file without logits."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Any) -> Any:
        return self.module(image)[0]


def as_two_outputs(module: Any, head: str | None, classes: bool = True) -> Any:
    """The module in evaluation mode, giving features and logits."""
    if not classes:
        return _WithoutClasses(module).eval()
    return (_HeadInput(module, head) if head else module).eval()


def torch_network(module: Any) -> Callable[[NDArray[np.float32]], tuple[Any, Any]]:
    """A function on NumPy batches that runs the module where its parameters lie."""
    parameter = next(module.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device

    def run(batch: NDArray[np.float32]) -> tuple[Any, Any]:
        with torch.inference_mode():
            output = module(torch.from_numpy(batch).to(device))
        if not (isinstance(output, tuple) and len(output) == 2):
            raise EvenpickError("the module gives one output: name its last linear layer as `head`")
        features, logits = output
        return features.float().cpu().numpy(), logits.float().cpu().numpy()

    return run


def fingerprint(module: Any) -> str:
    """Hash of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        # As bytes: NumPy knows no bfloat16.
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def export_onnx(module: Any, size: int, file: Path) -> None:
    """Write a module with two outputs as one ONNX file for any batch size, without logits if it has no classes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        has_classes = module.eval()(torch.zeros(2, 3, size, size))[1].shape[1] > 0
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)  # it warns of every torchvision operator that is not installed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes of the exporter to its own developers
            program = torch.onnx.export(
                module if has_classes else _FeaturesOnly(module).eval(),
                (torch.zeros(2, 3, size, size),),
                input_names=["image"],
                output_names=["features", "logits"][: 1 + has_classes],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                dynamo=True,
                verbose=False,
            )
        with writing(file) as temporary:
            program.save(str(temporary), external_data=False)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the export to ONNX ({error.name})", "torch") from error
    finally:
        registration.setLevel(level)


def efficientnet_lite(number: int) -> Any:
    """EfficientNet-Lite of this number with the ILSVRC weights that its package carries (Apache-2.0)."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise MissingExtraError(f"training 'efficientnet_lite{number}'", "torch") from None
    network = EfficientNet.from_name(f"efficientnet-lite{number}")
    network.load_state_dict({name: torch.from_numpy(x.copy()) for name, x in read_weights(number).items()})
    return _EfficientNetLite(network).eval()


def resnet18(weights: Path) -> Any:
    """ResNet-18 with torchvision's parameter names, built here so that torchvision is not needed."""
    network = ResNet18()
    try:
        network.load_state_dict(_read_weights(weights))
    except ImportError:
        raise MissingExtraError(f"'{weights}'", "torch") from None
    except Exception as error:  # torch, pickle and safetensors each raise their own kinds
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise EvenpickError(f"'{weights}' does not hold torchvision's resnet18: {reason}") from error
    return network.eval()


def _read_weights(file: Path) -> Any:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    return torch.load(file, map_location="cpu", weights_only=True)


class _BasicBlock(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Two 3 x 3 convolutions and a shortcut (He et al., 2016, Figure 5 left)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1: Any = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1: Any = nn.BatchNorm2d(width)
        self.conv2: Any = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2: Any = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or width_in != width:
            self.downsample = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Any) -> Any:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + shortcut)


class ResNet18(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """ResNet-18 (He et al., 2016), giving the pooled features (512) and 1000 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1: Any = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1: Any = nn.BatchNorm2d(64)
        self.maxpool: Any = nn.MaxPool2d(3, 2, 1)
        self.layer1: Any = self._stage(64, 64, 1)
        self.layer2: Any = self._stage(64, 128, 2)
        self.layer3: Any = self._stage(128, 256, 2)
        self.layer4: Any = self._stage(256, 512, 2)
        self.fc: Any = nn.Linear(512, 1000)

    @staticmethod
    def _stage(width_in: int, width: int, stride: int) -> Any:
        return nn.Sequential(_BasicBlock(width_in, width, stride), _BasicBlock(width, width, 1))

    def forward(self, image: Any) -> Any:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(image))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        features = x.mean((2, 3))
        return features, self.fc(features)


_FIT_OF_CROP_MODE = {"center": "crop", "squash": "squash", "border": "pad"}  # timm's names, and ours


def timm_model(name: str) -> tuple[Callable[[], Any], Preprocessing, str, bool]:
    """How to build a timm model with features and logits, its preprocessing, its licence, and whether it has ILSVRC's classes."""
    try:
        import timm
    except ImportError:
        raise MissingExtraError(f"source 'timm:{name}'", "timm") from None
    if not name or not timm.is_model(name):
        raise unknown_name("timm model", name, timm.list_models())
    pretrained = timm.get_pretrained_cfg(name)
    preprocessing = timm_preprocessing(timm.data.resolve_data_config(pretrained_cfg=pretrained.to_dict()))

    def build() -> Any:
        try:
            model = timm.create_model(name, pretrained=True).eval()
        except Exception as error:
            raise EvenpickError(f"timm could not load '{name}': {str(error).splitlines()[0]}") from error
        return _TimmHead(model, is_label_set(pretrained.num_classes))

    ilsvrc = has_ilsvrc_classes(pretrained.num_classes, pretrained.tag or "")
    return build, preprocessing, pretrained.license or "not stated", ilsvrc


def timm_preprocessing(data: Mapping[str, Any]) -> Preprocessing:
    """What a data configuration of timm says, its crop mode too."""
    return Preprocessing(
        data["input_size"][-1], data["crop_pct"], data["interpolation"],
        tuple(data["mean"]), tuple(data["std"]), fit=_FIT_OF_CROP_MODE[data.get("crop_mode") or "center"],
    )  # fmt: skip


def is_label_set(n_classes: int) -> bool:
    """Whether what timm calls the classes of a model are classes.

    Encoders state 0, or the width of their embedding (CLIP: 512), which is always a multiple of 128; no label set of
    timm's models has such a number of classes.
    """
    return n_classes % 128 != 0


def has_ilsvrc_classes(n_classes: int, tag: str) -> bool:
    """Whether the tag of a timm model's weights says that its classes are those of ILSVRC.

    It ends with the set of images that the model was trained on last, and maybe with their size: `fb_in22k_ft_in1k_384`.
    """
    return n_classes == 1000 and re.search(r"(^|_)in1k(_\d+)?$", tag) is not None


class _TimmHead(nn.Module):  # type: ignore[misc]  # torch is untyped here
    def __init__(self, module: Any, has_classes: bool) -> None:
        super().__init__()
        self.module = module
        self.has_classes = has_classes

    def forward(self, image: Any) -> Any:
        features = self.module.forward_head(self.module.forward_features(image), pre_logits=True)
        return features, self.module.get_classifier()(features) if self.has_classes else features[:, :0]
