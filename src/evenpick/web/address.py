"""Where people find the page: at the server itself, or at the address of what stands before it."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import EvenpickError


@dataclass(frozen=True)
class PublicAddress:
    """The address of the page at a proxy.

    Attributes
    ----------
    origin : str
        As browsers send it: `https://labels.example.org`.
    name : str
        Its host name.
    path : str
        Begins and ends with a slash.
    """

    origin: str
    name: str
    path: str

    @property
    def is_encrypted(self) -> bool:
        """Whether the browser speaks TLS."""
        return self.origin.startswith("https:")

    @property
    def url(self) -> str:
        """The whole address."""
        return self.origin + self.path


def public_address(url: str) -> PublicAddress:
    """The address that `--url` names.

    Raises
    ------
    EvenpickError
        If it is not http:// or https://, a host, perhaps a port, and a path.
    """
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    wrong = not name or parts.scheme not in ("http", "https") or parts.query or parts.fragment or "@" in parts.netloc
    if wrong or not name or not re.fullmatch(r"(/[\w.~@:-]+)*/?", parts.path, re.ASCII):
        raise EvenpickError(f"--url must be the address of the page, as https://labels.example.org/label/; got {url!r}")
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{name}]" if ":" in name else name
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")
    return PublicAddress(origin, name, parts.path.rstrip("/") + "/")
