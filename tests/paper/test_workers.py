"""The processes that run cells: none is left behind."""

import os
import signal
import time

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_workers_of_a_killed_run_end_too(how, start_run):
    process = start_run(1)
    os.kill(process.pid, how)
    process.wait()

    for _ in range(300):
        try:
            os.killpg(process.pid, 0)  # its session has no process left
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a worker is still there")
