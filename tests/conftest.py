"""Fixtures shared by the tests; data that is not part of the product is skipped where it is missing."""

import importlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evenpick.images import Preprocessing
from evenpick.pool import Pool
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.sources import SourceDescription

# Else servers that tests interrupt would ignore it too, where a shell has started the suite in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture
def shared() -> Path:
    """The folder beside the checkout that holds the paper's tables and research data."""
    if not SHARED.is_dir():
        pytest.skip("the folder with the paper's tables and research data is not beside this checkout")
    return SHARED


@pytest.fixture(scope="module")
def import_benchmark() -> Iterator[Callable[[str], ModuleType]]:
    """What imports a file of `benchmarks/`, where they import each other by their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
        yield importlib.import_module


@pytest.fixture
def make_pool() -> Callable[..., Pool]:
    """Build a small pool from whatever parts a test names."""

    def build(n: int = 40, seed: int = 0, features=None, probabilities=None, views: int = 1) -> Pool:
        rng = np.random.default_rng(seed)
        if features is None:
            features = rng.normal(size=(n, 6))
        if probabilities is None:
            size = (len(features), views) if views > 1 else len(features)
            probabilities = rng.dirichlet(np.ones(7), size=size)
        return Pool.from_arrays(features, probabilities)

    return build


@pytest.fixture
def tied_pool() -> Callable[[int], Pool]:
    """A random pool full of ties: whole-number features with duplicates, few distinct predictions."""

    def build(seed: int) -> Pool:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(5, 60))
        features = rng.integers(0, 3, size=(n, 3)).astype(float)
        rows = np.array([[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0, 1, 0, 0], [0, 0, 0.75, 0.25]])
        return Pool.from_arrays(features, rows[rng.integers(0, 4, size=n)][:, None].repeat(2, axis=1))

    return build


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Twelve different photographs-like JPEG files in two folders."""
    folder = tmp_path / "photos"
    rng = np.random.default_rng(0)
    for i in range(12):
        file = folder / ("a" if i % 2 else "b c") / f"{i:02d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        small = rng.integers(0, 256, size=(6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((80, 60), Image.Resampling.BICUBIC).save(file)
    return folder


@pytest.fixture(scope="session")
def make_network() -> Callable[..., Path]:
    """Write a tiny real ONNX network: (n, 3, size, size) to 4 features and 5 logits, each row on its own."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def build(
        file: Path,
        seed: int = 0,
        outputs: tuple[str, str] = ("features", "logits"),
        logarithm: bool = False,
        batch: str | int = "n",
        kind: int = TensorProto.FLOAT,
        size: int = 8,
    ) -> Path:
        """With `logarithm`, features are those of the mean pixel: NaN for a dark image. Outputs are of the kind."""
        rng = np.random.default_rng(seed)
        kernel = np.ones((4, 3, 2, 2)) if logarithm else rng.normal(size=(4, 3, 2, 2))
        nodes = [
            helper.make_node("Conv", ["image", "kernel"], ["maps"], strides=[2, 2]),
            helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("Log" if logarithm else "Identity", ["flat"], ["values"]),
            helper.make_node("MatMul", ["flat", "head"], ["scores"]),
            helper.make_node("Cast", ["values"], [outputs[0]], to=kind),
            helper.make_node("Cast", ["scores"], [outputs[1]], to=kind),
        ]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, size, size])],
            [
                helper.make_tensor_value_info(outputs[0], kind, [batch, 4]),
                helper.make_tensor_value_info(outputs[1], kind, [batch, 5]),
            ],
            [
                numpy_helper.from_array(kernel.astype(np.float32), "kernel"),
                numpy_helper.from_array(rng.normal(size=(4, 5)).astype(np.float32), "head"),
            ],
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(file))
        return file

    return build


@pytest.fixture(scope="session")
def made_source() -> Callable[..., SourceDescription]:
    """Describe a source of a name that need not exist."""

    def build(name: str = "made", preprocessing: Preprocessing | None = None) -> SourceDescription:
        return SourceDescription(name, preprocessing or Preprocessing(), 6, 7, "none", f"hash of {name}")

    return build


@pytest.fixture(scope="session")
def source_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of exported source models that the tests share and that is not the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests; each opens its own tabs."""
    from browsing import open_browser  # needs Selenium, which the tests without a browser do not

    opened = open_browser()
    yield opened
    opened.quit()


