"""ONNX files by their address: fetched once into the user's cache, and taken only with the checksum that was asked for."""

import contextlib
import hashlib
import http.client
import ipaddress
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from ..atomic_files import write_atomically, writing
from ..errors import EvenpickError
from .network_cache import cached_network
from .onnx_forms import external_files

_TIMEOUT = 30  # seconds without a byte
_RESAMPLINGS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}  # numbers of Pillow, as Hugging Face writes them
_SQUEEZED_FROM = 384  # pixels a side: from there on ConvNeXt's `crop_pct` counts for nothing, and images are squeezed
_NOT_THERE = (401, 403, 404, 410)  # also what storage answers that tells nobody what it has
_HUB = re.compile(r"(?P<repository>.+/resolve/[^/]+)/.+")
_HUB_NAME = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w.-]*(/\w[\w.-]*)*))?")
_HUB_FILES = ("onnx/vision_model.onnx", "onnx/model.onnx")  # of a pair the first alone has one input, an image


class _NotThereError(EvenpickError):
    """The server has no such file."""


def is_address(name: str) -> bool:
    """Whether this is an address on the web, and no path."""
    return name.startswith(("https://", "http://"))


def downloaded(address: str) -> Path:
    """The file of ADDRESS#sha256=HEX, in the user's cache; what states its preprocessing lies beside it.

    That is the JSON file of the same name at the address, or else the `preprocessor_config.json` of a repository on the
    Hugging Face Hub.

    Raises
    ------
    EvenpickError
        If it cannot be fetched, or has another checksum, or none is given: then the message tells the file's own.
    """
    url, _, fragment = address.partition("#")
    return _taken(url, fragment, [url])


def downloaded_from_hub(named: str) -> Path:
    """The same of OWNER/NAME#sha256=HEX, a repository on the Hugging Face Hub: its network for images as ONNX.

    OWNER/NAME@REVISION is its branch, tag or commit of this name. HF_ENDPOINT tells of another hub, as it does to other tools.

    Raises
    ------
    EvenpickError
        As `downloaded`, and if the repository holds no such network.
    """
    name, _, fragment = named.partition("#")
    if (parts := _HUB_NAME.fullmatch(name)) is None:
        raise EvenpickError(
            f"source 'hf:{named}' must be hf:OWNER/NAME#sha256=HEX, or hf:OWNER/NAME@REVISION#sha256=HEX"
        )
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    base = f"{hub}/{parts['repository']}/resolve/{quote(parts['revision'] or 'main', safe='')}"
    return _taken(f"hf:{name}", fragment, [f"{base}/{file}" for file in _HUB_FILES])


def _taken(name: str, fragment: str, urls: Sequence[str]) -> Path:
    """The first of these files that is there, if it has the checksum of the fragment."""
    for url in urls:
        _check_safe(url)
    wanted = fragment.removeprefix("sha256=").lower()
    if fragment and not re.fullmatch(r"sha256=[0-9a-fA-F]{64}", fragment):
        raise EvenpickError(f"'{name}#{fragment}': what comes after # must be sha256= and 64 hexadecimal digits")

    def fetch(file: Path) -> None:
        with writing(file) as partial:
            url, digest = _fetch_first(urls, partial)
            if wanted not in (digest, ""):
                raise EvenpickError(f"the file at '{url}' has the sha256 {digest}; asked for was sha256 {wanted}")
            _check_whole(url, partial)
            if not wanted:
                raise EvenpickError(f"the file at '{url}' has the sha256 {digest}; give it as {name}#sha256={digest}")
        beside = file.with_suffix(".json")
        if (facts := _stated_at(url)) is None:
            beside.unlink(missing_ok=True)
        else:
            write_atomically(beside, json.dumps(facts).encode())

    # Equal weights at another address may come with another preprocessing, which lies beside them.
    where = hashlib.sha256("\n".join(urls).encode()).hexdigest()
    return cached_network(f"download-{wanted[:16] or 'unchecked'}-{where[:16]}", fetch)


def _check_whole(url: str, file: Path) -> None:
    """Refuse a network that has weights in other files, which the checksum of this one says nothing of."""
    if beside := external_files(file):
        names = ", ".join(f"'{one.name}'" for one in beside[:3])
        raise EvenpickError(
            f"the network at '{url}' has its weights in files beside it ({names}), and its checksum is of one file: fetch all of "
            "them into one folder, and name the network onnx:FILE"
        )


def _fetch_first(urls: Sequence[str], file: Path) -> tuple[str, str]:
    """Which of these files is there, and its sha256."""
    for url in urls:
        try:
            return url, _fetch(url, file)
        except _NotThereError:
            if len(urls) == 1:
                raise
    raise EvenpickError(f"there is none of {', '.join(urls)}; another file is named by onnx:ADDRESS")


