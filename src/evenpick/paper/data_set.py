"""Labelled image sets for benchmarks: a pool whose labels answer for the person, and a test set.

A set is a folder in one of the `FORMS`, known by the files in it: the originals of the paper's data sets as their
authors give them, or anybody's own images.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..atomic_files import writing
from ..errors import EvenpickError, first_few
from ..images import find_images
from ..installing import install_command
from ..labels import TableOptions, read_labels
from .imbalance import induce_imbalance

TEST_SHARE = 0.2  # of a set that names no test images
MOST_TEST = 50  # images of each class of ImageNet-21k, as many as ILSVRC validates with
IMN_LARGEST = 531  # pool images of the largest class of Table 1's IMN-100
IMN_MEAN = 185.58
SEED = 0  # draws the hundred classes, and the induced imbalance of every set

_WORDNET_ID = re.compile(r"n\d{8}")
_SPLITS = {"pool", "train", "training", "test", "testing", "val", "valid", "validation", "images"}  # never classes


@dataclass(frozen=True)
class Split:
    """Images below a folder and the class of each, by image id; images without a label take no part."""

    folder: Path
    labels: Mapping[str, str]


@dataclass(frozen=True)
class DataSet:
    """A pool with its true labels, and a test set."""

    name: str
    pool: Split
    test: Split


Read: TypeAlias = Callable[[Path, Path], tuple[Split, Split]]  # the folder, and one to unpack images into


@dataclass(frozen=True)
class Form:
    """How a folder is known to hold such a set, and read; where the original is to be had."""

    marks: tuple[str, ...]
    read: Read
    original: str = ""


def open_data_set(name: str, data: Path, unpacked: Path) -> DataSet:
    """The set `data/name`.

    Parameters
    ----------
    name : str
    data : Path
        The folder of all sets.
    unpacked : Path
        Where images go that the original keeps in one file.

    Raises
    ------
    EvenpickError
        If there is no such folder, it has none of the known forms, or a class has too few images.
    """
    folder = data / name
    if not folder.is_dir():
        form = FORMS.get(name)
        where = (
            f": {form.original}, and unpack it as '{folder}' (it then holds {_in_words(form.marks)})" if form else ""
        )
        raise EvenpickError(f"data set '{name}' is not in '{data}'{where}")
    for form in FORMS.values():
        if all(next(folder.glob(mark), None) for mark in form.marks):
            pool, test = form.read(folder, unpacked / name)
            return _checked(DataSet(name, pool, test))
    raise EvenpickError(
        f"'{folder}' has none of the known forms; put labels.csv (split,file,label) with pool/ and test/ there, "
        "or a folder of images for each class"
    )


def data_sets_in(data: Path) -> list[str]:
    """The names of the folders in it."""
    if not data.is_dir():
        raise EvenpickError(f"folder '{data}' does not exist; it should hold a folder for each data set")
    return sorted(folder.name for folder in data.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def _in_words(marks: tuple[str, ...]) -> str:
    return ", ".join(mark.removesuffix("/*") for mark in marks)


def _checked(found: DataSet) -> DataSet:
    known = set(found.pool.labels.values())
    if len(known) < 2:
        raise EvenpickError(f"data set '{found.name}': the pool needs at least two classes; got {len(known)}")
    if strange := set(found.test.labels.values()) - known:
        raise EvenpickError(
            f"data set '{found.name}': test images of classes that the pool does not have: {first_few(sorted(strange))}"
        )
    if missing := known - set(found.test.labels.values()):
        raise EvenpickError(f"data set '{found.name}': classes without a test image: {first_few(sorted(missing))}")
    return found


def _labelled(folder: Path, unpacked: Path) -> tuple[Split, Split]:
    """`pool/`, `test/` and `labels.csv` (split,file,label), files relative to the split's folder."""
    splits = []
    for split in ("pool", "test"):
        ids = find_images(folder / split)
        table = read_labels(folder / "labels.csv", ids, (), TableOptions(split), folder / split)
        splits.append(Split(folder / split, table.labels))
    return splits[0], splits[1]


def _class_folders(pool: str, test: str) -> Read:
    def read(folder: Path, unpacked: Path) -> tuple[Split, Split]:
        pool_split, test_split = (Split(folder / name, _by_folder(folder / name)) for name in (pool, test))
        return pool_split, test_split

    return read


