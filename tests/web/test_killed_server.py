"""`kill -9` of the server at random moments: no answer that was acknowledged is lost, and none counts twice."""

import multiprocessing
import random
import re
import sys
import threading
import time

import httpx2 as httpx
import pytest

from evenpick.labels import LabelStore
from evenpick.pool import Pool
from evenpick.session import Question, Session
from evenpick.web import serve

pytestmark = pytest.mark.slow

ROUNDS = 100
BUDGET = 450  # more than is answered; balancing begins after a quarter of it


def oracle(row):
    """Common and rare classes, and images that nobody can tell."""
    if row % 19 == 0:
        return None
    return "common" if row % 10 else f"rare {row // 10 % 4}"


def questions(pool, grids):
    """What an uninterrupted session asks, first to last; `grids` are what was labelled at once after which question."""
    session = Session(pool, BUDGET, "random", "ratio_max", 1, 7)
    while (row := session.next()) is not None:
        yield row, session.phase
        if (label := oracle(row)) is None:
            session.skip(row)
        else:
            session.label(row, label)
        phase = session.phase
        for other in grids.get(row, ()):  # no answer to what is asked, even where it is that image
            session.record(session.checked(other, "grid", Question(other, phase)))


class Annotator:
    """Answers over HTTP as the page does: sent again with the same id until it is acknowledged."""

    def __init__(self, client):
        self._client = client
        self.acknowledged = []
        self.shown = []
        self.grids = {}
        self._pending = None

    def work(self, address):
        """Go on until the server is gone."""
        try:
            while True:
                self._one_answer(address)
        except httpx.TransportError:
            pass  # it was killed

    def _one_answer(self, address):
        if self._pending is None:
            turn = self._sent(f"{address}api/next", {})["turn"]
            assert turn["status"] == "image"
            row = turn["image"]["row"]
            label = oracle(row)
            request = f"request-{len(self.acknowledged)}"
            path, answer = ("api/skip", {}) if label is None else ("api/label", {"label": label})
            self._pending = path, {"row": row, "request": request, **answer}
            self.shown.append(row)
        path, body = self._pending
        if path == "api/label_many":
            self._sent(address + path, body)
            self.acknowledged += [(row, "grid") for row in body["rows"]]
            self._pending = None
            return
        self._sent(address + path, body)
        self.acknowledged.append((body["row"], body.get("label")))
        self._pending = None
        if len(self.shown) % 6 == 0:
            self._lay_out(address, body["row"])

    def _lay_out(self, address, row):
        """Some images like the one that was answered, to be labelled at once."""
        tiles = self._sent(f"{address}api/alike", {"row": row, "count": 3})["tiles"]
        self.grids[row] = [tile["row"] for tile in tiles]
        body = {"rows": self.grids[row], "label": "grid", "request": f"request-{len(self.acknowledged)}"}
        self._pending = "api/label_many", body

    def _sent(self, address, body):
        answer = self._client.post(address, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.mark.skipif(sys.platform == "win32", reason="the server is forked from a warm process")
def test_a_hundred_kills_lose_nothing_and_change_no_question(make_workspace):
    workspace = make_workspace(600)
    pool, draw = Pool.open(workspace), random.Random(0)
    client = httpx.Client(timeout=20)
    annotator = Annotator(client)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(
        ["pytest", "evenpick.web.server", "evenpick.session.balancing", "evenpick.acquisition.table"]
    )
    options = {"acquisition": "random", "balancing": "ratio_max", "patience": 1, "random_state": 7}
    killed_at_work = 0

    for _ in range(ROUNDS):
        ours, theirs = processes.Pipe()
        told = {"port": 0, "open_browser": False, "announce": theirs.send, **options}
        server = processes.Process(target=serve, args=(workspace, pool, BUDGET), kwargs=told)
        server.start()
        address, token = re.search(r"(http://\S+)\?token=(\S+)", ours.recv()).groups()
        client.headers["authorization"] = f"Bearer {token}"  # the same each time
        if draw.random() < 0.9:  # else it may be killed before it serves anything
            client.get(f"{address}api/state")
        work = threading.Thread(target=annotator.work, args=(address,))
        began, known, wanted = time.monotonic(), len(annotator.acknowledged), draw.randint(0, 4)
        work.start()
        while work.is_alive() and len(annotator.acknowledged) < known + wanted:
            time.sleep(0.001)
        # Then anywhere within the next answer, at the pace of this machine.
        pace = (time.monotonic() - began) / max(1, wanted)
        time.sleep(draw.uniform(0, min(pace, 0.1)))
        killed_at_work += work.is_alive()
        server.kill()
        server.join()
        work.join()
        ours.close()
        theirs.close()
    client.close()

    expected = list(questions(pool, annotator.grids))
    count, answered = len(annotator.acknowledged), len(annotator.shown)
    assert annotator.shown == [row for row, _ in expected][: len(annotator.shown)]
    with LabelStore(workspace) as store:
        recorded = [(pool.row_of[e.image], e.label) for e in store.entries()]
    # The last answer, or grid, may be on the disk although its reply was lost.
    assert recorded[:count] == annotator.acknowledged
    assert len(recorded) - count in (0, 1, 3)
    assert len(annotator.grids) > 10
    assert len({row for row, _ in recorded}) == len(recorded)
    assert killed_at_work == ROUNDS
    assert count > ROUNDS
    assert expected[answered - 1][1] == "balancing"
