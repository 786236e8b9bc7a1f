"""What opening a record, an answer, an undo and a renamed class cost, after many answers.

    python benchmarks/long_record.py [--answers 1500 10000]

Made features of 16 numbers, 12 classes, steering `auto`; seconds of the clock, the median of five, the disk among them:
each of the three last is on it before it counts.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from evenpick import Preprocessing
from evenpick.labels import Annotation
from evenpick.pool import Pool
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.session import RecordedSession
from evenpick.sources import SourceDescription

CLASSES, TIMES = 12, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--answers", type=int, nargs="+", default=[1500, 10_000])
    options = parser.parse_args()
    print("| answers | opened | an answer | an undo | a renamed class |\n|---|---|---|---|---|")
    for answers in options.answers:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {answers:,} | " + " | ".join(f"{taken:.3f} s" for taken in costs(Path(folder), answers)) + " |")


def costs(folder: Path, answers: int) -> list[float]:
    """Seconds of each of the four."""
    pool, names = begun(folder, answers)
    opened = timed(lambda: RecordedSession(folder / "work", pool).store.close())
    with RecordedSession(folder / "work", pool) as session:
        session.next()
        free = iter(range(answers, len(pool)))
        answered = timed(lambda: session.label(row := next(free), names[row]))
        return [
            opened,
            answered,
            timed(session.undo),
            timed(lambda: session.rename("class 3", f"class {next(free)}"), 1),
        ]


def timed(step: Callable[[], object], times: int = TIMES) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def begun(folder: Path, answers: int) -> tuple[Pool, list[str]]:
    """A workspace with a record of so many answers, and the class of each row."""
    n, rng = answers + 2000, np.random.default_rng(0)
    writer = PoolWriter(folder / "work", folder, SourceDescription("made", Preprocessing(), 16, 7, "none", "0"))
    ids = [f"{i:06d}.jpg" for i in range(n)]
    likes = summarise_probabilities(rng.dirichlet(np.ones(7), size=n))
    writer.append([ImageRow(name, name) for name in ids], rng.normal(size=(n, 16)).astype(np.float32), likes)
    names = [f"class {number}" for number in rng.integers(0, CLASSES, n)]
    pool = Pool.open(folder / "work")
    with RecordedSession(folder / "work", pool, n - 10, "ann", audit=0) as session:
        session.store.append(Annotation(ids[i], names[i], "discovery", annotator="ann") for i in range(answers))
    return pool, names


if __name__ == "__main__":
    main()
