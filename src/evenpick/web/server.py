"""The server of the labelling page: its socket, its address, its token, and one server a workspace."""

import secrets
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import EvenpickError, MissingExtraError
from ..labels import ClassList, keep_class_list, kept_class_list, read_class_list
from ..names import checked_name
from ..paths import Paths
from ..pool import Pool
from ..session import RecordedSession, WordSearch
from .address import public_address
from .app import create_app
from .tokens import workspace_token

try:
    import uvicorn

    from .connections import Connection
except ImportError:
    raise MissingExtraError("the labelling page", "web") from None

PORT = 8765


def serve(
    workspace: str | Path,
    pool: Pool,
    budget: int | None = None,
    *,
    annotator: str = "annotator",
    host: str = "127.0.0.1",
    port: int = PORT,
    token: str | None = None,
    url: str | None = None,
    page: str = "",
    classes: str | Path | None = None,
    closed: bool = False,
    show_target: bool = False,
    repeat: int = 1,
    guesses: bool = True,
    open_browser: bool = True,
    announce: Callable[[str], None] = print,
    first: Callable[[RecordedSession], None] = lambda session: None,
    **options: Any,
) -> None:
    """Serve the labelling page of a workspace until it is stopped.

    `token` is by default the workspace's own; `url` is where people find the page, if something stands before the
    server; `first` is done with the session before anybody is served; `classes` is a file of those that are known
    beforehand, `closed` if there are no others: both are kept in the workspace; `page` is the one to open, "" or
    "review"; `announce` is told the address to open; `port` 0 takes a free one; the other options are those of
    `RecordedSession` and `create_app`.

    Raises
    ------
    EvenpickError
        If the port is taken, the token is weak, the folder of photographs is gone, or another process
        labels the workspace.
    """
    from filelock import FileLock, Timeout

    public = None if url is None else public_address(url)
    token, ticket = workspace_token(workspace, token), secrets.token_urlsafe(24)
    name = checked_name("an annotator", annotator)
    known = _class_list(workspace, pool, classes, closed)
    lock = FileLock(Paths(workspace).label_lock)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise EvenpickError(f"workspace '{workspace}' is being labelled by another process; stop it first") from error
    with lock, RecordedSession(workspace, pool, budget, name, **options) as session, _bind(host, port) as bound:
        first(session)
        app = create_app(
            session, host=host, token=token, ticket=ticket, public=public, classes=known, show_target=show_target,
            repeat=repeat, guesses=guesses,
        )  # fmt: skip
        if against := WordSearch(pool).obstacle:
            announce(f"Images cannot be found by words: {against}.")
        address = (public.url if public else _address(host, bound.getsockname()[1])) + page
        announce(
            f"{(page or 'label').capitalize()} here: {address}?token={token}\n"
            "Every answer is kept at once; stop with Ctrl+C and go on any time."
        )
        if open_browser:
            webbrowser.open(f"{address}?ticket={ticket}")
        # Warnings would be a line for every request that is none, and anybody can send those.
        config = uvicorn.Config(
            app,
            http=Connection,
            log_level="error",
            access_log=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        try:
            uvicorn.Server(config).run(sockets=[bound])
        except KeyboardInterrupt:
            pass
        finally:
            app.state.close()


def _class_list(workspace: str | Path, pool: Pool, file: str | Path | None, closed: bool) -> ClassList:
    """The list that is given, which is kept, or else the one kept."""
    if file is None:
        if closed:
            raise EvenpickError("--closed needs a list of classes: say --classes FILE")
        return kept_class_list(workspace)
    known = read_class_list(Path(file), pool.row_of, closed)
    keep_class_list(workspace, known)
    return known


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only of a socket that says it is TCP does asyncio send each reply at once, not 40 ms later.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host.strip("[]"), port))
        bound.listen(128)  # whoever opens the address before the server runs waits for it
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or error
        raise EvenpickError(f"cannot listen at {host}, port {port}: {reason}; --port 0 takes a free port") from error
    return bound


def _address(host: str, port: int) -> str:
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"
