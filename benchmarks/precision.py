"""The default network in less precision: how fast, and what becomes of neighbours and of classifiers.

    python benchmarks/precision.py run --data DATA --work WORK     # minutes on one core
    python benchmarks/precision.py table                           # benchmarks/precision.md from the results

DATA is that of `cells.py`. Of each set 200 random images are looked at by each network; int8 is calibrated on 100 others,
25 of each set. Times are CPU seconds of one thread for batches of 8 images, network after network in turn. int8 is static (QDQ,
each channel of the weights by itself); quantized while it runs (`quantize_dynamic`), the network took three times as long as in float32.
"""

import argparse
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cells import SETS, Rows, command_line, commits, interval, keys_of, rows_of, this_commit
from choosing import accuracy_of
from views import images_of

IMAGES, CALIBRATION, BATCH, NEIGHBOURS, SPLITS = 200, 25, 8, 10, 20
NAMES = ("float32", "float16 weights", "float16", "int8")
KEY = ("set",)


def main() -> None:
    command_line(__file__, __doc__, run, table)


def run(options: argparse.Namespace, results: Path) -> None:
    import json

    options.work.mkdir(parents=True, exist_ok=True)
    networks = {name: _session(options.work / f"{name}.onnx") for name in made(options)}
    done = {key for (key,) in keys_of(results, KEY)}
    for set_name in (name for name in SETS if name not in done):
        row = {"set": set_name, **looked_at(options.data, set_name, networks), "commit": this_commit()}
        with results.open("a") as file:
            file.write(json.dumps(row) + "\n")
    assert rows_of(results)


# --- the networks -----------------------------------------------------------------------------------


def made(options: argparse.Namespace) -> tuple[str, ...]:
    """A file of each network in WORK."""
    import onnx
    from onnxruntime import quantization

    from evenpick import SourceModel

    files = {name: options.work / f"{name}.onnx" for name in NAMES}
    files["float32"].write_bytes(SourceModel.load().file.read_bytes())
    network = onnx.load(files["float32"])
    onnx.save(_with_half_weights(network), files["float16 weights"])
    onnx.save(_all_half(network), files["float16"])
    whole, kinds = str(files["float32"]), {"weight_type": quantization.QuantType.QInt8, "per_channel": True}
    reader = _Reader(_batches(options.data))
    quantization.quantize_static(whole, str(files["int8"]), reader, quant_format=quantization.QuantFormat.QDQ, **kinds)
    return NAMES


def _with_half_weights(network: Any) -> Any:
    """Weights kept in float16, and brought to float32 when the network is loaded."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    half = onnx.ModelProto()
    half.CopyFrom(network)
    casts = []
    for weight in half.graph.initializer:
        values, name = numpy_helper.to_array(weight), weight.name
        if values.size > 1:
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *half.graph.node]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    return half


def _all_half(network: Any) -> Any:
    """Everything between the image and the outputs in float16."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    half = onnx.ModelProto()
    half.CopyFrom(network)
    for weight in half.graph.initializer:
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), weight.name))
    outputs = [output.name for output in half.graph.output]
    for node in half.graph.node:
        node.input[:] = [
            "image.half" if name == "image" else f"{name}.half" if name in outputs else name for name in node.input
        ]
        node.output[:] = [f"{name}.half" if name in outputs else name for name in node.output]
    first = helper.make_node("Cast", ["image"], ["image.half"], to=TensorProto.FLOAT16)
    last = [helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT) for name in outputs]
    nodes = [first, *half.graph.node, *last]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    return half


class _Reader:
    """What `quantize_static` calibrates on."""

    def __init__(self, batches: Iterator[np.ndarray]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"image": batch}


def _batches(data: Path) -> Iterator[np.ndarray]:
    for set_name in SETS:
        files, _ = images_of(data, set_name)
        yield _pixels(files[IMAGES : IMAGES + CALIBRATION])


@cache
def _preprocessing() -> Any:
    from evenpick import SourceModel

    return SourceModel.load().preprocessing