def hub_preprocessing(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A `preprocessor_config.json` of the Hugging Face Hub as settings of a preprocessing.

    Raises
    ------
    EvenpickError
        If a part of it is missing or is not what it must be.
    """
    if not isinstance(resample := facts.get("resample", 2), int):
        raise EvenpickError(f"resample must be a number of Pillow's; got {resample!r:.60}")
    stated: dict[str, Any] = {"interpolation": _RESAMPLINGS.get(resample, "bicubic"), **_part_of(facts)}
    if not facts.get("do_normalize", True) or "image_mean" not in facts:
        return stated | {"mean": [0.0] * 3, "std": [1.0] * 3}
    if "image_std" not in facts:
        raise EvenpickError("image_mean is stated and image_std is not: there must be both")
    return stated | {"mean": facts["image_mean"], "std": facts["image_std"]}


def _part_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is seen of an image: with `crop_pct` the short side is resized to `size / crop_pct`, and the centre is cut out."""
    size, cut = (_side(facts.get(name)) for name in ("size", "crop_size"))
    share = facts.get("crop_pct")
    if share is None:
        share = 1.0
    elif isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise EvenpickError(f"crop_pct must be a number above 0, 1 at most; got {share!r:.60}")
    if facts.get("do_center_crop", False) and size and cut:
        return {"size": cut, "crop": min(1.0, share * cut / size)}
    if not size:
        return {}
    whole = isinstance(facts["size"], Mapping) and "shortest_edge" not in facts["size"]
    whole = whole or (facts.get("crop_pct") is not None and size >= _SQUEEZED_FROM)
    return {"size": size, "crop": 1.0 if whole else share, "fit": "squash" if whole else "crop"}


def _side(size: Any) -> int | None:
    if isinstance(size, Mapping):
        size = size.get("shortest_edge") or size.get("height")
    return size if isinstance(size, int) else None


def _stated_at(url: str) -> dict[str, Any] | None:
    own = re.sub(r"\.onnx$", ".json", url)
    hub = _HUB.fullmatch(url)
    for place in (own, f"{hub['repository']}/preprocessor_config.json" if hub else None):
        if place is None or place == url:
            continue
        try:
            with _telling(place), _opened(place) as answer:
                facts = json.loads(answer.read(1 << 20))
        except ValueError:  # a page that is no JSON states nothing
            continue
        except urllib.error.HTTPError as error:
            if error.code not in _NOT_THERE:  # it may be there, and what it states would be missed for good
                raise EvenpickError(f"'{place}' could not be fetched: {error.reason}; try again") from error
            continue
        if isinstance(facts, dict):
            return facts if place == own else _read_as(place, facts)
    return None


def _read_as(place: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return hub_preprocessing(facts)
    except EvenpickError as error:
        raise EvenpickError(
            f"'{place}' does not state a preprocessing: {error}; fetch the network, and name it onnx:FILE"
        ) from error


def _fetch(url: str, file: Path) -> str:
    """Write what is there to a file; its sha256."""
    try:
        with _telling(url), _opened(url) as answer, file.open("wb") as handle:
            shutil.copyfileobj(answer, handle, 1 << 20)
            if left := getattr(answer, "length", None):
                raise EvenpickError(f"'{url}' could not be fetched: it broke off with {left:,} bytes left; try again")
    except urllib.error.HTTPError as error:
        kind = _NotThereError if error.code == http.HTTPStatus.NOT_FOUND else EvenpickError
        # The hub says so of a repository that is not there too.
        hidden = error.code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN) and _HUB.fullmatch(url)
        reason = "there is no such public repository, or it asks for a login" if hidden else error.reason
        raise kind(f"'{url}' could not be fetched: {reason}") from error
    with file.open("rb") as handle:
        digest = hashlib.sha256()
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _telling(url: str) -> Iterator[None]:
    """What the web may do to a connection, in one line; an answer of the server itself stays what it is."""
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise EvenpickError(f"'{url}' could not be fetched: {getattr(error, 'reason', None) or error}") from error


def _opened(url: str) -> Any:
    answer: IO[bytes] = urllib.request.urlopen(url, timeout=_TIMEOUT)
    _check_safe(answer.url)  # type: ignore[attr-defined]  # where it was redirected to
    return answer


def _check_safe(url: str) -> None:
    """Refuse what anybody between could change, but for this machine itself."""
    host = urlsplit(url).hostname or ""
    here = host == "localhost"
    with contextlib.suppress(ValueError):
        here = ipaddress.ip_address(host).is_loopback
    if not host or (urlsplit(url).scheme != "https" and not here):
        raise EvenpickError(f"'{url}' must be an https address")
