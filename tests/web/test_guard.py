"""What every request must pass and every response carries: each layer alone, then all in front of the app."""

import asyncio
import socket
from typing import NamedTuple

import pytest

from evenpick.web.guard import BodySize, HostNames, Origins, ResponseHeaders, Token, is_our_host

HOST = "127.0.0.1:8765"
TOKEN = "a-token-of-some-length"

# Written out, so that the test fails when one of them changes.
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def call(app, method="GET", path="/", query="", headers=None):
    """Straight to an ASGI application: a client library would tidy what is sent and what comes back."""
    sent = {"host": HOST, **(headers or {})}
    scope = {
        "type": "http", "http_version": "1.1", "scheme": "http", "method": method, "path": path,
        "raw_path": path.encode(), "root_path": "", "query_string": query.encode(), "server": ("127.0.0.1", 8765),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
    }  # fmt: skip
    messages = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    start, *parts = messages
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(part["body"] for part in parts))


async def welcome(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"welcome"})


# --- response headers -------------------------------------------------------------------------------


def test_every_response_carries_the_security_headers_and_is_not_kept():
    assert call(ResponseHeaders(welcome)).headers == {**SECURITY_HEADERS, "cache-control": "no-store"}


def test_a_response_may_say_itself_how_long_it_is_kept():
    async def kept(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Cache-Control", b"max-age=9")]})
        await send({"type": "http.response.body", "body": b""})

    headers = call(ResponseHeaders(kept)).headers

    assert headers == {**SECURITY_HEADERS, "Cache-Control": "max-age=9"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/state",
        "/image/1",
        "/image/99",
        "/static/label.css",
        "/static/no.css",
        "/nothing",
        "/api",
        "/api/label",
    ],
)
def test_every_address_of_the_app_carries_them(begin, path):
    headers = begin().get(path).headers

    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert headers["cache-control"] == ("private, max-age=3600" if path == "/image/1" else "no-store")


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"host": "evil.example"}, 403),
        ("GET", {"origin": "http://evil.example"}, 403),
        ("GET", {"authorization": "Bearer wrong"}, 401),
        ("POST", {"authorization": f"Bearer {TOKEN}", "content-length": "65537"}, 413),
    ],
)
def test_every_refusal_carries_them_too(begin, method, headers, status):
    answer = call(begin(token=TOKEN).app, method, "/api/label", headers=headers)

    assert answer.status == status
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_first_rule_that_is_broken_answers(begin):
    app = begin(token=TOKEN).app
    wrong = {"host": "evil.example", "origin": "http://another.example", "content-length": "65537"}
    reasons = []
    for name, right in [("host", HOST), ("origin", f"http://{HOST}"), ("authorization", f"Bearer {TOKEN}")]:
        reasons.append(call(app, "POST", "/api/label", headers=wrong).body)
        wrong[name] = right
    reasons.append(call(app, "POST", "/api/label", headers=wrong).body)

    for reason, said in zip(reasons, [b"go by the name", b"other sites", b"its token", b"65536 bytes"], strict=True):
        assert said in reason


def test_an_answer_to_head_has_the_length_of_the_body_but_no_body():
    refused = HostNames(welcome, bound="127.0.0.1")
    full = call(refused, "GET", headers={"host": "evil.example"})
    head = call(refused, "HEAD", headers={"host": "evil.example"})

    assert full.headers["content-length"] == str(len(full.body)) != "0"
    assert head == (403, full.headers, b"")


# --- host names -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "127.0.0.1@evil"])
def test_a_foreign_host_name_is_refused(host):
    """DNS rebinding: a foreign name that leads to this machine."""
    answer = call(HostNames(welcome, bound="127.0.0.1"), headers={"host": host})

    assert answer.status == 403
    assert b"does not go by the name" in answer.body


def test_which_names_are_ours():
    assert all(is_our_host(name, "127.0.0.1") for name in ("localhost:1", "127.0.0.1", "[::1]:80", "LOCALHOST"))
    assert not is_our_host("192.168.1.5:8765", "127.0.0.1")
    assert all(is_our_host(name, "0.0.0.0") for name in ("192.168.1.5:8765", "[fe80::1]:1", "localhost"))
    assert is_our_host("labels.lan:8765", "labels.lan")
    assert not is_our_host("evil.example", "0.0.0.0")


