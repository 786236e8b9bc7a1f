"""What groups are worth on bursts: are the stated accuracies true, and what does one answer a burst give?

    python benchmarks/bursts.py make --data DATA --work WORK       # half an hour on two cores
    python benchmarks/bursts.py run --work WORK                    # from the features alone; a killed run goes on
    python benchmarks/bursts.py table                              # benchmarks/bursts.md from the results

DATA is that of `cells.py`. A burst is 2 to 30 frames of one photograph, cropped, shifted, made brighter or darker and saved
again, with the times of a camera in EXIF; `embed --group-by auto` has to find them. Of 480 bursts of a set a seed takes
330 as the pool; the others are the new groups, whose frames are only tested on. WORK gets one small file a set.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from cells import Rows, by_key, commits, decoded, encoded, interval, keys_of, run_in_processes, staged_command_line
from numpy.typing import NDArray
from scipy import stats

SETS = ("caltech", "food", "places")
BURSTS, IN_POOL, MOST_FRAMES = 480, 330, 30
BUDGETS = (50, 100, 200)
SEEDS = range(5)
# How frames are asked for, and what is trained and stated: by the groups that `embed` found, or every frame by
# itself; and the labels of 50 whole bursts as an import brings them, with the groups found and without.
WAYS = ("found", "none")
WHOLE = ("whole bursts, found", "whole bursts, none")
WHOLE_BURSTS = 50
KEY = ("set", "seed", "budget", "groups")


def main() -> None:
    staged_command_line(__file__, __doc__, ("make", make), run, table, SETS)


# --- frames and their features ----------------------------------------------------------------------


def make(options: argparse.Namespace) -> None:
    from evenpick import Pool, Workspace

    for name in options.set or SETS:
        file = options.work / f"{name}.npz"
        if file.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            label_of = write_bursts(options.data, name, Path(folder, "photos"))
            Workspace(Path(folder, "work")).embed(Path(folder, "photos"))
            pool = Pool.open(Path(folder, "work"))
            found = pool.groups if pool.groups is not None else np.arange(len(pool))
            true = np.unique([image.rpartition("-")[0] for image in pool.image_ids], return_inverse=True)[1]
            codes, most = encoded(np.asarray(pool.features[:]))
            np.savez_compressed(
                file, codes=codes, most=most, found=found, true=true,
                labels=np.array([label_of[image.rpartition("-")[0]] for image in pool.image_ids]),
            )  # fmt: skip
        print(f"{name}: {len(found)} frames, {true.max() + 1} bursts, {found.max() + 1} groups found")


def write_bursts(data: Path, name: str, folder: Path) -> dict[str, str]:
    """The frames as JPEG files of one camera; returns the label of each burst."""
    rng = np.random.default_rng(30)
    rows = [row for row in csv.DictReader((data / name / "labels.csv").open()) if row["split"] == "pool"]
    drawn = [rows[i] for i in rng.permutation(len(rows))[:BURSTS]]
    folder.mkdir(parents=True)
    began, label_of = datetime(2026, 5, 1), {}
    for number, row in enumerate(drawn):
        burst = f"burst{number:03d}"
        label_of[burst] = row["label"]
        began += timedelta(seconds=float(rng.uniform(90, 900)))
        write_burst(data / name / "pool" / row["file"], folder / burst, began, rng)
    return label_of


def write_burst(photo: Path, stem: Path, began: datetime, rng: np.random.Generator) -> None:
    from PIL import Image, ImageEnhance

    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    width, height = image.size
    n_frames = round(np.exp(rng.uniform(np.log(2), np.log(MOST_FRAMES))))
    for frame in range(n_frames):
        share = rng.uniform(0.8, 1.0)
        left, top = rng.uniform(0, 1 - share, 2) * (width, height)
        part = image.resize((width, height), box=(left, top, left + share * width, top + share * height))
        part = ImageEnhance.Brightness(part).enhance(rng.uniform(0.75, 1.25))
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = "Camera", "One"
        exif.get_ifd(0x8769)[0x9003] = (began + timedelta(seconds=2 * frame)).strftime("%Y:%m:%d %H:%M:%S")
        part.save(f"{stem}-{frame:02d}.jpg", quality=int(rng.integers(60, 96)), exif=exif)


@cache
def loaded(work: Path, name: str) -> tuple[NDArray[Any], dict[str, NDArray[Any]], NDArray[Any]]:
    """Features, the groups of each kind, labels."""
    found = np.load(work / f"{name}.npz")
    return decoded(found["codes"], found["most"]), {"found": found["found"], "true": found["true"]}, found["labels"]


# --- choosing, training, judging --------------------------------------------------------------------


def run(options: argparse.Namespace, results: Path) -> None:
    done = keys_of(results, KEY)
    cells = [
        (name, seed, budget, way)
        for way in WAYS
        for budget in sorted(BUDGETS, reverse=True)
        for seed in SEEDS
        for name in options.set or SETS
    ]
    cells += [(name, seed, WHOLE_BURSTS, way) for seed in SEEDS for name in options.set or SETS for way in WHOLE]
    run_in_processes((cell for cell in cells if cell not in done), partial(cell_of, options.work), options, results)


def cell_of(work: Path, name: str, seed: int, budget: int, way: str) -> Rows:
    """One session on one pool: what is stated, and what is true of the rest of the pool and of new groups."""
    from evenpick import Pool, macro_accuracy, simulate, train
    from evenpick.estimates.outlook import outlook_of

    features, groups, labels = loaded(work, name)
    bursts = np.random.default_rng([seed, 5]).permutation(BURSTS)
    inside = np.isin(groups["true"], bursts[:IN_POOL])
    kind = way.rpartition(" ")[2]
    pool = Pool.from_arrays(features[inside], groups=None if kind == "none" else groups[kind][inside])
    true, bursts_inside = labels[inside], groups["true"][inside]
    begin = time.process_time()
    if way in WHOLE:
        rows = np.flatnonzero(np.isin(bursts_inside, bursts[:budget]))
        trained = {"seen": (rows, true[rows])}
    else:
        given = simulate(pool, true, budget, audit=0, random_state=seed)
        trained = {"seen": (given.indices, np.array(given.labels))}
        if pool.groups is not None:
            trained["inherited"] = with_inherited(pool.groups, *trained["seen"])
    labelled, names_given = trained["seen"]
    row: dict[str, Any] = dict(zip(KEY, (name, seed, budget, way), strict=True))
    expected = outlook_of(pool, labelled, names_given.tolist()).expectation
    if expected:
        row["stated"] = [expected.now.value, expected.now.low, expected.now.high]
    rest = ~np.isin(bursts_inside, bursts_inside[labelled])
    parts = {"rest": (features[inside][rest], true[rest]), "new": (features[~inside], labels[~inside])}
    for kind, (rows, names) in trained.items():
        model = train(pool, rows, names, random_state=seed)
        folds = model.cross_validations[model.strategy]
        own = groups["true"][inside][rows] if pool.groups is None else pool.groups[rows]
        held_out = [c for c in np.unique(names) if len(np.unique(own[names == c])) > 1]
        row[kind] = {"nested": interval_of_folds(folds.corrected_accuracy, folds.fold_accuracies)}
        for part, (points, answers) in parts.items():
            predicted, held = model.predict(points), np.isin(answers, held_out)
            row[kind][part] = macro_accuracy(answers, predicted)
            row[kind][f"{part}, held-out classes"] = macro_accuracy(answers[held], predicted[held])
    return [row | {"classes": len({*names_given.tolist()}), "cpu_seconds": round(time.process_time() - begin, 2)}]


def interval_of_folds(value: float, folds: Sequence[float]) -> list[float]:
    """The nested accuracy with the 90 % t interval of its folds."""
    half = stats.t.ppf(0.95, len(folds) - 1) * np.std(folds, ddof=1) / np.sqrt(len(folds))
    return [value, value - half, value + half]


def with_inherited(groups: NDArray[Any], rows: NDArray[Any], names: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows of the labelled groups, each with the label that was given to one of them."""
    name_of = dict(zip(groups[rows].tolist(), names.tolist(), strict=True))
    all_rows = np.flatnonzero(np.isin(groups, [*name_of]))
    return all_rows, np.array([name_of[group] for group in groups[all_rows].tolist()])


