"""Which image of the pool an address of another tool shows."""

import re
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

# Label Studio keeps an uploaded file under a drawn prefix, without what is special in its name.
_UPLOADED = re.compile(r"(?:^|/)upload/\d+/[0-9a-f]{8}-([^/]+)$")


def resolve_addresses(addresses: Sequence[str], image_ids: Collection[str]) -> list[str]:
    """The image id of each address; for one that shows no known image, its path.

    Tools write one thing before all ids, as in `https://host/photos/` or `/data/local-files/?d=photos/`: with
    it, every address must be an id. So `photos/b/1.jpg` is not taken for `1.jpg` because it ends the same.
    """
    paths = [address if address in image_ids else path_of(address) for address in addresses]
    uploaded = _uploaded_names(image_ids) if any(_UPLOADED.search(path) for path in paths) else {}
    images = [uploaded.get(found[1]) if (found := _UPLOADED.search(path)) else None for path in paths]
    others = [path for path, image in zip(paths, images, strict=True) if image is None]
    before = _common_start(others, image_ids)
    return [image or path.removeprefix(before) for path, image in zip(paths, images, strict=True)]


def path_of(address: str) -> str:
    """The decoded path in an address: what `?d=` says, if it does."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    query = parse_qs(parts.query, errors="surrogateescape")
    return query["d"][0] if "d" in query else unquote(parts.path, errors="surrogateescape")


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
    images: dict[str, list[str]] = {}
    for image_id in image_ids:
        name = re.sub(r"[^-\w.]", "", image_id.rpartition("/")[2].strip().replace(" ", "_"))
        images.setdefault(name, []).append(image_id)
    return {name: ids[0] for name, ids in images.items() if len(ids) == 1}