@pytest.mark.skipif(socket.gethostname() == "localhost", reason="this machine has no name of its own")
@pytest.mark.parametrize("name", [socket.gethostname(), socket.gethostname().upper(), f"{socket.gethostname()}:8765"])
def test_the_name_of_this_machine_is_ours_only_where_others_can_reach_it(name):
    assert is_our_host(name, "0.0.0.0")
    assert is_our_host(name, "192.168.1.5")
    for loopback in ("127.0.0.1", "127.0.0.2", "::1", "[::1]", "localhost"):
        assert not is_our_host(name, loopback)


# --- origins ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_what_another_site_sends_is_refused(headers):
    answer = call(Origins(welcome), "POST", headers=headers)

    assert answer.status == 403
    assert b"requests from other sites are refused" in answer.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_another_site_may_link_here_but_not_embed(method):
    cross = {"sec-fetch-site": "cross-site"}

    assert call(Origins(welcome), method, headers={**cross, "sec-fetch-mode": "navigate"}).status == 200
    assert call(Origins(welcome), method, headers={**cross, "sec-fetch-mode": "no-cors"}).status == 403


def test_our_own_pages_and_programs_without_a_page_are_welcome():
    own = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}

    assert call(Origins(welcome), "POST", headers=own).status == 200
    assert call(Origins(welcome), "POST").status == 200


# --- the token --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/api/state", "/image/1", "/static/label.js", "/openapi.json", "/api"])
def test_without_the_token_nothing_is_shown(begin, path):
    client = begin(token=TOKEN)

    assert client.get(path).status_code == 401
    assert client.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert client.get(path, headers={"cookie": "evenpick_8765=wrong"}).status_code == 401
    assert client.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_token_moves_from_the_address_into_a_cookie(begin):
    client = begin(token=TOKEN)
    assert client.get("/?token=wrong").status_code == 401
    assert client.get(f"/api/state?token={TOKEN}").status_code == 401  # only the first page takes it
    first = client.get(f"/?token={TOKEN}")

    assert first.headers["set-cookie"] == f"evenpick_8765={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    assert client.get("/api/state").status_code == 200
    assert "set-cookie" not in client.get("/").headers


def test_the_cookie_of_another_server_on_this_machine_does_not_count():
    cookie = {"cookie": f"evenpick_8766={TOKEN}"}

    assert call(Token(welcome, token=TOKEN), headers=cookie).status == 401
    assert call(Token(welcome, token=TOKEN), headers={"cookie": f"evenpick_8765={TOKEN}"}).status == 200


def test_a_first_page_that_fails_sets_no_cookie():
    async def failing(scope, receive, send):
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert call(Token(failing, token=TOKEN), query=f"token={TOKEN}") == (404, {}, b"")


# --- the size of bodies -----------------------------------------------------------------------------

LIMIT = 64 * 1024


def padded(size):
    """A body of exactly that many bytes that the API accepts."""
    return b'{"page": "p"}'.ljust(size)


@pytest.mark.parametrize(("size", "status"), [(LIMIT - 1, 200), (LIMIT, 200), (LIMIT + 1, 413)])
def test_a_body_has_at_most_64_kib(begin, size, status):
    answer = begin().post("/api/next", content=padded(size), headers={"content-type": "application/json"})

    assert answer.request.headers["content-length"] == str(size)
    assert answer.status_code == status
    if status == 413:
        assert answer.json() == {"error": "a body must state its length and have at most 65536 bytes"}


@pytest.mark.slow
@pytest.mark.parametrize("size", [13, LIMIT - 1, LIMIT, LIMIT + 1])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_does_not_state_its_length_is_refused(begin, size, chunked):
    client = begin()
    request = client.build_request(
        "POST", "/api/next", content=iter([padded(size)]), headers={"content-type": "application/json"}
    )
    assert request.headers["transfer-encoding"] == "chunked"
    if not chunked:  # as HTTP/2 allows
        del request.headers["transfer-encoding"]

    assert client.send(request).status_code == 413


@pytest.mark.parametrize("length", ["", "-1", "1e3", "0x10", "²"])
def test_a_length_that_is_no_number_is_refused(length):
    assert call(BodySize(welcome), "POST", headers={"content-length": length}).status == 413


def test_a_chunked_body_that_states_a_length_too_is_refused():
    both = {"content-length": "13", "transfer-encoding": "chunked"}

    assert call(BodySize(welcome), "POST", headers=both).status == 413


def test_requests_without_a_body_need_state_no_length():
    assert call(BodySize(welcome), "GET").status == 200
