"""The table of sources: every kind has a case here that is loaded, fingerprinted, and refused in its own words."""

import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.sources import SOURCES, SourceModel, trainable, weights_fingerprint

HAS_TIMM = importlib.util.find_spec("timm") is not None


@dataclass(frozen=True)
class Case:
    """A source of one kind that can be loaded here, what is known of it before, and names that are refused."""

    name: Callable[..., str]
    fingerprint: str | None
    refused: dict[str, str]
    not_trainable: str | None = None
    loads: bool = True


def resnet18_weights(folder: Path) -> str:
    import torch
    from safetensors.torch import save_file

    from evenpick.sources.torch_networks import ResNet18

    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(ResNet18().state_dict(), folder / "weights.safetensors")
    return f"resnet18:{folder / 'weights.safetensors'}"


def test_weights_of_resnet18_are_those_of_ilsvrc_if_torchvision_publishes_them_or_their_user_says_so(tmp_path):
    from evenpick.sources.table import _is_torchvisions

    name = resnet18_weights(tmp_path)
    assert SOURCES["resnet18"].torch.pretrained(name).class_list == ""
    beside = tmp_path / "weights.json"
    for content in ("[1]", "no JSON", '{"epochs": 90}'):
        beside.write_text(content)
        assert SOURCES["resnet18"].torch.pretrained(name).class_list == ""
    beside.write_text('{"epochs": 90, "classes": "ILSVRC"}')
    assert SOURCES["resnet18"].torch.pretrained(name).class_list == "ILSVRC"
    beside.write_text('{"classes": 1000}')
    with pytest.raises(EvenpickError, match=r"weights.json': classes must be the name of a list of classes"):
        SOURCES["resnet18"].torch.pretrained(name)
    assert _is_torchvisions(f"f37072fd{56 * '0'}")
    assert not _is_torchvisions(f"00f37072fd{54 * '0'}")


CASES = {
    **{
        f"efficientnet_lite{number}": Case(
            lambda folder, make_network, number=number: f"efficientnet_lite{number}",
            rf"efficientnet_lite{number}-\d+(\.\d+)*",
            {f"efficientnet_lite{number}:b": "takes nothing after a colon"},
        )
        for number in (0, 1, 2)
    },
    "resnet18": Case(
        lambda folder, make_network: resnet18_weights(folder),
        "resnet18-[0-9a-f]{16}",
        {
            "resnet18": "give torchvision's ImageNet weights as resnet18:FILE",
            "resnet18:gone.safetensors": "'gone.safetensors' is no file",
        },
    ),
    "onnx": Case(
        lambda folder, make_network: f"onnx:{make_network(folder / 'own.onnx')}",
        None,
        {
            "onnx:gone.onnx": "source model file 'gone.onnx' does not exist",
            "onnx:": "source model file '' does not exist",
        },
        not_trainable="is an ONNX file, which cannot be trained; embed with efficientnet_lite0",
    ),
    "hf": Case(
        lambda folder, make_network: "hf:owner/name",
        None,
        {
            "hf:": "source 'hf:' must be hf:OWNER/NAME#sha256=HEX, or hf:OWNER/NAME@REVISION#sha256=HEX",
            "hf:name": "must be hf:OWNER/NAME",
            "hf:owner/../name": "must be hf:OWNER/NAME",
            "hf:../name": "must be hf:OWNER/NAME",
            "hf:owner/name#sha256=12": "must be sha256= and 64 hexadecimal digits",
        },
        not_trainable="is an ONNX file, which cannot be trained; embed with efficientnet_lite0",
        loads=False,  # it would be downloaded; test_downloads.py loads one from a server on this machine
    ),
    "timm": Case(
        lambda folder, make_network: "timm:resnet18",
        r"timm-\d+(\.\d+)*-resnet18" if HAS_TIMM else None,
        {"timm:": "timm model '' does not exist"}
        if HAS_TIMM
        else {"timm:resnet18": r"source 'timm:resnet18' needs .*pip install .*\[timm\]'"},
        not_trainable=None if HAS_TIMM else r"fine-tuning source 'timm:resnet18' needs .*pip install .*\[timm\]'",
        loads=False,  # its weights would be downloaded
    ),
}


@pytest.fixture
def name_of(tmp_path, make_network):
    return lambda kind: CASES[kind].name(tmp_path, make_network)


def test_every_source_has_its_case():
    assert set(CASES) == set(SOURCES)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_row_says_how_the_source_is_written_and_all_else_that_is_listed(kind):
    row = SOURCES[kind]

    assert row.usage.partition(":")[0] == kind
    assert all([row.trained_on, row.features, row.classes, row.preprocessing, row.licence])


@pytest.mark.parametrize(("name", "message"), [pair for case in CASES.values() for pair in case.refused.items()])
def test_a_source_that_cannot_be_had_says_why(name, message):
    with pytest.raises(EvenpickError, match=message):
        SourceModel.load(name)


@pytest.mark.parametrize("kind", CASES)
def test_the_weights_are_known_before_the_network_is_loaded(kind, name_of):
    if kind == "timm" and not HAS_TIMM:
        pytest.skip("timm is not installed here")
    found = weights_fingerprint(name_of(kind))

    assert found is None if CASES[kind].fingerprint is None else re.fullmatch(CASES[kind].fingerprint, found)


@pytest.mark.parametrize("kind", CASES)
def test_a_source_can_be_trained_or_says_why_not(kind, name_of, made_source):
    reason = trainable(made_source(name_of(kind)))

    if CASES[kind].not_trainable is None:
        assert reason is None
    else:
        assert re.search(CASES[kind].not_trainable, reason)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind, case in CASES.items() if case.loads])
def test_a_loaded_source_is_what_its_row_says(kind, name_of, source_cache):
    name, row = name_of(kind), SOURCES[kind]
    own = Preprocessing(size=8) if kind == "onnx" else None

    source = SourceModel.load(name, own)

    assert source.name == name
    assert source.fingerprint == (weights_fingerprint(name) or source.fingerprint)
    if row.features.isdigit():
        assert (source.feature_size, source.class_count) == (int(row.features), int(row.classes))
        assert source.licence == row.licence
        assert row.preprocessing.startswith(f"{source.preprocessing.size} px, central {source.preprocessing.crop}, ")
        assert source.preprocessing.interpolation in row.preprocessing