def _one_folder(folder: Path, unpacked: Path) -> tuple[Split, Split]:
    """A folder of images for each class and no test set: a fifth of each class, drawn, becomes one."""
    if (folder / "labels.csv").is_file():
        raise EvenpickError(f"'{folder}' has labels.csv and needs the images that it names in pool/ and test/")
    labels = _by_folder(folder)
    if splits := set(labels.values()) & _SPLITS:
        raise EvenpickError(
            f"'{folder}' holds {first_few(sorted(splits))}, which is no class; put pool/CLASS/... and test/CLASS/... there"
        )
    return _held_out(folder, labels, lambda size: max(1, round(TEST_SHARE * size)))


def _food101(folder: Path, unpacked: Path) -> tuple[Split, Split]:
    """Bossard et al. (2014): `images/CLASS/ID.jpg`, and lists of `CLASS/ID`; imbalance induced as in Table 1."""
    pool, test = (_listed(folder / "meta" / f"{name}.txt", ".jpg") for name in ("train", "test"))
    return Split(folder / "images", _pruned(pool, 0.79331, 227.287)), Split(folder / "images", test)


def _mit67(folder: Path, unpacked: Path) -> tuple[Split, Split]:
    """Quattoni & Torralba (2009): `Images/CLASS/ID.jpg`; every image that is not of the test list, as the paper has it."""
    test = _listed(folder / "TestImages.txt")
    pool = {image: label for image, label in _by_folder(folder / "Images").items() if image not in test}
    return Split(folder / "Images", pool), Split(folder / "Images", test)


def _cifar100(folder: Path, unpacked: Path) -> tuple[Split, Split]:
    """Krizhevsky (2009), the binary version: coarse label, fine label and 32 x 32 x 3 bytes an image."""
    from PIL import Image

    names = (folder / "fine_label_names.txt").read_text().split()
    splits = []
    for source, name in (("train", "pool"), ("test", "test")):
        records = _records(folder / f"{source}.bin", len(names))
        labels = {f"{row:05}.png": names[fine] for row, fine in enumerate(records[:, 1])}
        if name == "pool":
            labels = _pruned(labels, 0.7396, 171.68)
        (unpacked / name).mkdir(parents=True, exist_ok=True)
        for image in labels:
            file = unpacked / name / image
            if not file.exists():
                pixels = records[int(file.stem), 2:].reshape(3, 32, 32).transpose(1, 2, 0)
                with writing(file, flushed=False) as temporary:
                    Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, "PNG")
        splits.append(Split(unpacked / name, labels))
    return splits[0], splits[1]


def _records(file: Path, n_classes: int) -> NDArray[np.uint8]:
    """A row an image: coarse label, fine label, 3 x 32 x 32 bytes."""
    length, size = 2 + 3 * 32 * 32, file.stat().st_size
    if size % length or not size:
        raise EvenpickError(f"'{file}' should be of {length} bytes an image; it has {size:,}: get it again")
    records = np.fromfile(file, np.uint8).reshape(-1, length)
    if (fine := int(records[:, 1].max())) >= n_classes:
        raise EvenpickError(f"'{file}' has a class {fine} and fine_label_names.txt names {n_classes}: get both again")
    return records


def _imn100(folder: Path, unpacked: Path) -> tuple[Split, Split]:
    """ImageNet-21k: a hundred drawn leaf classes outside ILSVRC with images enough for the largest rank."""
    parents = {line.split()[0] for line in (folder / "wordnet.is_a.txt").read_text().splitlines() if line.strip()}
    outside = {path.name for path in folder.iterdir() if _WORDNET_ID.fullmatch(path.name)} - parents - _ilsvrc(folder)
    ids = {name: _images_of(folder / name) for name in sorted(outside)}
    enough = [name for name, images in ids.items() if len(images) >= IMN_LARGEST + MOST_TEST]
    if len(enough) < 100:
        raise EvenpickError(
            f"'{folder}' needs 100 leaf classes outside ILSVRC with {IMN_LARGEST + MOST_TEST} images or more; it has {len(enough)}"
        )
    drawn = np.random.default_rng(SEED).choice(enough, 100, replace=False)
    labels = {f"{name}/{image}": str(name) for name in drawn for image in ids[name]}
    pool, test = _held_out(folder, labels, lambda size: MOST_TEST)
    return Split(folder, _pruned(pool.labels, 0.7391, IMN_MEAN)), test


