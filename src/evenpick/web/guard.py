"""What every request must pass and every response carries: six small ASGI layers, one rule each.

From the outside in: response headers, host names, origins, the sub path, the token, the size of bodies. The headers
come first, so that each refusal carries them too. What stands before the server has a public address, whose host
name and origin are ours too.
"""

import hmac
import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import cache
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from .address import PublicAddress

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST_BODY = 64 * 1024

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # the first address holds the token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:/\s@\[\]]+)(:\d{1,5})?")


class ResponseHeaders:
    """Every response forbids what it does not need, and is kept nowhere unless it says so itself."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                kept = {} if b"cache-control" in own else {"Cache-Control": "no-store"}
                message["headers"] = [*message["headers"], *_encoded({**HEADERS, **kept}.items())]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HostNames:
    """Refuses a Host header that does not name this machine, as that of a foreign name that was bound to it anew.

    Starlette's own rule cuts `[::1]:8765` at its first colon.
    """

    def __init__(self, app: App, bound: str, public: PublicAddress | None = None) -> None:
        self._app, self._bound, self._public = app, bound, public.name if public else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        host = _headers(scope).get("host", "") if scope["type"] == "http" else None
        if host is not None and not is_our_host(host, self._bound, self._public):
            reason = (
                f"this server does not go by the name {host[:100]!r}; open the address it printed, or start it with "
                "--url and the address of the page at a proxy"
            )
            await _refuse(scope, send, 403, reason)
        else:
            await self._app(scope, receive, send)


class Origins:
    """Refuses what a page of another site sends; a link there may lead here."""

    def __init__(self, app: App, public: PublicAddress | None = None) -> None:
        self._app, self._public = app, public.origin if public else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_our_origin(_headers(scope), scope["method"], self._public):
            await _refuse(scope, send, 403, "requests from other sites are refused")
        else:
            await self._app(scope, receive, send)


class SubPath:
    """Takes the path of the public address off, where the proxy has left it on."""

    def __init__(self, app: App, public: PublicAddress | None = None) -> None:
        self._app, self._path = app, public.path if public else "/"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._path):
            scope = {**scope, "path": scope["path"][len(self._path) - 1 :]}
        await self._app(scope, receive, send)


class Token:
    """Refuses who does not know the token; in the address of the first page it is turned into a cookie.

    A ticket stands for the token in the address of one first page: what opens a browser is seen by all users of a
    machine.
    """

    def __init__(
        self, app: App, token: str | None, ticket: str | None = None, public: PublicAddress | None = None
    ) -> None:
        self._app, self._token, self._ticket = app, token, ticket
        self._place = f"Path={public.path if public else '/'}" + ("; Secure" if public and public.is_encrypted else "")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._token is None:
            await self._app(scope, receive, send)
        elif self._takes_ticket(scope):
            await self._app(scope, receive, self._with_cookie(scope, send))
        elif not any(_same(found, self._token) for found in _tokens(scope)):
            reason = "this server wants its token: open the whole address that `evenpick label` printed"
            await _refuse(scope, send, 401, reason)
        else:
            first = _same(_in_address(scope, "token"), self._token)
            await self._app(scope, receive, self._with_cookie(scope, send) if first else send)

    def _takes_ticket(self, scope: Message) -> bool:
        if self._ticket is None or not _same(_in_address(scope, "ticket"), self._ticket):
            return False
        self._ticket = None
        return True

    def _with_cookie(self, scope: Message, send: Send) -> Send:
        """From here on the cookie is enough; the page takes the token out of its address."""
        cookie = f"{_cookie_name(scope)}={self._token}; HttpOnly; SameSite=Strict; {self._place}"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                message["headers"] = [*message["headers"], *_encoded([("Set-Cookie", cookie)])]
            await send(message)

        return send_with_cookie


class BodySize:
    """Refuses a body that is large, or does not state its length."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _states_a_small_body(_headers(scope), scope["method"]):
            reason = f"a body must state its length and have at most {LARGEST_BODY} bytes"
            await _refuse(scope, send, 413, reason)
        else:
            await self._app(scope, receive, send)


def is_our_host(header: str, bound: str, public: str | None = None) -> bool:
    """Whether a Host header names this machine, to a server that is bound to that address; or its public name."""
    match = _HOST.fullmatch(header)
    if match is None:
        return False
    name = match[1].strip("[]").lower()
    if name in ("localhost", bound.lower(), public):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return not is_loopback(bound) and name in _own_names()
    return address.is_loopback or not is_loopback(bound)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@cache  # the full name may take a look-up in the network
def _own_names() -> frozenset[str]:
    return frozenset({socket.gethostname().lower(), socket.getfqdn().lower()})


def _is_our_origin(headers: dict[str, str], method: str, public: str | None) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin.lower() != public and _host_of(origin) != headers.get("host", "").lower():
        return False
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return True
    # A link on another site may lead here; nothing else may.
    return headers.get("sec-fetch-mode") == "navigate" and method in ("GET", "HEAD")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # as `http://[`
        return None


def _states_a_small_body(headers: dict[str, str], method: str) -> bool:
    if "transfer-encoding" in headers:
        return False
    length = headers.get("content-length", "" if method == "POST" else "0")
    return length.isdecimal() and len(length) < 10 and int(length) <= LARGEST_BODY


def _tokens(scope: Message) -> tuple[str, str, str]:
    headers = _headers(scope)
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return bearer, _cookie(headers, _cookie_name(scope)), _in_address(scope, "token")


def _same(found: str, token: str) -> bool:
    return hmac.compare_digest(found.encode("utf-8", "replace"), token.encode())


def _in_address(scope: Message, name: str) -> str:
    if scope["path"] not in ("/", "/review"):
        return ""
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get(name, [""])[0]


def _cookie_name(scope: Message) -> str:
    # Cookies know no ports, and two servers may run at once.
    return f"evenpick_{(scope.get('server') or ('', 0))[1]}"


def _cookie(headers: dict[str, str], name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _headers(scope: Message) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _refuse(scope: Message, send: Send, status: int, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    headers = _encoded([("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _encoded(pairs: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
