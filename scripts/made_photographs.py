"""Small photographs and a network that takes no time, for scripts that try many things with them."""

from pathlib import Path

import numpy as np


def make_network(file: Path) -> None:
    """Features are the image, 8 x 8, weighed at random."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=(192, n)).astype(np.float32) for name, n in (("features", 6), ("logits", 4))}
    nodes = [helper.make_node("Flatten", ["image"], ["flat"])]
    nodes += [helper.make_node("MatMul", ["flat", f"{name}_w"], [name]) for name in weights]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", w.shape[1]]) for name, w in weights.items()]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 8])
    inside = [numpy_helper.from_array(w, f"{name}_w") for name, w in weights.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "n", [image], values, inside), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    onnx.save(model, file)


def make_photographs(folder: Path, classes: list[str], seed: int = 1) -> None:
    """One PNG for each name of a class, brighter with its number; beside the folder a table `labels.csv` of them."""
    from PIL import Image

    rng, numbers = np.random.default_rng(seed), {name: i for i, name in enumerate(dict.fromkeys(classes))}
    folder.mkdir()
    lines = ["image,label"]
    for i, name in enumerate(classes):
        brightness = np.uint8(128 * numbers[name] // max(1, len(numbers) - 1))
        pixels = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8) // 2 + brightness
        Image.fromarray(pixels).resize((40, 32)).save(folder / f"{i:05d}.png")
        lines.append(f"{i:05d}.png,{name}")
    folder.with_name("labels.csv").write_text("\n".join([*lines, ""]))
