"""Which images `embed --group-by auto` takes for the same thing, and which it misses: the limits and what they do.

    python benchmarks/near_copies.py --data DATA --work WORK            # benchmarks/near_copies.md; about ten minutes
    python benchmarks/near_copies.py --million                          # then its last part, 1,000,000 made rows; about ten minutes

DATA holds the sets `caltech`, `food`, `places` and `camera_trap`, unpacked; WORK is where their pools are kept. Class labels are
used to judge the groups that were found and for nothing else.
"""

import argparse
import csv
import io
import platform
import resource
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from evenpick import Pool, SourceModel, Workspace
from evenpick.images import cut_part
from evenpick.pool import auto_groups, bursts, copies, copy_unit, looks, sequences
from evenpick.vectors import normalised

SETS = {"caltech": "caltech/pool", "food": "food/pool", "places": "places/pool", "camera_trap": "camera_trap"}
COPIES = 150  # images of each set
LIMITS = (copies.COPY, bursts.NUMBERED, bursts.TIMED)
GAP = 60.0
MILLION = "## A million images"


def saved(image: Image.Image, quality: int = 85) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def part(left: float, top: float, right: float, bottom: float) -> Callable[[Image.Image], Image.Image]:
    def cut(image: Image.Image) -> Image.Image:
        width, height = image.size
        return saved(
            image.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))
        )

    return cut


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved at quality 50": lambda image: saved(image, 50),
    "saved at quality 25": lambda image: saved(image, 25),
    "half the size": lambda image: saved(image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)),
    "cropped to 95 %": part(0.025, 0.025, 0.975, 0.975),
    "cropped to 80 %": part(0.1, 0.1, 0.9, 0.9),
    "moved by 5 %": part(0.05, 0, 1, 0.95),
    "moved by 10 %": part(0.1, 0, 1, 0.9),
    "a fifth brighter": lambda image: saved(ImageEnhance.Brightness(image).enhance(1.2)),
    "a third darker": lambda image: saved(ImageEnhance.Brightness(image).enhance(0.7)),
    "mirrored": lambda image: saved(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "the unit's change": copy_unit.changed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    if options.million:
        million()
        return
    source = SourceModel.load()
    pools = {}
    for name, folder in SETS.items():
        Workspace(options.work / name).embed(options.data / folder, source, group_by="none")
        pools[name] = Pool.open(options.work / name)
    units = {name: auto_groups.unit_of(pool, source) for name, pool in pools.items()}
    lines = [*heading(source), *copies_found(pools, units, source), "", *groups_found(pools, units, options.data)]
    lines += ["", *search_found(pools, units)]
    page = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(page)
    print(page)


def heading(source: SourceModel) -> list[str]:
    return [
        "# Near-copies and bursts",
        "",
        f"Command: `python benchmarks/near_copies.py --data DATA --work WORK`, {date.today()}, {platform.machine()}, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, {source.name}. What the rules are: [groups](../docs/groups.md).",
        "",
    ]


def copies_found(pools: dict[str, Pool], units: dict[str, float], source: SourceModel) -> list[str]:
    """How many changed copies are within each limit, and how many images have another one so near."""
    lines = [
        "## Changed copies, and different images",
        "",
        f"{COPIES} images of each set, changed; the share whose copy is at most 0.8 units (copies anywhere), 1 unit (neighbours by name) "
        "and 1.3 units (neighbours in time) away. Last lines: the share of all images that have any other, and their neighbour by name, "
        "so near.",
        "",
        "| | " + " | ".join(f"{name}, unit {units[name]:.2f}" for name in pools) + " |",
        "|---|" + "---|" * len(pools),
    ]
    for what, change in CHANGES.items():
        cells = [shares(copy_distances(pool, change, source) / units[name]) for name, pool in pools.items()]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    nearest = {name: nearest_distances(pool) for name, pool in pools.items()}
    lines.append(f"| any other image | {' | '.join(shares(nearest[n][0] / units[n]) for n in pools)} |")
    lines.append(f"| the neighbour by name | {' | '.join(shares(nearest[n][1] / units[n]) for n in pools)} |")
    return lines


def shares(distances: Any) -> str:
    return ", ".join(f"{100 * np.mean(distances <= limit):.3g} %" for limit in LIMITS)


def copy_distances(pool: Pool, change: Callable[[Image.Image], Image.Image], source: SourceModel) -> Any:
    rows = looks.evenly(len(pool), COPIES)
    cuts = [cut_part(pool.part(row), lambda image: source.preprocessing.cut(change(image))) for row in rows.tolist()]
    seen = [source.network(source.preprocessing.batch(cuts[i : i + 16]))[0] for i in range(0, len(cuts), 16)]
    return looks.distances_between(normalised(pool.features[rows]), normalised(np.concatenate(seen)))


def nearest_distances(pool: Pool) -> tuple[Any, Any]:
    vectors = normalised(np.asarray(pool.features[:]))
    nearest = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), 1000):
        products = vectors[start : start + 1000] @ vectors.T
        products[np.arange(len(products)), start + np.arange(len(products))] = -1
        nearest[start : start + 1000] = np.sqrt(np.maximum(2 - 2 * products.max(axis=1), 0))
    order = np.argsort(np.array(pool.image_ids))
    return nearest, looks.distances_between(vectors[order[1:]], vectors[order[:-1]])


