"""What every request must pass and every response carries; plain ASGI, so that nothing gets round it."""

import hmac
import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]

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


class Guard:
    """Refuses foreign hosts, foreign origins, missing tokens and large bodies before the app sees them.

    Parameters
    ----------
    app : ASGI application
    host : str
        The address that is bound; it says which Host headers are ours.
    token : str or None
        What a visitor must know: in the address of the first visit, then in a cookie, or as bearer.
    """

    def __init__(self, app: App, host: str = "127.0.0.1", token: str | None = None) -> None:
        self._app, self._host, self._token = app, host, token

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        guarded = self._with_headers(scope, send)
        if refused is None:
            await self._app(scope, receive, guarded)
            return
        status, reason = refused
        body = json.dumps({"error": reason}).encode()
        sent = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await guarded({"type": "http.response.start", "status": status, "headers": sent})
        await guarded({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _refusal(self, scope: Message, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not is_our_host(host, self._host):
            return 403, f"this server does not go by the name {host[:100]!r}; open the address it printed"
        if not _is_our_origin(headers, host, str(scope["method"])):
            return 403, "requests from other sites are refused"
        if self._token is not None and not self._knows_token(scope, headers):
            return 401, "this server wants its token: open the whole address that `evenpick label` printed"
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit() or int(length) > LARGEST_BODY:
            return 413, f"a body must state its length and have at most {LARGEST_BODY} bytes"
        return None

    def _knows_token(self, scope: Message, headers: dict[str, str]) -> bool:
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return any(
            hmac.compare_digest(found.encode("utf-8", "replace"), (self._token or "").encode())
            for found in (bearer, _cookie(headers, self._cookie_name(scope)), _token_in_address(scope))
        )

    def _with_headers(self, scope: Message, send: Send) -> Send:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                added = {**HEADERS, **({} if b"cache-control" in own else {"Cache-Control": "no-store"})}
                if message["status"] == 200 and self._token and _token_in_address(scope) == self._token:
                    # From here on the cookie is enough; the page takes the token out of its address.
                    cookie = f"{self._cookie_name(scope)}={self._token}"
                    added["Set-Cookie"] = f"{cookie}; HttpOnly; SameSite=Strict; Path=/"
                message["headers"] = [*message["headers"], *_encoded(added.items())]
            await send(message)

        return send_guarded

    def _cookie_name(self, scope: Message) -> str:
        # Cookies know no ports, and two servers may run at once.
        return f"evenpick_{(scope.get('server') or ('', 0))[1]}"


def is_our_host(header: str, bound: str) -> bool:
    """Whether a Host header names this machine: what a rebound foreign name cannot do."""
    match = _HOST.fullmatch(header)
    if match is None:
        return False
    name = match[1].strip("[]").lower()
    if name in ("localhost", bound.lower()):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return not is_loopback(bound) and name in (socket.gethostname().lower(), socket.getfqdn().lower())
    return address.is_loopback or not is_loopback(bound)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_our_origin(headers: dict[str, str], host: str, method: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return False
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return True
    # A link on another site may lead here; nothing else may.
    return headers.get("sec-fetch-mode") == "navigate" and method in ("GET", "HEAD")


def _token_in_address(scope: Message) -> str:
    if scope["path"] != "/":
        return ""
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get("token", [""])[0]


def _cookie(headers: dict[str, str], name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _encoded(pairs: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
