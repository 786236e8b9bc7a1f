"""The label API in types: what each request and each reply holds."""

import json
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from ..errors import MissingExtraError
from ..labels import Means, Phase
from ..names import LONGEST_NAME
from .agreement import Agreement
from .loans import Status

try:
    import msgspec
    from msgspec import UNSET, Meta, Struct, UnsetType
except ImportError:
    raise MissingExtraError("the labelling page", "web") from None

# No control characters, and something to read.
_READABLE = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=_READABLE)]
Id: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Amount: TypeAlias = Annotated[float, Meta(ge=0)]
Row: TypeAlias = Annotated[Count, Meta(description="Row of the image in the pool.")]
Page: TypeAlias = Annotated[
    Id, Meta(description="A random id of this page: each page is handed another image. By default one for all.")
]
Annotator: TypeAlias = Annotated[Name, Meta(description="Who answers; by default as the server was started.")]
Sending: TypeAlias = Annotated[
    Id, Meta(description="A random id of this answer: sent again with the same id, it counts once.")
]
ThenNext: TypeAlias = Annotated[bool, Meta(description="Hand out the next image in the same reply.")]
WithGuesses: TypeAlias = Annotated[
    bool, Meta(description="Offer guesses with the image that is handed out; the record keeps that they were shown.")
]
NewName: TypeAlias = Annotated[Name, Meta(description="A class that exists is merged with.")]
GivenLabel: TypeAlias = Annotated[Name, Meta(description="The class, a known or a new one.")]

Without: TypeAlias = Annotated[
    tuple[Row, ...],
    Meta(max_length=5000, description="Rows of the group that the answer does not hold for."),
]

Order: TypeAlias = Annotated[
    Literal["nearest", "surest", "least_sure"],
    Meta(
        description="Most like images of the class, or what a probe takes for it: the surest or the least sure first."
    ),
]
Seen: TypeAlias = Annotated[
    tuple[Row, ...], Meta(max_length=5000, description="Rows that are not wanted, as those that were taken out before.")
]
Amounts: TypeAlias = Annotated[int, Meta(ge=1, le=100, description="Images at most.")]

# --- requests ---------------------------------------------------------------------------------------


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    page: Page | UnsetType = UNSET


class Release(Request, frozen=True):
    pass


class Upcoming(Request, frozen=True):
    pass


class Next(Request, frozen=True, kw_only=True):
    annotator: Annotator | UnsetType = UNSET
    guesses: WithGuesses = False


class Retry(Next, frozen=True):
    pass


class Unshown(Next, frozen=True, kw_only=True):
    row: Row


class Recorded(Next, frozen=True, kw_only=True):
    """A request that becomes an entry of the record."""

    request: Sending | UnsetType = UNSET
    then_next: ThenNext = False


class Label(Recorded, frozen=True):
    row: Row
    label: GivenLabel
    without: Without = ()


class Skip(Recorded, frozen=True):
    row: Row


class Undo(Recorded, frozen=True):
    entry: Annotated[
        Count | UnsetType,
        Meta(description="Id of the answer that is meant: if it is not the last any more, nothing is undone."),
    ] = UNSET


class Rename(Recorded, frozen=True):
    old: Name
    new: NewName


class Change(Recorded, frozen=True):
    """A request about answers that were given."""

    rows: Annotated[list[Row], Meta(min_length=1, max_length=1000, description="Rows of images that were answered.")]
    label: Annotated[GivenLabel | None, Meta(description="Their class now; null is a skip.")]


class Grid(Next, frozen=True, kw_only=True):
    """A request for images to be labelled at once."""

    count: Amounts = 24
    without: Seen = ()


class Alike(Grid, frozen=True, kw_only=True):
    row: Row


class OfClass(Grid, frozen=True, kw_only=True):
    label: Annotated[Name, Meta(description="A class that has labels.")]
    order: Order = "nearest"


class OfWords(Grid, frozen=True, kw_only=True):
    words: Annotated[
        Name,
        Meta(
            description="What is looked for, such as `a lynx in snow`: as it is, or in the prompts that `embed` was told."
        ),
    ]


class LabelMany(Recorded, frozen=True):
    """A request that becomes an entry for each image."""

    rows: Annotated[list[Row], Meta(min_length=1, max_length=1000, description="Rows of images of one class.")]
    label: GivenLabel
    means: Annotated[Means, Meta(description="As the grid said.")] = "grid"


class TakeBack(Recorded, frozen=True):
    entries: Annotated[
        list[Count], Meta(min_length=1, max_length=2000, description="Ids of entries, as replies give them.")
    ]


class AskAgain(Recorded, frozen=True):
    rows: Annotated[
        tuple[Row, ...], Meta(max_length=1000, description="Rows of images that were skipped; by default all.")
    ] = ()


# --- replies ----------------------------------------------------------------------------------------


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Frame(Reply, frozen=True):
    """An image of the same group."""

    row: Row
    thumbnail: Annotated[str, Meta(description="Where a small one is.")]


