"""What `embed` takes as images, and how: all that is said beside the folder and the source."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..errors import unknown_name


@dataclass(frozen=True)
class EmbedOptions:
    """How images are found.

    Attributes
    ----------
    exclude : sequence of str
        Patterns as in .gitignore; what one matches is passed over.
    only : container of str, optional
        Images of other ids are passed over.
    own_range : bool
        Of files of more than 8 bits, a new workspace takes black and white from a sample of the folder.
    moved : bool
        The folder is that of the workspace, at another place; its files are compared by content.
    """

    exclude: Sequence[str] = ()
    only: Container[str] | None = None
    own_range: bool = False
    moved: bool = False

    @classmethod
    def from_names(cls, options: Mapping[str, Any]) -> "EmbedOptions":
        """These options; a name that is none is refused."""
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise unknown_name("option", name, known)
        return cls(**options)
