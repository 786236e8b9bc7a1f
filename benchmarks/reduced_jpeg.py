"""What `evenpick embed --reduced-jpeg` does to the features and to the time.

    python benchmarks/reduced_jpeg.py     # writes benchmarks/reduced_jpeg.md; about two minutes

No package brings large photographs, and enlarged ones have no detail to lose. So the images are mosaics of
parts of the photographs that scikit-image and scikit-learn bring, each at its own resolution, saved as JPEG
at quality 90. The change is set beside that of saving the same mosaics at quality 95 and 75.
"""

import argparse
import io
import os
import platform
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import PIL
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from evenpick import SourceModel
from evenpick.images.decoding import cut_image

TILE = (400, 300)
SIZES = {4: 200, 8: 100}  # tiles a side, and how many mosaics
PHOTOGRAPHS = ["astronaut", "coffee", "chelsea", "rocket", "hubble_deep_field", "retina", "immunohistochemistry"]
NEIGHBOURS = 10


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    rng = np.random.default_rng(0)
    photographs = [Image.fromarray(getattr(skimage.data, name)()) for name in PHOTOGRAPHS]
    photographs += [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    source = SourceModel.load()
    reducing = replace(source, preprocessing=replace(source.preprocessing, reduced_jpeg=True))
    lines = heading(source)
    for side, count in SIZES.items():
        mosaics = [mosaic(photographs, side, rng) for _ in range(count)]
        exact, decoding, network = looked_at(source, [jpeg(image, 90) for image in mosaics])
        size = f"{side * TILE[0]} x {side * TILE[1]}, {count} images"
        lines.append(f"| {size} | whole, quality 90 | {decoding:.1f} | {network:.1f} | | | | |")
        for name, model, quality in (("reduced", reducing, 90), ("quality 95", source, 95), ("quality 75", source, 75)):
            features, decoding, network = looked_at(model, [jpeg(image, quality) for image in mosaics])
            lines.append(f"| | {name} | {decoding:.1f} | {network:.1f} | {agreement(exact, features)} |")
    page = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(page)
    print(page)


def heading(source: SourceModel) -> list[str]:
    return [
        "# JPEG files decoded at a part of their size",
        "",
        f"Command: `python benchmarks/reduced_jpeg.py`, {date.today()}, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, Pillow {PIL.__version__}, {source.name}. Each image against itself, decoded "
        "whole at quality 90. Times are CPU milliseconds an image, decoding and cutting on one core.",
        "",
        "| mosaics | decoded | decode, cut | network | cosine, mean | cosine, least | same 10 nearest | same nearest |",
        "|---|---|---|---|---|---|---|---|",
    ]


def mosaic(photographs: list[Image.Image], side: int, rng: np.random.Generator) -> Image.Image:
    width, height = TILE
    image = Image.new("RGB", (side * width, side * height))
    for row, column in np.ndindex(side, side):
        photograph = photographs[rng.integers(len(photographs))]
        x, y = (int(rng.integers(room + 1)) for room in (photograph.width - width, photograph.height - height))
        tile = photograph.crop((x, y, x + width, y + height))
        if rng.random() < 0.5:
            tile = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image.paste(tile, (column * width, row * height))
    return image


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def looked_at(source: SourceModel, files: list[bytes]) -> tuple[np.ndarray, float, float]:
    """Features at length 1, and CPU milliseconds an image of decoding and of the network."""
    preprocessing = source.preprocessing
    began = time.process_time()
    cuts = [cut_image(data, preprocessing.cut, preprocessing.reading) for data in files]
    decoded = time.process_time()
    batches = [cuts[i : i + 8] for i in range(0, len(cuts), 8)]
    features = np.concatenate([source.network(preprocessing.batch(batch))[0] for batch in batches])
    seconds = np.array([decoded - began, time.process_time() - decoded])
    return features / np.linalg.norm(features, axis=1, keepdims=True), *(1000 * seconds / len(files))


def agreement(exact: np.ndarray, features: np.ndarray) -> str:
    cosines = (exact * features).sum(axis=1)
    ours, theirs = nearest(exact), nearest(features)
    shared = np.mean([len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)])
    return f"{cosines.mean():.4f} | {cosines.min():.4f} | {shared:.1%} | {(ours[:, 0] == theirs[:, 0]).mean():.0%}"


def nearest(features: np.ndarray) -> np.ndarray:
    similarities = features @ features.T
    np.fill_diagonal(similarities, -np.inf)
    return np.argsort(-similarities, axis=1)[:, :NEIGHBOURS]


if __name__ == "__main__":
    main()