def _pixels(files: list[Path]) -> np.ndarray:
    from evenpick.images import Part, open_part

    return _preprocessing()([open_part(Part(file)) for file in files])


def _session(file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


# --- what they give ---------------------------------------------------------------------------------


def looked_at(data: Path, set_name: str, networks: dict[str, Any]) -> dict[str, Any]:
    files, labels = images_of(data, set_name)
    found: dict[str, list[np.ndarray]] = {name: [] for name in networks}
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for start in range(0, IMAGES, BATCH):
        batch = _pixels(files[start : min(start + BATCH, IMAGES)])
        for name, network in networks.items():
            begin = time.process_time()
            found[name].append(network.run(["features"], {"image": batch})[0])
            seconds[name].append(time.process_time() - begin)
    features = {name: np.concatenate(values) for name, values in found.items()}
    true, near = np.array(labels[:IMAGES]), _nearest(features["float32"])
    accuracies = {name: _accuracies(values, true) for name, values in features.items()}
    return {
        name: {
            "speed": float(np.median(np.array(seconds["float32"]) / np.array(seconds[name]))),
            "ms": 1000 * sum(seconds[name]) / IMAGES,
            "cosine": float(np.median(_cosines(values, features["float32"]))),
            "neighbours": float(np.mean([len({*a} & {*b}) / NEIGHBOURS for a, b in zip(near, _nearest(values), strict=True)])),
            "accuracies": accuracies[name],
        }
        for name, values in features.items()
    }  # fmt: skip


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


def _nearest(features: np.ndarray) -> list[list[int]]:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -2)
    return np.argsort(-similar, axis=1)[:, :NEIGHBOURS].tolist()


def _accuracies(features: np.ndarray, labels: np.ndarray) -> list[float]:
    """Macro accuracy of half of the images, drawn at random, for the other half."""
    from evenpick import Pool

    pool, accuracies = Pool.from_arrays(features), []
    for seed in range(SPLITS):
        rows, tested = np.split(np.random.default_rng(seed).permutation(len(labels)), 2)
        accuracies.append(100 * accuracy_of(pool, rows, labels[rows], pool.take(tested), labels[tested]))
    return accuracies


def table(rows: Rows) -> str:
    lines = [
        "# The default network in less precision",
        "",
        f"`efficientnet_lite0` by ONNX Runtime on one thread: {IMAGES} random images of each of {', '.join(row['set'] for row in rows)}. *Speed*: CPU time",
        "of float32 over its own, the median of batches of 8 in turn. *Neighbours*: how many of the ten nearest stay the same. The rest is the macro accuracy of a",
        f"classifier trained on a random half and tested on the other, in percent, and by how much each other network is ahead: over {SPLITS} splits of a set, with the",
        "half width of the 95 % t interval (*all*: over the sets). The splits of a set share its images, so that its own intervals are too narrow.",
        "int8 is calibrated on 100 other images of these sets, which is kind to it.",
        f"Command: `python benchmarks/precision.py run --data DATA --work WORK`, commit {commits(rows)}.",
        "",
        f"| network | speed | cosine, median | neighbours | {' | '.join(row['set'] for row in rows)} | all |",
        "|---|---|---|---|" + "---|" * (len(rows) + 1),
    ]
    for name in NAMES:
        of_sets = [row[name] for row in rows]
        gains = [np.subtract(row[name]["accuracies"], row["float32"]["accuracies"]) for row in rows]
        said = [interval(gain, "+") for gain in [*gains, np.mean(gains, axis=1)]]
        if name == "float32":
            said = [*(f"{np.mean(one['accuracies']):.1f}" for one in of_sets), ""]
        speed, cosine, near = (np.mean([one[key] for one in of_sets]) for key in ("speed", "cosine", "neighbours"))
        lines.append(f"| {name} | {speed:.2f} | {cosine:.5f} | {100 * near:.0f} % | {' | '.join(said)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
