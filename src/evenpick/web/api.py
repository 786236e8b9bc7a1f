"""The labelling API in words: its OpenAPI description, and bodies checked against that description."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from .._version import __version__
from ..names import LONGEST_NAME

Schema: TypeAlias = dict[str, Any]

_NAME: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_NAME,
    # No control characters, and something to read.
    "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
}
_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}


class BadBodyError(Exception):
    """A body that is not what the description says; the message is one line for its sender."""


def _object(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _with(schema: Schema, description: str, **more: Any) -> Schema:
    return {**schema, **more, "description": description}


_WHO = {
    "annotator": _with(_NAME, "Who answers; by default as the server was started."),
    "page": _with(_ID, "A random id of this page: each page is handed another image. By default one for all."),
}
_SENDING = {
    "request": _with(_ID, "A random id of this answer: sent again with the same id, it counts once."),
    "then_next": {"type": "boolean", "description": "Hand out the next image in the same breath."},
}
_OPTIONAL = (*_WHO, *_SENDING)
_ROW = _with(_WHOLE, "Row of the image in the pool.")


def bodies(n_images: int) -> dict[str, Schema]:
    """The schema of the body of each POST."""
    row = {**_ROW, "maximum": n_images - 1}
    everything = {**_WHO, **_SENDING}
    return {
        "/api/next": _object(_WHO, _OPTIONAL),
        "/api/label": _object(
            {"row": row, "label": _with(_NAME, "The class, a known or a new one."), **everything}, _OPTIONAL
        ),
        "/api/skip": _object({"row": row, **everything}, _OPTIONAL),
        "/api/undo": _object(everything, _OPTIONAL),
        "/api/rename": _object(
            {"old": _NAME, "new": _with(_NAME, "A class that exists is merged with."), **everything}, _OPTIONAL
        ),
        "/api/release": _object({"page": _WHO["page"]}, _OPTIONAL),
        "/api/upcoming": _object({"page": _WHO["page"]}, _OPTIONAL),
    }


def checked_body(data: bytes, schema: Schema) -> dict[str, Any]:
    """The body as the schema wants it.

    Raises
    ------
    BadBodyError
        Naming the field, the rule and what was got.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadBodyError("the body must be JSON") from error
    if not isinstance(body, dict):
        raise BadBodyError(f"the body must be a JSON object; got {_shown(body)}")
    for name in schema.get("required", ()):
        if name not in body:
            raise BadBodyError(f"'{name}' is missing")
    for name, value in body.items():
        if name not in schema["properties"]:
            raise BadBodyError(f"{_shown(name)} is unknown; known: {', '.join(schema['properties'])}")
        if rule := _broken_rule(value, schema["properties"][name]):
            raise BadBodyError(f"'{name}' must {rule}; got {_shown(value)}")
    # In JSON 22.0 is the whole number 22.
    return {name: int(value) if isinstance(value, float) else value for name, value in body.items()}


def _broken_rule(value: Any, schema: Schema) -> str | None:
    kind = schema["type"]
    if kind == "boolean":
        return None if isinstance(value, bool) else "be true or false"
    if kind == "integer":
        low, high = schema["minimum"], schema["maximum"]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        is_whole = number and value % 1 == 0
        return None if is_whole and low <= value <= high else f"be a whole number from {low} to {high}"
    if not isinstance(value, str):
        return "be a text"
    readable = len(value) <= schema.get("maxLength", len(value)) and re.search(schema["pattern"], value)
    if readable and not re.search("[\ud800-\udfff]", value):
        return None
    if schema["pattern"] == _ID["pattern"]:
        return "be 1 to 64 letters, digits, '-' or '_'"
    return f"be a readable text of 1 to {LONGEST_NAME} characters"


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_IMAGE = _object(
    {
        "row": _ROW,
        "url": _with(_TEXT, "Where the image is."),
        "phase": {"type": "string", "enum": ["discovery", "balancing"]},
        "target": _with({"type": ["string", "null"]}, "The class asked for, if the server was told to show it."),
    },
    ("target",),
)
_TURN = _object(
    {
        "status": {"type": "string", "enum": ["image", "waiting", "finished"]},
        "image": _IMAGE,
    },
    ("image",),
)
_CLASS = _object({"name": _TEXT, "count": _WHOLE})
_NUMBER: Schema = {"type": "number", "minimum": 0}
_UNSEEN: Schema = {
    **_object(
        {
            "undiscovered": _with(_NUMBER, "Classes not found yet, as Chao1 estimates them."),
            "low": _with(_NUMBER, "Of its 90 % interval."),
            "high": _with(_NUMBER, "Of its 90 % interval."),
            "mass": _with(_NUMBER, "Chance that a random image is of one of them (Good-Turing).", maximum=1),
        }
    ),
    "type": ["object", "null"],
    "description": "Taken as if labels were drawn at random, which is on the high side; null while it is too early to tell.",
}
_PROGRESS = _object(
    {
        "budget": _WHOLE,
        "labels": _WHOLE,
        "skipped": _WHOLE,
        "phase": {"type": "string", "enum": ["discovery", "balancing"]},
        "classes": {"type": "array", "items": _CLASS, "description": "In the order of discovery."},
        "conflicts": _with(_WHOLE, "Images that were answered differently."),
        "unseen": _UNSEEN,
    }
)
_CONFLICT = _object(
    {
        "row": _WHOLE,
        "image": _TEXT,
        "answers": {
            "type": "array",
            "items": _object({"annotator": _TEXT, "label": {"type": ["string", "null"]}}),
            "description": "The first counts; null is a skip.",
        },
    }
)
_AGREEMENT = _object(
    {
        "annotators": {"type": "array", "items": _TEXT},
        "images": _WHOLE,
        "same": {"type": "number"},
        "kappa": _with({"type": ["number", "null"]}, "Cohen's kappa; null if chance explains it all."),
    }
)
_STATE = _object(
    {
        "workspace": _TEXT,
        "images": _with(_WHOLE, "Images in the pool."),
        "annotator": _TEXT,
        "repeat": _WHOLE,
        "show_target": {"type": "boolean"},
        "progress": _PROGRESS,
        "conflicts": {"type": "array", "items": _CONFLICT},
        "agreement": {"type": "array", "items": _AGREEMENT},
    }
)
_ENTRY = _with(_WHOLE, "Id of the entry in the record, which is on the disk now.")
_ANSWERED = _object({"entry": _ENTRY, "progress": _PROGRESS, "turn": _TURN}, ("turn",))
_ERROR = _object({"error": _with(_TEXT, "What is wrong, in one line.")})

