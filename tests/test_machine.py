"""Steps in threads, in order and not far ahead; one BLAS thread at a time, in those threads too."""

import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from evenpick import machine
from evenpick.machine import cores, in_threads, map_in_threads, one_blas_thread


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_the_limit_reaches_other_threads_and_ends():
    _ = np.ones((2, 2)) @ np.ones((2, 2))  # BLAS is loaded
    seen = []

    with threadpool_limits(2, user_api="blas"):
        with one_blas_thread():
            thread = threading.Thread(target=lambda: seen.append(blas_threads()))
            thread.start()
            thread.join()
        after = blas_threads()

    assert seen == [{1}]
    assert after == {2}


def test_the_limit_holds_until_the_last_of_several_threads_has_left():
    with threadpool_limits(2, user_api="blas"):
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        within = blas_threads()
        second.__exit__(None, None, None)

        assert within == {1}
        assert blas_threads() == {2}


def test_there_is_a_core():
    assert cores() >= 1


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_results_come_in_the_order_of_the_items(threads):
    first_is_last = threading.Event()

    def step(item):
        if threads != 1 and cores() > 1 and item == 0:
            assert first_is_last.wait(10)  # until the second is done
        first_is_last.set()
        return item**2

    assert list(map_in_threads(step, range(50), threads)) == [item**2 for item in range(50)]
    assert list(map_in_threads(step, [], threads)) == []


def test_few_items_are_asked_for_before_their_results_are():
    asked = []
    items = (asked.append(i) or i for i in range(1000))

    for seen, result in enumerate(map_in_threads(lambda item: item, items, 2)):
        assert result == seen
        assert len(asked) <= seen + 9


def test_an_error_in_a_step_is_raised_and_ends_the_work():
    done = []

    def step(item):
        done.append(item)
        return 1 / (3 - item)

    with pytest.raises(ZeroDivisionError):
        list(map_in_threads(step, range(1000), 2))

    assert len(done) < 20


def test_each_item_is_done_once_and_asked_for_when_a_core_is_free():
    asked, done = [], []

    def items():
        for i in range(50):
            asked.append(i)
            assert len(asked) - len(done) <= 2 * cores()  # one at work and one just done on each core
            yield i

    in_threads(done.append, items())

    assert sorted(done) == list(range(50))


def test_an_error_in_one_item_is_raised():
    def step(item):
        if item == 3:
            raise ValueError("item 3")

    with pytest.raises(ValueError, match="item 3"):
        in_threads(step, range(6))


def test_after_an_error_no_further_item_is_asked_for():
    asked = []

    def step(item):
        if item == 3:
            raise ValueError("item 3")

    with pytest.raises(ValueError, match="item 3"):
        in_threads(step, (asked.append(i) or i for i in range(10_000)))

    assert len(asked) < 5_000


def test_steps_within_steps_come_to_an_end():
    done = []

    in_threads(lambda outer: in_threads(lambda inner: done.append((outer, inner)), range(10)), range(10))

    assert sorted(done) == [(outer, inner) for outer in range(10) for inner in range(10)]


def test_what_no_thread_was_free_for_is_not_kept():
    free = threading.Event()
    busy = [machine._helpers().submit(free.wait, 30) for _ in range(2 * cores())]

    def use():
        array = np.ones(1000)
        in_threads(lambda item: array.sum() + item, range(3))
        return weakref.ref(array)

    try:
        assert use()() is None
    finally:
        free.set()
    assert all(one.result() for one in busy)


@pytest.mark.slow
def test_a_process_kept_to_one_core_begins_no_thread():
    """In a process of its own: the limit is for good."""
    code = """
import threading
import numpy as np
from threadpoolctl import threadpool_info
from evenpick.machine import cores, in_threads, use_cores

use_cores(1)
seen = []
in_threads(lambda item: seen.append(threading.current_thread()), range(100))
assert cores() == 1
assert set(seen) == {threading.main_thread()}
assert {"blas", "openmp"} <= {library["user_api"] for library in threadpool_info()}
assert {library["num_threads"] for library in threadpool_info()} == {1}
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
