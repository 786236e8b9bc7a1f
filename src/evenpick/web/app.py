"""The labelling page and its JSON API: people answer the questions of a recorded session in a browser."""

import json
import secrets
import socket
import webbrowser
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from ..errors import EvenpickError, MissingExtraError
from ..images import UnreadableImageError
from ..names import checked_name
from ..paths import Paths
from ..pool import Pool
from ..session import RecordedSession
from .api import BadBodyError, bodies, checked_body, openapi
from .desk import Desk
from .displayed_image import displayed_image
from .guard import Guard, is_loopback
from .loans import Handout

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import FileResponse, HTMLResponse, Response
    from starlette.routing import BaseRoute, Mount, Route
    from starlette.staticfiles import StaticFiles
except ImportError as error:
    raise MissingExtraError("the labelling page", "web") from error

STATIC = Path(__file__).parent / "static"
PORT = 8765

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def create_app(
    session: RecordedSession,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    show_target: bool = False,
    repeat: int = 1,
    lease: float = 600.0,
) -> Starlette:
    """The ASGI application of a session.

    Parameters
    ----------
    session : RecordedSession
        Its pool must know its folder of photographs.
    host : str
        The address it is served at: which Host headers are ours.
    token : str, optional
        What every visitor must know.
    show_target : bool
        Tell people which class an image was asked for.
    repeat : int
        How many different people are asked for each image.
    lease : float
        Seconds after which an image that was not answered is handed out again.
    """
    folder = _folder_of(session.pool)
    handout = Handout(session, repeat, lease)
    endpoints = _Endpoints(Desk(session, handout, show_target, repeat), folder, token is not None)
    app = Starlette(
        routes=endpoints.routes(),
        middleware=[Middleware(Guard, host=host, token=token)],
        exception_handlers={BadBodyError: _refuse(400), EvenpickError: _refuse(409), 404: _no_such, 405: _wrong},
    )
    app.state.close = handout.close
    return app


class _Endpoints:
    """HTTP in front of a desk."""

    def __init__(self, desk: Desk, folder: Path, has_token: bool) -> None:
        self._desk, self._folder, self._pool = desk, folder, desk.session.pool
        self._description = openapi(len(self._pool), has_token)
        self._schemas = bodies(len(self._pool))

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._page),
            Route("/api", self._read_description),
            Route("/openapi.json", self._describe),
            Route("/api/state", self._get(self._desk.state)),
            Route("/image/{row:int}", self._image),
            *(Route(path, self._post(path), methods=["POST"]) for path in self._schemas),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    async def _page(self, request: Request) -> Response:
        return FileResponse(STATIC / "label.html")

    async def _describe(self, request: Request) -> Response:
        return _json(self._description)

    async def _read_description(self, request: Request) -> Response:
        return HTMLResponse(_api_page(self._description))

    async def _image(self, request: Request) -> Response:
        return await run_in_threadpool(_image, self._folder, self._pool, request.path_params["row"])

    def _get(self, read: Callable[[], dict[str, Any]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return _json(await run_in_threadpool(read))

        return endpoint

    def _post(self, path: str) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                return _json({"error": "the body must be sent as application/json"}, 415)
            body = checked_body(await request.body(), self._schemas[path])
            return _json(await run_in_threadpool(self._desk.post, path, body))

        return endpoint


def serve(
    workspace: str | Path,
    pool: Pool,
    budget: int | None = None,
    *,
    annotator: str = "annotator",
    host: str = "127.0.0.1",
    port: int = PORT,
    token: str | None = None,
    show_target: bool = False,
    repeat: int = 1,
    open_browser: bool = True,
    announce: Callable[[str], None] = print,
    **options: Any,
) -> None:
    """Serve the labelling page of a workspace until it is stopped.

    `token` is drawn when `host` is more than this machine and none is given; `announce` is told the address
    to open; `port` 0 takes a free one; the other options are those of `RecordedSession` and `create_app`.

    Raises
    ------
    EvenpickError
        If the port is taken, the token is weak, the folder of photographs is gone, or another process
        labels the workspace.
    """
    from filelock import FileLock, Timeout

    token = _checked_token(host, token)
    name = checked_name("an annotator", annotator)
    lock = FileLock(Paths(workspace).label_lock)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise EvenpickError(f"workspace '{workspace}' is being labelled by another process; stop it first") from error
    with lock, RecordedSession(workspace, pool, budget, name, **options) as session, _bind(host, port) as bound:
        app = create_app(session, host=host, token=token, show_target=show_target, repeat=repeat)
        address = _address(host, bound.getsockname()[1], token)
        announce(f"Label here: {address}\nEvery answer is kept at once; stop with Ctrl+C and go on any time.")
        if open_browser:
            webbrowser.open(address)
        config = uvicorn.Config(app, log_level="warning", access_log=False, ws="none", lifespan="off")
        try:
            uvicorn.Server(config).run(sockets=[bound])
        except KeyboardInterrupt:
            pass
        finally:
            app.state.close()


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


def _address(host: str, port: int, token: str | None) -> str:
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def _checked_token(host: str, token: str | None) -> str | None:
    if token is None:
        return None if is_loopback(host) else secrets.token_urlsafe(24)
    if len(token) < 16 or not all(c.isascii() and (c.isalnum() or c in "-_") for c in token):
        raise EvenpickError("a token must have 16 or more letters, digits, '-' or '_'; leave it out to get one")
    return token


def _folder_of(pool: Pool) -> Path:
    if pool.folder is None:
        raise EvenpickError("the pool has no folder of photographs to show; label a workspace made by `evenpick embed`")
    if not pool.folder.is_dir():
        raise EvenpickError(f"folder '{pool.folder}' of the pool does not exist; mount it or move it back")
    return pool.folder


def _image(folder: Path, pool: Pool, row: int) -> Response:
    if row >= len(pool):
        return _json({"error": f"there is no image {row}; the pool has {len(pool)}"}, 404)
    image_id = PurePosixPath(pool.image_ids[row])
    if image_id.is_absolute() or ".." in image_id.parts:
        return _json({"error": f"image {row} is not in the folder"}, 404)
    try:
        data, media_type = displayed_image(folder / image_id)
    except UnreadableImageError as error:
        return _json({"error": f"image {row} cannot be shown: {error}"}, 404)
    return Response(data, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})


def _json(value: dict[str, Any], status: int = 200) -> Response:
    # As ASCII: a file name need not be valid Unicode.
    return Response(json.dumps(value), status, media_type="application/json")


def _refuse(status: int) -> Callable[[Request, Exception], Response]:
    return lambda request, error: _json({"error": str(error)}, status)


def _no_such(request: Request, error: Exception) -> Response:
    return _json({"error": "there is nothing at this address"}, 404)


def _wrong(request: Request, error: Exception) -> Response:
    return Response(
        json.dumps({"error": "this address takes another method"}), 405, dict(getattr(error, "headers", None) or {}),
        media_type="application/json",
    )  # fmt: skip


def _api_page(description: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
    return templates.get_template("api.html").render(api=description)
