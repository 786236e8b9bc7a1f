"""Which image is meant by a path or address that another tool has written."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

# Label Studio keeps an uploaded file under a drawn prefix, without what is special in its name.
_UPLOADED = re.compile(r"(?:^|/)upload/\d+/[0-9a-f]{8}-([^/]+)$")
_EXTENSION = re.compile(r"\.[^./]*$")


def resolve_addresses(addresses: Sequence[str], image_ids: Collection[str]) -> list[str]:
    """The image id of each address; for one that shows no known image, its path.

    Tools write one thing before all ids, as in `https://host/photos/`, `C:\\photos\\` or
    `/data/local-files/?d=photos/`: with it, every address must be an id. So `photos/b/1.jpg` is not taken for `1.jpg`
    because it ends the same. Where it is not, accents may be composed in another way, and the extension may be missing.
    """
    paths = [address if address in image_ids else path_of(address) for address in addresses]
    uploaded = _uploaded_names(image_ids) if any(_UPLOADED.search(path) for path in paths) else {}
    images = [uploaded.get(found[1]) if (found := _UPLOADED.search(path)) else None for path in paths]
    others = [path for path, image in zip(paths, images, strict=True) if image is None]
    before = _common_start(others, image_ids)
    found_ids = [image or path.removeprefix(before) for path, image in zip(paths, images, strict=True)]
    if all(found in image_ids for found in found_ids):
        return found_ids
    respelled = _respelled(image_ids)
    return [found if found in image_ids else respelled.get(_composed(found), found) for found in found_ids]


def path_of(address: str) -> str:
    """The decoded path in an address: what `?d=` says, if it does; with `/` also where Windows has written it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    query = parse_qs(parts.query, errors="surrogateescape")
    path = query["d"][0] if "d" in query else unquote(parts.path, errors="surrogateescape")
    box = f"#{parts.fragment}" if parts.fragment.isdecimal() else ""  # the second box of an image is `1.jpg#2`
    return path.replace("\\", "/") + box


def _common_start(paths: Sequence[str], image_ids: Collection[str]) -> str:
    """What comes before the ids: of what fits most paths, the shortest, which leaves the longest ids."""
    fitting = {start: sum(path.removeprefix(start) in image_ids for path in paths if path.startswith(start))
               for start in _starts(paths, image_ids)}  # fmt: skip
    return max(fitting, key=lambda start: (fitting[start], -len(start)), default="")


def _starts(paths: Sequence[str], image_ids: Collection[str]) -> Iterator[str]:
    """What comes before an id in the first path that ends in one."""
    for path in paths:
        ends = [0, *(found.end() for found in re.finditer("/", path))]
        starts = [path[:end] for end in ends if path[end:] in image_ids]
        if starts:
            yield from starts
            return


def _uploaded_names(image_ids: Collection[str]) -> dict[str, str]:
    """The ids by what Label Studio makes of their file names, where only one becomes that."""
    names = ((re.sub(r"[^-\w.]", "", i.rpartition("/")[2].strip().replace(" ", "_")), i) for i in image_ids)
    return _only_ones(names)


def _respelled(image_ids: Collection[str]) -> dict[str, str]:
    """The ids by other ways to write them, where only one is written so."""
    without = ((_composed(_EXTENSION.sub("", image_id)), image_id) for image_id in image_ids)
    return _only_ones(without) | _only_ones((_composed(image_id), image_id) for image_id in image_ids)


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _only_ones(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str | None] = {}
    for name, image_id in pairs:
        found[name] = None if name in found else image_id
    return {name: image_id for name, image_id in found.items() if image_id is not None}