class Image(Reply, frozen=True):
    row: Row
    image: Annotated[str, Meta(description="Its name: the path below the folder, of a box with its number.")]
    url: Annotated[str, Meta(description="Where the image is.")]
    phase: Phase
    target: Annotated[
        str | UnsetType | None, Meta(description="The class asked for, if the server was told to show it.")
    ] = UNSET
    whole: Annotated[str | UnsetType, Meta(description="Of a box: where the whole image is, with the box drawn.")] = (
        UNSET
    )
    others: Annotated[
        list[Frame] | UnsetType, Meta(description="Images of the same group, which the answer holds for too.")
    ] = UNSET
    group: Annotated[Count | UnsetType, Meta(description="How many images are in its group, if there are others.")] = (
        UNSET
    )
    guesses: Annotated[
        list[str] | UnsetType, Meta(description="Classes that it may be of, the likeliest first, if they were wanted.")
    ] = UNSET


class Undoable(Reply, frozen=True):
    """What an undo of this annotator takes back."""

    entry: Annotated[Count, Meta(description="Id of the last answer, by which the undo can say that it is meant.")]
    label: Annotated[str | None, Meta(description="Its class, as it is called now; null is a skip.")]
    answers: Annotated[int, Meta(ge=1, description="How many, where images were labelled at once.")]


class Turn(Reply, frozen=True):
    status: Status
    image: Image | UnsetType = UNSET
    undoable: Annotated[
        Undoable | UnsetType, Meta(description="Left out where this annotator has no answer that stands.")
    ] = UNSET


class Class(Reply, frozen=True):
    name: str
    count: Annotated[Count, Meta(description="Labels; 0 for a class of the list that was not found yet.")]
    key: Annotated[str | UnsetType, Meta(description="The key that the list gives it.")] = UNSET
    note: str | UnsetType = UNSET
    example: Annotated[str | UnsetType, Meta(description="Where an image of it is.")] = UNSET


class Unseen(Reply, frozen=True):
    """Taken as if labels were drawn at random, which is on the high side."""

    undiscovered: Annotated[Amount, Meta(description="Classes not found yet, as Chao1 estimates them.")]
    low: Annotated[Amount, Meta(description="Of its 90 % interval.")]
    high: Annotated[Amount, Meta(description="Of its 90 % interval.")]
    mass: Annotated[Amount, Meta(le=1, description="Chance that a random image is of one of them (Good-Turing).")]


class Progress(Reply, frozen=True):
    budget: Count
    labels: Count
    skipped: Count
    unshown: Annotated[Count, Meta(description="Images passed over as they cannot be shown; nothing is recorded.")]
    phase: Phase
    classes: Annotated[list[Class], Meta(description="Those of the list, then in the order of discovery.")]
    conflicts: Annotated[Count, Meta(description="Images that were answered differently.")]
    unseen: Annotated[Unseen | None, Meta(description="Classes not found; null while it is too early to tell.")]


class Opinion(Reply, frozen=True):
    annotator: str
    label: str | None


class Conflict(Reply, frozen=True):
    row: Row
    image: str
    answers: Annotated[list[Opinion], Meta(description="The first counts; null is a skip.")]


class State(Reply, frozen=True):
    workspace: str
    images: Annotated[Count, Meta(description="Images in the pool.")]
    annotator: str
    repeat: Count
    show_target: bool
    closed: Annotated[bool, Meta(description="Whether there are no other classes than those of the list.")]
    guesses: Annotated[bool, Meta(description="Whether the server has guesses to offer, from the second round on.")]
    by_words: Annotated[bool, Meta(description="Whether images can be found by words: the source is of a pair.")]
    progress: Progress
    conflicts: list[Conflict]
    agreement: list[Agreement]


class HandedOut(Reply, frozen=True):
    progress: Progress
    turn: Turn


class Answered(Reply, frozen=True):
    entry: Annotated[Count, Meta(description="Id of the entry in the record, which is on the disk now.")]
    progress: Progress
    turn: Turn | UnsetType = UNSET


class Undone(Reply, frozen=True):
    row: Row
    rows: Annotated[list[Row], Meta(description="All of them, where images were labelled at once.")]
    progress: Progress
    turn: Turn | UnsetType = UNSET


class Renamed(Reply, frozen=True):
    entry: Annotated[Count, Meta(description="Id of the entry, by which it can be taken back.")]
    progress: Progress
    turn: Turn | UnsetType = UNSET


class Changed(Reply, frozen=True):
    entries: Annotated[list[Count], Meta(description="Ids of the entries, by which all of it can be taken back.")]
    progress: Progress
    turn: Turn | UnsetType = UNSET


class Tile(Reply, frozen=True):
    """One of many images."""

    row: Row
    image: str
    url: Annotated[str, Meta(description="Where the image is.")]
    thumbnail: Annotated[str, Meta(description="Where a small one is.")]
    images: Annotated[
        int, Meta(ge=1, description="Images that the answer holds for: this one, and those of its group.")
    ]


