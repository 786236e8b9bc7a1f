"""Public data sets of the paper from the Hugging Face Hub, written as their authors' archives lay them out.

So that a set is read the same way however it came (`data_set.FORMS`). The package `datasets` downloads, checks and caches.
"""

import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..errors import EvenpickError, MissingExtraError, unknown_name
from ..machine import Progress

Rows: TypeAlias = Iterator[Mapping[str, Any]]
Write: TypeAlias = Callable[[Path, str, list[str], Rows], None]  # folder, split, class names, rows


@dataclass(frozen=True)
class Hosted:
    """Where a set lies on the Hub, and how its rows become files."""

    address: str
    image: str  # columns
    label: str
    splits: Mapping[str, str]  # the authors' name of each split, and the Hub's
    write: Write


def download_data_set(name: str, data: Path, progress: Callable[[str, str], Progress]) -> Path:
    """Download the set to `data/name`, which a run that is stopped leaves as it was.

    Raises
    ------
    EvenpickError
        If the set is not hosted or not reached, or the folder is there already.
    """
    if name not in HOSTED:
        raise unknown_name("data set to download", name, HOSTED)
    folder, begun = data / name, data / f".{name}.part"
    if folder.exists():
        raise EvenpickError(f"'{folder}' is there already; remove it to download the set again")
    hosted = HOSTED[name]
    splits = _fetched(hosted)
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    for split, of_hub in hosted.splits.items():
        rows = splits[of_hub]
        hosted.write(
            begun, split, rows.features[hosted.label].names, _counted(rows, progress(f"{name} {split}", "images"))
        )
    begun.rename(folder)
    return folder


def _fetched(hosted: Hosted) -> Any:
    """Its splits; images stay the bytes that they are on the Hub."""
    try:
        from datasets import Image, load_dataset
    except ImportError:
        raise MissingExtraError("evenpick benchmark download", "download") from None
    try:
        found = load_dataset(hosted.address)
    except OSError as error:
        raise EvenpickError(f"data set '{hosted.address}' of the Hugging Face Hub cannot be had: {error}") from error
    return found.cast_column(hosted.image, Image(decode=False))


def _counted(rows: Any, progress: Progress) -> Rows:
    for done, row in enumerate(rows, start=1):
        yield row
        progress(done, len(rows))


def _food101(folder: Path, split: str, names: list[str], rows: Rows) -> None:
    """`images/CLASS/ID.jpg`, and `meta/SPLIT.txt` with a `CLASS/ID` a line."""
    lines = []
    for number, row in enumerate(rows):
        image = f"{names[row['label']]}/{split}-{number:05}"
        file = folder / "images" / f"{image}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(row["image"]["bytes"])
        lines.append(image)
    (folder / "meta").mkdir(exist_ok=True)
    (folder / "meta" / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines))


def _cifar100(folder: Path, split: str, names: list[str], rows: Rows) -> None:
    """The binary version: `SPLIT.bin` with coarse label, fine label and 3 x 32 x 32 bytes an image."""
    from PIL import Image

    with (folder / f"{split}.bin").open("wb") as binary:
        for row in rows:
            pixels = np.asarray(Image.open(io.BytesIO(row["img"]["bytes"])).convert("RGB"))
            binary.write(bytes([row["coarse_label"], row["fine_label"]]))
            binary.write(pixels.transpose(2, 0, 1).tobytes())
    (folder / "fine_label_names.txt").write_text("".join(f"{name}\n" for name in names))


HOSTED: dict[str, Hosted] = {
    "food101": Hosted("ethz/food101", "image", "label", {"train": "train", "test": "validation"}, _food101),
    "cifar100": Hosted("uoft-cs/cifar100", "img", "fine_label", {"train": "train", "test": "test"}, _cifar100),
}
