"""One BLAS thread at a time, in the threads that share the work too."""

import threading

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from evenpick.machine import cores, one_blas_thread


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
