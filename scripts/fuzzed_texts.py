"""Whole files of every kind that is not an image, for `scripts/fuzz texts`, and what becomes of a damaged one."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

N_IMAGES, N_FEATURES = 24, 6
CLASSES = ("fox", "roe deer", "badger")
# Files of a workspace that people may copy, edit or cut short, and where each is read.
OF_WORKSPACE = ("pool/pool.json", "pool/images.csv", "groups.csv", "model/model.json", "labels.sqlite")


def texts() -> Iterator[tuple[str, bytes]]:
    """Kind and content of whole files."""
    work = whole_workspace()
    for form in ("csv", "label-studio"):
        yield "labels", exported(work, form)
    yield "boxes", coco()
    yield "boxes", megadetector()
    yield "boxes", b"image,x,y,width,height,category\n" + b"a.jpg,1,2,30,40,animal\nb.jpg,0,0,9,9,person\n"
    yield "classes", b"name,key,note,example\nfox,f,red,0\nroe deer,r,,1\nbadger,,striped,\n"
    yield "classes", b"fox\nroe deer\nb\xc3\xa4r\n"
    yield "network", json.dumps({"size": 8, "crop": 0.9, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}).encode()
    yield "network", json.dumps({"classes": "ILSVRC", "logits": "logits", "fit": "pad"}).encode()
    for name in OF_WORKSPACE:
        yield name, (work / name).read_bytes()


ODD = (
    None, True, -1, 0, 1e308, float("nan"), 10**30, 0.5, "", " ", "\x00", "\u202e", "../../x", "=1+1", "n" * 3000, [], {}, [[]],
    {"": None}, "2024-13-45", "1e999", [1, 2], "fox", "0",
)  # fmt: skip


def damaged_text(data: bytes, rng: np.random.Generator) -> bytes | None:
    """With values in the place of others, still JSON or a table; None where it is neither, or one time in four."""
    if rng.random() < 0.25:
        return None
    try:
        content = json.loads(data)
    except ValueError:
        return damaged_table(data, rng)
    for _ in range(int(rng.integers(1, 4))):
        content = with_odd_value(content, rng)
    for checksum, before in (("checksum", 2), ("sha256", 1)):  # of model.json and pool.json; formats of before had none
        if isinstance(content, dict) and checksum in content and rng.random() < 0.9:
            content = {name: value for name, value in content.items() if name != checksum} | {"format": before}
    return json.dumps(content).encode()


def with_odd_value(content: Any, rng: np.random.Generator) -> Any:
    """One value, anywhere inside, replaced or taken out."""
    if not content or not isinstance(content, dict | list) or rng.random() < 0.1:
        return ODD[int(rng.integers(len(ODD)))]
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    key = keys[int(rng.integers(len(keys)))]
    copy = content.copy()
    if rng.random() < 0.1:
        del copy[key]
    else:
        copy[key] = with_odd_value(content[key], rng)
    return copy


def damaged_table(data: bytes, rng: np.random.Generator) -> bytes | None:
    """Cells replaced, lines doubled or left out; None if it is no text."""
    try:
        lines = [line.split(",") for line in data.decode().splitlines()]
    except UnicodeDecodeError:
        return None
    for _ in range(int(rng.integers(1, 4))):
        line = int(rng.integers(len(lines)))
        what = rng.integers(6)
        if what == 0:
            lines.insert(line, lines[int(rng.integers(len(lines)))])
        elif what == 1 and len(lines) > 1:
            del lines[line]
        else:
            cells = lines[line].copy()
            cells[int(rng.integers(len(cells)))] = str(ODD[int(rng.integers(len(ODD)))])
            lines[line] = cells
    return "\n".join(",".join(cells) for cells in lines).encode()


def exported(work: Path, form: str) -> bytes:
    from evenpick import Workspace

    file = work / f"exported.{form}"
    options = {} if form == "csv" else {"image_url": "http://localhost/", "budget": 20}
    Workspace(work).export(file, form, **options)
    return file.read_bytes()


def coco() -> bytes:
    images = [{"id": n, "file_name": str(n), "width": 64, "height": 48} for n in range(8)]
    boxes = [{"id": n, "image_id": n, "category_id": n % 3, "bbox": [1, 2, 20, 30]} for n in range(8)]
    categories = [{"id": n, "name": name} for n, name in enumerate(CLASSES)]
    return json.dumps({"images": images, "annotations": boxes, "categories": categories}).encode()


def megadetector() -> bytes:
    found = [
        {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]},
        {"category": "2", "conf": 0.3, "bbox": [0, 0, 1, 1]},
    ]
    images = [{"file": f"{n}.jpg", "detections": found[: n % 3]} for n in range(6)] + [
        {"file": "x.jpg", "failure": "cannot be read"}
    ]
    return json.dumps({"images": images, "detection_categories": {"1": "animal", "2": "person"}, "info": {}}).encode()


@cache
def whole_workspace() -> Path:
    """A workspace of features alone, with groups, labels and a trained model."""
    from evenpick import Workspace

    work = Path(tempfile.mkdtemp(prefix="evenpick-fuzz-")) / "work"
    rng = np.random.default_rng(0)
    np.save(work.parent / "features.npy", rng.normal(size=(N_IMAGES, N_FEATURES)).astype(np.float32))
    ids = "".join(f"{n}\n" for n in range(N_IMAGES))
    (work.parent / "ids.csv").write_text("image\n" + ids)
    workspace = Workspace(work)
    workspace.take_features(work.parent / "features.npy", work.parent / "ids.csv")
    (work / "groups.csv").write_text(
        "image,group,reason\n" + "".join(f"{n},{n // 2},by hand\n" for n in range(N_IMAGES))
    )
    labels = "".join(f"{n},{CLASSES[n % 3]}\n" for n in range(0, N_IMAGES, 2))
    (work.parent / "labels.csv").write_text("image,label\n" + labels)
    workspace.import_labels(work.parent / "labels.csv")
    workspace.train(strategy="nearest_mean", self_training=False)
    return work


def try_text(kind: str, data: bytes) -> str:
    """What becomes of such a file where evenpick reads it."""
    from evenpick import EvenpickError

    with tempfile.TemporaryDirectory(prefix="evenpick-fuzz-") as name:
        try:
            READERS.get(kind, of_workspace)(Path(name), kind, data)
        except EvenpickError as error:
            if "\n" in str(error) or not str(error):
                raise AssertionError(f"not one line: {error!r}") from error
            return "refused"
    return "read"


def labels(folder: Path, kind: str, data: bytes) -> None:
    from evenpick import Workspace

    shutil.copytree(whole_workspace(), folder / "work")
    is_table = not data.lstrip().startswith((b"[", b"{"))
    file = folder / ("labels.csv" if is_table else "labels.json")
    file.write_bytes(data)
    Workspace(folder / "work").import_labels(file)


def boxes(folder: Path, kind: str, data: bytes) -> None:
    from evenpick.detections import read_detections

    file = folder / ("boxes.json" if data.lstrip().startswith(b"{") else "boxes.csv")
    file.write_bytes(data)
    read_detections(file)


def classes(folder: Path, kind: str, data: bytes) -> None:
    from evenpick.labels import read_class_list
    from evenpick.sources import read_class_names

    (folder / "classes.csv").write_bytes(data)
    read_class_list(folder / "classes.csv", {str(n) for n in range(N_IMAGES)}, closed=True)
    read_class_names(folder / "classes.csv")


def network(folder: Path, kind: str, data: bytes) -> None:
    from evenpick.sources import SourceModel

    (folder / "tiny.onnx").write_bytes(tiny_network())
    (folder / "tiny.json").write_bytes(data)
    SourceModel.load(f"onnx:{folder / 'tiny.onnx'}")


@cache
def tiny_network() -> bytes:
    from made_photographs import make_network

    with tempfile.TemporaryDirectory() as name:
        make_network(Path(name) / "tiny.onnx")
        return (Path(name) / "tiny.onnx").read_bytes()


def of_workspace(folder: Path, kind: str, data: bytes) -> None:
    """All that reads the workspace, with one of its files damaged."""
    from evenpick import Pool, Workspace
    from evenpick.training import Model

    work = folder / "work"
    shutil.copytree(whole_workspace(), work)
    (work / kind).write_bytes(data)
    if kind.startswith("model"):
        Model.load(work / "model").predict(np.zeros((2, N_FEATURES), np.float32))
    elif kind == "labels.sqlite":
        Workspace(work).labels  # noqa: B018 (it is read then)
        Workspace(work).export(work / "labels.csv", "csv")
    else:
        pool = Pool.open(work)
        pool.features[: len(pool)]
        Workspace(work).select(5, "k_means")


READERS: dict[str, Callable[[Path, str, bytes], None]] = {
    "labels": labels, "boxes": boxes, "classes": classes, "network": network,
}  # fmt: skip
