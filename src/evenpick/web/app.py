"""The labelling page and its JSON API as an ASGI application: people answer the questions of a recorded session."""

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import EvenpickError, MissingExtraError
from ..images import Part
from ..labels import ClassList
from ..pool import Pool
from ..session import RecordedSession
from .address import PublicAddress
from .api import BadBodyError, Refusal, Reply, decoded, encoded
from .desk import Desk
from .displayed_image import displayed_image, thumbnail, whole_image
from .guard import HEADERS, BodySize, HostNames, Origins, ResponseHeaders, SubPath, Token
from .loans import Loans
from .openapi import Post, openapi, path_of, request_of

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.convertors import Convertor, register_url_convertor
    from starlette.middleware import Middleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import BaseRoute, Mount, Route
    from starlette.staticfiles import StaticFiles
except ImportError:
    raise MissingExtraError("the labelling page", "web") from None

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"


class _Row(Convertor[int]):
    """A row of the pool in an address; longer numbers are no address of ours."""

    regex = "[0-9]{1,300}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("row", _Row())

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
Shown: TypeAlias = Callable[[Part], tuple[bytes, str]]


def create_app(
    session: RecordedSession,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    ticket: str | None = None,
    public: PublicAddress | None = None,
    classes: ClassList | None = None,
    show_target: bool = False,
    repeat: int = 1,
    lease: float = 600.0,
    guesses: bool = True,
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
    ticket : str, optional
        What stands for the token in the address of one first page.
    public : PublicAddress, optional
        Where people find the page, if something stands before the server.
    classes : ClassList, optional
        Those that are known beforehand.
    show_target : bool
        Tell people which class an image was asked for.
    repeat : int
        How many different people are asked for each image.
    lease : float
        Seconds after which an image that was not answered is handed out again.
    guesses : bool
        Offer guesses of the class from the second round of `auto` on, to pages that ask for them.
    """
    _check_folder(session.pool)
    loans = Loans(session, repeat, lease, guesses=guesses)
    desk = Desk(session, loans, show_target, repeat, public.path if public else "/", classes)
    endpoints = _Endpoints(desk, token is not None)
    app = Starlette(
        routes=endpoints.routes(),
        middleware=[
            Middleware(ResponseHeaders),
            Middleware(HostNames, bound=host, public=public),
            Middleware(Origins, public=public),
            Middleware(SubPath, public=public),
            Middleware(Token, token=token, ticket=ticket, public=public),
            Middleware(BodySize),
        ],
        exception_handlers={
            BadBodyError: lambda request, error: _refusal(str(error), 400),
            EvenpickError: lambda request, error: _refusal(str(error), 409),
            ClientDisconnect: lambda request, error: _refusal("the body was cut off", 400),  # nobody reads it
            Exception: _broken,
            404: lambda request, error: _refusal("there is nothing at this address", 404),
            405: _wrong_method,
        },
    )
    app.state.close = loans.close
    return app


class _Endpoints:
    """HTTP in front of a desk."""

    def __init__(self, desk: Desk, has_token: bool) -> None:
        self._desk, self._pool = desk, desk.session.pool
        self._posts: tuple[Post, ...] = (
            desk.next, desk.label, desk.skip, desk.undo, desk.alike, desk.of_class, desk.of_words, desk.label_many, desk.rename,
            desk.change, desk.take_back, desk.ask_again, desk.unshown, desk.retry, desk.upcoming, desk.release,
        )  # fmt: skip
        self._description = openapi(self._posts, len(self._pool), has_token)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._page("label")),
            Route("/api", self._read_description),
            Route("/openapi.json", self._describe),
            Route("/review", self._page("review")),
            Route("/grid", self._page("grid")),
            Route("/api/state", self._reading(self._desk.state)),
            Route("/api/review", self._reading(self._desk.looking_back.review)),
            Route("/api/inherited", self._reading(self._desk.looking_back.inherited)),
            Route("/api/doubtful", self._reading(self._desk.looking_back.doubtful)),
            Route("/image/{row:row}", self._showing(displayed_image)),
            Route("/whole/{row:row}", self._showing(whole_image)),
            Route("/thumbnail/{row:row}", self._showing(thumbnail)),
            *(Route(path_of(post), self._endpoint(post), methods=["POST"]) for post in self._posts),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    def _page(self, name: str) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return HTMLResponse(_rendered(f"{name}.html", name=name))

        return endpoint

    async def _describe(self, request: Request) -> Response:
        return JSONResponse(self._description)

    async def _read_description(self, request: Request) -> Response:
        return HTMLResponse(_rendered("api.html", api=self._description))

    def _showing(self, shown: Shown) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return await run_in_threadpool(_image, self._pool, request.path_params["row"], shown)

        return endpoint

    def _reading(self, read: Callable[[], Reply]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return _json(await run_in_threadpool(read))

        return endpoint

    def _endpoint(self, post: Post) -> Endpoint:
        kind = request_of(post)

        async def endpoint(request: Request) -> Response:
            if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                return _refusal("the body must be sent as application/json", 415)
            body = decoded(await request.body(), kind, len(self._pool))
            return _json(await run_in_threadpool(post, body))

        return endpoint


def _check_folder(pool: Pool) -> None:
    if pool.folder is None:
        raise EvenpickError("the pool has no folder of photographs to show; label a workspace made by `evenpick embed`")
    if not pool.folder.is_dir():
        raise EvenpickError(f"folder '{pool.folder}' of the pool does not exist; mount it or move it back")


def _image(pool: Pool, row: int, shown: Shown) -> Response:
    if row >= len(pool):
        return _refusal(f"there is no image {row}; the pool has {len(pool)}", 404)
    try:
        data, media_type = shown(pool.part(row))
    except EvenpickError as error:
        return _refusal(f"image {row} cannot be shown: {error}", 404)
    return Response(data, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})


def _json(reply: Reply, status: int = 200) -> Response:
    return Response(encoded(reply), status, media_type="application/json")


def _refusal(reason: str, status: int) -> Response:
    return _json(Refusal(reason), status)


def _broken(request: Request, error: Exception) -> Response:
    """The reply to a bug, which lies outside of the layers that give each response its headers."""
    answer = _refusal("the server has failed; what it printed says why", 500)
    answer.headers.update({**HEADERS, "Cache-Control": "no-store"})
    return answer


def _wrong_method(request: Request, error: Exception) -> Response:
    answer = _refusal("this address takes another method", 405)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _rendered(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(values)


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader

    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