# --- the page ---------------------------------------------------------------------------------------


def table(rows: Rows) -> str:
    found = by_key(rows, KEY)
    lines = [
        "# Bursts: are the stated accuracies true, and what is one answer a burst worth?",
        "",
        f"{BURSTS} bursts of 2 to {MOST_FRAMES} frames each of caltech, food and places; {IN_POOL} of them are the pool of a seed, the others are",
        "*new groups*. The *rest* are the bursts of the pool without a label. Five seeds. Macro accuracy in percent over all classes that are",
        "there, undiscovered ones counting 0. `simulate` with `auto`, `train` by default. Features were kept as a byte each.",
        f"Command: `python benchmarks/bursts.py run --work WORK`, commit {commits(rows)}.",
        "",
        "## What `status` states",
        "",
        "How often its 90 % interval holds the truth, and by how much its middle is above the truth:",
        "",
        "| labels | groups | runs | holds, rest | holds, new groups | above the rest | above new groups |",
        "|---|---|---|---|---|---|---|",
        *(_stated(found, budget, way) for budget in BUDGETS for way in WAYS),
        *(_stated(found, WHOLE_BURSTS, way) for way in WHOLE),
        "",
        "## What the folds of `train` state",
        "",
        "Nested accuracy less the truth over the classes that can be held out (two groups or more; without groups two labels):",
        "",
        "| labels | groups | stated | above the rest | above new groups |",
        "|---|---|---|---|---|",
        *(_nested(found, budget, way) for budget in BUDGETS for way in WAYS),
        *(_nested(found, WHOLE_BURSTS, way) for way in WHOLE),
        "",
        "## One answer a burst, or one a frame",
        "",
        "Accuracy on new groups at equal answers, and by how much one answer a burst (groups as `embed` found them) is ahead, in pairs;",
        "then what the images that inherited the answer add in training to those that were seen:",
        "",
        "| answers | set | one a burst | one a frame | ahead | by what inherited |",
        "|---|---|---|---|---|---|",
        *(_answers(found, [budget], name) for budget in BUDGETS for name in (*SETS, None)),
        _answers(found, BUDGETS, None),
    ]
    return "\n".join(lines) + "\n"


