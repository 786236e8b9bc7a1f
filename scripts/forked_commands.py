"""Commands of evenpick in forks of one warm process, the folder that they work on, and what each leaves behind."""

import contextlib
import itertools
import json
import os
import resource
import select
import signal
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from made_photographs import make_network, make_photographs

IMAGES = 24
HANGS = 240.0  # seconds that no command takes, on a busy machine either
# Calls that change a file, as Python's audit hooks name them; of `open` those that write.
CHANGES = {
    "os.rename",
    "os.remove",
    "os.link",
    "os.truncate",
    "os.mkdir",
    "os.rmdir",
    "shutil.copyfile",
    "sqlite3.connect",
}


# --- commands in processes of their own -------------------------------------------------------------


@dataclass(frozen=True)
class Child:
    """A command that runs, and where it tells how it ended."""

    pid: int
    told: BinaryIO

    def ended(self, within: float = HANGS) -> tuple[int, str, int]:
        """Status, output and number of changes; -9 for one that was killed or ended otherwise without a word."""
        with self.told:
            if not select.select([self.told], [], [], within)[0]:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return -1, f"Traceback: it hangs for {within:.0f} s", 0
            answer = self.told.read()
        os.waitpid(self.pid, 0)
        return tuple(json.loads(answer)) if answer else (-9, "", 0)


def begun(command: list[str], stop_at: int | None = None, beforehand: Callable[[], object] = lambda: None) -> Child:
    """Begin a command in a fork of this process, which has loaded everything; it is killed at a change of a file."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        status, said, seen = 1, "", watched(stop_at)
        try:
            beforehand()
            status, said = invoke(command)
        finally:
            with contextlib.suppress(MemoryError):
                os.write(writing, json.dumps([status, said[-4000:], seen()]).encode())
            os._exit(0)
    os.close(writing)
    return Child(pid, os.fdopen(reading, "rb"))


def in_child(
    command: list[str], stop_at: int | None = None, beforehand: Callable[[], object] = lambda: None
) -> tuple[int, str, int]:
    """As `begun`, to its end."""
    return begun(command, stop_at, beforehand).ended()


def watched(stop_at: int | None) -> Callable[[], int]:
    """Count changes of files from now on, and kill this process at one of them; how many there were so far."""
    count, seen = itertools.count(1), 0

    def change() -> None:
        nonlocal seen
        seen = next(count)
        if seen == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if writes(event, arguments):
            change()

    synced, connected = os.fsync, sqlite3.connect

    def fsync(handle: int) -> None:  # audit hooks do not see it
        change()
        synced(handle)

    def connect(*given: Any, **options: Any) -> sqlite3.Connection:  # each statement counts, COMMIT too
        connection: sqlite3.Connection = connected(*given, **options)
        connection.set_trace_callback(lambda statement: change())
        return connection

    os.fsync, sqlite3.connect = fsync, connect
    sys.addaudithook(hook)
    return lambda: seen


def writes(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether an audit event is a change of a file."""
    if event != "open":
        return event in CHANGES
    mode, flags = arguments[1], arguments[2]
    wanted = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    return any(sign in str(mode or "") for sign in "wax+") or (isinstance(flags, int) and bool(flags & wanted))


def invoke(command: list[str]) -> tuple[int, str]:
    """Run a command in this process: exit status and output, a traceback included."""
    import traceback

    from click.testing import CliRunner

    from evenpick.cli import main

    result = CliRunner().invoke(main, command)
    said = result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        said += "Traceback: " + "".join(traceback.format_exception(result.exception))
    return result.exit_code, said


def files_up_to(largest: int) -> None:
    """From now on no file of this process grows beyond so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))


def memory_up_to(more: int) -> None:
    """From now on this process gets so many bytes of memory more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + more
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def load_everything() -> None:
    """What the commands import when they need it, so that no child has to."""
    import importlib
    import pkgutil

    import evenpick

    for module in pkgutil.walk_packages(evenpick.__path__, "evenpick."):
        heavy = ("torch", "ray", "skactiveml", "paper", "web", "demo", "__main__", "fine_tuning")
        if not any(part in module.name for part in heavy):
            importlib.import_module(module.name)
    import onnx
    import onnxruntime
    import scipy.optimize
    import sklearn.cluster
    from PIL import Image

    Image.init()
    assert all((onnx, onnxruntime, scipy, sklearn))


# --- one workspace ----------------------------------------------------------------------------------


def make_folder(at: Path) -> None:
    """Photographs and a network, as `commands` uses them."""
    at.mkdir()
    make_photographs(at / "photos", ["bright" if i % 2 else "dark" for i in range(IMAGES)])
    make_network(at / "network.onnx")


def commands(at: Path) -> dict[str, list[str]]:
    """Every command that writes, in the order of use, in a folder that holds photographs and a workspace."""
    work, photos, source = str(at / "work"), str(at / "photos"), f"onnx:{at / 'network.onnx'}"
    return {
        "embed": ["embed", work, photos, "--source", source],
        "select": ["select", work, "--budget", "4"],
        "import": ["import", work, str(at / "labels.csv")],
        "simulate": ["simulate", work, "--labels", str(at / "labels.csv"), "--budget", "24"],
        "train": ["train", work, "--no-self-training", "--folds", "2"],
        "export": ["export", work, str(at / "out.csv")],
        "export --to folder": ["export", work, str(at / "sorted"), "--to", "folder"],
        "backup": ["backup", work, str(at / "kept.sqlite")],
        "report": ["report", work],
        "evaluate": ["evaluate", work, photos, "--labels", str(at / "labels.csv")],
        "predict": ["predict", work, photos, "--out", str(at / "predictions.csv")],
        "status": ["status", work],
    }


def labels_of(at: Path) -> list[tuple[str, str]] | None:
    """What the record says, None if there is none."""
    record = at / "work" / "labels.sqlite"
    if not record.is_file():
        return None
    with contextlib.closing(sqlite3.connect(record)) as connection:
        return connection.execute("SELECT image, label FROM record WHERE kind = 'label' ORDER BY id").fetchall()


def result_of(at: Path, name: str) -> object:
    """What a command leaves behind, without times; equal for two runs that ended alike."""
    work = at / "work"
    if name == "embed":
        return np.load(work / "pool" / "features-00000.npy").tobytes()
    if name in ("import", "simulate"):
        return labels_of(at)
    if name in ("train", "fine-tuning"):
        [weights] = (work / "model").glob("network-*.onnx" if name == "fine-tuning" else "weights-*.safetensors")
        return weights.read_bytes()
    if name == "report":
        return (work / "report" / "classes.csv").read_bytes()
    file = {"select": work / "selection.csv", "export": at / "out.csv", "predict": at / "predictions.csv"}.get(name)
    if name == "export --to folder":
        return sorted(file.relative_to(at).as_posix() for file in (at / "sorted").rglob("*.png"))
    if name == "backup":
        with contextlib.closing(sqlite3.connect(at / "kept.sqlite")) as connection:
            return connection.execute("SELECT count(*) FROM record").fetchone()
    return file.read_bytes() if file else None