class HandedOutMany(Reply, frozen=True):
    tiles: Annotated[list[Tile], Meta(description="Lent to this page; no more than the budget has room for.")]
    means: Annotated[Means, Meta(description="What the record is told of their labels.")]
    room: Annotated[Count, Meta(description="Labels that the budget has room for now.")]
    progress: Progress


class Given(Reply, frozen=True):
    row: Row
    image: str
    url: Annotated[str, Meta(description="Where the image is.")]
    thumbnail: Annotated[str, Meta(description="Where a small one is.")]
    answers: Annotated[list[Opinion], Meta(description="The first counts; null is a skip.")]
    seen: Annotated[Row | UnsetType, Meta(description="Of an image that inherited them: the one that was seen.")] = (
        UNSET
    )


class GivenAtOnce(Reply, frozen=True):
    entries: Annotated[list[Count], Meta(description="By which all of it can be taken back.")]
    rows: list[Row]
    label: str
    annotator: str


class Review(Reply, frozen=True):
    progress: Progress
    given: Annotated[list[Given], Meta(description="What was answered, last first.")]
    grids: Annotated[list[GivenAtOnce], Meta(description="What of it was answered at once, last first.")]
    inherited: Annotated[Count, Meta(description="Images that inherited an answer within their group.")]


class Inherited(Reply, frozen=True):
    given: list[Given]


class Doubted(Reply, frozen=True):
    row: Row
    label: str
    likely: Annotated[str, Meta(description="The class that speaks most against it.")]
    probability: Annotated[Amount, Meta(le=1, description="Of its class, by a classifier that did not see the image.")]
    likely_probability: Annotated[Amount, Meta(le=1)]


class Doubtful(Reply, frozen=True):
    labels: Annotated[list[Doubted], Meta(description="Worst first; of a group one is judged.")]


class Ahead(Reply, frozen=True):
    urls: list[str]


class Released(Reply, frozen=True):
    released: bool


class Refusal(Reply, frozen=True):
    error: Annotated[str, Meta(description="What is wrong, in one line.")]


# --- as JSON ----------------------------------------------------------------------------------------


class BadBodyError(Exception):
    """A body that is not what its type says; the message is one line for its sender."""


Kind = TypeVar("Kind", bound=Request)


def decoded(data: bytes, kind: type[Kind], n_images: int) -> Kind:
    """A body as its type, for a pool of that many images.

    Raises
    ------
    BadBodyError
        Naming the field, the rule and what was got.
    """
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBodyError("the body must be JSON in UTF-8") from error
    if isinstance(body, dict):  # in JSON 22.0 is the whole number 22
        body = {name: [*map(_whole, v)] if isinstance(v, list) else _whole(v) for name, v in body.items()}
    try:
        request = msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise BadBodyError(_in_one_line(str(error), body, kind, n_images)) from error
    for name in ("row", "rows", "without"):
        given = getattr(request, name, ())
        if (largest := given if isinstance(given, int) else max(given, default=0)) >= n_images:
            raise BadBodyError(f"'{name}' must be {_rule(name, n_images)}; got {largest}")
    return request


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def encoded(reply: Reply) -> bytes:
    """A reply as JSON in ASCII: a file name need not be valid Unicode."""
    return json.dumps(msgspec.to_builtins(reply)).encode()


def _in_one_line(reason: str, body: Any, kind: type[Request], n_images: int) -> str:
    if isinstance(body, dict) and (unknown := body.keys() - set(kind.__struct_fields__)):
        return f"{_shown(min(unknown))} is unknown; known: {', '.join(kind.__struct_fields__)}"
    if isinstance(body, dict) and (missing := _required(kind) - body.keys()):
        return f"'{min(missing)}' is missing"
    _, at, name = reason.rstrip("`").partition(" - at `$.")
    name = name.partition("[")[0]
    if at:
        return f"'{name}' must be {_rule(name, n_images)}; got {_shown(body[name])}"
    return f"the body is not as described: {reason}; got {_shown(body)}"


def _required(kind: type[Request]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind) if field.required}


def _rule(name: str, n_images: int) -> str:
    rules = {
        "row": f"a whole number from 0 to {n_images - 1}",
        "rows": f"a list of 1 to 1000 whole numbers from 0 to {n_images - 1}",
        "without": f"a list of at most 5000 whole numbers from 0 to {n_images - 1}",
        "count": "a whole number from 1 to 100",
        "order": "nearest, surest or least_sure",
        "means": "grid, confirmed or words",
        "entries": "a list of 1 to 2000 ids of entries",
        "then_next": "true or false",
        "guesses": "true or false",
        "page": "1 to 64 letters, digits, '-' or '_'",
        "entry": "the id of an entry",
        "request": "1 to 64 letters, digits, '-' or '_'",
    }
    return rules.get(name, f"a readable text of 1 to {LONGEST_NAME} characters")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