def groups_found(pools: dict[str, Pool], units: dict[str, float], data: Path) -> list[str]:
    """What auto finds in each set as it is."""
    lines = [
        "## What `auto` finds in these sets",
        "",
        "`caltech`, `food` and `places` are different photographs without times, numbered class by class: the hardest case for neighbours by "
        "name. `camera_trap` has the true times of three stations.",
        "",
        "| set | images | in bursts | bursts | largest | as copies | groups of two classes |",
        "|---|---|---|---|---|---|---|",
    ]
    listed = []
    for name, pool in pools.items():
        group, copied, _ = auto_groups.auto_groups(pool, units[name], GAP)
        label_of = true_labels(data / name / "labels.csv")
        size = Counter(group.tolist())
        together = {g: np.flatnonzero(group == g).tolist() for g, count in size.items() if count > 1}
        runs = [rows for rows in together.values() if not copied[rows].all()]
        classes = [
            {label_of[Path(pool.image_ids[row]).name if name != "camera_trap" else pool.image_ids[row]] for row in rows}
            for rows in together.values()
        ]
        lines.append(
            f"| {name} | {len(pool):,} | {sum(map(len, runs))} | {len(runs)} | {max(map(len, runs), default=0)} | {int(copied.sum())} | "
            f"{sum(len(names) > 1 for names in classes)} |"
        )
        if name == "camera_trap":
            taken = sequences.sequences(pool.files, pool.taken, pool.camera, GAP)
            events = Counter(taken.run[taken.timed].tolist())
            listed.append(
                f"Of the {sum(count > 1 for count in events.values())} runs of at least two photographs of `camera_trap` that are at most a minute apart "
                f"({sum(count for count in events.values() if count > 1)} photographs), `auto` finds these: "
                + "; ".join(", ".join(pool.image_ids[row] for row in rows) for rows in runs)
                + ". The animals of the others have moved on, and their frames look different; `--group-by time` takes them all."
            )
    return [*lines, "", *listed]


def true_labels(file: Path) -> dict[str, str]:
    with file.open(newline="") as handle:
        return {
            row.get("image") or Path(row["file"]).name: row["label"]
            for row in csv.DictReader(handle)
            if row.get("split", "pool") == "pool"
        }


def search_found(pools: dict[str, Pool], units: dict[str, float]) -> list[str]:
    """The search for copies against one that compares all pairs."""
    lines = [
        "## The search for copies",
        "",
        "Pairs at most 0.8 units apart, by the search that `auto` uses and by comparing all pairs.",
        "",
        "| set | all pairs | found | seconds |",
        "|---|---|---|---|",
    ]
    for name, pool in pools.items():
        most = copies.COPY * units[name]
        vectors = normalised(np.asarray(pool.features[:]))
        exact = set()
        for start in range(0, len(vectors), 1000):
            left, right = np.nonzero(vectors[start : start + 1000] @ vectors.T >= 1 - most**2 / 2)
            exact |= {(int(i), int(j)) for i, j in zip(left + start, right, strict=True) if i < j}
        before = time.perf_counter()
        found = {(int(i), int(j)) for i, j in copies.alike(pool.features, most)[0]}
        lines.append(f"| {name} | {len(exact)} | {len(found & exact)} | {time.perf_counter() - before:.1f} |")
    return lines


def million(n: int = 1_000_000, width: int = 512, size: int = 5) -> None:
    """Made rows, a fifth of them in bursts of five, the rest alone; with times and without."""
    rng = np.random.default_rng(0)
    features = np.empty((n, width), np.float32)
    for start in range(0, n, 50_000):
        block = np.abs(rng.standard_normal((50_000, width), dtype=np.float32))
        noise = rng.standard_normal((10_000, width), dtype=np.float32)
        block[:10_000] = np.repeat(block[:2_000], size, axis=0) + 0.12 * noise
        features[start : start + 50_000] = block
    files = [f"{row // 1000:04d}/IMG_{row:07d}.jpg" for row in range(n)]
    seconds = np.arange(n) + 100 * (np.arange(n) // size)
    times = [str(at) for at in np.datetime64("2020-01-01T00:00:00") + seconds.astype("timedelta64[s]")]
    lines = [
        MILLION,
        "",
        f"Command: `python benchmarks/near_copies.py --million`. {n:,} made rows of {width} features, a fifth of them in bursts of {size} "
        "(40,000 bursts), a thousand in each folder; CPU seconds.",
        "",
        "| | seconds | found |",
        "|---|---|---|",
    ]
    for what, taken in (("with times", times), ("without times", None)):
        before = time.process_time()
        found = sequences.sequences(files, taken, None, GAP)
        after = time.process_time()
        groups = int((np.bincount(bursts.bursts(features, found, 0.45).group) > 1).sum())
        lines.append(f"| order, {what} | {after - before:.0f} | |")
        lines.append(f"| bursts, {what} | {time.process_time() - after:.0f} | {groups:,} |")
    before = time.process_time()
    pairs = sum(1 for _ in copies.copies(features, found, 0.45))
    lines.append(
        f"| copies anywhere | {time.process_time() - before:.0f} | {pairs:,} pairs of {40_000 * size * (size - 1) // 2:,} |"
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines += ["", f"At most {memory:.1f} GiB of memory, {features.nbytes / 2**30:.1f} of them the made features."]
    page = Path(__file__).with_suffix(".md")
    kept = page.read_text().partition(MILLION)[0] if page.exists() else ""
    page.write_text(kept + "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
