"""Steps in threads, in order and not far ahead; one BLAS thread at a time, in those threads too."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from evenpick.machine import cores, map_in_threads, one_blas_thread


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
