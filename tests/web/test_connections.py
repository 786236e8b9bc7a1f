"""Who sends half a request keeps nobody out; what is no request gets a reply that says so, and no traceback."""

import contextlib
import json
import socket
import threading
import time

import httpx2 as httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from evenpick.web.connections import Connection
from evenpick.web.guard import HEADERS


class Hasty(Connection):
    """Does not wait long, and takes few."""

    patience = 0.3
    most = 8


@contextlib.contextmanager
def served(app):
    config = uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="off", http=Hasty)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join()


HALF = [
    b"",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    b"POST /api/next HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
]


@pytest.mark.parametrize("half", HALF)
def test_a_request_that_does_not_become_whole_is_ended(begin, half, capfd):
    with served(begin().app) as address, socket.create_connection(address, timeout=5) as client:
        client.sendall(half)

        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1000) == b""
    assert capfd.readouterr().err == ""


def test_a_page_is_answered_while_many_half_requests_wait(begin):
    with served(begin().app) as address, contextlib.ExitStack() as stack:
        for _ in range(50):
            client = stack.enter_context(socket.create_connection(address, timeout=5))
            client.sendall(HALF[1])

        assert httpx.get(f"http://127.0.0.1:{address[1]}/").status_code == 200


def test_a_connection_is_kept_between_requests(begin):
    with served(begin().app) as address, httpx.Client() as client:
        for _ in range(3):
            assert client.get(f"http://127.0.0.1:{address[1]}/api/state").status_code == 200
            time.sleep(0.4)


def test_a_client_that_is_gone_in_the_middle_of_a_body_leaves_no_traceback(begin, capfd):
    with served(begin().app) as address:
        with socket.create_connection(address, timeout=5) as client:
            client.sendall(HALF[2])
        time.sleep(0.2)

    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("address", ["/image/" + "1" * 5000, "/thumbnail/" + "9" * 5000])
def test_numbers_of_any_length_are_no_address(begin, address):
    assert begin().get(address).status_code == 404


def test_a_length_of_any_number_of_digits_is_refused(begin):
    headers = {"content-type": "application/json", "content-length": "9" * 5000}

    assert begin().post("/api/next", content=b"{}", headers=headers).status_code == 413


def test_a_failure_of_the_server_carries_the_security_headers_too(begin, monkeypatch):
    client = begin()
    monkeypatch.setattr("evenpick.web.app._rendered", None)

    reply = TestClient(client.app, base_url="http://127.0.0.1:8765", raise_server_exceptions=False).get("/")

    assert reply.status_code == 500
    assert json.loads(reply.content)["error"].startswith("the server has failed")
    assert {name: reply.headers[name] for name in HEADERS} == HEADERS
    assert reply.headers["cache-control"] == "no-store"