def _kind(way: str) -> str:
    """What the product trains on: images that inherited an answer too."""
    return "inherited" if way == "found" else "seen"


def _of(found: dict[tuple, dict], budget: int, way: str, names: Sequence[str] = SETS) -> Rows:
    rows = [found[(name, seed, budget, way)] for name in names for seed in SEEDS if (name, seed, budget, way) in found]
    return [row | {"own": row[_kind(way)]} for row in rows]


def _stated(found: dict[tuple, dict], budget: int, way: str) -> str:
    rows = [row for row in _of(found, budget, way) if "stated" in row]
    holds = [
        f"{100 * np.mean([r['stated'][1] <= r['own'][part] <= r['stated'][2] for r in rows]):.0f} %"
        for part in ("rest", "new")
    ]
    above = [interval([100 * (r["stated"][0] - r["own"][part]) for r in rows], "+") for part in ("rest", "new")]
    return f"| {_labels(budget, way)} | {way.rpartition(' ')[2]} | {len(rows)} | {' | '.join([*holds, *above])} |"


def _nested(found: dict[tuple, dict], budget: int, way: str) -> str:
    rows = _of(found, budget, way)
    stated = interval([100 * r["own"]["nested"][0] for r in rows])
    above = [
        interval([100 * (r["own"]["nested"][0] - r["own"][f"{part}, held-out classes"]) for r in rows], "+")
        for part in ("rest", "new")
    ]
    return f"| {_labels(budget, way)} | {way.rpartition(' ')[2]} | {stated} | {' | '.join(above)} |"


def _labels(budget: int, way: str) -> str:
    return f"all frames of {budget} bursts" if way in WHOLE else f"{budget} answers"


def _answers(found: dict[tuple, dict], budgets: Sequence[int], name: str | None) -> str:
    names = SETS if name is None else (name,)
    burst, frame = ([row for budget in budgets for row in _of(found, budget, way, names)] for way in WAYS)
    new, single, seen = (
        100 * np.array([row[kind]["new"] for row in rows])
        for rows, kind in ((burst, "inherited"), (frame, "seen"), (burst, "seen"))
    )
    cells = [f"{new.mean():.1f}", f"{single.mean():.1f}", interval(new - single, "+"), interval(new - seen, "+")]
    return f"| {budgets[0] if len(budgets) == 1 else 'all'} | {name or 'all'} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
