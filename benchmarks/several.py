"""What several sources side by side cost: processor time of an image and memory, beside those of each source alone.

    python benchmarks/several.py FOLDER [--images 400] [--rounds 3]     # writes benchmarks/several.md; needs the extra lite

Each measurement is a process of its own, which embeds the same files into a new workspace. The sources take turns. What is
told is processor time, all threads together: it depends less on other programs than the time on the clock does.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

LITE = [f"efficientnet_lite{number}" for number in (0, 1, 2)]
SOURCES = [*LITE, "+".join(LITE[:2]), f"{LITE[0]}+{LITE[2]}", "+".join(LITE)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(embedded(options.folder, options.one)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        for number, file in enumerate(sorted(options.folder.rglob("*.jpg"))[: options.images]):
            shutil.copy(file, Path(scratch, f"{number:05d}.jpg"))  # names of several folders may be equal
        for name in LITE:
            load_once(name)
        rounds = [{name: measure(Path(scratch), name) for name in SOURCES} for _ in range(options.rounds)]
    page = write_up(options, rounds)
    Path(__file__).with_suffix(".md").write_text(page)
    print(page)


def load_once(source: str) -> None:
    """Let the network be made in the user's cache, which takes memory that no later run takes."""
    command = [sys.executable, "-c", f"from evenpick import SourceModel; SourceModel.load({source!r})"]
    subprocess.run(command, check=True)


def measure(folder: Path, source: str) -> dict:
    command = [sys.executable, __file__, str(folder), "--one", source]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def embedded(folder: Path, source: str) -> dict:
    from evenpick import SourceModel, embed

    loaded = SourceModel.load(source)
    with tempfile.TemporaryDirectory() as workspace:
        begin = time.process_time()
        n = len(embed(workspace, folder, loaded).pool)
        seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"images": n, "ms": 1000 * seconds / n, "peak_mib": peak}


def write_up(options: argparse.Namespace, rounds: list[dict]) -> str:
    import onnxruntime

    from evenpick import __version__

    lines = [
        "# What several sources side by side cost",
        "",
        f"Command: `python benchmarks/several.py FOLDER --images {options.images} --rounds {options.rounds}`, evenpick {__version__}, "
        f"{date.today()}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"onnxruntime {onnxruntime.__version__}; FOLDER: {options.folder.resolve().parent.name}/{options.folder.name}, "
        f"{rounds[0][SOURCES[0]]['images']} images.",
        "",
        "Processor time of an image in each round, its ratio to that of the first source in the same round (median), and the most",
        "memory of a process.",
        "",
        "| source | ms an image (each round) | ratio | peak memory, MiB |",
        "|---|---|---|---|",
    ]
    for name in SOURCES:
        each = [one[name]["ms"] for one in rounds]
        ratio = np.median([one[name]["ms"] / one[SOURCES[0]]["ms"] for one in rounds])
        peak = max(one[name]["peak_mib"] for one in rounds)
        lines.append(f"| `{name}` | {', '.join(f'{ms:.1f}' for ms in each)} | {ratio:.2f} | {peak:.0f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
