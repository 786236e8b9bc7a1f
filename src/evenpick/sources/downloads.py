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
from urllib.parse import urlsplit

from ..atomic_files import write_atomically, writing
from ..errors import EvenpickError
from .network_cache import cached_network

_TIMEOUT = 30  # seconds without a byte
_RESAMPLINGS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}  # numbers of Pillow, as Hugging Face writes them
_HUB = re.compile(r"(?P<repository>.+/resolve/[^/]+)/.+")
_HUB_NAME = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w.-]*))?")
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
    base = f"{hub}/{parts['repository']}/resolve/{parts['revision'] or 'main'}"
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
            if digest != wanted:
                said = f"give it as {name}#sha256={digest}" if not wanted else f"asked for was sha256 {wanted}"
                raise EvenpickError(f"the file at '{url}' has the sha256 {digest}; {said}")
        if (facts := _stated_at(url)) is not None:
            write_atomically(file.with_suffix(".json"), json.dumps(facts).encode())

    return cached_network(f"download-{wanted[:16] or 'unchecked'}", fetch)


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
    """A `preprocessor_config.json` of the Hugging Face Hub as settings of a preprocessing."""
    size, cut = (_side(facts.get(name)) for name in ("size", "crop_size"))
    stated: dict[str, Any] = {"interpolation": _RESAMPLINGS.get(facts.get("resample", 2), "bicubic")}
    if facts.get("do_center_crop", False) and size and cut:
        stated |= {"size": cut, "crop": min(1.0, cut / size)}
    elif size:
        whole = isinstance(facts["size"], Mapping) and "shortest_edge" not in facts["size"]
        stated |= {"size": size, "crop": 1.0, "fit": "squash" if whole else "crop"}
    if facts.get("do_normalize", True) and "image_mean" in facts:
        stated |= {"mean": facts["image_mean"], "std": facts["image_std"]}
    else:
        stated |= {"mean": [0.0] * 3, "std": [1.0] * 3}
    return stated


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
        # A page that is not there or is no JSON states nothing.
        with contextlib.suppress(urllib.error.HTTPError, ValueError), _telling(place), _opened(place) as answer:
            facts = json.loads(answer.read(1 << 20))
            if isinstance(facts, dict):
                return facts if place == own else hub_preprocessing(facts)
    return None


def _fetch(url: str, file: Path) -> str:
    """Write what is there to a file; its sha256."""
    try:
        with _telling(url), _opened(url) as answer, file.open("wb") as handle:
            shutil.copyfileobj(answer, handle, 1 << 20)
            if left := getattr(answer, "length", None):
                raise EvenpickError(f"'{url}' could not be fetched: it broke off with {left:,} bytes left; try again")
    except urllib.error.HTTPError as error:
        kind = _NotThereError if error.code == http.HTTPStatus.NOT_FOUND else EvenpickError
        raise kind(f"'{url}' could not be fetched: {error.reason}") from error
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