def _ilsvrc(folder: Path) -> set[str]:
    """The WordNet ids of ILSVRC's classes: from the user's file, or from the one that timm carries."""
    own = folder / "ilsvrc_synsets.txt"
    spec = None if own.is_file() else find_spec("timm")
    if spec is not None and spec.submodule_search_locations:
        own = Path(spec.submodule_search_locations[0]) / "data" / "_info" / "imagenet_synsets.txt"
    if not own.is_file():
        raise EvenpickError(
            f"IMN-100 needs the WordNet ids of ILSVRC, one a line, as '{folder / 'ilsvrc_synsets.txt'}', "
            f"or timm, which carries them: {install_command('timm')}"
        )
    return set(_WORDNET_ID.findall(own.read_text()))


def _images_of(class_folder: Path) -> list[str]:
    try:
        return find_images(class_folder)
    except EvenpickError:  # a class that was not downloaded has too few like any other
        return []


def _by_folder(folder: Path) -> dict[str, str]:
    """The class of each image is the first folder of its path."""
    ids = find_images(folder)
    if loose := [image for image in ids if "/" not in image]:
        raise EvenpickError(f"'{folder}' should hold a folder for each class; these lie in none: {first_few(loose)}")
    return {image: image.split("/")[0] for image in ids}


def _listed(file: Path, suffix: str = "") -> dict[str, str]:
    """The class of each image of a list of `CLASS/ID`, one a line."""
    lines = [line.strip() for line in file.read_text().splitlines() if line.strip()]
    return {line + suffix: line.split("/")[0] for line in lines}


def _held_out(folder: Path, labels: Mapping[str, str], count: Callable[[int], int]) -> tuple[Split, Split]:
    """Of each class so many images as `count` makes of its size, drawn, are for the test."""
    rng = np.random.default_rng(SEED)
    members: dict[str, list[str]] = {}
    for image, label in labels.items():
        members.setdefault(label, []).append(image)
    if short := [label for label, images in members.items() if len(images) < 2]:
        raise EvenpickError(f"'{folder}': each class needs two images, one for the test; too few: {first_few(short)}")
    test: dict[str, str] = {}
    for label, images in members.items():
        wanted = min(count(len(images)), len(images) - 1)
        test |= {str(image): label for image in rng.choice(images, wanted, replace=False)}
    return Split(folder, {image: label for image, label in labels.items() if image not in test}), Split(folder, test)


def _pruned(labels: Mapping[str, str], ratio: float, mean: float) -> dict[str, str]:
    """The imbalance of Table 1, drawn."""
    images, classes = list(labels), list(labels.values())
    return {images[row]: classes[row] for row in induce_imbalance(classes, ratio, mean, SEED)}


# Tried in this order; the names are those of the printed tables. What only users have comes last.
FORMS: dict[str, Form] = {
    "food101": Form(
        ("images/*", "meta/train.txt", "meta/test.txt"), _food101,
        "run evenpick benchmark download food101, or get food-101.tar.gz from "
        "https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
    ),
    "cifar100": Form(
        ("train.bin", "test.bin", "fine_label_names.txt"), _cifar100,
        "run evenpick benchmark download cifar100, or get cifar-100-binary.tar.gz from "
        "https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    "mit67": Form(
        ("Images/*", "TestImages.txt"), _mit67,
        "get indoorCVPR_09.tar and TestImages.txt from https://web.mit.edu/torralba/www/indoor.html",
    ),
    "imn100": Form(
        ("wordnet.is_a.txt", "n*"), _imn100,
        "get ImageNet-21k, a folder n01234567 for each class, from https://image-net.org, and wordnet.is_a.txt with it",
    ),
    "labels.csv": Form(("labels.csv", "pool/*", "test/*"), _labelled),
    "pool and test": Form(("pool/*/*", "test/*/*"), _class_folders("pool", "test")),
    "train and test": Form(("train/*/*", "test/*/*"), _class_folders("train", "test")),
    "train and val": Form(("train/*/*", "val/*/*"), _class_folders("train", "val")),
    "train and valid": Form(("train/*/*", "valid/*/*"), _class_folders("train", "valid")),
    "train and validation": Form(("train/*/*", "validation/*/*"), _class_folders("train", "validation")),
    "class folders": Form(("*/*",), _one_folder),
}  # fmt: skip
