"""What this machine offers: its cores, steps spread over them, and one at a time for linear algebra."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")


class Run(Protocol):
    """Applies a step to each item, wherever there are cores, and gives the results in the order of the items."""

    def __call__(self, step: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]: ...


_most_cores: int | None = None


def cores() -> int:
    """Cores that this process may use."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, _most_cores or here)


def use_cores(most: int) -> None:
    """Keep this process to so many cores: one of several processes that share the machine."""
    global _most_cores
    import scipy.linalg  # noqa: F401 (only libraries that are loaded are found)
    import sklearn.cluster  # noqa: F401
    from threadpoolctl import threadpool_limits

    _most_cores = most
    threadpool_limits(most)


def map_in_threads(
    step: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Iterator[Result]:
    """A `Run` on this machine, with a bounded number of items under way in as many threads as there are cores."""
    threads = threads or cores()
    with ThreadPoolExecutor(threads) as executor:
        yield from in_order(lambda item: executor.submit(step, item), items, 4 * threads)


def in_order(
    submit: Callable[[Item], "Future[Result]"], items: Iterable[Item], most_under_way: int
) -> Iterator[Result]:
    """Results in the order of the items, of which so many at most are submitted ahead."""
    todo = iter(items)
    under_way = deque(submit(item) for item in islice(todo, most_under_way))
    try:
        while under_way:
            yield under_way.popleft().result()
            under_way.extend(submit(item) for item in islice(todo, 1))
    finally:
        for future in under_way:
            future.cancel()


def in_threads(step: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Call `step` for each item, one on each core at a time; an error in one is raised.

    An item is asked for when a core is free for it. Matrix products in a step belong within `one_blas_thread`.
    The calling thread works too, and alone while no other is free: a small step must not wait for a thread to start.
    """
    waiting, lock, failed = iter(items), threading.Lock(), threading.Event()

    def work() -> None:
        while True:
            with lock:
                item = None if failed.is_set() else next(waiting, None)
            if item is None:
                return
            try:
                step(item)
            except BaseException:
                failed.set()  # the others leave what is left
                raise

    # What is cancelled stays in the queue of a pool that is busy: it must not hold on to the step and its arrays.
    todo = [work]
    others = [_helpers().submit(lambda: [go() for go in todo]) for _ in range(cores() - 1)]
    try:
        work()
    finally:
        todo.clear()
        for other in others:
            if not other.cancel():
                other.result()


@cache
def _helpers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(cores() - 1, 1), "evenpick-step")


@cache
def _linear_algebra() -> "ThreadpoolController":
    """NumPy's and SciPy's, found once: looking through all libraries takes longer than a small step does."""
    import scipy.linalg  # noqa: F401 (only libraries that are loaded are found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class _OneBlasThread:
    """A limit that several threads may ask for at a time: the first sets it, the last lifts it."""

    def __init__(self) -> None:
        self._lock, self._users = threading.Lock(), 0
        self._limits: AbstractContextManager[object] = nullcontext()

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._limits = _linear_algebra().limit(limits=1, user_api="blas")
                self._limits.__enter__()
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._limits.__exit__(None, None, None)


_ONE_BLAS_THREAD = _OneBlasThread()


def one_blas_thread() -> AbstractContextManager[None]:
    """Within, each matrix product runs on the core that asks for it, also in threads begun within.

    Threads that share one small product wait for each other longer than they compute: measured on two cores, a
    logistic regression on 400 labels takes five times as long with two of them. Results then do not depend on the
    number of cores either. OpenBLAS heeds this from the main thread alone; elsewhere it may change nothing.
    """
    return _ONE_BLAS_THREAD


Progress = Callable[[int, int], None]  # images done, images in all
