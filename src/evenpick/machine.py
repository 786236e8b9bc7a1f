"""What this machine offers: its cores, and one of them at a time for linear algebra."""

import os
from contextlib import AbstractContextManager


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_blas_thread() -> AbstractContextManager[object]:
    """Within, each matrix product runs on the core that asks for it, also in threads begun within.

    Threads that share one small product wait for each other longer than they compute: measured on two cores, a
    logistic regression on 400 labels takes five times as long with two of them. Results then do not depend on the
    number of cores either. OpenBLAS heeds this from the main thread alone; elsewhere it may change nothing.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits
