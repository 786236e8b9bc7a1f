"""Names of sources: several with + between, in whose paths and addresses a + may stand too."""

import pytest

from evenpick.errors import EvenpickError
from evenpick.sources.source_names import joined, names_in, without_folders

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
    assert joined(names) == "+".join(names)


@pytest.mark.parametrize(
    ("name", "beside"),
    [("onnx:/data/a+efficientnet_lite0", "efficientnet_lite1"), ("my+own", "efficientnet_lite0")],
)
def test_a_name_that_would_be_taken_for_two_is_refused(name, beside):
    with pytest.raises(EvenpickError, match=r"has a \+ in its name that would be taken for .* another name") as raised:
        joined([beside, name])
    assert f"source '{name}'" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("efficientnet_lite0", "efficientnet_lite0"),
        ("onnx:/home/me/net.onnx", "onnx:net.onnx"),
        ("onnx:/home/me/net.onnx+resnet18:w/r.pth", "onnx:net.onnx+resnet18:r.pth"),
        ("efficientnet_lite0+onnx:/home/c++/net.onnx", "efficientnet_lite0+onnx:net.onnx"),
        (f"{ADDRESS}+timm:hf_hub:org/name", f"{ADDRESS}+timm:hf_hub:org/name"),
    ],
)
def test_reports_tell_no_folder_of_a_file(name, told):
    assert without_folders(name) == told
