"""The block steps of one machine, spread over a Ray cluster: same results, and a lost worker is made good.

This process walks through the images or blocks as it does alone; tasks apply the same step to some of them at a
time. A task keeps nothing, so one whose worker or machine is lost runs again elsewhere. Images and workspace
must lie under the same path on every machine: on a shared file system, unless there is one machine only.
"""

import contextlib
import functools
import itertools
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ._version import __version__
from .acquisition import AcquisitionFunction, core_set
from .errors import EvenpickError, MissingExtraError, first_few
from .machine import Item, Result, Run, cores, in_order, one_blas_thread
from .paths import Paths

try:
    import ray
    from ray.exceptions import RayError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:
    raise MissingExtraError("working on a Ray cluster", "ray") from None

ON_RAY: dict[str, Callable[..., Any]] = {"core_set": core_set}  # those whose cost grows with the features

_MOST_ITEMS = 32  # a task: seconds of work beside milliseconds of handing it out
_RETRIES = 10  # of a task whose worker is lost; machines that are only lent for a while are lost often
_STORE_BYTES = 256 << 20  # of shared memory, for a cluster of this machine alone
_PATIENCE = 60  # seconds


@contextlib.contextmanager
def on_ray(address: str, *needed: Path) -> Iterator[Run]:
    """What spreads steps over the cluster at HOST:PORT, or over one that is begun here for `local`.

    A connection that this process has already is used, and kept.

    Raises
    ------
    EvenpickError
        If there is no cluster, or one of its machines lacks evenpick or the files and folders that are needed.
    """
    connected_already = ray.is_initialized()
    if not connected_already:
        _connect(address)
    try:
        here = [path.resolve() for path in needed]
        _check_machines([path for path in here if path not in _missing(here)])
        yield map_in_tasks
    finally:
        if not connected_already:
            ray.shutdown()


@contextlib.contextmanager
def acquisition_on_ray(name: str, address: str, workspace: Path) -> Iterator[str | AcquisitionFunction]:
    """The acquisition function, its block step spread over the cluster; one that is not in `ON_RAY` stays here."""
    if name not in ON_RAY:
        yield name
        return
    with on_ray(address, Paths(workspace).pool):
        run = functools.partial(map_in_tasks, settled=True)  # every pass reads the same blocks again
        yield functools.partial(ON_RAY[name], run=run)


def map_in_tasks(step: Callable[[Item], Result], items: Iterable[Item], settled: bool = False) -> Iterator[Result]:
    """A `Run` on the connected cluster, some items a task.

    With `settled` the same items go to the same machine whenever this is called, as long as it is there: the
    files that they name are in its memory already.
    """
    slots = [node["NodeID"] for node in _machines() for _ in range(int(node["Resources"]["CPU"]))]
    homes = itertools.cycle(NodeAffinitySchedulingStrategy(node, soft=True) if settled else "DEFAULT" for node in slots)
    sent = ray.put(step)
    task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_apply)

    def submit(chunk: list[Item]) -> "Future[list[Result]]":
        future: Future[list[Result]] = task.options(scheduling_strategy=next(homes)).remote([sent], chunk).future()
        return future

    under_way = 4 * len(slots)
    try:
        for results in in_order(submit, _growing_chunks(items, under_way), under_way):
            yield from results
    except RayTaskError as error:
        raise error.cause from error
    except RayError as error:
        raise EvenpickError(
            f"Ray lost the workers of one task {_RETRIES + 1} times ({_one_line(error)}); "
            "look at their memory, then run the same command again"
        ) from error


def _growing_chunks(items: Iterable[Item], each: int) -> Iterator[list[Item]]:
    """So many chunks of one item, then of two, of four: few items use every core, and of many none waits in a list."""
    todo = iter(items)
    for doubled in itertools.count():
        for _ in range(each):
            if not (chunk := list(itertools.islice(todo, min(1 << doubled, _MOST_ITEMS)))):
                return
            yield chunk


def _apply(sent: list[Any], items: list[Item]) -> list[Any]:
    step = _received(sent[0])
    with one_blas_thread():
        return [step(item) for item in items]


@functools.lru_cache(maxsize=1)
def _received(step: Any) -> Any:
    """What the reference stands for, fetched and built once a worker: it may hold a network."""
    return ray.get(step)


# --- the cluster ------------------------------------------------------------------------------------


def _connect(address: str) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what a user works on is nobody else's business
    begin = functools.partial(ray.init, address, log_to_driver=False, configure_logging=False)
    host, _, port = address.rpartition(":")
    try:
        if address == "local":
            begin(num_cpus=cores(), include_dashboard=False, object_store_memory=_STORE_BYTES)
        elif not host or not port.isdecimal() or "/" in host:
            raise EvenpickError(f"Ray address '{address}' must be HOST:PORT, or `local` for one begun on this machine")
        else:
            # Ray itself would try for minutes.
            socket.create_connection((host, int(port)), timeout=5).close()
            begin()
    except (OSError, OverflowError, RuntimeError, ValueError, RayError) as error:
        raise EvenpickError(
            f"no Ray cluster takes this machine in at '{address}' ({_one_line(error)}): start or join one with `ray start`, "
            "set RAY_AUTH_MODE=token if it asks for a token, or say `local`"
        ) from error


def _machines() -> list[dict[str, Any]]:
    """What Ray says of each machine with cores to work on, always in the same order."""
    machines = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not machines:
        raise EvenpickError("the Ray cluster has no machine with a CPU to work on; start one that has")
    return sorted(machines, key=lambda node: str(node["NodeID"]))


def _check_machines(needed: list[Path]) -> None:
    """Look from every machine of the cluster, before anything is begun that most of them could not do."""
    look = ray.remote(num_cpus=0)(_look)
    machines = _machines()
    there = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in machines]
    looks = [look.options(scheduling_strategy=place).remote(needed) for place in there]
    for machine, seen in zip([node["NodeManagerAddress"] for node in machines], looks, strict=True):
        try:
            version, missing = ray.get(seen, timeout=_PATIENCE)
        except RayError as error:
            raise EvenpickError(
                f"machine {machine} of the Ray cluster cannot run evenpick ({_one_line(error)}); "
                f"install evenpick {__version__} there"
            ) from error
        if version != __version__:
            raise EvenpickError(
                f"machine {machine} of the Ray cluster has evenpick {version}, this one {__version__}; install the same"
            )
        if missing:
            raise EvenpickError(
                f"machine {machine} of the Ray cluster does not see {first_few(map(str, missing))}, or sees an empty folder; "
                "mount the shared file system there, under the same path"
            )


def _look(needed: list[Path]) -> tuple[str, list[Path]]:
    return __version__, _missing(needed)


def _missing(needed: list[Path]) -> list[Path]:
    """What is not there; a file system that is not mounted leaves an empty folder."""
    return [path for path in needed if not (any(path.iterdir()) if path.is_dir() else path.exists())]


def _one_line(error: BaseException) -> str:
    """What went wrong, without Ray's log of where."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    cause = getattr(error, "cause", None) or error  # of an error in a task, that error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0].partition(". ")[0]