_POSTS: dict[str, tuple[str, Schema]] = {
    "/api/next": (
        "Hand out an image; the same until it is answered.",
        _object({"progress": _PROGRESS, "turn": _TURN}),
    ),
    "/api/label": ("Say the class of an image.", _ANSWERED),
    "/api/skip": ("Say that an image cannot be told; costs no budget.", _ANSWERED),
    "/api/undo": (
        "Take this annotator's last answer back and hand its image out again.",
        _object({"row": _ROW, "progress": _PROGRESS, "turn": _TURN}, ("turn",)),
    ),
    "/api/rename": (
        "Rename a class, or merge it into another.",
        _object({"progress": _PROGRESS, "turn": _TURN}, ("turn",)),
    ),
    "/api/upcoming": (
        "Say that the image is on the screen: time for both sides to work ahead on what may come next, a guess.",
        _object({"urls": {"type": "array", "items": _TEXT}}),
    ),
    "/api/release": ("Give the image of a page back unanswered.", _object({"released": {"type": "boolean"}})),
}


def openapi(n_images: int, has_token: bool) -> Schema:
    """The OpenAPI 3.1 description of the API for a pool of that many images."""
    schemas = bodies(n_images)
    paths: dict[str, Schema] = {
        "/api/state": {"get": _operation("Everything but the image.", {"200": _json(_STATE)}, [])},
        "/image/{row}": {"get": _image_operation(n_images)},
    }
    for path, (summary, response) in _POSTS.items():
        post = _operation(summary, {"200": _json(response)}, ["400", "409", "413", "415"])
        post["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas[path]}}}
        paths[path] = {"post": post}
    secured = {"token": {"type": "http", "scheme": "bearer"}} if has_token else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "evenpick labelling API",
            "version": __version__,
            "description": "Ask for an image, answer it, again. An answer is on the disk before its reply.",
        },
        "paths": paths,
        **({"components": {"securitySchemes": secured}, "security": [{"token": []}]} if secured else {}),
    }


def _operation(summary: str, responses: Mapping[str, Schema], errors: list[str]) -> Schema:
    refusals = {status: {**_json(_ERROR), "description": _REASONS[status]} for status in ("401", "403", *errors)}
    return {"summary": summary, "responses": {**responses, **refusals}}


def _image_operation(n_images: int) -> Schema:
    row = {"type": "integer", "minimum": 0, "maximum": n_images - 1}
    picture: Schema = {"description": "The image.", "content": {"image/*": {}}}
    return {
        **_operation("An image, upright and as browsers can show it.", {"200": picture}, ["404"]),
        "parameters": [{"name": "row", "in": "path", "required": True, "schema": row}],
    }


def _json(schema: Schema) -> Schema:
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


_REASONS = {
    "400": "The body is not as described.",
    "401": "The token is missing.",
    "403": "Another site or another host name.",
    "404": "There is no such image, or its file is broken.",
    "409": "Not possible now: answered already, budget spent, no such class.",
    "413": "The body is too large.",
    "415": "The body must be application/json.",
}
