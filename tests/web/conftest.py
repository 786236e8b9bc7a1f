"""The labelling page of a made workspace, without a network and with one."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
import uvicorn
from starlette.testclient import TestClient

from evenpick.pool import Pool
from evenpick.session import RecordedSession
from evenpick.web.app import create_app
from evenpick.web.loans import Loans

HERE = "http://127.0.0.1:8765"


class Client(TestClient):
    """A client of the app, at the address that people open."""

    session: RecordedSession

    def ask(self, path, **body):
        """The reply to a POST that is accepted."""
        answer = self.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def begin(make_workspace) -> Iterator[Callable[..., Client]]:
    """Start the app on a new workspace; returns its client."""
    with contextlib.ExitStack() as stack:

        def build(n=40, budget=20, workspace=None, balancing="ratio_max", **options):
            workspace = workspace or make_workspace(n)
            session = stack.enter_context(
                RecordedSession(
                    workspace, Pool.open(workspace), budget, "ann", acquisition="random", balancing=balancing
                )
            )
            app = create_app(session, **options)
            stack.callback(app.state.close)
            client = stack.enter_context(Client(app, base_url=HERE))
            client.session = session
            return client

        yield build


@pytest.fixture
def lend():
    """Loans of a session; both are closed in the end."""
    with contextlib.ExitStack() as stack:

        def build(session, **options):
            stack.enter_context(session)
            loans = Loans(session, **options)
            stack.callback(loans.close)
            return session, loans

        yield build


@pytest.fixture
def running() -> Callable[..., AbstractContextManager[str]]:
    """A real server of an app on a free port of this machine; its address."""

    @contextlib.contextmanager
    def run(app):
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()

    return run


@pytest.fixture
def open_page(browser):
    from browsing import Page

    pages = []
    browser.get_log("browser")

    def build(server):
        pages.append(Page(browser, getattr(server, "address", server)))
        return pages[-1]

    yield build
    problems = [entry for entry in browser.get_log("browser") if "net::ERR" not in entry["message"]]
    for page in pages:
        with contextlib.suppress(Exception):
            page.close()
    # A broken rule of the Content-Security-Policy would be among them.
    assert [p["message"] for p in problems if "status of 4" not in p["message"]] == []


@pytest.fixture
def open_grid_of(browser, running):
    """Open the page of many images of a client; what it is asked for stands in its address."""
    from browsing import Grid

    with contextlib.ExitStack() as stack:

        def build(client, asked=""):
            page = Grid(browser, f"{stack.enter_context(running(client.app))}/grid{asked}")
            stack.callback(page.close)
            return page

        browser.get_log("browser")
        yield build
        problems = [entry["message"] for entry in browser.get_log("browser")]
        assert [message for message in problems if "status of 4" not in message] == []


@pytest.fixture
def page_of(running, open_page):
    """Open the page of a client's app, with its session, and wait until it can be answered."""
    with contextlib.ExitStack() as stack:

        def build(client):
            page = open_page(stack.enter_context(running(client.app)))
            page.session = client.session
            page.wait_until_it_can_be_answered()
            return page

        yield build