@pytest.fixture
def make_workspace(tmp_path: Path) -> Callable[..., Path]:
    """An embedded workspace of small JPEG files `000.jpg`, ..., each of another colour; as `embed` leaves it.

    With `photos` it is one of the same folder as the workspace of that name; `source` is what its network is called, and
    `words` are those that it keeps.
    """

    def build(
        n: int = 40, seed: int = 0, name: str = "workspace", photos: str | None = None, features=None, source="made",
        words=None,
    ) -> Path:  # fmt: skip
        rng = np.random.default_rng(seed)
        folder = tmp_path / f"{photos or name}-photos"
        folder.mkdir(exist_ok=photos is not None)
        ids = [f"{i:03d}.jpg" for i in range(n)]
        for image_id, colour in zip(ids, rng.integers(0, 256, size=(n, 3)).tolist(), strict=True):
            Image.new("RGB", (96, 72), tuple(colour)).save(folder / image_id)
        described = SourceDescription(source, Preprocessing(), 6, 7, "none", "0")
        writer = PoolWriter(tmp_path / name, folder, described, words=words)
        drawn = rng.normal(size=(n, 6)).astype(np.float32)
        features = drawn if features is None else np.asarray(features, np.float32)
        predictions = summarise_probabilities(rng.dirichlet(np.ones(7), size=n))
        writer.append([ImageRow(ids[i], f"digest {i}") for i in range(n)], features, predictions)
        return tmp_path / name

    return build


@pytest.fixture
def lynx_to_snow(make_workspace: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """A workspace of a pair: its features turn row by row from the vector of the word lynx to that of the word snow.

    The pair knows these two words alone.
    """

    def build(n: int = 40) -> Path:
        import onnx
        from word_pair import text_encoder, tokenizer_of

        from evenpick.sources import PROMPT, TextEncoder, word_classes

        folder = tmp_path / "pair"
        folder.mkdir()
        onnx.save(text_encoder(np.eye(3, 6, k=-1)), folder / "text_model.onnx")
        tokenizer_of(["lynx", "snow"]).save(str(folder / "tokenizer.json"))
        turned = np.linspace(0, np.pi / 2, n)
        features = np.stack([np.cos(turned), np.sin(turned), *np.zeros((4, n))], axis=1)
        words = word_classes((), (PROMPT,), TextEncoder.load(f"onnx:{folder / 'text_model.onnx'}"))
        return make_workspace(n, features=features, source=f"onnx:{folder / 'vision_model.onnx'}", words=words)

    return build


@pytest.fixture(scope="session")
def word_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an image encoder and a text encoder that go together; see `word_pair.py`."""
    from word_pair import write_word_pair

    return write_word_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="session")
def known_photographs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Real photographs in a folder of their own, the key `folder`, and a name for what each shows."""
    import skimage.data
    from sklearn.datasets import load_sample_image

    folder = tmp_path_factory.mktemp("known")
    pixels = {"chelsea": skimage.data.chelsea(), "coffee": skimage.data.coffee(), "rocket": skimage.data.rocket()}
    pixels |= {name: load_sample_image(f"{name}.jpg") for name in ("china", "flower")}
    for name, values in pixels.items():
        Image.fromarray(values).save(folder / f"{name}.jpg", quality=95)
    return {
        "folder": str(folder),
        "chelsea.jpg": "cat", "china.jpg": "palace", "coffee.jpg": "cup of coffee", "flower.jpg": "daisy",
        "rocket.jpg": "missile",
    }  # fmt: skip
