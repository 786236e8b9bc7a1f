"""Names of sources: several with + between, in whose paths and addresses a + may stand too."""

import pytest

from evenpick.sources.source_names import names_in, without_folders

ADDRESS = "onnx:https://example.org/a+b/net.onnx#sha256=" + 64 * "0"


@pytest.mark.parametrize(
    "names",
    [
        ["efficientnet_lite0"],
        ["efficientnet_lite0", "efficientnet_lite1"],
        ["efficientnet_lite0", "onnx:c++/net.onnx", "efficientnet_lite2"],
        ["onnx:/data/a+b.onnx", "timm:resnet18"],
        ["onnx:/data/lite+onnx.v2/net.onnx", "resnet18:w.pth"],
        ["onnx:/data/+efficientnet_lite0.onnx"],
        [ADDRESS, ADDRESS],
        ["efficientnet_lite0", "efficientnet_lite9", "own"],  # whose kinds are refused when they are loaded
        ["", "efficientnet_lite0", ""],
        ["ready-made"],
    ],
    ids="+".join,
)
def test_names_with_a_plus_between_are_told_apart(names):
    assert names_in("+".join(names)) == names


def test_a_file_that_is_there_under_the_whole_name_is_one(tmp_path):
    file = tmp_path / "a+efficientnet_lite0"

    assert names_in(f"onnx:{file}") == [f"onnx:{tmp_path / 'a'}", "efficientnet_lite0"]
    file.touch()
    assert names_in(f"onnx:{file}") == [f"onnx:{file}"]
    assert names_in(f"onnx:{file}+efficientnet_lite1") == [
        f"onnx:{tmp_path / 'a'}",
        "efficientnet_lite0",
        "efficientnet_lite1",
    ]
    assert names_in(f"onnx:{5000 * 'a'}+efficientnet_lite1") == [f"onnx:{5000 * 'a'}", "efficientnet_lite1"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("efficientnet_lite0", "efficientnet_lite0"),
        ("onnx:/home/me/net.onnx", "onnx:net.onnx"),
        ("resnet18:w/r.pth", "resnet18:r.pth"),
        ("onnx:/home/c++/net.onnx", "onnx:net.onnx"),
        ("onnx:/home/me+onnx:/net.onnx", "onnx:net.onnx"),
        (ADDRESS, ADDRESS),
        ("timm:hf_hub:org/name", "timm:hf_hub:org/name"),
    ],
)
def test_reports_tell_no_folder_of_a_file(name, told):
    assert without_folders(name) == told
