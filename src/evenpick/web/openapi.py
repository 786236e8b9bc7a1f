"""The OpenAPI description of the label API, derived from the types of what answers it."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, get_type_hints

import msgspec

from .._version import __version__
from .api import Doubtful, Inherited, Refusal, Reply, Request, Review, State

Schema: TypeAlias = dict[str, Any]
Post: TypeAlias = Callable[[Any], Reply]

_REASONS = {
    "400": "The body is not as described.",
    "401": "The token is missing.",
    "403": "Another site or another host name.",
    "404": "There is no such image, or its file is broken.",
    "409": "Not possible now: answered already, budget spent, no such class.",
    "413": "The body is too large.",
    "415": "The body must be application/json.",
}


def path_of(post: Post) -> str:
    """Where a POST is answered: under its own name."""
    return f"/api/{post.__name__}"


def request_of(post: Post) -> type[Request]:
    """The type of the body of a POST."""
    kind: type[Request] = get_type_hints(post)["request"]
    return kind


def openapi(posts: Iterable[Post], n_images: int, has_token: bool) -> Schema:
    """The OpenAPI 3.1 description of functions from request to reply, for a pool of that many images."""
    kinds = {post: (request_of(post), get_type_hints(post)["return"]) for post in posts}
    every = [Refusal, State, Review, Inherited, Doubtful, *(kind for pair in kinds.values() for kind in pair)]
    _, schemas = msgspec.json.schema_components(every, ref_template="#/components/schemas/{name}")
    for request, _ in kinds.values():
        fields = schemas[request.__name__]["properties"]
        for field in (fields[name] for name in ("row", "rows", "without") if name in fields):
            field.get("items", field)["maximum"] = n_images - 1
    paths: dict[str, Schema] = {
        "/api/state": {"get": _operation("Everything but the image.", _json("Done.", State), [])},
        "/api/review": {"get": _operation("Every answer that stands.", _json("Done.", Review), [])},
        "/api/inherited": {"get": _operation("What images inherited in their group.", _json("Done.", Inherited), [])},
        "/api/doubtful": {"get": _operation("Labels that may be wrong, worst first.", _json("Done.", Doubtful), [])},
        "/image/{row}": {"get": _image_operation("An image, upright and as browsers can show it.", n_images)},
        "/whole/{row}": {"get": _image_operation("The whole image that a box lies in, with the box.", n_images)},
        "/thumbnail/{row}": {"get": _image_operation("A small image.", n_images)},
    }
    for post, (request, reply) in kinds.items():
        answers = _operation(str(post.__doc__), _json("Done.", reply), ["400", "409", "413", "415"])
        paths[path_of(post)] = {"post": {**answers, "requestBody": {"required": True, **_content(request)}}}
    security: Schema = {"security": [{"token": []}]} if has_token else {}
    schemes: Schema = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}} if has_token else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "evenpick labelling API",
            "version": __version__,
            "description": "Ask for an image, answer it, again. An answer is on the disk before its reply.",
        },
        "paths": paths,
        "components": {"schemas": schemas, **schemes},
        **security,
    }


def _operation(summary: str, reply: Schema, errors: Iterable[str]) -> Schema:
    refusals = {status: _json(_REASONS[status], Refusal) for status in ("401", "403", *errors)}
    return {"summary": summary, "responses": {"200": reply, **refusals}}


def _image_operation(summary: str, n_images: int) -> Schema:
    row = {"type": "integer", "minimum": 0, "maximum": n_images - 1}
    picture: Schema = {"description": "The image.", "content": {"image/*": {}}}
    return {
        **_operation(summary, picture, ["404"]),
        "parameters": [{"name": "row", "in": "path", "required": True, "schema": row}],
    }


def _json(description: str, reply: type[Reply]) -> Schema:
    return {"description": description, **_content(reply)}


def _content(kind: type[msgspec.Struct]) -> Schema:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"content": {"application/json": {"schema": schema}}}
